"""A picture of a super-resolved cube: where two pixels lie, their spectra, and the PSNR of every band."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.errors import InputError
from earthloom.evaluation.reference import CUBE_BANDS, PSNR_OF, beside, enlarged
from earthloom.ops.stretch import limits, stretch
from earthloom.raster.open import open_image
from earthloom.report.quicklook import INK, PAPER, QUIET, save_figure
from earthloom.types import Bool, Float, Report

COLOURS = ("#c8452c", "#3b7ea1", "#7a8f3c", "#8a5a9e")
RGB_NM = (650.0, 550.0, 460.0)
NEAR_NM = 60.0
EDGE = 99.5  # percentile of the contrast at which the first pixel is taken: an edge, and no outlier
BORDER = 8  # the border within which no pixel is taken is so many times smaller than the image
SHOWN = (1.0, 99.0)  # percentiles of the spectra between which an axis reaches: a spike does not set it
ROOM = 0.12  # of that beyond them


def spectra_of(
    product: str | Path, reference: str | Path | None, hs: str | Path | None, path: str | Path, report: Report,
    ratio: float | None, nodata: float | None = None,
) -> Path:  # fmt: skip
    """Draw files, with the figures of their report.

    Raises
    ------
    InputError
        If there is no reference, or the images are no cubes.
    """
    if reference is None or ratio is None:
        raise InputError("a figure without a reference", "a reference", "pass `reference` and `ratio`")

    data, truth, both, _ = beside(product, reference, nodata)
    if len(truth) < CUBE_BANDS:
        raise InputError(f"a figure of {len(truth)} bands", f"a cube of at least {CUBE_BANDS}")
    centres: Sequence[float | None] = ()
    bad: set[int] = set()
    for name in (reference, product):
        with open_image(name, role="hs") as image:
            bad |= {number - 1 for number in image.bad_bands}
            centres = image.wavelengths_nm if any(image.wavelengths_nm) and not any(centres) else centres
    shown = {"product": data}
    if hs is not None:
        shown = {"bicubic": np.where(both, enlarged(hs, ratio, nodata), 0), **shown}
    rows = report.rows or {"product": report.figures}
    return draw(truth, shown, both, path, centres, rows, Path(product).name, tuple(bad))


def draw(
    truth: Float[np.ndarray, "band y x"],
    products: Mapping[str, Float[np.ndarray, "band y x"]],
    valid: Bool[np.ndarray, "y x"],
    path: str | Path,
    centres_nm: Sequence[float | None] = (),
    rows: Mapping[str, Mapping[str, float]] | None = None,
    title: str = "",
    bad: Sequence[int] = (),
) -> Path:
    """Draw the truth with two pixels marked, their spectra in every product, and the PSNR of every band.

    Parameters
    ----------
    truth
        What the products should be.
    products
        By name; the last one is the one that matters.
    valid
        Pixels that count.
    centres_nm
        Wavelengths; bands are numbered without, and where they do not rise.
    rows
        Figures of each product, for the legend and the curve.
    title
        Above all.
    bad
        Bands, from 0, that are left out, as those that hold one number are.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11.5, 6.6), dpi=110, facecolor=PAPER)
    FigureCanvasAgg(figure)
    along, order, unit = _axis(centres_nm, len(truth))
    dead = np.array([at in bad or np.ptp(band[valid]) == 0 for at, band in enumerate(truth)])
    pixels = two_pixels(truth, valid)
    figure.text(0.03, 0.965, title, fontsize=12.5, color=INK, va="top")
    panel = figure.add_axes((0.03, 0.5, 0.26, 0.4))
    _image(panel, truth, centres_nm, pixels)
    for at, (name, (y, x)) in enumerate(zip("AB", pixels, strict=True)):
        axes = figure.add_axes((0.36 + 0.325 * at, 0.52, 0.28, 0.36))
        for (called, cube), colour in zip(products.items(), _colours(products), strict=True):
            axes.plot(along, _broken(cube[:, y, x], dead)[order], color=colour, lw=1.6, label=called)
        axes.plot(along, _broken(truth[:, y, x], dead)[order], color=INK, lw=1.2, ls=(0, (4, 2)), label="truth")
        axes.set_ylim(*_reach([cube[~dead, y, x] for cube in (*products.values(), truth)]))
        _plain(axes, f"{name}: row {y}, column {x}", "value" if at == 0 else "", unit)
        if at == 0:
            axes.legend(frameon=False, fontsize=8.5, labelcolor=INK)
    axes = figure.add_axes((0.07, 0.09, 0.895, 0.3))
    for (called, cube), colour in zip(products.items(), _colours(products), strict=True):
        figures = (rows or {}).get(called, {})
        curve = np.array([figures.get(f"{PSNR_OF}{band + 1}", np.nan) for band in range(len(cube))])
        axes.plot(along, _broken(curve, dead)[order], color=colour, lw=1.6)
        told = "   ".join(f"{key} {figures[key]:.4g}" for key in ("psnr", "mpsnr", "ssim", "sam_deg") if key in figures)
        axes.plot([], [], color=colour, lw=1.6, label=f"{called}   {told}")
    _plain(axes, "PSNR of every band", "dB", unit)
    axes.legend(frameon=False, fontsize=8.5, labelcolor=INK, loc="best")
    return save_figure(figure, path)


