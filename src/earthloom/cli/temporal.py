"""What the commands on dates share: the flags that tell about the images of the two sensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Group, Parameter

if TYPE_CHECKING:
    from earthloom.prepare.spatiotemporal.known import Handling

IMAGES = Group("Images", sort_key=2)
Number = Annotated[float | None, Parameter(group=IMAGES)]
Words = Annotated[list[str] | None, Parameter(group=IMAGES, consume_multiple=True, negative="")]
Numbers = Annotated[list[float] | None, Parameter(group=IMAGES, consume_multiple=True, negative="")]
Bits = Annotated[list[int] | None, Parameter(group=IMAGES, consume_multiple=True, negative="")]
Name = Annotated[str | None, Parameter(group=IMAGES)]


@Parameter(name="*")
@dataclass(frozen=True)
class Inputs:
    """What is told about the images of the two sensors, and what is done to them.

    Parameters
    ----------
    fine_bands
        Which bands in which order, numbers from 1 or names (default: all). Both sensors need the same ones.
    coarse_bands
        The same for the coarse images.
    fine_scale
        Physical units are scale * number + offset, instead of what the files say.
    coarse_scale
        The same for the coarse images.
    fine_offset
        See the scale.
    coarse_offset
        See the scale.
    fine_nodata
        Code of missing pixels in the fine images and the product, instead of what the files say.
    coarse_nodata
        Code of missing pixels in the coarse images.
    fine_mask_values
        Numbers in the masks that mean cloud or shadow (default: all but 0).
    coarse_mask_values
        The same for the coarse images.
    fine_mask_bits
        Bits that mean cloud or shadow instead, for quality bands: 1 2 3 4 in Landsat's QA_PIXEL.
    coarse_mask_bits
        The same for the coarse images.
    fine_sensor
        Name of the sensor or TOML file: says which band is which.
    coarse_sensor
        The same for the coarse images; sets their blur.
    ratio
        Coarse over fine pixel size, where the coarse images were resampled to the fine grid. Images are compared at
        that scale (default: estimated); FSDAF, Fit-FC and networks must be told.
    match
        `regression` fits the coarse images to the fine ones, band by band, where units or sensors differ.
    coregister
        The displacement of the coarse images is measured; `auto` corrects it when it is beyond doubt and more than a
        quarter of a coarse pixel, `always` whenever it is known, `measure` warns only, `off` does not look.
    refine
        Back-projections after fusing, which make the product agree with the coarse image; 0 for none.
    """

    fine_bands: Words = None
    coarse_bands: Words = None
    fine_scale: Number = None
    coarse_scale: Number = None
    fine_offset: Number = None
    coarse_offset: Number = None
    fine_nodata: Number = None
    coarse_nodata: Number = None
    fine_mask_values: Numbers = None
    coarse_mask_values: Numbers = None
    fine_mask_bits: Bits = None
    coarse_mask_bits: Bits = None
    fine_sensor: Name = None
    coarse_sensor: Name = None
    ratio: Annotated[float | None, Parameter(group=IMAGES)] = None
    match: Annotated[Literal["none", "regression"], Parameter(group=IMAGES)] = "none"
    coregister: Annotated[Literal["auto", "always", "measure", "off"], Parameter(group=IMAGES)] = "auto"
    refine: Annotated[int, Parameter(group=IMAGES)] = 0

    def handling(self, days_apart: int) -> Handling:
        """The same for the engine."""
        from earthloom.prepare.spatiotemporal.known import Handling
        from earthloom.raster.told import Told

        told: dict[str, dict[str, Any]] = {"fine": {}, "coarse": {}}
        for name, value in vars(self).items():
            sensor, _, what = name.partition("_")
            if sensor in told:
                told[sensor][what] = tuple(value) if isinstance(value, list) else value
        return Handling(
            Told(**told["fine"]), Told(**told["coarse"]), self.ratio, self.match, self.coregister, days_apart
        )  # fmt: skip
