"""`earthloom align`: one sensor's bands as those of another; the flags of the method are its fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from earthloom.cli.fields import method_in, with_fields
from earthloom.cli.running import FILES, Files, Run, working
from earthloom.cli.temporal import IMAGES, Bits, Number, Numbers, Words
from earthloom.methods import catalog

if TYPE_CHECKING:
    from earthloom.engine.align import Pairing

PROBLEM, DEFAULT, FITTED = "bandpass", "spectral", "cross_linear"
OWN = ("source", "target")  # fields of a method that the sensors' names fill


def command(name: str, arguments: Sequence[str]) -> Callable[..., None]:
    """The command for the method that the arguments name."""
    fits = any(word == "--target" or word.startswith("--target=") for word in arguments)
    return with_fields(align, catalog.find(method_in(arguments, FITTED if fits else DEFAULT), PROBLEM), OWN)


@Parameter(name="*")
@dataclass(frozen=True)
class Told:
    """What is told about the images of the two sensors.

    Parameters
    ----------
    source_bands
        Which bands in which order, numbers from 1 or names (default: all; of a Sentinel-2 folder those of 10 m).
    target_bands
        Which bands of the target; without one, of its sensor (default: those that a source band sees).
    source_scale
        Physical units are scale * number + offset, instead of what the metadata say. Giving either is a word that the
        numbers are right.
    target_scale
        The same for the target.
    source_offset
        See the scale.
    target_offset
        See the scale.
    source_nodata
        Code of missing pixels in the source and the product, instead of what the files say.
    target_nodata
        Code of missing pixels in the target.
    source_mask_values
        Numbers in the mask that mean cloud or shadow (default: all but 0).
    target_mask_values
        The same for the target.
    source_mask_bits
        Bits that mean cloud or shadow instead, for quality bands.
    target_mask_bits
        The same for the target.
    """

    source_bands: Words = None
    target_bands: Words = None
    source_scale: Number = None
    target_scale: Number = None
    source_offset: Number = None
    target_offset: Number = None
    source_nodata: Number = None
    target_nodata: Number = None
    source_mask_values: Numbers = None
    target_mask_values: Numbers = None
    source_mask_bits: Bits = None
    target_mask_bits: Bits = None

    def pairing(self, source_sensor: str | None, target_sensor: str | None, force: bool) -> Pairing:
        """The same for the engine."""
        from earthloom.engine.align import told_pair

        return told_pair(vars(self), source_sensor, target_sensor, force)[0]


def align(
    image: Annotated[list[str], Parameter(group=FILES, consume_multiple=True, negative="")],
    /,
    *,
    source_sensor: Annotated[str | None, Parameter(name="--from", group=FILES)] = None,
    target_sensor: Annotated[str | None, Parameter(name="--to", group=FILES)] = None,
    target: Files = None,
    source_mask: Annotated[str | None, Parameter(group=FILES)] = None,
    target_mask: Annotated[str | None, Parameter(group=FILES)] = None,
    output: Annotated[Path, Parameter(name=["--output", "-o"], group=FILES)],
    method: Annotated[str | None, Parameter(name=["--method", "-m"], group=FILES)] = None,
    figure: Annotated[Path | None, Parameter(group=FILES)] = None,
    force: Annotated[bool, Parameter(group=IMAGES, negative="", show_default=False)] = False,
    told: Told | None = None,
    run: Run | None = None,
    **chosen: Any,
) -> None:
    """Turn one sensor's image into what another sensor's bands would have shown.

    Parameters
    ----------
    image
        The source: a file, a file per band, a Sentinel-2 SAFE folder, or a Landsat folder with its MTL file.
    source_sensor
        Sensor of the source, such as sentinel2a (default: what its metadata say).
    target_sensor
        Sensor whose bands are wanted, such as gaofen1_wfv.
    target
        An image of that sensor, same place and time: the method is fitted to it, on the grid of the larger pixels.
    source_mask
        Clouds in the source: left out when fitting.
    target_mask
        Clouds in the target.
    output
        GeoTIFF to write, on the grid of the source.
    method
        Name of a method; `earthloom methods bandpass` lists them (default: cross_linear with a target, else spectral).
    figure
        PNG with both images' numbers before and after, and what each number becomes; needs a target.
    force
        Also align an image that was aligned before.
    """
    from earthloom.errors import FileError, InputError

    settings = run or Run()
    if figure is not None and target is None:
        raise InputError("--figure without --target", "a target to compare with")
    if figure is not None and figure.suffix.lower() != ".png":
        raise InputError(f"the figure {figure}", "a PNG", f"call it {figure.with_suffix('.png').name}")
    if figure is not None and figure.exists() and not settings.overwrite:
        raise FileError(f"{figure} exists", hint="choose another name, or --overwrite")
    made = catalog.make(method or (DEFAULT if target is None else FITTED), PROBLEM, **chosen)
    with working(settings) as work:
        from earthloom.engine.align_files import align_files

        pairing = (told or Told()).pairing(source_sensor, target_sensor, force)
        masks = {"source": source_mask, "target": target_mask}
        path = align_files(image, target, masks, output, made, pairing, work.options)
        if figure is not None:
            from earthloom.report.alignment import picture

            try:
                picture(work.found["pairs"], figure)
            except OSError as error:
                raise FileError(f"{figure} cannot be written ({error.strerror})", hint="another folder") from error
        work.done(path, _summary(work.found))


def _summary(found: dict[str, Any]) -> str:
    """How near the product comes to the target, for the last line."""
    if "pairs" not in found:
        return ""
    before, after = found["pairs"].rmse_percent()
    return f", {found['pairs'].method}: {before:.3g} -> {after:.3g} % off the target"
