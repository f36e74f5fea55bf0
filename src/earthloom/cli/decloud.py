"""`earthloom decloud`: clouds out of an optical image; the flags of the method are the fields of its dataclass."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Group, Parameter

from earthloom.cli.fields import adapting_seconds, method_in, with_fields
from earthloom.cli.screen import Screen, show_warnings
from earthloom.methods import catalog

PROBLEM = "cloud_removal"
FILES, CLOUDS, RUN = (Group.create_ordered(name) for name in ("Files", "Clouds and radar", "Run"))
Flag = Annotated[bool, Parameter(group=RUN, negative="", show_default=False)]
Files = Annotated[list[str] | None, Parameter(group=FILES, consume_multiple=True, negative="")]


@Parameter(name="*")
@dataclass(frozen=True)
class Run:
    """How to run, whatever the method.

    Parameters
    ----------
    mask_values
        Numbers in the masks that mean cloud or shadow, such as 3 8 9 10 in Sentinel-2's SCL (default: all but 0).
    sar_units
        Of the backscatter: `db`, `linear`, or `auto`, which looks for negative numbers.
    replace_all
        Take the method's image at clear pixels too; otherwise they stay as they were, bit by bit.
    adapt
        Fit a network to this very scene first: its clear ground under simulated clouds, without ground truth.
    adapt_seconds
        How long to adapt; implies `--adapt` (default: 60).
    save_weights
        Keep the adapted weights in this file, for `--weights`.
    sensor
        Optical sensor, or TOML file: says which band is which (default: from the metadata or the number of bands).
    threads
        Tiles worked on at a time (default: one a core).
    tile_size
        Side of a tile in pixels. The result does not depend on it.
    compress
        zstd and deflate write a COG with overviews, none a plain tiled GeoTIFF, the fastest.
    dtype
        Type of the output, such as uint16 or float32 (default: that of the optical image).
    nodata
        Code of missing pixels in the optical images and the output, instead of what the files say.
    ignore_georeferencing
        Lay the upper left corners on each other, whatever the files say.
    overwrite
        Replace an existing output.
    verbose
        Say what is done and why.
    quiet
        No progress bar, no summary; warnings stay.
    """

    mask_values: Annotated[
        list[float] | None, Parameter(group=CLOUDS, consume_multiple=True, negative="", allow_leading_hyphen=True)
    ] = None
    sar_units: Annotated[Literal["auto", "db", "linear"], Parameter(group=CLOUDS)] = "auto"
    replace_all: Annotated[bool, Parameter(group=CLOUDS, negative="", show_default=False)] = False
    adapt: Flag = False
    adapt_seconds: Annotated[float | None, Parameter(group=RUN)] = None
    save_weights: Annotated[Path | None, Parameter(group=RUN)] = None
    sensor: Annotated[str | None, Parameter(group=RUN)] = None
    threads: Annotated[int | None, Parameter(group=RUN)] = None
    tile_size: Annotated[int | None, Parameter(group=RUN)] = None
    compress: Annotated[Literal["zstd", "deflate", "none"], Parameter(group=RUN)] = "zstd"
    dtype: Annotated[str | None, Parameter(group=RUN)] = None
    nodata: Annotated[float | None, Parameter(group=RUN)] = None
    ignore_georeferencing: Flag = False
    overwrite: Flag = False
    verbose: Annotated[Flag, Parameter(name=["--verbose", "-v"])] = False
    quiet: Annotated[Flag, Parameter(name=["--quiet", "-q"])] = False


def command(name: str, arguments: Sequence[str]) -> Callable[..., None]:
    """The command for the method that the arguments name, or imply by what they give."""
    return with_fields(decloud, catalog.find(method_in(arguments, _implied(arguments)), PROBLEM))


def _implied(arguments: Sequence[str]) -> str:
    """The default method for what is given."""
    flags = {argument.split("=", 1)[0] for argument in arguments}
    return default_method("--sar" in flags or "--optical" not in flags, "--date" in flags)  # bare help shows SAR


def default_method(with_sar: bool, with_dates: bool) -> str:
    """As :func:`earthloom.engine.decloud.default_method`, without importing it."""
    return "mosaic" if with_dates else "sar_regression" if with_sar else "inpaint"


def decloud(
    *,
    optical: Annotated[list[str], Parameter(group=FILES, consume_multiple=True, negative="")],
    sar: Files = None,
    mask: Annotated[str | None, Parameter(group=FILES)] = None,
    date: Files = None,
    date_mask: Files = None,
    output: Annotated[Path, Parameter(name=["--output", "-o"], group=FILES)],
    method: Annotated[str | None, Parameter(name=["--method", "-m"], group=FILES)] = None,
    run: Run | None = None,
    **chosen: Any,
) -> None:
    """Take clouds and their shadows out of an optical image.

    Parameters
    ----------
    optical
        Cloudy image: a file, or a file per band.
    sar
        Radar backscatter, VV and VH: a file, or a file per band. Any grid: it is resampled to that of the optical.
    mask
        Clouds and shadows to replace, one band (default: they are looked for).
    date
        Images of the same bands at other dates, one file each.
    date_mask
        Their clouds, one file for each date (default: they are looked for).
    output
        GeoTIFF to write, on the grid of the optical image.
    method
        Name of a method; `earthloom methods` lists them (default: mosaic with other dates, else sar_regression with
        SAR, else inpaint).
    """
    run = run or Run()
    made = catalog.make(method or default_method(sar is not None, bool(date)), PROBLEM, **chosen)
    remove({"optical": optical, "sar": sar, "mask": mask}, date or [], date_mask, output, made, run)


def remove(
    files: dict[str, Any], dates: Sequence[str], masks: Sequence[str] | None, output: Path, method: Any, run: Run
) -> None:
    """Run, with a progress bar and a line at the end."""
    from earthloom.cli.process import tune

    tune()  # before GDAL reads its settings
    from earthloom.engine.decloud import Clouds, named
    from earthloom.engine.decloud_files import decloud_files
    from earthloom.engine.verbs import Options

    found: dict[str, Any] = {}
    inputs = named(files["optical"], files["sar"], files["mask"], dates, masks)
    values = None if run.mask_values is None else tuple(run.mask_values)
    clouds = Clouds(values, run.sar_units, replace_all=run.replace_all)
    with Screen(run.quiet, run.verbose) as screen, warnings.catch_warnings():
        show_warnings(screen)
        options = Options(
            sensor=run.sensor, threads=run.threads, tile_size=run.tile_size, nodata=run.nodata, dtype=run.dtype,
            compress=run.compress, overwrite=run.overwrite, ignore_georeferencing=run.ignore_georeferencing,
            progress=screen.progress, say=screen.say if run.verbose else None, measured=found.update,
            adapt_seconds=adapting_seconds(run.adapt, run.adapt_seconds), save_weights=run.save_weights,
        )  # fmt: skip
        path = decloud_files(inputs, output, method, clouds, options)
        if "network" in found:
            screen.say(found["network"])
        share = f", {found['cloud_percent']:.3g} % under clouds" if "cloud_percent" in found else ""
        screen.done(f"{path} ({Path(path).stat().st_size / 1e6:.1f} MB){share}")
