"""`earthloom.series`: every date of which there is a coarse image: a batch whose rows share a library of dates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date as day_of
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np

from earthloom.engine.arrays import Taken
from earthloom.engine.options import Run, run_of
from earthloom.engine.sink import Array
from earthloom.errors import InputError
from earthloom.evaluation.choosing import AUTO, chosen_for_dates, require_none
from earthloom.evaluation.dates_out import COPY, left_out_of_series
from earthloom.methods.base import Method
from earthloom.methods.wrappers.judged import require_turning
from earthloom.methods.wrappers.refined import refined
from earthloom.notebook import arrays, plot
from earthloom.prepare.spatiotemporal.calendar import asked
from earthloom.prepare.spatiotemporal.gathering import gathered, opened_library
from earthloom.prepare.spatiotemporal.known import Coregister, Handling, Match, chosen_predictor, sorted_out
from earthloom.prepare.spatiotemporal.layers import Asking, prepared_day
from earthloom.prepare.spatiotemporal.library import MOST_PAIRS, Library, counts_similar
from earthloom.raster.steady import paths_in, stamps
from earthloom.raster.write.place import require_apart, require_folder
from earthloom.verbs.batching.folder import SeriesFolder, readied, require_possible
from earthloom.verbs.declared import verb
from earthloom.verbs.flags import METHOD, Flag
from earthloom.verbs.pipeline import FactKeeper, produce
from earthloom.verbs.predict import DEFAULT, SENSORS
from earthloom.verbs.telling import require_folder_pages, require_nothing_to_tell, tell_folder

DIR = "DIR"


class Predicted(NamedTuple):
    """A date of a series.

    Parameters
    ----------
    image
        Of the kind of the fine images.
    confidence
        0 to 1, (y, x); 1 where it was measured.
    known
        The dates that it was predicted from.
    used
        Which of them at every pixel, (y, x): the sum of ``2**k`` over those that were clear, counted from 0.
    similar
        Similar pixels that every pixel rests on, (y, x); None where the method does not count.
    expected_error
        Root mean square over the bands of how far every pixel is expected to be off, (y, x), in physical units; None
        without ``quality=True``.
    """

    image: Any
    confidence: np.ndarray
    known: tuple[day_of, ...]
    used: np.ndarray
    similar: np.ndarray | None
    expected_error: np.ndarray | None = None

    @property
    def pictured(self) -> tuple[dict[str, Any], str]:
        """What is drawn of it, and a title."""
        known = ", ".join(map(str, self.known))
        return {"confidence": self.confidence, "image": self.image}, f"Predicted from {known}"

    def _repr_html_(self) -> str:
        """For notebooks."""
        return arrays(self._asdict(), "A date of a series")

    plot = plot


@verb("spatiotemporal", DEFAULT, SENSORS)
def series(
    fine: Annotated[Any, Flag(str, ("--fine-dir",), "Files", DIR)],
    coarse: Annotated[Any, Flag(str, ("--coarse-dir",), "Files", DIR)],
    method: Annotated[str | Method, METHOD] = DEFAULT,
    ratio: float | None = None,
    *,
    dates: Annotated[Sequence[Any] | None, Flag(list[str], group="Files")] = None,
    fill: Annotated[bool, Flag(group="Files")] = False,
    most_pairs: Annotated[int, Flag(group="Files")] = MOST_PAIRS,
    fine_masks: Annotated[Any, Flag(str, ("--fine-mask-dir",), "Files", DIR)] = None,
    coarse_masks: Annotated[Any, Flag(str, ("--coarse-mask-dir",), "Files", DIR)] = None,
    date_pattern: Annotated[str | None, Flag(str, group="Files", shown="REGEX")] = None,
    match: Match = "none",
    coregister: Coregister = "auto",
    days_apart: Annotated[int, Flag(group="Files")] = 0,
    refine: int = 0,
    output: Annotated[str | Path | None, Flag(Path, ("--output", "-o"), "Files", DIR)] = None,
    run: Run | None = None,
    **more: Any,
) -> Any:
    """Predict the fine image of every date of which there is a coarse one.

    Every date is predicted from the nearest known date before and the nearest after it; where those are masked, from
    the next nearest. The displacement of the coarse images, and what fits them to the fine ones, are measured once on
    all known dates.

    Parameters
    ----------
    fine
        Fine images with dates in their names: a folder, or a pattern such as 'landsat/*_ndvi'. In Python: also a list
        of files, or a mapping of dates to arrays ``(band, y, x)`` (numpy, torch, xarray).
    coarse
        Coarse images, likewise. The nearest fine image before and after makes the pairs.
    method
        Name of a method; ``earthloom methods spatiotemporal`` lists them. ``auto`` leaves known dates out and takes for
        every band what predicts them best from the others, once for all dates. In Python: or a method object.
    ratio
        Coarse over fine pixel size, where the coarse images were resampled to the fine grid. Images are compared at
        that scale (default: estimated); FSDAF, Fit-FC and networks must be told.
    dates
        Dates to predict, or intervals FROM/TO (default: all with a coarse and without a fine image).
    fill
        Also fill the gaps of the fine images there are, from the other dates.
    most_pairs
        Known dates that a prediction begins with: the nearest before and after (2), or the nearest alone (1).
    fine_masks
        Clouds of the fine images, likewise; dates without a mask are clear.
    coarse_masks
        Clouds of the coarse images.
    date_pattern
        Where the date stands in a name: groups for year, month, day, or year and day of the year (default: found).
    match
        ``regression`` fits the coarse images to the fine ones, band by band, where units or sensors differ.
    coregister
        The displacement of the coarse images is measured; ``auto`` corrects it when it is beyond doubt and more than a
        quarter of a coarse pixel, ``always`` whenever it is known, ``measure`` warns only, ``off`` does not look.
    days_apart
        Most days between a fine image and the coarse image that it is paired with.
    refine
        Back-projections after fusing, which make each product agree with its coarse image; 0 for none.
    output
        Folder for a COG, its quality layers and a STAC item each date, and a STAC collection. What is finished there
        stays, so that a run that was stopped goes on.
    run
        How to run.
    **more
        As for :func:`earthloom.predict`.

    Returns
    -------
    dict
        Date to :class:`Predicted` for arrays, date to the path of its COG for files (those that were there already
        count too).

    Raises
    ------
    EarthloomError
        With what was given, what was expected and what to do.

    Examples
    --------
    $ earthloom series --fine-dir landsat --coarse-dir modis -o predicted
    $ earthloom series --fine-dir landsat --coarse-dir modis --evaluate -m estarfm --beside starfm copy

    >>> import numpy as np
    >>> from earthloom import series
    >>> fine = {"2020-03-01": np.random.rand(2, 48, 48), "2020-03-20": np.random.rand(2, 48, 48)}
    >>> coarse = {f"2020-03-{d:02}": np.random.rand(2, 6, 6) for d in (1, 10, 20)}
    >>> [str(day) for day in series(fine, coarse, "copy", coregister="off")]
    ['2020-03-10']
    """
    told, coarse_told, rest = sorted_out(more)
    handling = Handling(told, coarse_told, ratio, match, coregister, days_apart)
    run, fields = run_of(rest, run)
    if most_pairs < 1:
        raise InputError(f"most_pairs {most_pairs}", "at least 1")
    if method == AUTO:
        require_none(fields)
    named = None if method == AUTO else chosen_predictor(method, fields, ratio)
    if run.quality and named is not None:
        require_turning(named)
    files = not isinstance(fine, Mapping) and not isinstance(coarse, Mapping)
    if files and output is None:
        raise InputError("files without output=", "a folder for the products", "output='predicted'")
    if not files and output is not None:
        raise InputError("output= with arrays", "folders of files", "write the arrays that are returned yourself")
    if files:
        require_possible(Path(str(output)))
    else:
        require_nothing_to_tell(run, "arrays")
    found = gathered(fine, coarse, fine_masks, coarse_masks, date_pattern)
    if files:
        require_apart(Path(str(output)), [Path(str(path)) for path in found.inputs.values()])
        require_folder_pages(run, Path(str(output)), paths_in(dict(found.inputs)))
    before = stamps(paths_in(dict(found.inputs)))
    with run.begin(), opened_library(found, handling, run) as (lib, taken):  # the same workers for all dates
        days = asked(dates, lib.dates, fill)
        chosen = _tried(lib, most_pairs, run) if named is None else named
        asking = Asking(refined(chosen, refine), most_pairs, fill)
        if taken is not None:
            return {day: _in_memory(lib, day, asking, taken, run) for day in days}
        if not days:
            raise InputError(
                "no date to predict: every coarse image has a fine one", "coarse images of other dates",
                "`fill` fills gaps in the fine ones, `evaluate` tests the method on them",
            )  # fmt: skip
        require_folder(Path(str(output)))
        done = SeriesFolder(Path(str(output)), lib, asking, before).filled(days, run)
        tell_folder(run, Path(str(output)), [one.path for one in done if one.path is not None])
        run.fact(dates=done)
        return {one.day: one.path for one in done if one.path is not None}


def _tried(lib: Library, most: int, run: Run) -> Method:
    """The method of every band, by known dates that are left out."""
    make = partial(chosen_predictor, own={}, ratio=lib.handling.ratio)
    left = left_out_of_series(lib, make(COPY), most)
    days = list(lib.dates.pairs)
    wanted = left[0].scene if left else lib.picked(days, days[0])
    return chosen_for_dates(left, wanted, float(lib.ratio), run, make)


def _in_memory(lib: Library, day: day_of, asking: Asking, taken: Mapping[str, Taken], run: Run) -> Predicted:
    """One date as arrays."""
    facts = FactKeeper(run.facts)
    run = replace(run.about(str(day)), facts=facts)
    prepared, known = prepared_day(lib, day, asking, False, run)
    choose = partial(readied, asking.method)
    image, confidence, used, similar, *off = produce(prepared, Array(taken), choose, run, facts)
    counted = similar[0] if counts_similar(asking.method) else None
    return Predicted(image, confidence[0], tuple(known), used[0], counted, off[0][0] if off else None)
