"""How a site's labelled lesions are learnt from."""

from __future__ import annotations

from marrowsignal.protocol.schema.quantities import ProtocolModel, Quantity

__all__ = ["LesionModelSettings"]


class LesionModelSettings(ProtocolModel):
    """Where the voxel model looks and how it is trained; kept in the atlas it belongs to."""

    stands_out: Quantity
    reach: Quantity
    samples: Quantity
    trees: Quantity
    folds: Quantity