def two_pixels(
    truth: Float[np.ndarray, "band y x"], valid: Bool[np.ndarray, "y x"]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """One pixel at a strong edge, and one of those in the brighter half whose spectrum is least like it.

    Neither lies at the border, where nothing is known of one side, and neither is the one outlier.
    """
    inner = np.zeros_like(valid)
    margin = [max(n // BORDER, 1) for n in valid.shape]
    inner[margin[0] : -margin[0], margin[1] : -margin[1]] = True
    valid = valid & inner if (valid & inner).any() else valid
    mean = np.where(valid, truth.mean(axis=0), 0)
    down, across = np.gradient(mean)
    contrast = np.where(valid, np.hypot(down, across), -1)
    wanted = np.percentile(contrast[valid], EDGE)
    y, x = np.unravel_index(int(np.abs(contrast - wanted).argmin()), contrast.shape)
    bright = valid & (mean >= np.median(mean[valid]))
    length = np.sqrt(np.square(truth).sum(axis=0)) * max(float(np.linalg.norm(truth[:, y, x])), 1e-300)
    alike = np.tensordot(truth[:, y, x], truth, axes=1) / np.maximum(length, 1e-300)
    wanted = np.percentile(alike[bright], 100 - EDGE)
    v, u = np.unravel_index(int(np.where(bright, np.abs(alike - wanted), np.inf).argmin()), alike.shape)
    return (int(y), int(x)), (int(v), int(u))


def _reach(spectra: Sequence[np.ndarray]) -> tuple[float, float]:
    """What an axis of spectra spans: nearly all of them, and some room."""
    each = [np.percentile(one, SHOWN) for one in spectra if one.size]
    low, high = (float(side) for side in (np.min(each, axis=0)[0], np.max(each, axis=0)[1])) if each else (0.0, 1.0)
    room = ROOM * (high - low) or 1.0
    return low - room, high + room


def _axis(centres_nm: Sequence[float | None], bands: int) -> tuple[np.ndarray, np.ndarray, str]:
    """Where bands lie along the axis, their order, and its name."""
    if len(centres_nm) == bands and all(nm is not None for nm in centres_nm):
        nm = np.array(centres_nm, float)
        order = np.argsort(nm, kind="stable")
        return nm[order], order, "wavelength, nm"
    return np.arange(1, bands + 1), np.arange(bands), "band"


def _broken(spectrum: np.ndarray, dead: np.ndarray) -> np.ndarray:
    """A spectrum without the bands that hold nothing: the line is interrupted there."""
    return np.where(dead, np.nan, spectrum)


def _colours(products: Mapping[str, Any]) -> list[str]:
    """The first colour for the last product."""
    return [COLOURS[(len(products) - 1 - at) % len(COLOURS)] for at in range(len(products))]


def _image(axes: Any, truth: np.ndarray, centres_nm: Sequence[float | None], pixels: Sequence[tuple[int, int]]) -> None:
    """The truth in colours, the pixels marked."""
    picks = [round(share * (len(truth) - 1)) for share in (0.83, 0.5, 0.17)]
    if len(centres_nm) == len(truth) and all(nm is not None for nm in centres_nm):
        nm = np.array(centres_nm, float)
        found = [int(np.abs(nm - wanted).argmin()) for wanted in RGB_NM]
        if all(abs(nm[at] - wanted) <= NEAR_NM for at, wanted in zip(found, RGB_NM, strict=True)):
            picks = found
    image = truth[picks]
    axes.imshow(stretch(image, *limits(image)), interpolation="nearest")
    for name, (y, x) in zip("AB", pixels, strict=True):
        axes.plot(x, y, "o", ms=9, mfc="none", mec="white", mew=2.6)
        axes.plot(x, y, "o", ms=9, mfc="none", mec=INK, mew=1.1)
        right = x < 0.85 * truth.shape[2]
        axes.annotate(
            name, (x, y), (9 if right else -17, -4), textcoords="offset points", color="white", fontsize=10.5,
            fontweight="bold", bbox={"boxstyle": "round,pad=0.15", "fc": INK, "ec": "none", "alpha": 0.75},
        )  # fmt: skip
    axes.set_axis_off()
    axes.set_title("truth", loc="left", fontsize=10.5, color=INK, fontweight="bold")


def _plain(axes: Any, title: str, y: str, x: str) -> None:
    """Axes without decoration."""
    axes.set_title(title, loc="left", fontsize=10.5, color=INK, fontweight="bold")
    axes.set_xlabel(x, fontsize=8.5, color=QUIET)
    axes.set_ylabel(y, fontsize=8.5, color=QUIET)
    axes.tick_params(labelsize=8, colors=QUIET, length=2)
    axes.grid(axis="y", color="#e4e8ec", lw=0.8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#c5ccd3")
