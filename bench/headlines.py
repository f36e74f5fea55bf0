"""What the front page shows: one row for each claim, taken from the results of its problem."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Headline:
    """One row.

    Parameters
    ----------
    problem, table, column
        Where its figures stand.
    data
        What it was measured on, in words.
    figure
        What was measured, in words with the unit.
    none
        The row of no fusion, where there is one.
    beside
        Rows of which the best stands beside ours.
    beside_column
        Where they stand in another column: then a row may be ours in one and theirs in the other.
    ours
        Rows of which the best is shown; empty: all that remain.
    lower
        Whether less is better.
    part
        Which number of a cell of several, from 0.
    """

    problem: str
    table: str
    column: str
    data: str
    figure: str
    none: str = ""
    beside: tuple[str, ...] = ()
    beside_column: str = ""
    ours: tuple[str, ...] = ()
    lower: bool = True
    part: int = 0


PUBLISHED = (
    "awlp", "bdsd_pc", "brovey", "bt_h", "cnmf", "gs", "gsa", "mtf_glp", "mtf_glp_fs", "mtf_glp_hpm", "pca", "pracs",
    "sfim",
)  # fmt: skip
CLASSICAL = ("bdsd_pc", "cnmf", "gsa", "mtf_glp_hpm", "pracs")
CLASSICAL += tuple(f"{name} + 10 refinements" for name in ("bdsd_pc", "cnmf", "mtf_glp_hpm"))
LINES = ("ols", "hls", "cdf_match", "rma")
HEADLINES = (
    Headline(
        "pansharpening", "accuracy/published", "triplets, default",
        "WorldView-3, Pleiades, Gaofen-2, 4:1, reduced; beside it the formulas as published", "ERGAS", "exp", PUBLISHED,
        "triplets, published",
    ),
    Headline(
        "pansharpening", "accuracy/published", "Landsat-7, default", "Landsat-7, 2:1, reduced; likewise", "ERGAS",
        "exp", PUBLISHED, "Landsat-7, published",
    ),
    Headline(
        "pansharpening", "accuracy/means/full_resolution", "hqnr", "six full-resolution scenes, no truth", "HQNR",
        "exp", lower=False,
    ),
    Headline(
        "networks", "landsat7", "ergas", "Landsat-7, 2:1, reduced; beside networks the classical methods", "ERGAS",
        "exp", CLASSICAL,
    ),
    Headline(
        "networks", "gaofen2", "ergas", "Gaofen-2 degraded by others, which classical methods make worse", "ERGAS",
        "exp", CLASSICAL,
    ),
    Headline(
        "networks", "adapt_wv2", "ergas", "WorldView-2, adapted to the scene itself, quarter held out", "ERGAS", "exp",
        ("bdsd_pc + 10 refinements", "cnmf", "gsa", "mtf_glp_hpm"),
    ),
    Headline(
        "spatiotemporal", "accuracy/flood_block_means", "RMSE band 3",
        "flood of Gwydir, simulated coarse images; beside it the rules as published", "RMSE near infrared, x 10000",
        "copy", ("starfm, published", "fsdaf, published", "fit_fc, published"),
    ),
    Headline(
        "spatiotemporal", "networks/bordeaux_2017_10_26_simulated_mtf_0_3", "rmse",
        "a city that the network never saw; beside it the classical methods", "RMSE reflectance", "copy",
        ("fit_fc", "fsdaf", "starfm"),
    ),
    Headline(
        "sharpening", "judged/cases/t33uub_40_to_20_m_gaussian", "RMSE",
        "Sentinel-2, six bands of 40 m to 20 m by four; beside it pansharpening by their mean", "RMSE, x 10000", "exp",
        ("pan: cnmf", "pan: gsa", "pan: mtf_glp_hpm", "pan: pracs", "pan: bdsd_pc"),
        ours=("gwr, 1 refinement",),
    ),
    Headline(
        "superresolution", "4to1/cave", "PSNR dB, whole cube", "CAVE, 4:1", "PSNR, dB", "bicubic", ("back_projection",),
        lower=False,
    ),
    Headline(
        "bandpass", "alignment/gf_1_wfv1_to_s2a", "GF-1 WFV1 to S2A: noise",
        "Gaofen-1 to Sentinel-2A, made of one AVIRIS scene, noisy", "relative RMSE, %", "none", LINES,
    ),
    Headline(
        "bandpass", "alignment/landsat_8_sentinel_2", "S2 to Landsat-8, quarter 1",
        "Sentinel-2 to Landsat-8, real, ten days apart, a quarter held out", "relative RMSE, %", "none", LINES,
    ),
    Headline(
        "cloud_removal", "accuracy/simulated", "psnr", "Sentinel-2 with Sentinel-1, simulated clouds", "PSNR, dB",
        "cloudy input", ("inpaint",), lower=False,
    ),
    Headline(
        "cloud_removal", "accuracy/dates", "psnr", "Sentinel-2 with another date, simulated clouds", "PSNR, dB",
        "cloudy input", ("inpaint",), lower=False,
    ),
    Headline(
        "pansharpening", "speed/programs", "PAN Mpx/s", "Brovey on a PAN of 8192 x 8192 and four bands, two threads, "
        "files in and out", "Mpx of PAN a second", "", ("gdal_pansharpen",), ours=("brovey",), lower=False,
    ),
)  # fmt: skip
