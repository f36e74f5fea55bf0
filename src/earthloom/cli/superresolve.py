"""`earthloom superresolve`: a hyperspectral cube on a finer grid; the flags of the method are its fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Group, Parameter

from earthloom.cli.fields import method_in, with_fields
from earthloom.cli.running import FILES, Run, working
from earthloom.methods import catalog

PROBLEM, DEFAULT = "superresolution", "dualsr"
CUBE = Group("Cube", sort_key=2)
On = Annotated[bool, Parameter(group=CUBE, negative="", show_default=False)]


@Parameter(name="*")
@dataclass(frozen=True)
class Inputs:
    """What is told about the cube.

    Parameters
    ----------
    bad_bands
        Bands that no method shall see, numbers from 1 and ranges: 1-4 107-113 (besides those that the file calls bad,
        hold nothing or one value alone). They are interpolated.
    drop_bad
        Leave bad bands out of the product.
    across_gaps
        Let bands on either side of a gap in the spectrum be neighbours.
    bands_first
        The bands come first, though the cube looks as if they came last.
    sensor
        Sensor name or TOML file, for the blur of its bands.
    blur
        How the pixels came about: `bicubic`, in which networks are trained (default), or `mtf`, the sensor's (default
        with --sensor).
    nodata
        Code of missing pixels, instead of what the file says.
    """

    bad_bands: Annotated[list[str] | None, Parameter(group=CUBE, consume_multiple=True, negative="")] = None
    drop_bad: On = False
    across_gaps: On = False
    bands_first: On = False
    sensor: Annotated[str | None, Parameter(group=CUBE)] = None
    blur: Annotated[Literal["bicubic", "mtf"] | None, Parameter(group=CUBE)] = None
    nodata: Annotated[float | None, Parameter(group=CUBE)] = None


def command(name: str, arguments: Sequence[str]) -> Callable[..., None]:
    """The command for the method that the arguments name."""
    return with_fields(superresolve, catalog.find(method_in(arguments, DEFAULT), PROBLEM))


def superresolve(
    cube: Annotated[str, Parameter(group=FILES)],
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"], group=FILES)],
    ratio: Annotated[float, Parameter(name=["--ratio", "-r"], group=FILES)] = 4,
    method: Annotated[str, Parameter(name=["--method", "-m"], group=FILES)] = DEFAULT,
    refine: Annotated[int | None, Parameter(group=FILES)] = None,
    no_refine: Annotated[bool, Parameter(group=FILES, negative="", show_default=False)] = False,
    inputs: Inputs | None = None,
    run: Run | None = None,
    **chosen: Any,
) -> None:
    """Bring a hyperspectral cube to a grid 2, 3, 4 or 8 times finer.

    Parameters
    ----------
    cube
        ENVI (the data or its .hdr), GeoTIFF, NetCDF, .mat (`file.mat:name` where it holds several), a folder of CAVE.
    output
        GeoTIFF (or .mat) to write: the same ground, all bands.
    ratio
        Pixel size of the cube over that of the product: 2, 3, 4 or 8.
    method
        Name of a method; `earthloom methods` lists them.
    refine
        So many back-projections after the method, which make the product agree with the cube (default: as the method
        is, dualsr with its own fine stage).
    no_refine
        Without the fine stage: what the network alone makes.
    """
    from earthloom.errors import InputError

    cls = catalog.find(method, PROBLEM)
    own = {f.name: chosen[f.name] for f in fields(cls) if f.name in chosen and chosen[f.name] != f.default}
    if no_refine and refine:
        raise InputError(f"--refine {refine} with --no-refine", "one of them")
    told = inputs or Inputs()
    with working(run or Run()) as work:
        from earthloom.prepare.superresolution.bands import numbers_in
        from earthloom.prepare.superresolution.opening import Told, whole_ratio
        from earthloom.verbs.superresolve import choose
        from earthloom.verbs.superresolve_files import superresolve_files

        steps: bool | int = False if no_refine else True if refine is None else refine
        made = choose(method, own, steps)
        what = Told(
            whole_ratio(ratio), told.sensor, told.blur, numbers_in(told.bad_bands), told.drop_bad, told.across_gaps,
            told.bands_first, told.nodata,
        )  # fmt: skip
        path = superresolve_files(cube, output, made, what, work.options)
        work.done(path, _summary(work.found, what.ratio))


def _summary(found: dict[str, Any], ratio: float) -> str:
    """What there is to know, for the last line."""
    more = f", {ratio} times finer"
    if "before_percent" in found:
        more += ", residual {before_percent:.3g} -> {after_percent:.3g} %".format(**found)
    return more
