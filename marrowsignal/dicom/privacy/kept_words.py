"""Words that stand in the headers of any examination: they give nobody away, even where they are a name too."""

from __future__ import annotations

__all__ = ["KEPT_WORDS"]

# At least three letters each, as `marrowsignal.dicom.privacy.allow_list` folds them: lower case, no accents.
_PROTOCOL = """
avec axi axial axiale beide big bilateral both con cor coro coronal coronale derecha destra droite fast fov gauche
high hires image images imaging izquierda kor koronal koronar left links long low lower mit nach nativ native new
norm normal obl oblik oblique ohne old para paracoronal parakoronar parasagittal post pre rechts rep repeat res
resolution right sag sagi sagital sagittal sagittale sans scan schraeg schrag serie series short sin sinistra small
standard std study tra trans transv transversal transverse upper vor
"""
_SEQUENCES = """
adc blade calibration contrast contraste contrasto cube dark densidad densita densite density derived dess diff
dixon dotarem dwi echo epi fast fat fatsat fett ffe flair flash flip fluid fse fspgr gad gado gadovist gras grasa
grasso gre haste imaginary inversion kontrast loc localiser localizador localizer lokalizer mag magnitude map
mapping mars medic metal mip mixed motion mpr original other phase primary propeller proton protonendichte real
recovery reference sat scout secondary slice space spair spgr spin spir stack station stir sub sup suppr survey tir
tirm trace trufi tse turbo vibe view vista wasser water weighted
"""
_ANATOMY = """
abdomen anca ankle arm back bassin becken body bone brain breast bws cadera cervical chest clavicle coccyx elbow
extremity femur finger foot forearm fuss genou ginocchio hanche hand head heart hip hips hueft huft hufte hws iliac
ilium isg joint kidney knee knees knie leg liver lumbal lumbar lumbosacral lws marrow neck oberschenkel pelvi pelvic
pelvis prostate rib ribs rodilla sacral sacro sacroiliac sacrum schulter shoulder sij skull spinal spine sternum
thigh thoracic thorax tibia toe trunk uterus whole wirbelsaeule wirbelsaule wrist
"""
_MAKERS = """
bruker canon company corporation electric esaote fuji fujifilm general gmbh healthcare healthineers hitachi inc
medical philips siemens systems toshiba united
"""

KEPT_WORDS = frozenset(" ".join((_PROTOCOL, _SEQUENCES, _ANATOMY, _MAKERS)).split())
