"""How one quality gate is declared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from marrowsignal.protocol.schema import Protocol
from marrowsignal.quality.outcome import Outcome, Steps
from marrowsignal.quality.records import Consequence

__all__ = ["GateDeclaration"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateDeclaration:
    """One row of the table.

    Attributes
    ----------
    key, name : str
        Identifier; what is checked, in a radiologist's words.
    check : callable
        Takes the products of the steps and the series, gives an `Outcome`.
    series : tuple of str
        ``"T1"`` and ``"STIR"`` for a gate of each series, ``""`` for one about both.
    unit : str
        Of its value; empty where the gate is about words.
    warns, fails : str
        When; empty for a gate without that state. ``{p...}`` names a number of the protocol.
    on_warn, on_fail, on_unknown : Consequence
        What each state forbids, unless the check says otherwise.
    source : str
        Of the limits.
    tells : tuple of str
        Codes of findings of earlier steps that say the same.
    """

    key: str
    name: str
    check: Callable[[Steps, str], Outcome]
    series: tuple[str, ...] = ("",)
    unit: str = ""
    warns: str = ""
    fails: str = ""
    on_warn: Consequence = Consequence.LOWERS_CONFIDENCE
    on_fail: Consequence = Consequence.NO_ASSESSMENT
    on_unknown: Consequence = Consequence.NONE
    source: str
    tells: tuple[str, ...] = ()

    def limit(self, protocol: Protocol) -> str:
        """Say from where on it warns and fails, with the protocol's numbers."""
        said = (f"{word} {text}" for word, text in (("warns", self.warns), ("fails", self.fails)) if text)
        return "; ".join(said).format(p=protocol)
