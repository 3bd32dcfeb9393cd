"""Gates: what must hold before any pattern may be named (SCIENCE 4.2, 6)."""

from __future__ import annotations

from dataclasses import dataclass

from marrowsignal.alignment.records import AlignedPair, AlignmentVerdict
from marrowsignal.findings import Finding, Severity
from marrowsignal.intensity.records import References, ReferenceVerdict
from marrowsignal.protocol.schema import Protocol
from marrowsignal.signals.records import Signals

__all__ = ["Gates", "check_gates"]

# Findings after which no ratio holds.
_CLOSING = ("acquired_after_contrast", "no_normal_level", "persons_differ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gates:
    """Outcome of all gates.

    Attributes
    ----------
    closed : tuple of str
        Why nothing can be assessed; empty when all gates are open.
    warnings : tuple of str
        What lowers confidence.
    only_stir_missing : bool
        Whether nothing is closed but for want of a STIR series: what T1 says by itself then holds.
    """

    closed: tuple[str, ...]
    warnings: tuple[str, ...]
    only_stir_missing: bool = False


def check_gates(
    pair: AlignedPair,
    references: References,
    signals: Signals,
    findings: tuple[Finding, ...],
    *,
    protocol: Protocol,
) -> Gates:
    """Check contrast, registration, references, shading and size of the region.

    Parameters
    ----------
    pair, references, signals
        Products of the earlier steps.
    findings : tuple of Finding
        Of all earlier steps; each of severity ``fail`` or ``warn`` lowers confidence.
    protocol : Protocol
        Cuts.
    """
    closed = []
    if pair.stir is None:
        closed.append("there is no STIR series: T1 alone cannot tell red marrow, edema and infiltration apart")
    for words, volume in (("T1", pair.t1), ("STIR", pair.stir)):
        if volume is not None and volume.acquisition.post_contrast:
            closed.append(f"the {words} series was acquired after contrast: its ratios do not hold")
    if pair.t1.acquisition.fat_suppressed:
        closed.append("the T1 series is fat-suppressed: its ratios do not hold")
    if pair.quality is not None and pair.quality.verdict is AlignmentVerdict.FAIL:
        closed.append(f"registration failed: {pair.quality.reason}")
    if references.muscle.verdict is ReferenceVerdict.FAIL:
        closed.append(f"no lean-muscle reference ({references.muscle.reason}): only T1/fat, STIR/normal marrow and d")
    closed += [f.message.rstrip(".") for f in findings if f.code in _CLOSING]
    closed += _shading(references, signals, protocol)
    settings = protocol.signals
    whole = signals.whole
    if whole.core_volume_ml < settings.exploratory_volume.value or whole.slices < settings.exploratory_slices.value:
        closed.append(f"only {whole.core_volume_ml:.1f} mL of marrow on {whole.slices} slices could be measured")
    told = [f.message for f in findings if f.severity is not Severity.INFO]
    return Gates(
        closed=tuple(closed),
        warnings=tuple(dict.fromkeys(told)),
        only_stir_missing=pair.stir is None and len(closed) == 1,
    )


def _shading(references: References, signals: Signals, protocol: Protocol) -> list[str]:
    # With both sides in view the bias-cancelling asymmetry still holds; without them nothing does.
    if any(row.measurement("bias_cancelling_asymmetry").value is not None for row in signals.symmetry):
        return []
    limit = protocol.bias.warn_residual.value
    left = (("T1", references.t1_residual_bias_fraction), ("STIR", references.stir_residual_bias_fraction))
    return [
        f"{words} of muscle varies by {share:.0%} after bias correction (at most {limit:.0%}), and no left-right "
        "comparison cancels it"
        for words, share in left
        if share is not None and share > limit
    ]
