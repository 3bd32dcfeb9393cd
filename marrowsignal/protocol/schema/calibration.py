"""What a site's own cohort has to hold before a number is changed, and the forms of what it adds."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from marrowsignal.protocol.schema.quantities import ProtocolModel, Quantity, Range, Text

__all__ = ["BandLine", "CalibrationSettings", "FatFractionFit", "FieldTerm", "FittedBand"]


class CalibrationSettings(ProtocolModel):
    """Least cohorts and targets of SCIENCE 4.6, 7.4 and 7.5."""

    least_normal: Quantity
    least_normal_regression: Quantity
    least_per_stratum: Quantity
    least_per_class: Quantity
    least_paired: Quantity
    least_repeated: Quantity
    normal_content: Quantity
    normal_certainty: Quantity
    max_band_error: Quantity
    red_flag_sensitivity: Quantity
    red_flag_specificity: Quantity
    least_separation: Quantity
    repeatability_factor: Quantity
    interval_level: Quantity
    draws: Quantity
    regression_draws: Quantity


class FieldTerm(ProtocolModel):
    """What is added at one field strength."""

    magnetic_field_strength: float
    added: float


class BandLine(ProtocolModel):
    """One end of an expected band: ``at_50_y + per_decade (age - 50) / 10 + male [man] + field``."""

    at_50_y: float
    per_decade: float
    male: float
    fields: tuple[FieldTerm, ...]
    unit: Text
    source: Text

    def at(self, *, age_y: float, male: bool, added: float) -> float:
        """Value for a person.

        Parameters
        ----------
        age_y : float
            Years.
        male : bool
            Sex.
        added : float
            Of the field strength.
        """
        return self.at_50_y + self.per_decade * (age_y - 50.0) / 10.0 + self.male * male + added


class FittedBand(ProtocolModel):
    """Expected FSI by age, sex and field, from quantile regression on a normal cohort (SCIENCE 4.6)."""

    low: BandLine
    high: BandLine
    age: Range

    @model_validator(mode="after")
    def _same_fields(self) -> Self:
        if [f.magnetic_field_strength for f in self.low.fields] != [
            f.magnetic_field_strength for f in self.high.fields
        ]:
            raise ValueError("low and high were fitted at different field strengths")
        return self

    def band(self, *, age_y: float | None, sex: str | None, field_t: float | None) -> Range | None:
        """Return the band of a person; None outside the ages and field strengths that the cohort had.

        Without a sex the band holds both.
        """
        if age_y is None or field_t is None or not self.age.holds(age_y):
            return None
        near = [k for k, f in enumerate(self.low.fields) if abs(f.magnetic_field_strength / field_t - 1.0) < 0.1]
        if not near:
            return None
        males = (False, True) if sex not in ("F", "M") else (sex == "M",)
        low, high = (
            [line.at(age_y=age_y, male=male, added=line.fields[near[0]].added) for male in males]
            for line in (self.low, self.high)
        )
        return Range(low=min(low), high=max(*high, min(low)), unit=self.low.unit, source=self.low.source)


class FatFractionFit(ProtocolModel):
    """Fat fraction from the T1 fat-signal index, where PDFF was measured: ``FF = intercept + slope FSI``, percent.

    `agreement` are the limits of what a single region may differ by (Bland and Altman, Lancet 1986). It serves the
    prediction of D07 and is never printed in place of a measured fat fraction.
    """

    intercept: Quantity
    slope: Quantity
    agreement: Range
