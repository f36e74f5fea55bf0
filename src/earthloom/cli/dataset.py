"""`earthloom dataset`: convert scenes to training data and back, and tell what a data set holds."""

from __future__ import annotations

import json as js
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Group, Parameter

from earthloom.cli.screen import Screen, show_warnings, strict

FILES, CUT, READ = Group.create_ordered("Files"), Group.create_ordered("Samples"), Group.create_ordered("Reading")
Flag = Annotated[bool, Parameter(negative="", show_default=False)]
Files = Annotated[list[str] | None, Parameter(group=FILES, consume_multiple=True, negative="")]
ABOUT = "Convert scenes to training data and back, or tell what a data set holds."


def command(name: str, arguments: Sequence[str]) -> Callable[..., Any]:
    """The application with both commands."""
    app = App(name=name, help=ABOUT, help_format="markdown", result_action="return_value")
    app.command(convert)
    app.command(info)
    return app


def convert(
    *scenes: Annotated[str, Parameter(group=FILES)],
    output: Annotated[Path, Parameter(name=["--output", "-o"], group=FILES)],
    pan: Annotated[str | None, Parameter(group=FILES)] = None,
    ms: Files = None,
    gt: Annotated[str | None, Parameter(group=FILES)] = None,
    format: Annotated[Literal["tif", "mat"], Parameter(group=FILES)] = "tif",
    overwrite: Annotated[Flag, Parameter(group=FILES)] = False,
    sensor: Annotated[str | None, Parameter(group=READ)] = None,
    convention: Annotated[Literal["centre", "toolbox"] | None, Parameter(group=READ)] = None,
    reduce: Annotated[Literal["auto", "always", "never"], Parameter(group=READ)] = "auto",
    bands: Annotated[list[str] | None, Parameter(group=READ, consume_multiple=True, negative="")] = None,
    scale: Annotated[float | None, Parameter(group=READ)] = None,
    maximum: Annotated[float | None, Parameter(group=READ)] = None,
    nodata: Annotated[float | None, Parameter(group=READ)] = None,
    ignore_georeferencing: Annotated[Flag, Parameter(group=READ)] = False,
    patch: Annotated[int, Parameter(group=CUT)] = 64,
    stride: Annotated[int | None, Parameter(group=CUT)] = None,
    ratio: Annotated[int | None, Parameter(group=CUT)] = None,
    split: Annotated[float, Parameter(group=CUT)] = 0.0,
    full: Annotated[Flag, Parameter(group=CUT)] = False,
    dtype: Annotated[str | None, Parameter(group=CUT)] = None,
    limit: Annotated[int | None, Parameter(group=CUT)] = None,
    quiet: Annotated[Flag, Parameter(name=["--quiet", "-q"])] = False,
) -> None:
    """Convert scenes to PanCollection HDF5, or a data set to a folder of files.

    Parameters
    ----------
    scenes
        Files and folders: HDF5, .mat, pairs such as K_pan.tif and K_ms.tif, folders pan/ ms/ gt/, Landsat folders.
    output
        A name ending in .h5, or a folder.
    pan
        The PAN of one scene, instead of SCENES (needs --ms).
    ms
        The MS of one scene: a file, or a file per band.
    gt
        The truth of one scene, on the grid of the PAN.
    format
        Of the files in a folder.
    overwrite
        Replace what exists.
    sensor
        Sensor name or TOML file; sets the MTF gains (default: what the data say, else generic, MTF 0.3).
    convention
        Where MS samples lie: `centre`, or `toolbox` for MATLAB benchmarks (default: what the data say).
    reduce
        `auto` degrades scenes without a truth, `always` those with one too, `never` none.
    bands
        Names of the MS bands in the order of the files.
    scale
        Multiply the numbers: 2047 brings data divided by 2047 back to digital numbers.
    maximum
        Largest number that can occur (default: by the bit depth of the sensor).
    nodata
        Code of missing pixels.
    ignore_georeferencing
        Lay the upper left corners on each other, whatever the files say.
    patch
        Side of a patch in PAN pixels; 0 keeps scenes whole. For HDF5.
    stride
        From patch to patch (default: no overlap).
    ratio
        Refuse data of another ratio.
    split
        Share of the scenes, the last ones, that goes to a second output called NAME_valid.
    full
        Write what was seen at native resolution, without a truth.
    dtype
        Of the stored numbers (default: float32; in folders uint16 where it holds them exactly).
    limit
        At most so many scenes or samples, spread evenly.
    quiet
        No progress bar, no summary.
    """
    from earthloom.errors import InputError
    from earthloom.verbs.convert import convert as run

    single = {"pan": pan, "ms": ms[0] if ms and len(ms) == 1 else ms, "gt": gt}
    single = {role: files for role, files in single.items() if files}
    if bool(scenes) == bool(single):
        raise InputError("both or neither of SCENES and --pan, --ms", "one of them")
    with Screen(quiet) as screen, warnings.catch_warnings():
        show_warnings(screen)
        written = run(
            single or list(scenes), output, sensor, patch=patch or None, stride=stride, ratio=ratio, split=split,
            full=full, format=format, dtype=dtype, limit=limit, overwrite=overwrite, progress=screen.progress,
            convention=convention, reduce=reduce, bands=bands, scale=scale, maximum=maximum, nodata=nodata,
            ignore_georeferencing=ignore_georeferencing,
        )  # fmt: skip
        parts = zip(written.paths, written.counts, strict=True)
        screen.done(" and ".join(f"{path} ({count} sample{'s' * (count != 1)})" for path, count in parts))


