"""Stand-ins for installed segmenters: they take the real arguments and write the real format, from spheres in space.

Nothing of NIfTI is read or written by the code under test here: the label map is the input's header with another data
type, and TotalSegmentator's label names as a Caret label table in a header extension (code 0), as it writes them.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from marrowsignal.alignment import AlignedPair
from marrowsignal.geometry import VolumeGeometry
from marrowsignal.phantom import coronal_oblique_grid
from tests.alignment.pelvis import aligned

GRID = coronal_oblique_grid(shape=(12, 64, 72), spacing_mm=(6.0, 3.0, 4.0))

# Centre (LPS mm) and radius of each bone of the stand-in's patient, all in the middle slice.
BONES = {
    "sacrum": ((0.0, 0.0, 0.0), 22.0),
    "hip_left": ((60.0, 0.0, 0.0), 20.0),
    "hip_right": ((-60.0, 0.0, 0.0), 20.0),
    "femur_left": ((80.0, 46.0, -39.0), 18.0),
    "femur_right": ((-80.0, 46.0, -39.0), 18.0),
    "vertebrae_L5": ((0.0, -32.0, 27.0), 12.0),
    "vertebrae_L4": ((0.0, -54.0, 45.0), 12.0),
}

_COMMON = r"""#!{python}
import json, os, sys
WAY = json.loads(os.environ.get("STAND_IN", "{{}}"))
if sys.argv[1:] == ["--version"]:
    if WAY.get("silent"):
        sys.exit(2)
    print(os.environ.get("STAND_IN_SAYS", WAY.get("version", "2.10.0")))
    sys.exit(0)
import signal, subprocess
from pathlib import Path
LOG = Path(os.environ["STAND_IN_LOG"])
LOG.mkdir(exist_ok=True)
facts = dict(folder=os.getcwd(), mode=os.stat(Path.cwd().parent).st_mode & 0o777, scratch=os.environ["TMPDIR"],
             pid=os.getpid())
(LOG / "facts.json").write_text(json.dumps(facts))
(Path(os.environ["TMPDIR"]) / "nnunet_tmp").write_text("a copy of the patient's image")
if WAY.get("hang") or WAY.get("interrupt"):
    child = subprocess.Popen(["sleep", "600"])
    (LOG / "child").write_text(str(child.pid))
    if WAY.get("interrupt"):
        os.kill(os.getppid(), signal.SIGINT)
    signal.pause()
import argparse, gzip, struct
import numpy as np

BONES = {bones}


def points(header):
    shape = struct.unpack("<8h", header[40:56])[1:4]
    rows = np.array(struct.unpack("<12f", header[280:328])).reshape(3, 4)
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    ras = index @ rows[:, :3].T + rows[:, 3]
    return ras * [-1, -1, 1], shape


def table(names):
    rows = "".join('<Label Key="%d" Red="1.0" Green="0.0" Blue="0.0" Alpha="1"><![CDATA[%s]]></Label>\n' % row
                   for row in names.items())
    xml = ('<?xml version="1.0" encoding="UTF-8"?> <CaretExtension>  <Date><![CDATA[2013-07-14T05:45:09]]></Date>   '
           '<VolumeInformation Index="0">   <LabelTable>\n' + rows + '\n  </LabelTable>  <StudyMetaDataLinkSet>  '
           '</StudyMetaDataLinkSet>  <VolumeType><![CDATA[Label]]></VolumeType>   </VolumeInformation>'
           '</CaretExtension>\n              ').encode()
    size = (len(xml) + 8 + 15) // 16 * 16
    return struct.pack("<ii", size, 0) + xml.ljust(size - 8, b"\0")


def save(path, header, labels, names):
    extension = table(names) if names else b""
    header = bytearray(header)
    header[70:74] = struct.pack("<2h", 2, 8)
    header[108:112] = struct.pack("<f", 352 + len(extension))
    if WAY.get("identity"):
        header[252:256] = struct.pack("<2h", 0, 2)
        header[280:328] = struct.pack("<12f", 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0)
    if WAY.get("flipped"):
        rows = np.array(struct.unpack("<12f", header[280:328])).reshape(3, 4)
        rows[:, 3] += rows[:, 0] * (labels.shape[0] - 1)
        rows[:, 0] *= -1
        labels = labels[::-1]
        header[252:256] = struct.pack("<2h", 0, 1)
        header[280:328] = struct.pack("<12f", *rows.ravel())
    content = bytes(header) + bytes([bool(extension), 0, 0, 0]) + extension + labels.astype(np.uint8).tobytes("F")
    path.write_bytes(gzip.compress(content, 1))


def bone(at, centre, radius):
    centre = np.array(centre)
    if WAY.get("mirrored"):
        centre = centre * [-1, 1, 1]
    return ((at - centre) ** 2).sum(-1) <= radius**2


def started(image):
    (LOG / "image.nii.gz").write_bytes(Path(image).read_bytes())
    if WAY.get("fail"):
        print("Resampling...")
        print("\r 10%|#   |\r100%|####|")
        print("Traceback (most recent call last):", file=sys.stderr)
        print('  File "' + str(Path(image)) + '", line 1, in <module>', file=sys.stderr)
        print("RuntimeError: CUDA out of memory for " + str(Path.home() / "Jane Doe" / "scan.nii.gz"), file=sys.stderr)
        sys.exit(WAY["fail"])
    return gzip.decompress(Path(image).read_bytes())[:348]
