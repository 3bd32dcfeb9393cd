"""What every section of ``result.json`` is made of."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

__all__ = ["Matrix", "Point", "Section", "Status", "ValueDocument", "matrix_rows"]

Status = Literal["measured", "exploratory", "not_evaluable"]
Point = tuple[float, float, float]
Row = tuple[float, float, float, float]
Matrix = tuple[Row, Row, Row, Row]


class Section(BaseModel):
    """A frozen part of the document; a foreign field is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)


class ValueDocument(Section):
    """One value that may not have been measured."""

    value: float | None
    unit: str
    status: Status
    reason: str


def matrix_rows(matrix: NDArray[np.float64]) -> Matrix:
    """Return a 4x4 matrix row by row."""
    a, b, c, d = (tuple(float(x) for x in row) for row in np.asarray(matrix, float))
    return a, b, c, d  # type: ignore[return-value]