def info(
    *paths: str,
    sensor: str | None = None,
    samples: int = 256,
    json: Flag = False,
) -> None:
    """Tell what a data set holds: count, shapes, ranges, bit depth, missing numbers, geometry.

    Parameters
    ----------
    paths
        Files and folders, as for `earthloom dataset convert`.
    sensor
        Whose MTF the geometry is tried with (default: what the data say, else generic).
    samples
        Look at so many samples, spread evenly; 0 looks at all.
    json
        Print JSON.
    """
    from earthloom.training.cases.describe import describe_sources

    found = describe_sources(list(paths), sensor, samples or None)
    if json:
        print(js.dumps(strict(found), indent=2, allow_nan=False))
    else:
        show(found)


def show(found: dict[str, Any]) -> None:
    """For people: what is in it, a table of roles, what the geometry agrees with, what does not fit."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, soft_wrap=True)
    kinds = ", ".join(f"{name} ({count})" for name, count in found["layouts"].items())
    looked = "" if found["looked_at"] == found["count"] else f"; figures of {found['looked_at']} of them"
    told = (("layout", kinds), ("samples", f"{found['count']}{looked}"), ("sensor", found["sensor"]))
    for key, value in (*told, ("ratio", found["ratio"]), ("declared", _declared(found)), ("bits", found["bits"])):
        console.print(f"{key:<10} {value if value is not None else 'unknown'}", markup=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("role", "bands, rows, columns", "type"):
        table.add_column(column, no_wrap=True)
    for column in ("min", "mean", "max", "missing"):
        table.add_column(column, justify="right")
    for role, figures in found["roles"].items():
        shapes = [", ".join(map(str, shape)) for shape in figures["shapes"]]
        shown = shapes[0] if len(shapes) == 1 else f"{shapes[0]} ... {shapes[-1]}"
        kind = ", ".join(figures["dtypes"]) + (" whole" if figures["integers"] else "")
        numbers = ("-" if figures[key] is None else f"{figures[key]:.5g}" for key in ("min", "mean", "max"))
        table.add_row(role, shown, kind, *numbers, str(figures["missing"]))
    console.print()
    console.print(table)
    if found["geometry"]:
        console.print("\ngeometry (rms difference over the deviation of the image)")
    for role, tried in found["geometry"].items():
        errors = ", ".join(f"{name} {error:.2g}" for name, error in tried["errors"].items())
        what = "lms is ms interpolated by" if role == "lms" else "ms is gt degraded in the convention"
        console.print(f"  {what}: {tried['best']}   [{errors}]", markup=False)
    if found["displaced"]:
        console.print("\nms against them, in whole coarse pixels (rows, columns)")
    for role, told in found["displaced"].items():
        by = ", ".join(f"({shift}) {count}" for shift, count in told["shifts"].items())
        console.print(f"  {role}: {told['off']} of {told['tested']} samples off{f': {by}' if by else ''}", markup=False)
    for line in found["trouble"]:
        console.print(f"\ntrouble: {line}", markup=False)


def _declared(found: dict[str, Any]) -> str:
    """What the data set says about itself."""
    known = {"convention": found["convention"], "maximum": found["maximum"]}
    return (
        ", ".join(
            f"{key} {value:g}" if key == "maximum" else f"{key} {value}"
            for key, value in known.items()
            if value is not None
        )
        or "nothing"
    )
