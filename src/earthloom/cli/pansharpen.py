"""`earthloom pansharpen`: the flags of the method are the fields of its dataclass."""

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

DEFAULT = "gsa"
FILES, RUN = Group.create_ordered("Files"), Group.create_ordered("Run")
Flag = Annotated[bool, Parameter(group=RUN, negative="", show_default=False)]


@Parameter(name="*")
@dataclass(frozen=True)
class Run:
    """How to run, whatever the method.

    Parameters
    ----------
    sensor
        Sensor name or TOML file; sets the MTF gains (default: from the metadata, else generic, MTF 0.3).
    register
        Correct the displacement between MS and PAN, which is always measured.
    convention
        Where MS samples lie on files without georeferencing: `centre`, or `toolbox` for MATLAB benchmarks.
    threads
        Tiles worked on at a time (default: one a core).
    tile_size
        Side of a tile in PAN pixels (default: by method and free memory). The result does not depend on it.
    refine
        Back-projections after fusing, which make the product agree with the MS; 0 for none.
    adapt
        Fit a network to this very scene before it is fused, without ground truth.
    adapt_seconds
        How long to adapt; implies `--adapt` (default: 60).
    save_weights
        Keep the adapted weights in this file, for `--weights`.
    compress
        zstd and deflate write a COG with overviews, none a plain tiled GeoTIFF, the fastest.
    dtype
        Type of the output, such as uint16 or float32 (default: that of the MS).
    nodata
        Code of missing pixels in the inputs and the output, instead of what the files say.
    ignore_georeferencing
        Lay the upper left corners on each other, whatever the files say.
    overwrite
        Replace an existing output.
    verbose
        Say what is done and why.
    quiet
        No progress bar, no summary; warnings stay.
    """

    sensor: Annotated[str | None, Parameter(group=RUN)] = None
    register: Flag = False
    convention: Annotated[Literal["centre", "toolbox"] | None, Parameter(group=RUN)] = None
    threads: Annotated[int | None, Parameter(group=RUN)] = None
    tile_size: Annotated[int | None, Parameter(group=RUN)] = None
    refine: Annotated[int, Parameter(group=RUN)] = 0
    adapt: Flag = False
    adapt_seconds: Annotated[float | None, Parameter(group=RUN)] = None
    save_weights: Annotated[Path | None, Parameter(group=RUN)] = None
    compress: Annotated[Literal["zstd", "deflate", "none"], Parameter(group=RUN)] = "zstd"
    dtype: Annotated[str | None, Parameter(group=RUN)] = None
    nodata: Annotated[float | None, Parameter(group=RUN)] = None
    ignore_georeferencing: Flag = False
    overwrite: Flag = False
    verbose: Annotated[Flag, Parameter(name=["--verbose", "-v"])] = False
    quiet: Annotated[Flag, Parameter(name=["--quiet", "-q"])] = False


def command(name: str, arguments: Sequence[str]) -> Callable[..., None]:
    """The command for the method that the arguments name."""
    return with_fields(pansharpen, catalog.find(method_in(arguments, DEFAULT)))


def pansharpen(
    *,
    pan: Annotated[str, Parameter(group=FILES)],
    ms: Annotated[list[str], Parameter(group=FILES, consume_multiple=True, negative="")],
    output: Annotated[Path, Parameter(name=["--output", "-o"], group=FILES)],
    method: Annotated[str, Parameter(name=["--method", "-m"], group=FILES)] = DEFAULT,
    run: Run | None = None,
    **chosen: Any,
) -> None:
    """Sharpen a multispectral image with a panchromatic one.

    Parameters
    ----------
    pan
        Panchromatic image: a file, or a Landsat folder.
    ms
        Multispectral image: a file, a file per band, or a Landsat folder.
    output
        GeoTIFF to write, on the grid of the PAN.
    method
        Name of a method; `earthloom methods` lists them.
    """
    sharpen(pan, ms, output, catalog.make(method, **chosen), run or Run())


def sharpen(pan: str | Path, ms: Sequence[str | Path], output: Path, method: Any, run: Run) -> None:
    """Run, with a progress bar and a line at the end."""
    from earthloom.cli.process import tune

    tune()  # before GDAL reads its settings
    from earthloom.engine.files import sharpen_files
    from earthloom.engine.verbs import Options
    from earthloom.methods.refine import refined

    found: dict[str, Any] = {}
    with Screen(run.quiet, run.verbose) as screen, warnings.catch_warnings():
        show_warnings(screen)
        options = Options(
            sensor=run.sensor, convention=run.convention, register=run.register, threads=run.threads,
            tile_size=run.tile_size, nodata=run.nodata, dtype=run.dtype, compress=run.compress,
            overwrite=run.overwrite, ignore_georeferencing=run.ignore_georeferencing,
            progress=screen.progress, say=screen.say if run.verbose else None, measured=found.update,
            adapt_seconds=adapting_seconds(run.adapt, run.adapt_seconds), save_weights=run.save_weights,
        )  # fmt: skip
        path = sharpen_files(pan, list(ms), output, refined(method, run.refine), options)
        line = f"{path} ({Path(path).stat().st_size / 1e6:.1f} MB)"
        if "network" in found:
            screen.say(found["network"])
        if "before_percent" in found:
            line += f", residual {found['before_percent']:.3g} -> {found['after_percent']:.3g} %"
        screen.done(line)
