"""`earthloom evaluate`: figures for one product, as a table or as JSON."""

from __future__ import annotations

import json as js
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from earthloom.cli.screen import Screen, show_warnings, strict
from earthloom.raster.steady import paths_in
from earthloom.report.html.meanings import PER_BAND, verdict
from earthloom.types import Report


def command(name: str, arguments: Sequence[str]) -> Callable[..., None]:
    """The function behind the command."""
    return evaluate


def evaluate(
    product: str,
    /,
    *,
    reference: str | None = None,
    mask: str | None = None,
    pan: str | None = None,
    ms: Annotated[list[str] | None, Parameter(consume_multiple=True, negative="")] = None,
    hs: str | None = None,
    ratio: float | None = None,
    sensor: str | None = None,
    convention: str | None = None,
    nodata: float | None = None,
    peak: float | None = None,
    margin: Annotated[int, Parameter(show_default=False)] = 0,
    ignore_georeferencing: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    memory: str | None = None,
    figure: Path | None = None,
    overwrite: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    json: Annotated[bool, Parameter(negative="", show_default=False)] = False,
) -> None:
    """Say how good a product is, with or without a reference.

    Parameters
    ----------
    product
        The fused image.
    reference
        The true image on the same grid: ERGAS, SAM, Q2n, SCC, SSIM, PSNR and others (needs --ratio, or
        --mask).
    mask
        Where clouds were, for --reference: PSNR, SSIM, SAM, MAE over these pixels and over all.
    pan
        The PAN instead of a reference (needs --ms): D_lambda, D_s, QNR, HQNR and others, and the consistency with
        both inputs.
    ms
        The MS that was sharpened: a file, or a file per band.
    hs
        The cube that was super-resolved, for --reference: its bicubic enlargement as a second row.
    ratio
        MS pixel size over PAN pixel size, for --reference (ERGAS divides by it).
    sensor
        Sensor name or TOML file (a product of Earthloom remembers it).
    convention
        `centre` or `toolbox`, for files without georeferencing.
    nodata
        Code of missing pixels, instead of what the files say.
    peak
        Largest possible value, for PSNR and SSIM (default: the largest of the reference).
    margin
        Border left out of the figures, in pixels (21 in the MATLAB protocol).
    ignore_georeferencing
        Lay the upper left corners on each other, whatever the files say.
    memory
        What judging may take, such as 4GiB (default: what is free). Without a --reference a part in the middle is
        judged where the whole does not fit.
    figure
        PNG to draw, for cubes with a --reference: spectra of two pixels, PSNR of every band.
    overwrite
        Replace an existing figure.
    json
        Print JSON.
    """
    from earthloom.raster.write.place import require_beside
    from earthloom.verbs.evaluate import evaluate as judge

    inputs = paths_in(product, reference, mask, pan, ms, hs, sensor)
    require_beside(figure, "the figure", ".png", inputs, overwrite)
    with Screen() as screen, warnings.catch_warnings():
        show_warnings(screen)
        report = judge(
            product, reference, mask=mask, pan=pan, ms=ms, hs=hs, ratio=ratio, sensor=sensor,
            convention=convention, nodata=nodata, peak=peak, margin=margin, ignore_georeferencing=ignore_georeferencing,
            memory=memory,
        )  # fmt: skip
        if figure is not None:
            from earthloom.report.spectra import spectra_of

            spectra_of(product, reference, hs, figure, report, ratio, nodata)
    print(js.dumps(strict(report.as_dict()), indent=2, allow_nan=False) if json else text(report))


HIGHER = {"mpsnr", "q2n", "uiqi", "scc", "cc", "psnr", "ssim", "qnr", "hqnr", "rqnr", "consistency_pan_detail_cc"}
NEITHER = ("bias", "chroma_noise_percent")  # no fusion has the least of the second: it is for comparing products
PSNR_OF, IN_LINE = "psnr_band_", 8


def text(report: Report) -> str:
    """For people: one line an index, the product beside other rows; then a line a band."""
    rows = dict(report.rows) or {"product": report.figures}
    names = [name for name in report.figures if not name.startswith((*PER_BAND, PSNR_OF))]
    width = max(map(len, names)) + 2
    lines = [
        report.title,
        *([verdict(report)] if verdict(report) else []),
        "",
        " " * (width + 9) + "".join(f"{name:>18}" for name in rows),
    ]
    for name in names:
        better = "" if name.endswith(NEITHER) else "higher" if name in HIGHER else "lower"
        lines.append(
            f"{name:<{width}}{better:<9}" + "".join(f"{row.get(name, float('nan')):>18.5g}" for row in rows.values())
        )
    bands = [name.removeprefix(PER_BAND[0]) for name in report.figures if name.startswith(PER_BAND[0])]
    if bands:
        lines += ["", f"{'consistency with the MS':<{width + 9}}{'rmse':>18}{'bias':>18}"]
        lines += [
            f"  {band:<{width + 7}}" + "".join(f"{report.figures[kind + band]:>18.5g}" for kind in PER_BAND)
            for band in bands
        ]
    curve = [(name.removeprefix(PSNR_OF), value) for name, value in report.figures.items() if name.startswith(PSNR_OF)]
    lines += ["", "PSNR by band"] if curve else []
    for at in range(0, len(curve), IN_LINE):
        lines.append("  " + "".join(f"{band:>5} {value:5.2f}" for band, value in curve[at : at + IN_LINE]))
    return "\n".join([*lines, *(f"\n{note}" for note in report.notes)])
