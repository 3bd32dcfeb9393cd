"""A site's own cohort: expected bands, cuts, fat fraction and repeatability, each with an interval over people."""

from marrowsignal.calibration.calibrate import calibrate_cohort
from marrowsignal.calibration.cohort import read_cohort
from marrowsignal.calibration.records import Calibration, CohortCase, Label, Outcome

__all__ = ["Calibration", "CohortCase", "Label", "Outcome", "calibrate_cohort", "read_cohort"]
