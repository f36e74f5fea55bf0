"""`earthloom.fit_alignment`: a transform from one sensor to another, fitted to pairs of images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from earthloom.engine.options import Run, run_of
from earthloom.methods.base import Method
from earthloom.prepare.bandpass.pairing import AUTO, told_pair
from earthloom.prepare.bandpass.transform import Transform
from earthloom.training.bandpass.sources import fit_any
from earthloom.verbs.align import SENSORS, chosen_aligner
from earthloom.verbs.declared import verb
from earthloom.verbs.flags import FILES, Flag
from earthloom.verbs.telling import require_nothing_to_tell


@verb("bandpass", AUTO, SENSORS, without=SENSORS, inside="align")
def fit_alignment(
    sources: Annotated[Any, Flag(str, group="Files", bare=True)],
    targets: Annotated[Any, Flag(str, group="Files", bare=True)] = None,
    *,
    source_sensor: Annotated[Any, Flag(str, ("--from",), "Files")] = None,
    target_sensor: Annotated[Any, Flag(str, ("--to",), "Files")] = None,
    method: Annotated[str | Method | None, Flag(str, ("--method", "-m"), "Files")] = "auto",
    source_masks: Annotated[Sequence[Any] | None, FILES] = None,
    target_masks: Annotated[Sequence[Any] | None, FILES] = None,
    part: Annotated[Literal["train", "val", "test"], Flag(group="Files")] = "train",
    register: bool = False,
    run: Run | None = None,
    **more: Any,
) -> Transform:
    """Fit a transform to pairs of images of two sensors; files on any grids.

    Parameters
    ----------
    sources
        Image of the one sensor, or a folder of several. Alone, what holds both sensors: the folder of the published
        data set (data/REGION/{S2,GF1,mask}, divide/train.txt), or a hyperspectral cube (or a folder of cubes), seen
        through the response curves of both. In Python: a path, or a list of them.
    targets
        That of the other sensor, or a folder of as many: they are paired in the order of their names.
    source_sensor
        Sensor of the sources (default: what their metadata say).
    target_sensor
        Sensor of the targets.
    method
        Name of a method, or ``auto``: methods from nothing to a lot are tried on ground that they were not fitted to.
    source_masks
        Clouds in the sources, one file each.
    target_masks
        Clouds in the targets.
    part
        Of the published data set: which of its divide lists.
    register
        Lay every target on its source first, by the displacement that their blocks agree on.
    run
        How to run.
    **more
        As for :func:`earthloom.align`.

    Raises
    ------
    EarthloomError
        With what was given, what was expected and what to do.

    Examples
    --------
    $ earthloom align fit s2/ gaofen/ --from sentinel2a --to gaofen1_wfv -o transform.json
    """
    pairing, rest = told_pair(more, source_sensor, target_sensor, False)
    run, fields = run_of(rest, run)
    require_nothing_to_tell(run, "a fit")
    masks = source_masks, target_masks
    return fit_any(sources, targets, masks, chosen_aligner(method, fields, True), pairing, run, part, register)
