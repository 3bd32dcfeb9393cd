"""What normal people show: an interval for few, lines by age, sex and field for many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

__all__ = ["Covariates", "quantile_line", "tolerance_ends", "tolerance_factor"]

Floats = NDArray[np.float64]
# Biweight midvariance at nine MAD; what it is worth of a sample against its SD, for normal data (Lax, J Am Stat
# Assoc 1985;80:736).
_BIWEIGHT_MAD = 9.0
_BIWEIGHT_EFFICIENCY = 0.87


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Covariates:
    """What a band may depend on.

    Attributes
    ----------
    decades : ndarray of float64, shape (person,)
        Age less 50 years, in decades.
    male : ndarray of float64, shape (person,), or None
        1 for men; None where one sex has too few people to tell them apart.
    fields : ndarray of int64, shape (person,)
        Number of the field strength.
    """

    decades: Floats
    male: Floats | None
    fields: NDArray[np.int64]

    @property
    def design(self) -> Floats:
        """One column a field strength, then decades, then sex; shape (person, column)."""
        count = int(self.fields.max()) + 1
        columns = [(self.fields == k).astype(float) for k in range(count)]
        columns.append(self.decades)
        return np.stack(columns if self.male is None else [*columns, self.male], axis=1)


def tolerance_factor(people: float, *, content: float, certainty: float) -> float:
    """How many SD hold a share `content` of normal people with `certainty`, from a mean and an SD of few.

    Two-sided, Howe, J Am Stat Assoc 1969;64:610. `people` may be an equivalent number.

    Examples
    --------
    >>> round(tolerance_factor(30, content=0.90, certainty=0.95), 2)
    2.14
    """
    freedom = max(people - 1.0, 1.0)
    inside = float(stats.norm.ppf(0.5 + content / 2))
    least = float(stats.chi2.ppf(1.0 - certainty, freedom))
    return inside * float(np.sqrt(freedom * (1.0 + 1.0 / people) / least))


def tolerance_ends(values: Floats, *, content: float, certainty: float) -> tuple[Floats, Floats]:
    """Median less and plus as many biweight SD as few people ask for, along the last axis.

    Parameters
    ----------
    values : ndarray of float64, shape (..., person)
        What was measured.
    content, certainty : float
        As in `tolerance_factor`.

    Returns
    -------
    low, high : ndarray of float64, shape (...)
    """
    middle = np.median(values, axis=-1)
    worth = 1.0 + _BIWEIGHT_EFFICIENCY * (values.shape[-1] - 1.0)
    reach = tolerance_factor(worth, content=content, certainty=certainty) * _biweight_sd(values - middle[..., None])
    return middle - reach, middle + reach


def _biweight_sd(off: Floats) -> Floats:
    mad = np.median(np.abs(off), axis=-1, keepdims=True)
    u = np.divide(off, _BIWEIGHT_MAD * mad, out=np.zeros_like(off), where=mad > 0)
    near = np.maximum(1.0 - u**2, 0.0)
    slope = np.where(near > 0, near * (1.0 - 5.0 * u**2), 0.0).sum(axis=-1)
    return np.asarray(np.sqrt(off.shape[-1] * (off**2 * near**4).sum(axis=-1)) / np.abs(slope))


def quantile_line(design: Floats, values: Floats, *, share: float) -> Floats:
    """Regression quantile (Koenker and Bassett, Econometrica 1978;46:33), as a linear program.

    Parameters
    ----------
    design : ndarray of float64, shape (person, column)
        Covariates.
    values : ndarray of float64, shape (person,)
        What was measured.
    share : float
        Of people below the line.

    Returns
    -------
    ndarray of float64, shape (column,)
        Coefficients.
    """
    people, columns = design.shape
    # The dual has as many unknowns as people and as few equations as columns.
    solved = optimize.linprog(
        -values, A_eq=design.T, b_eq=np.zeros(columns), bounds=[(share - 1.0, share)] * people, method="highs"
    )
    return np.asarray(-solved.eqlin.marginals)
