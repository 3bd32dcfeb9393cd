"""The call as one paragraph of radiology prose, every sentence made from criteria."""

from __future__ import annotations

from dataclasses import dataclass

from marrowsignal.patterns.groups import GATE
from marrowsignal.patterns.records import Criterion, CriterionState, PatternClass, Sentence

__all__ = ["Paragraph", "told", "write_paragraph"]

_POSITIVE = CriterionState.POSITIVE
_NEGATIVE = CriterionState.NEGATIVE
_OPENING = {
    PatternClass.RED_FLAG_INFILTRATION_LIKE: "Red flag: marrow signal is infiltration-like.",
    PatternClass.FOCAL_EDEMA_LIKE: "Focal edema-like pattern.",
    PatternClass.SYMMETRIC_RECONVERSION_LIKE: "Symmetric red-marrow reconversion-like pattern.",
    PatternClass.MIXED: "Focal edema-like lesions on a symmetric red-marrow-like background.",
    PatternClass.NORMAL_FOR_AGE: "Marrow signal within what is expected for region and age.",
    PatternClass.INDETERMINATE: "Indeterminate: the measurements do not complete any pattern.",
    PatternClass.CANNOT_ASSESS: "Cannot be assessed.",
}
_RED_FLAG = (
    "Benign causes - sclerosis, intense reconversion, growth factors, iron, or an error of the muscle reference - can "
    "look the same; expert review is needed."
)
_NO_STIR = "no STIR series"
_GATE = "a quality gate fails"
_CLOSED = {
    "stir_series": "there is no STIR series that can be used",
    "fat_suppression": "fat is not suppressed on STIR",
    "fat_suppression_evenness": "fat is suppressed unevenly on STIR",
    "alignment": "it could not be shown that STIR lies on T1",
    "coverage": "STIR does not cover the marrow",
    "contrast": "contrast medium may be on board",
    "t1_fat_suppression": "T1 is fat-suppressed",
    "one_person": "the series may be of different people",
    "laterality": "the side is contradicted by the header",
    "muscle_reference": "there is no lean muscle to compare with",
    "marrow_mask": "the marrow mask fails its checks",
    "marrow_volume": "too little marrow is in view",
    "slice_count": "too little marrow is in view",
}
_LIMIT = (
    "T1 and STIR do not tell edema, inflammation, early infection, hemorrhage and tumor in red marrow apart; this is "
    "signal behavior, not a cause."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """What the sentences are made from.

    Attributes
    ----------
    pattern : PatternClass
        The class.
    criteria : tuple of Criterion
        All of the call.
    sides : str
        Where the lesions lie: ``"left"``, ``"right"``, ``"both sides"``, or empty.
    not_looked_for : str
        Why lesions were not looked for; empty when they were.
    prevalence : str
        Background prevalence; empty when it does not apply.
    add_ons : tuple of str
        Add-ons of the call.
    closing : tuple of str
        Ids of the gates that forbid a pattern.
    """

    pattern: PatternClass
    criteria: tuple[Criterion, ...]
    sides: str
    not_looked_for: str
    prevalence: str
    add_ons: tuple[str, ...]
    closing: tuple[str, ...] = ()

    def known(self, *ids: str) -> list[Criterion]:
        """Criteria of these ids that have a value, in this order."""
        table = {c.id: c for c in self.criteria}
        return [table[i] for i in ids if i in table and table[i].value is not None]

    def starting(self, prefix: str) -> list[Criterion]:
        """Criteria with a value whose id starts so."""
        return [c for c in self.criteria if c.id.startswith(prefix) and c.value is not None]

    def any_id(self) -> str:
        """Return a criterion that stands for the whole."""
        return next((c.id for c in self.criteria if c.value is not None), self.criteria[0].id)


def told(item: Criterion) -> str:
    """Value of a criterion as sentences print it: ratios with two decimals, the rest by its unit."""
    value = 0.0 if item.value is None else item.value
    if item.unit in ("percent", "fraction"):
        percent = value if item.unit == "percent" else 100 * value
        return "all" if f"{percent:.0f}" == "100" else f"{percent:.0f} %"
    if item.unit in ("lesions", "deg"):
        return f"{value:.0f}"
    if item.unit == "ml":
        return f"{value:.0f} mL" if value >= 99.5 else f"{value:.1f} mL"
    return f"{value:.0f} mm" if item.unit == "mm" else f"{value:.2f}"


def write_paragraph(made_of: Paragraph) -> tuple[Sentence, ...]:
    """Write the sentences: class, gates, lesions, lines, background, sides, flags, prevalence, limits."""
    parts = (
        _opening(made_of),
        _closed(made_of),
        _flagged(made_of),
        _lesions(made_of),
        _lesion_place(made_of),
        _line(made_of),
        _background(made_of),
        _fat_signal(made_of),
        _symmetry(made_of),
        _dark(made_of),
        *_more(made_of),
        _prevalence(made_of),
        _limits(made_of),
    )
    return tuple(sentence for sentence in parts if sentence is not None)


def _said(text: str, items: list[Criterion]) -> Sentence | None:
    return Sentence(text=text, criteria=tuple(c.id for c in items)) if items else None


def _opening(of: Paragraph) -> Sentence:
    direction = {
        PatternClass.RED_FLAG_INFILTRATION_LIKE: ("infiltration",),
        PatternClass.FOCAL_EDEMA_LIKE: ("edema",),
        PatternClass.SYMMETRIC_RECONVERSION_LIKE: ("reconversion",),
        PatternClass.MIXED: ("edema", "reconversion"),
        PatternClass.CANNOT_ASSESS: (GATE,),
    }.get(of.pattern, ())
    ids = [c.id for c in of.criteria if c.direction in direction and c.state is _POSITIVE and c.group != "add-on"]
    if of.pattern is PatternClass.NORMAL_FOR_AGE:
        ids = [c.id for c in of.criteria if c.id.startswith(("D03.reconversion", "D24.edema.count"))]
    if of.pattern is PatternClass.INDETERMINATE:
        ids = [c.id for c in of.criteria if c.state is CriterionState.INDETERMINATE]
    return Sentence(text=_OPENING[of.pattern], criteria=tuple(ids) or (of.any_id(),))


def _closed(of: Paragraph) -> Sentence | None:
    if of.pattern is not PatternClass.CANNOT_ASSESS:
        return None
    known = {c.id for c in of.criteria}
    gates = tuple(name for name in of.closing if name in known)
    why = dict.fromkeys(_CLOSED.get(name.split(".")[1], _GATE) for name in gates)
    text = f"{_joined(list(why) or [_GATE])}, so no pattern is named"
    measured = "; what follows was measured" + (" on T1 alone" if of.not_looked_for == _NO_STIR else "")
    text += "." if _t1_void(of) else f"{measured}."
    return Sentence(text=text[:1].upper() + text[1:], criteria=gates or (of.any_id(),))


def _joined(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + f" and {words[-1]}"


def _flagged(of: Paragraph) -> Sentence | None:
    diffuse = of.known("D50.infiltration")
    review = of.pattern is PatternClass.RED_FLAG_INFILTRATION_LIKE or "DIFFUSE_LOW_T1_REVIEW" in of.add_ons
    if not (review and diffuse):
        return None
    if diffuse[0].state is _POSITIVE:
        return _said(f"T1 is at or below muscle over {told(diffuse[0])} of the marrow. {_RED_FLAG}", diffuse)
    level = of.known("D01.infiltration", "D04.infiltration")
    if not level:
        return _said(_RED_FLAG, diffuse)
    words = " and ".join(f"{name} {told(c)}" for name, c in zip(("T1", "STIR"), level, strict=False))
    return _said(
        f"A focus away from joint surfaces has {words} times muscle. {_RED_FLAG}",
        [*level, *of.known("D51.infiltration")],
    )


def _lesions(of: Paragraph) -> Sentence | None:
    if of.not_looked_for:
        ids = tuple(c.id for c in of.criteria if c.id == "D24.edema.count") or (of.any_id(),)
        why = "T1 and STIR do not allow it in this study"
        if of.not_looked_for.startswith("registration"):
            why = "STIR does not lie closely enough on T1"
        return Sentence(text=f"Lesions were not judged: {why}.", criteria=ids)
    count = of.known("D24.edema.count")
    if not count:
        return None
    if not count[0].value:
        return _said("No lesion stands out from the patient's own marrow.", count)
    noun = "lesion stands" if count[0].value == 1 else "lesions stand"
    where = {"": "", "both sides": " on both sides"}.get(of.sides, f" on the {of.sides}")
    volume, extent = of.known("D24.edema.volume"), of.known("D24.edema")
    text = f"{told(count[0])} {noun} out from the patient's own marrow{where}"
    if extent:
        text += f", {told(extent[0])} of the marrow"
    level = of.known("D04.edema", "D05.edema", "D07.edema")
    if volume:
        which = "it measures" if count[0].value == 1 else "the leading one measures"
        text += f"; {which} {told(volume[0])} and " + (_levels(level) if level else "has no STIR ratio")
    return _said(f"{text}.", [*count, *extent, *volume, *level])


def _levels(level: list[Criterion]) -> str:
    words = {
        "D04.edema": "times the signal of muscle",
        "D05.edema": "times that of the patient's own normal marrow",
        "D07.edema": "times what red marrow in place of yellow would give",
    }
    return "has on STIR " + _joined([f"{told(c)} {words[c.id]}" for c in level])


def _lesion_place(of: Paragraph) -> Sentence | None:
    place, drop = of.known("D30.edema"), of.known("D10.edema")
    margin, side = of.known("D32.edema"), of.known("D23.edema")
    others = of.known("D30.all.edema")
    said, used = [], []
    if place and place[0].state is _POSITIVE:
        said.append(f"lies against the joint surface ({told(place[0])} of it)")
        used += place
    elif others and others[0].state is _POSITIVE:
        said.append(f"does not lie against the joint surface (others of {told(others[0])} do)")
        used += [*place, *others]
    if margin and margin[0].state is _POSITIVE:
        said.append("has an ill-defined margin")
        used += margin
    if drop:
        low = drop[0].state is _POSITIVE
        said.append(f"has {told(drop[0])} times the T1 signal around it" + ("" if low else ", which decides nothing"))
        used += drop
    if not said or not of.known("D04.edema"):
        return None
    text = "It " + _joined(said)
    if side and side[0].state is _NEGATIVE and of.sides == "both sides":
        text += "; that both sides are alike does not speak against edema"
        used += side
    return _said(f"{text}.", used)


def _line(of: Paragraph) -> Sentence | None:
    named = (PatternClass.FOCAL_EDEMA_LIKE, PatternClass.MIXED)
    rows = [c for c in of.criteria if c.id == "D35.edema"]
    found = [c for c in rows if c.state is _POSITIVE]
    if found:
        text = f"A dark line of {told(found[0])} in a lesion could be a fracture, or a vessel, cleft or cortex taken in"
        return _said(f"{text}; CT or SPECT/CT may resolve it.", found)
    if of.pattern not in named:
        return None
    text = "No dark line was made out in a lesion, which does not exclude a fracture"
    text += "; in red marrow CT or SPECT/CT may resolve it." if of.pattern is PatternClass.MIXED else "."
    return _said(text, rows)


def _t1_void(of: Paragraph) -> bool:
    # After contrast or with fat suppressed T1 has ratios, but they say nothing of marrow fat.
    return any(name.startswith(("gate.contrast.T1", "gate.t1_fat_suppression")) for name in of.closing)


def _background(of: Paragraph) -> Sentence | None:
    if _t1_void(of):
        return None
    rows = of.known("D01.reconversion", "D04.reconversion")
    names = {"D01.reconversion": "T1", "D04.reconversion": "STIR"}
    what = "All marrow" if of.not_looked_for else "Marrow outside lesions"
    return _said(f"{what} has " + " and ".join(f"{names[c.id]} {told(c)}" for c in rows) + " times muscle.", rows)


def _fat_signal(of: Paragraph) -> Sentence | None:
    low = [c for c in of.starting("D03.reconversion") if c.state is _POSITIVE]
    high = [c for c in of.starting("D03.high") if c.state is _POSITIVE]
    rows, words = (low, "below") if low else (high, "above")
    if not rows or _t1_void(of):
        return None
    values = [told(c) for c in sorted(rows, key=lambda c: c.value or 0.0)]
    span = values[0] if values[0] == values[-1] else f"{values[0]} to {values[-1]}"
    asked = of.starting(rows[0].id.partition(".")[0] + "." + rows[0].id.split(".")[1])
    where = "" if len(rows) == len(asked) else ", in part of the regions,"
    expected = f"{words} what is expected for region and age ({span})"
    return _said(f"The T1 fat-signal index (not a fat fraction) is{where} {expected}.", rows)


def _symmetry(of: Paragraph) -> Sentence | None:
    rows = of.known("D21.reconversion.bias_cancelling_asymmetry")
    if not rows or of.pattern in (PatternClass.CANNOT_ASSESS, PatternClass.RED_FLAG_INFILTRATION_LIKE):
        return None
    alike = {_POSITIVE: "are alike", _NEGATIVE: "differ"}.get(rows[0].state, "are not clearly alike")
    share = told(rows[0]).lstrip("-").replace("all", "100 %")
    text = f"Left and right {alike} once coil shading is cancelled (STIR over T1 differs by {share})."
    return _said(text, rows)


def _dark(of: Paragraph) -> Sentence | None:
    beside, away = of.known("D51.sclerosis"), of.known("D51.infiltration")
    if of.pattern is PatternClass.RED_FLAG_INFILTRATION_LIKE or _t1_void(of):
        return None
    if away and away[0].state is _POSITIVE:
        text = "away from joint surfaces, to be reviewed"
        return _said(f"{_foci(away[0])} with T1 at or below muscle {_lie(away[0])} {text}.", away)
    if beside and beside[0].state is _POSITIVE:
        text = "against a joint surface, as sclerosis and inflamed bone do; to be reviewed"
        return _said(f"{_foci(beside[0])} with T1 at or below muscle {_lie(beside[0])} {text}.", beside)
    void = of.known("D51.void")
    if void and void[0].state is _POSITIVE:
        one = void[0].value == 1
        text = f"{'is' if one else 'are'} dark on STIR too, as sclerosis, cortex and joint clefts are"
        return _said(f"{_foci(void[0])} with T1 at or below muscle {text}.", void)
    return None


def _foci(count: Criterion) -> str:
    return "A focus" if count.value == 1 else f"{told(count)} foci"


def _lie(count: Criterion) -> str:
    return "lies" if count.value == 1 else "lie"


def _more(of: Paragraph) -> list[Sentence | None]:
    rims = [c for c in of.starting("D37.edema") if c.state is _POSITIVE]
    made = [_head(of, rim) for rim in rims]
    texts = (
        ("D31.edema", "A lesion reaches {} deep from the sacroiliac joint and is homogeneous."),
        ("D41.edema", "Soft tissue next to a lesion is bright on STIR ({} of it), as it can be for many reasons."),
        ("D43.edema", "Head and neck of the femur are edema-like ({} of the head) without rim or line: transient "
         "edema-like, to be told by exclusion."),
        ("D42.edema", "Midfoot bones around several joints are edema-like: Charcot-like; osteomyelitis can coexist."),
        ("D54.change", "Signal changed beyond repeatability since the earlier examination."),
    )  # fmt: skip
    for prefix, text in texts:
        rows = [c for c in of.starting(prefix) if c.state is _POSITIVE]
        made.append(_said(text.format(told(rows[0])) if rows else "", rows))
    return made


def _head(of: Paragraph, rim: Criterion) -> Sentence | None:
    side = rim.id.rpartition(".")[2]
    other = {"left": "right", "right": "left"}.get(side, "")
    volume = of.known(f"D38.edema.{side}")
    beyond = of.known(f"D37.edema.{other}")
    text = f"A dark rim encloses a subchondral area of the {side} femoral head"
    text += f", {told(volume[0])} of the head" if volume else ""
    shown = "shows none" if beyond else "could not be judged"
    if beyond and beyond[0].state is _POSITIVE:
        shown = "shows one too"
    return _said(
        f"{text}: osteonecrosis-like, to be confirmed by a reader; the other head {shown}.", [rim, *volume, *beyond]
    )


def _prevalence(of: Paragraph) -> Sentence | None:
    if not of.prevalence:
        return None
    ids = [c.id for c in of.criteria if c.id == "D24.edema.count"]
    return Sentence(text=of.prevalence, criteria=tuple(ids) or (of.any_id(),))


def _limits(of: Paragraph) -> Sentence:
    ids = [c.id for c in of.criteria if c.id in ("D04.edema", "D04.reconversion", "D01.reconversion")]
    return Sentence(text=_LIMIT, criteria=tuple(ids) or (of.any_id(),))
