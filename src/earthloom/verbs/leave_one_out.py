"""`earthloom.leave_one_out`: how well methods predict each known date of a series from the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from earthloom.engine.options import Run, run_of
from earthloom.errors import InputError
from earthloom.evaluation.leave_out import methods_by_name, trial
from earthloom.methods.base import Method
from earthloom.prepare.spatiotemporal.gathering import gathered, opened_library
from earthloom.prepare.spatiotemporal.known import Coregister, Handling, Match, sorted_out
from earthloom.prepare.spatiotemporal.library import MOST_PAIRS
from earthloom.types import Report
from earthloom.verbs.telling import require_nothing_to_tell


def leave_one_out(
    fine: Any,
    coarse: Any,
    methods: Sequence[str | Method] | str | Method = ("starfm", "copy"),
    ratio: float | None = None,
    *,
    fine_masks: Any = None,
    coarse_masks: Any = None,
    date_pattern: str | None = None,
    most_pairs: int = MOST_PAIRS,
    match: Match = "none",
    coregister: Coregister = "auto",
    days_apart: int = 0,
    peak: float | None = None,
    keep: int = 0,
    run: Run | None = None,
    **more: Any,
) -> Report:
    """Predict every known date from the others, and compare with what was measured.

    Parameters
    ----------
    fine, coarse, fine_masks, coarse_masks, date_pattern, ratio, match, coregister, days_apart, most_pairs
        As for :func:`earthloom.series`. What is measured on the images (displacement,
        regression) is measured without the date left out.
    methods
        Names, or methods with their fields; ``copy`` is the row of no fusion at all.
    peak
        Largest possible value, for SSIM; the largest of the true images when None.
    keep
        Of how many dates the images are kept, for a figure.
    run
        How to run.
    **more
        What is told about the images, and how to run, as for :func:`earthloom.predict`.

    Returns
    -------
    Report
        Rows ``<method> <date>`` and ``<method> mean``, with RMSE, MAE, CC, SSIM, SAM, ERGAS and UIQI (sliding windows,
        and whole bands) each; ``figures`` is the mean row of the first method.

    Raises
    ------
    EarthloomError
        With what was given, what was expected and what to do.
    """
    told, coarse_told, rest = sorted_out(more)
    run, odd = run_of(rest, run)
    require_nothing_to_tell(run, "an evaluation")
    if odd:
        raise InputError(f"no option {', '.join(odd)}", "fields in method objects", "earthloom.methods.catalog.make")
    handling = Handling(told, coarse_told, ratio, match, coregister, days_apart)
    given = [methods] if isinstance(methods, (str, Method)) else list(methods)
    found = gathered(fine, coarse, fine_masks, coarse_masks, date_pattern)
    with run.begin(), opened_library(found, handling, run) as (lib, _):  # the same workers for all dates
        tried = trial(lib, methods_by_name(given, ratio), most_pairs, peak, keep)
        run.fact(trial=tried, bands=lib.scene.fine_bands)
        return tried.report