"""

_TOTALSEGMENTATOR = r"""
ORGANS = ("spleen kidney_right kidney_left gallbladder liver stomach pancreas adrenal_gland_right adrenal_gland_left "
          "lung_left lung_right esophagus small_bowel duodenum colon urinary_bladder prostate sacrum vertebrae "
          "intervertebral_discs spinal_cord heart aorta inferior_vena_cava portal_vein_and_splenic_vein "
          "iliac_artery_left iliac_artery_right iliac_vena_left iliac_vena_right humerus_left humerus_right").split()
REST = {"2.4.0": "fibula tibia femur_left femur_right hip_left hip_right gluteus_maximus_left gluteus_maximus_right "
                 "gluteus_medius_left gluteus_medius_right gluteus_minimus_left gluteus_minimus_right autochthon_left "
                 "autochthon_right iliopsoas_left iliopsoas_right quadriceps_femoris_left quadriceps_femoris_right "
                 "thigh_medial_compartment_left thigh_medial_compartment_right thigh_posterior_compartment_left "
                 "thigh_posterior_compartment_right sartorius_left sartorius_right brain",
        "2.10.0": "scapula_left scapula_right clavicula_left clavicula_right femur_left femur_right hip_left hip_right "
                  "gluteus_maximus_left gluteus_maximus_right gluteus_medius_left gluteus_medius_right "
                  "gluteus_minimus_left gluteus_minimus_right autochthon_left autochthon_right iliopsoas_left "
                  "iliopsoas_right brain"}
LEVELS = [f"L{n}" for n in range(5, 0, -1)] + [f"T{n}" for n in range(12, 0, -1)] + [f"C{n}" for n in range(7, 0, -1)]
VERSION = WAY.get("version", "2.10.0")
CLASSES = {
    "total_mr": ORGANS + REST[VERSION].split(),
    "vertebrae_mr": ["sacrum"] + [f"vertebrae_{level}" for level in LEVELS],
    "appendicular_bones_mr": "patella tibia fibula tarsal metatarsal phalanges_feet ulna radius".split(),
}

parser = argparse.ArgumentParser(prog="TotalSegmentator")
parser.add_argument("-i", dest="input", required=True)
parser.add_argument("-o", dest="output", required=True)
parser.add_argument("-ml", "--ml", action="store_true")
parser.add_argument("-ta", "--task", choices=list(CLASSES), default="total_mr")
options = parser.parse_args()
if options.task == "appendicular_bones_mr":
    print("It requires a license. For non-commercial usage a free license can be\nacquired here:\n"
          "https://backend.totalsegmentator.com/license-academic/")
    sys.exit(1)
header = started(options.input)
at, shape = points(header)
names = dict(enumerate(CLASSES[options.task], start=1))
values = {name: value for value, name in names.items()}
labels = np.zeros(shape, np.uint8)
for name, (centre, radius) in BONES.items():
    name = WAY.get("called", {}).get(name, name)
    if options.task == "total_mr" and name.startswith("vertebrae_"):
        labels[bone(at, centre, radius + 2.5)] = values["vertebrae"]
    elif name in values:
        labels[bone(at, centre, radius)] = values[name]
if options.task == "total_mr" and "vertebrae_L5" in BONES:
    labels[bone(at, (45.0, -54.0, 45.0), 9.0)] = values["vertebrae"]
    labels[bone(at, (0.0, 46.0, -39.0), 12.0)] = values["urinary_bladder"]
if WAY.get("empty"):
    labels[:] = 0
if WAY.get("stray"):
    labels[:3, :3, :3] = 200
names = {value: WAY.get("renamed", {}).get(name, name) for value, name in names.items()}
if WAY.get("nothing"):
    sys.exit(0)
if options.ml:
    save(Path(options.output), header, labels, None if WAY.get("unnamed") else names)
else:
    Path(options.output).mkdir(exist_ok=True, parents=True)
    for value, name in names.items():
        if name not in WAY.get("files_missing", ()):
            save(Path(options.output) / f"{name}.nii.gz", header, labels == value, None)
"""

_PLAIN = r"""
t1, stir, output = sys.argv[1:4]
header = started(t1)
assert Path(stir).is_file()
at, shape = points(header)
labels = np.zeros(shape, np.uint8)
for value, name in enumerate(("sacrum", "hip_left", "hip_right"), start=1):
    labels[bone(at, *BONES[name])] = value
save(Path(output), header, labels, None)
"""


Bones = dict[str, tuple[tuple[float, float, float], float]]


def install(folder: Path, *, name: str = "TotalSegmentator", bones: Bones = BONES) -> Path:
    """Write a stand-in into a folder and return it; any name but TotalSegmentator is a plain tool."""
    folder.mkdir(exist_ok=True)
    program = folder / name
    body = _TOTALSEGMENTATOR if name == "TotalSegmentator" else _PLAIN
    program.write_text(_COMMON.format(python=sys.executable, bones=repr(bones)) + body, encoding="utf-8")
    program.chmod(0o755)
    return program


@dataclass(frozen=True)
class Truth:
    """What the stand-in's patient is made of."""

    grid: VolumeGeometry
    bones: Bones = field(default_factory=lambda: BONES)

    def bone(self, name: str, *, wider_mm: float = 0.0) -> np.ndarray:
        centre, radius = self.bones[name]
        x, y, z = (self.grid.patient_axis(axis) for axis in range(3))
        squared = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2
        return squared <= (radius + wider_mm) ** 2


def pair_on(grid: VolumeGeometry = GRID) -> AlignedPair:
    """T1 and STIR whose voxels are all different, so that a wrong order shows."""
    t1 = 100 + np.arange(np.prod(grid.shape), dtype=np.float32).reshape(grid.shape) / 100
    return aligned(t1, t1[::-1] + 50, grid)
