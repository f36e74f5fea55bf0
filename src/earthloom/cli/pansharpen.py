"""`earthloom pansharpen`: the flags of the method are the fields of its dataclass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from earthloom.cli.fields import method_in, with_fields
from earthloom.cli.running import FILES, RUN, Flag, Run, working
from earthloom.methods import catalog

DEFAULT = "gsa"


@Parameter(name="*")
@dataclass(frozen=True)
class Inputs:
    """What is told about the images, and what is done to them.

    Parameters
    ----------
    sensor
        Sensor name or TOML file; sets the MTF gains (default: from the metadata, else generic, MTF 0.3).
    register
        Correct the displacement between MS and PAN, which is always measured.
    convention
        Where MS samples lie on files without georeferencing: `centre`, or `toolbox` for MATLAB benchmarks.
    nodata
        Code of missing pixels in the inputs and the output, instead of what the files say.
    refine
        Back-projections after fusing, which make the product agree with the MS; 0 for none.
    """

    sensor: Annotated[str | None, Parameter(group=RUN)] = None
    register: Flag = False
    convention: Annotated[Literal["centre", "toolbox"] | None, Parameter(group=RUN)] = None
    nodata: Annotated[float | None, Parameter(group=RUN)] = None
    refine: Annotated[int, Parameter(group=RUN)] = 0


def command(name: str, arguments: Sequence[str]) -> Callable[..., None]:
    """The command for the method that the arguments name."""
    return with_fields(pansharpen, catalog.find(method_in(arguments, DEFAULT)))


def pansharpen(
    *,
    pan: Annotated[str, Parameter(group=FILES)],
    ms: Annotated[list[str], Parameter(group=FILES, consume_multiple=True, negative="")],
    output: Annotated[Path, Parameter(name=["--output", "-o"], group=FILES)],
    method: Annotated[str, Parameter(name=["--method", "-m"], group=FILES)] = DEFAULT,
    inputs: Inputs | None = None,
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
    sharpen(pan, ms, output, catalog.make(method, **chosen), inputs or Inputs(), run or Run())


def sharpen(pan: str | Path, ms: Sequence[str | Path], output: Path, method: Any, inputs: Inputs, run: Run) -> None:
    """Run, with a progress bar and a line at the end."""
    images = {"sensor": inputs.sensor, "convention": inputs.convention, "register": inputs.register}
    with working(run) as work:
        from earthloom.verbs.pansharpen import pansharpen as sharpened

        path = sharpened(
            pan, list(ms), method, output=output, nodata=inputs.nodata, refine=inputs.refine, run=work.options, **images
        )  # fmt: skip
        residual = ", residual {before_percent:.3g} -> {after_percent:.3g} %"
        work.done(path, residual.format(**work.found) if "before_percent" in work.found else "")
