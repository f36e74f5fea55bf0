"""`earthloom align`: one sensor's bands as those of another; the flags of the method are its fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter

from earthloom.cli.fields import method_in, with_fields
from earthloom.cli.running import FILES, Files, Run, working
from earthloom.cli.temporal import IMAGES, Bits, Number, Numbers, Words
from earthloom.methods import catalog

if TYPE_CHECKING:
    from earthloom.prepare.bandpass.pairing import Pairing

PROBLEM, DEFAULT, FITTED, AUTO = "bandpass", "spectral", "cross_linear", "auto"
OWN = ("source", "target")  # fields of a method that the sensors' names fill


def command(name: str, arguments: Sequence[str]) -> Callable[..., None]:
    """The command for the method that the arguments name."""
    if _inner(arguments):
        app = App(
            name=name, help=(align.__doc__ or "").split("\n")[0], help_format="markdown", result_action="return_value"
        )
        app.command(apply)
        app.command(_with_fields(fit, method_in(arguments, AUTO)), name="fit")
        return app  # type: ignore[return-value]
    fits = any(word == "--target" or word.startswith("--target=") for word in arguments)
    return _with_fields(align, method_in(arguments, FITTED if fits else DEFAULT))


def _with_fields(function: Callable[..., None], method: str) -> Callable[..., None]:
    """A command with the flags of a method; `auto` has none."""
    return with_fields(function, catalog.find("none" if method == AUTO else method, PROBLEM), OWN)


def _inner(arguments: Sequence[str]) -> bool:
    """Whether ``fit`` or ``apply`` is the word after `align`."""
    words = [word for word in arguments if not word.startswith("-")]
    return len(words) > 1 and words[1] in ("fit", "apply")


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
        from earthloom.prepare.bandpass.pairing import told_pair

        given = {key: tuple(value) if isinstance(value, list) else value for key, value in vars(self).items()}
        return told_pair(given, source_sensor, target_sensor, force)[0]


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

    `earthloom align fit SOURCES TARGETS -o transform.json` keeps what was fitted to pairs of images, and
    `earthloom align apply transform.json SOURCE -o OUT` applies it to any later one.

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
        Name of a method; `earthloom methods bandpass` lists them (default: cross_linear with a target, else
        spectral); `auto` tries them on ground that they were not fitted to.
    figure
        PNG with both images' numbers before and after, and what each number becomes; needs a target.
    force
        Also align an image that was aligned before.
    """
    from earthloom.errors import InputError

    settings = run or Run()
    if figure is not None and target is None:
        raise InputError("--figure without --target", "a target to compare with")
    _check(figure, settings)
    name = method or (DEFAULT if target is None else FITTED)
    made = AUTO if name == AUTO else catalog.make(name, PROBLEM, **chosen)
    with working(settings) as work:
        from earthloom.verbs.align_files import align_files

        pairing = (told or Told()).pairing(source_sensor, target_sensor, force)
        masks = {"source": source_mask, "target": target_mask}
        path = align_files(image, target, masks, output, made, pairing, work.options)
        _draw(figure, work.found)
        work.done(path, _summary(work.found))


def fit(
    sources: Annotated[str, Parameter(group=FILES)],
    targets: Annotated[str | None, Parameter(group=FILES)] = None,
    /,
    *,
    source_sensor: Annotated[str | None, Parameter(name="--from", group=FILES)] = None,
    target_sensor: Annotated[str | None, Parameter(name="--to", group=FILES)] = None,
    source_masks: Files = None,
    target_masks: Files = None,
    part: Annotated[Literal["train", "val", "test"], Parameter(group=FILES)] = "train",
    output: Annotated[Path, Parameter(name=["--output", "-o"], group=FILES)],
    method: Annotated[str | None, Parameter(name=["--method", "-m"], group=FILES)] = None,
    figure: Annotated[Path | None, Parameter(group=FILES)] = None,
    told: Told | None = None,
    run: Run | None = None,
    **chosen: Any,
) -> None:
    """Fit a transform to pairs of images, and write it to a file that `align apply` takes.

    Parameters
    ----------
    sources
        Image of the one sensor, or a folder of several. Alone, what holds both sensors: the folder of the published
        data set, or a hyperspectral cube (or a folder of cubes), seen through the response curves of both.
    targets
        That of the other sensor, or a folder of as many: they are paired in the order of their names.
    source_sensor
        Sensor of the sources (default: what their metadata say).
    target_sensor
        Sensor of the targets.
    source_masks
        Clouds in the sources, one file each.
    target_masks
        Clouds in the targets.
    part
        Of the published data set: which of its divide lists.
    output
        JSON file to write.
    method
        Name of a method, or `auto`: methods from nothing to a lot are tried on ground that they were not fitted to.
    figure
        PNG with both images' numbers before and after.
    """
    settings = run or Run()
    _check(figure, settings)
    made = AUTO if method in (AUTO, None) else catalog.make(method, PROBLEM, **chosen)
    with working(settings) as work:
        from earthloom.raster.write.cog import require_place
        from earthloom.training.bandpass.sources import fit_any

        require_place(output, settings.overwrite)
        pairing = (told or Told()).pairing(source_sensor, target_sensor, False)
        masks = source_masks, target_masks
        found = fit_any(sources, targets, masks, made, pairing, work.options, part)
        found.save(output)
        _draw(figure, work.found)
        work.done(output, _summary(work.found))


def apply(
    transform: Annotated[Path, Parameter(group=FILES)],
    image: Annotated[list[str], Parameter(group=FILES, consume_multiple=True, negative="")],
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"], group=FILES)],
    force: Annotated[bool, Parameter(group=IMAGES, negative="", show_default=False)] = False,
    told: Told | None = None,
    run: Run | None = None,
) -> None:
    """Align an image by a transform that `align fit` wrote.

    Parameters
    ----------
    transform
        JSON file.
    image
        The source, as for `align`.
    output
        GeoTIFF to write, on the grid of the source.
    force
        Also align an image that was aligned before.
    """
    with working(run or Run()) as work:
        from earthloom.prepare.bandpass.transform import Transform
        from earthloom.verbs.fit_alignment import apply_file

        found = Transform.load(transform)
        pairing = (told or Told()).pairing(found.source.sensor, found.target.sensor, force)
        work.done(apply_file(found, image, output, pairing, work.options), f", {found.method}")


def _check(figure: Path | None, settings: Run) -> None:
    """Refuse a place for the figure before the work."""
    from earthloom.errors import FileError, InputError

    if figure is not None and figure.suffix.lower() != ".png":
        raise InputError(f"the figure {figure}", "a PNG", f"call it {figure.with_suffix('.png').name}")
    if figure is not None and figure.exists() and not settings.overwrite:
        raise FileError(f"{figure} exists", hint="choose another name, or --overwrite")


def _draw(figure: Path | None, found: dict[str, Any]) -> None:
    """The figure, when asked for."""
    if figure is None:
        return
    from earthloom.errors import FileError
    from earthloom.report.alignment import picture

    try:
        picture(found["pairs"], figure)
    except OSError as error:
        raise FileError(f"{figure} cannot be written ({error.strerror})", hint="another folder") from error


def _summary(found: dict[str, Any]) -> str:
    """How near the product comes to the target, for the last line."""
    if "pairs" not in found:
        return ""
    before, after = found["pairs"].rmse_percent()
    return f", {found['pairs'].method}: {before:.3g} -> {after:.3g} % off the target"
