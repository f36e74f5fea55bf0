"""`earthloom evaluate`: what products are worth, in words, in a table or as JSON."""

from __future__ import annotations

import json as js
import shutil
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from earthloom.cli.parameters import as_flags
from earthloom.cli.screen import Screen, show_warnings, strict
from earthloom.raster.steady import paths_in


def command(name: str, arguments: Sequence[str]) -> Callable[..., None]:
    """The function behind the command."""
    return evaluate


def evaluate(
    product: str,
    /,
    *others: str,
    reference: str | None = None,
    mask: str | None = None,
    before: str | None = None,
    pan: str | None = None,
    ms: Annotated[list[str] | None, Parameter(consume_multiple=True, negative="")] = None,
    fine: Annotated[list[str] | None, Parameter(consume_multiple=True, negative="")] = None,
    coarse: Annotated[list[str] | None, Parameter(consume_multiple=True, negative="")] = None,
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
    all: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    json: Annotated[bool, Parameter(negative="", show_default=False)] = False,
) -> None:
    """Say how good a product is, with or without a reference; several are put in one table.

    Parameters
    ----------
    product
        The fused image.
    others
        More products of the same scene, to compare.
    reference
        The true image on the same grid: ERGAS, SAM, Q2n, SCC, SSIM, PSNR and others (needs --ratio, or
        --mask).
    mask
        Where clouds were, for --reference: PSNR, SSIM, SAM, MAE over these pixels and over all.
    before
        The cloudy image, for --mask: rows for it and for filling it from its surroundings (inpaint).
    pan
        The PAN instead of a reference (needs --ms): agreement with both, detail that is missing, and detail that
        neither supports; D_lambda, D_s, QNR, HQNR and others.
    ms
        The MS that was sharpened: a file, or a file per band.
    fine
        The fine images of `sharpen` instead (needs --coarse, or a Sentinel-2 product).
    coarse
        The coarse images that were sharpened.
    hs
        The cube that was super-resolved, for --reference: its bicubic enlargement as a second row.
    ratio
        MS pixel size over PAN pixel size, for --reference: without it no ERGAS and no figures of detail.
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
        PNG to draw: maps of where products are off; for a cube with a --reference spectra of two pixels and the
        PSNR of every band.
    overwrite
        Replace an existing figure.
    all
        Print all figures, also those of each band.
    json
        Print JSON: all figures, too.
    """
    from earthloom.evaluation.several import Reports
    from earthloom.raster.write.place import require_beside
    from earthloom.report.judged import table_of, text
    from earthloom.verbs.evaluate import evaluate as judge

    every = [product, *others]
    inputs = paths_in(*every, reference, mask, before, pan, ms, fine, coarse, hs, sensor)
    require_beside(figure, "the figure", ".png", inputs, overwrite)
    with Screen() as screen, warnings.catch_warnings():
        show_warnings(screen)
        report = judge(
            every if others else product, reference, mask=mask, before=before, pan=pan, ms=ms, fine=fine, coarse=coarse,
            hs=hs, ratio=ratio, sensor=sensor, convention=convention, nodata=nodata, peak=peak, margin=margin,
            ignore_georeferencing=ignore_georeferencing, memory=memory,
        )  # fmt: skip
        if figure is not None:
            from earthloom.report.errors import Asked, figure_of

            asked = Asked(reference, hs, pan, ms, ratio, nodata, sensor, convention, ignore_georeferencing)
            figure_of(every, asked, report, figure)
    if json:
        print(js.dumps(strict(report.as_dict()), indent=2, allow_nan=False))
        return
    width = shutil.get_terminal_size((80, 24)).columns
    told = table_of(report, all, width) if isinstance(report, Reports) else text(report, all, width)
    print(as_flags(told))
