"""Mean measures of the vertebrae T10 to L5 and of the discs below them."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LEVELS", "Level"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Mean measures of a vertebra and of the disc below it, mm and degrees.

    Attributes
    ----------
    name, label : str, int
        ``L3`` and its value in label maps.
    half_width, half_depth, height : float
        Of the body.
    wedge : float
        Angle of its endplates, positive where the front is taller.
    pedicle : tuple of float
        Distance from the midplane, half width.
    transverse : tuple of float
        Tip of the transverse process: from the midplane, behind the body, above its middle.
    spinous : tuple of float
        Spinous process: length, half height, how many degrees it points down.
    disc : tuple of float
        Height and angle of the disc below.
    facet : tuple of float
        Facet joints below: distance from the midplane, angle to the sagittal plane.
    roof : float
        Depth of the canal at the disc below.
    """

    name: str
    label: int
    half_width: float
    half_depth: float
    height: float
    wedge: float
    pedicle: tuple[float, float]
    transverse: tuple[float, float, float]
    spinous: tuple[float, float, float]
    disc: tuple[float, float]
    facet: tuple[float, float]
    roof: float


# from below upwards; adult means rounded to what a phantom needs (Panjabi, Spine 1991;16:888 and 1992;17:299)
LEVELS = (
    Level(
        name="L5", label=11, half_width=26.0, half_depth=17.2, height=28.0, wedge=8.0, pedicle=(18.5, 6.3),
        transverse=(42.0, 13.0, 9.0), spinous=(19.0, 6.2, 14.0), disc=(10.0, 14.0), facet=(18.3, 50.0), roof=16.0,
    ),
    Level(
        name="L4", label=12, half_width=25.5, half_depth=17.7, height=27.7, wedge=3.0, pedicle=(16.5, 5.4),
        transverse=(41.0, 14.0, 6.0), spinous=(26.0, 8.6, 11.0), disc=(11.0, 10.0), facet=(18.5, 43.0), roof=18.0,
    ),
    Level(
        name="L3", label=13, half_width=24.6, half_depth=17.4, height=27.3, wedge=1.0, pedicle=(15.5, 4.8),
        transverse=(46.0, 13.0, 6.0), spinous=(29.0, 9.8, 9.0), disc=(10.0, 7.0), facet=(16.5, 37.0), roof=17.5,
    ),
    Level(
        name="L2", label=14, half_width=23.8, half_depth=17.1, height=26.6, wedge=0.0, pedicle=(14.8, 4.3),
        transverse=(42.0, 13.0, 6.0), spinous=(28.0, 9.8, 9.0), disc=(9.0, 5.0), facet=(15.0, 31.0), roof=17.0,
    ),
    Level(
        name="L1", label=15, half_width=23.0, half_depth=16.7, height=25.5, wedge=-1.0, pedicle=(14.4, 4.1),
        transverse=(36.0, 14.0, 5.0), spinous=(26.0, 9.3, 12.0), disc=(8.0, 4.0), facet=(14.0, 27.0), roof=17.0,
    ),
    Level(
        name="T12", label=16, half_width=22.0, half_depth=16.2, height=23.8, wedge=-2.0, pedicle=(14.2, 4.1),
        transverse=(23.0, 16.0, 5.0), spinous=(23.0, 8.0, 20.0), disc=(6.5, 1.0), facet=(13.5, 25.0), roof=16.5,
    ),
    Level(
        name="T11", label=17, half_width=20.5, half_depth=15.7, height=22.3, wedge=-3.0, pedicle=(13.4, 4.0),
        transverse=(24.0, 18.0, 6.0), spinous=(23.0, 6.2, 33.0), disc=(5.0, 0.0), facet=(11.5, 68.0), roof=16.0,
    ),
    Level(
        name="T10", label=18, half_width=19.0, half_depth=15.2, height=21.3, wedge=-3.0, pedicle=(12.8, 3.8),
        transverse=(27.0, 19.0, 7.0), spinous=(24.0, 5.0, 42.0), disc=(4.5, 0.0), facet=(11.0, 72.0), roof=15.5,
    ),
)  # fmt: skip
