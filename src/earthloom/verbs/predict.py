"""`earthloom.predict`: a fine image of a date of which only a coarse one exists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from earthloom.engine.options import Run, run_of
from earthloom.engine.prepared import Prepared
from earthloom.evaluation.choosing import AUTO, chosen_for_dates, require_none
from earthloom.evaluation.dates_out import left_out
from earthloom.methods.base import Method
from earthloom.methods.wrappers.refined import refined
from earthloom.prepare.spatiotemporal.known import (
    DAYS_APART,
    Coregister,
    Handling,
    Match,
    chosen_predictor,
    known_pairs,
    sorted_out,
    told_of,
)
from earthloom.prepare.spatiotemporal.predicting import Predicting, inputs_of
from earthloom.raster.listing.days import parse_date
from earthloom.training.ready import ready
from earthloom.verbs.declared import verb
from earthloom.verbs.flags import METHOD, OUTPUT, PYTHON, Flag, files_in
from earthloom.verbs.pipeline import Work, perform

DEFAULT = "starfm"
SENSORS = ("fine", "coarse")


def typed(own: dict[str, Any]) -> dict[str, Any]:
    """From ``--pair FINE COARSE DATE --coarse COARSE DATE`` to what the verb takes."""
    if "pairs" in own:  # a row of a batch may leave some to the options beside it
        own["dates"] = [one[2] for one in own["pairs"]]
        own["pairs"] = [one[:2] for one in own["pairs"]]
    if "coarse" in own:
        own["coarse"], own["date"] = own["coarse"]
    return files_in(own, "fine_masks", "coarse_masks")


@verb("spatiotemporal", DEFAULT, SENSORS, typed, image="coarse")
def predict(
    pairs: Annotated[
        Sequence[Any], Flag(list[tuple[str, str, str]], ("--pair",), "Files", "FINE COARSE DATE", required=True)
    ],
    coarse: Annotated[Any, Flag(tuple[str, str], group="Files", shown="COARSE DATE")],
    method: Annotated[str | Method, METHOD] = DEFAULT,
    ratio: float | None = None,
    *,
    dates: Annotated[Sequence[Any] | None, PYTHON] = None,
    date: Annotated[Any, PYTHON] = None,
    fine_masks: Annotated[Sequence[Any] | None, Flag(list[str], ("--fine-mask",), "Files")] = None,
    coarse_masks: Annotated[Sequence[Any] | None, Flag(list[str], ("--coarse-mask",), "Files")] = None,
    match: Match = "none",
    coregister: Coregister = "auto",
    days_apart: Annotated[int, Flag(group="Files")] = DAYS_APART,
    refine: int = 0,
    output: Annotated[str | Path | None, OUTPUT] = None,
    run: Run | None = None,
    **more: Any,
) -> Any:
    """Predict the fine image of a date from its coarse one and from other dates.

    Parameters
    ----------
    pairs
        A known date; again for another one. DATE is 2020-03-08, 20200308 or 2020068, or that of the fine and that of
        the coarse image, 2020-03-08/2020-03-10. The coarse image may have its own pixels and CRS. In Python:
        ``(fine, coarse)`` each, paths, numpy ``(band, y, x)``, torch tensors or xarray DataArrays.
    coarse
        The coarse image of the date to predict, and that date. In Python: the image alone.
    method
        Name of a method; ``earthloom methods spatiotemporal`` lists them. ``auto`` leaves each known date out and takes
        for every band what predicts it best from the others. In Python: or a method object.
    ratio
        Coarse over fine pixel size, where the coarse images were resampled to the fine grid. Images are compared at
        that scale (default: estimated); FSDAF, Fit-FC and networks must be told. In Python: also of arrays, whose
        shapes (or coordinates) tell when None.
    dates
        Days of the pairs: text, dates or datetimes; two of them, or ``"2020-03-08/2020-03-10"``, where the fine and the
        coarse image of a pair are of different days.
    date
        Day of ``coarse``. For files both come from the names and metadata when None; arrays can do without.
    fine_masks
        Clouds of the fine images, one band each: one file for every pair, in their order; ``none`` for an image
        without. In Python: None for those without.
    coarse_masks
        Clouds of the coarse images: one for every pair, then that of the date to predict; ``none`` for one without.
    match
        ``regression`` fits the coarse images to the fine ones, band by band at the coarse scale, where units or sensors
        differ.
    coregister
        The displacement of the coarse images is measured; ``auto`` corrects it when it is beyond doubt and more than a
        quarter of a coarse pixel, ``always`` whenever it is known, ``measure`` warns only, ``off`` does not look.
    days_apart
        Most days between the fine and the coarse image of a pair.
    refine
        Back-projections after fusing, which make the product agree with the coarse image; 0 for none.
    output
        GeoTIFF to write, on the grid of the first fine image. In Python: without it, files give a DataArray.
    run
        How to run.
    **more
        Fields of the method (``published=True``: those of its published formula), and of
        :class:`earthloom.engine.options.Run`. What is told about the images: ``fine_`` and ``coarse_`` with the fields
        of :class:`earthloom.raster.told.Told` (``fine_scale``, ``coarse_mask_bits`` ...).

    Returns
    -------
    Array of the kind of the first fine image, on its grid and in its numbers; for files the path written, or a
    DataArray.

    Raises
    ------
    EarthloomError
        With what was given, what was expected and what to do.

    Examples
    --------
    $ earthloom predict --pair f.tif c.tif 2020-03-01 --pair g.tif d.tif 2020-03-20 --coarse e.tif 2020-03-10 -o p.tif
    $ earthloom predict --pair f.tif c.tif 2020068 --coarse cp.tif 2020070 -m fsdaf --match regression -o p.tif
    $ earthloom predict --pair f.tif c.tif 2020068 --pair g.tif d.tif 2020084 --coarse e.tif 2020070 -m auto -o p.tif

    >>> import numpy as np
    >>> from earthloom import predict
    >>> fine, coarse, later = np.random.rand(3, 64, 64), np.random.rand(3, 8, 8), np.random.rand(3, 8, 8)
    >>> predict([(fine, coarse)], later, method="copy", coregister="off").shape
    (3, 64, 64)
    """
    fine_told, coarse_told, rest = sorted_out(more)
    handling = Handling(fine_told, coarse_told, ratio, match, coregister, days_apart)
    run, fields = run_of(rest, run)
    chosen = Trying(ratio, refine, fields) if method == AUTO else chosen_predictor(method, fields, ratio)
    known, target_mask = known_pairs(pairs, dates, fine_masks, coarse_masks)
    inputs = inputs_of(known, coarse, target_mask)
    prepare = Predicting(tuple(known), coarse, None if date is None else parse_date(date), handling)
    return perform(Work(inputs, prepare, chosen, run, told_of(inputs, handling), output=output, refine=refine))


@dataclass(frozen=True)
class Trying:
    """Finds, when all is prepared, the method of every band, by known dates that are left out.

    Parameters
    ----------
    ratio
        As told, for images on the fine grid.
    refine
        Back-projections after fusing.
    fields
        Of a method; there must be none, as nobody knows yet whose they would be.
    """

    ratio: float | None
    refine: int
    fields: Mapping[str, Any]

    def __post_init__(self) -> None:
        require_none(self.fields)

    def __call__(self, prepared: Prepared, run: Run) -> Method:
        """For what is prepared."""
        make = partial(chosen_predictor, own={}, ratio=self.ratio)
        ratio = float(self.ratio or prepared.facts["ratio"])
        found = chosen_for_dates(left_out(prepared.scene), prepared.scene, ratio, run, make)
        return ready(refined(found, self.refine), prepared.scene, run)
