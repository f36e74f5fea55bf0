"""`earthloom.sharpen`: coarse bands on the grid of fine ones, of one sensor or of several."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from earthloom.engine.options import Run, run_of
from earthloom.engine.prepared import Prepared
from earthloom.evaluation.choosing import chosen, require_none
from earthloom.evaluation.refining import refined_for, require_steps
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.methods.wrappers.each_coarse import EachCoarse, OneCoarse
from earthloom.prepare.blurring import AUTO, gain_in
from earthloom.prepare.sharpened_roles import by_roles
from earthloom.prepare.sharpening import Pairing
from earthloom.problems.sharpening import coarse_roles
from earthloom.raster.told import Told
from earthloom.training.ready import ready
from earthloom.types import Scene
from earthloom.verbs.declared import verb
from earthloom.verbs.flags import FILES, METHOD, NAME, OUTPUT, Flag
from earthloom.verbs.pipeline import Work, perform

PROBLEM, DEFAULT = "sharpening", "gwr"


@verb("sharpening", DEFAULT, image="coarse")
def sharpen(
    fine: Annotated[Any, Flag(list[str], group="Files", placed=True)],
    coarse: Annotated[Any, FILES] = None,
    method: Annotated[str | Method, METHOD] = DEFAULT,
    sensor: Annotated[Any, NAME] = None,
    *,
    fine_sensor: Annotated[Any, NAME] = None,
    output: Annotated[str | Path | None, OUTPUT] = None,
    keep_fine: bool | None = None,
    register: bool = False,
    mtf: Annotated[str | float, Flag(str)] = AUTO,
    nodata: float | None = None,
    refine: int | Literal["auto"] = 0,
    run: Run | None = None,
    **more: Any,
) -> Any:
    """Sharpen coarse bands with finer ones, such as those of Sentinel-2 to 10 m.

    Parameters
    ----------
    fine
        Images of one or more bands that are sharp, or a product that holds bands of several pixel sizes (Sentinel-2):
        files, folders or archives. In Python: also arrays ``(band, y, x)``, or a list of them.
    coarse
        Images whose bands are wanted on the finest grid, each on a grid of its own (default: the coarser bands of the
        product). Files on one grid are bands of one image.
    method
        Name of a method; ``earthloom methods sharpening`` lists them. ``auto`` tries a few on the scene itself and
        takes for every band what suits it, or no fusion. In Python: or a method object.
    sensor
        Of the coarse images (default: from the metadata): a name or a TOML file.
    fine_sensor
        Of the fine images, where it is another.
    output
        GeoTIFF to write, on the grid of the finest image. In Python: without it, files give a DataArray.
    keep_fine
        The fine bands, as they are, are a part of the product (default: for a product of several pixel sizes).
    register
        Correct the displacement of every coarse image, which is always measured.
    mtf
        How blurred coarse bands are at their Nyquist frequency: ``auto`` finds it in the scene, ``sensor`` takes what
        the sensor's file says, a number between 0 and 1 says it.
    nodata
        Code of missing pixels in the inputs and the output, instead of what the files say.
    refine
        Back-projections after fusing, F + U (C - D B F), which make the product agree with the coarse bands;
        ``auto`` for as many as help on the scene itself one scale down.
    run
        How to run.
    **more
        Fields of the method (``published=True``: those of its published formula), and of
        :class:`earthloom.engine.options.Run`, such as ``threads`` and ``overwrite``.

    Returns
    -------
    Array of the same kind as ``fine``, ``(band, y, x)`` on its grid; for files the path written, or a DataArray.

    Raises
    ------
    EarthloomError
        With what was given, what was expected and what to do.

    Examples
    --------
    $ earthloom sharpen S2A_MSIL2A_20250101.SAFE -o all_bands_10m.tif
    $ earthloom sharpen --fine b10m.tif --coarse b20m.tif b60m.tif --sensor sentinel2a -o sharp.tif

    >>> import numpy as np
    >>> from earthloom import sharpen
    >>> fine, coarse = np.random.rand(4, 64, 64), np.random.rand(6, 32, 32)
    >>> sharpen(fine, coarse, method="exp").shape
    (6, 64, 64)
    """
    run, fields = run_of(more, run)
    require_steps(refine)
    if method == AUTO:
        require_none(fields)
    asked = None if method == AUTO else catalog.choose(method, PROBLEM, "sharpening", fields)
    keep_fine = coarse is None if keep_fine is None else keep_fine
    inputs, kinds = by_roles(fine, coarse)
    told = dict.fromkeys(inputs, Told(nodata=nodata))
    prepare = Pairing(sensor, fine_sensor, bool(keep_fine), register, gain_in(mtf), nodata)
    return perform(Work(inputs, prepare, Each(asked, refine), run, told, kinds, output))


@dataclass(frozen=True)
class Each:
    """A method for every coarse image: refined, with the weights that fit it, adapted to it; None: found by trying."""

    method: Method | None
    refine: int | str

    def __call__(self, prepared: Prepared, run: Run) -> Method:
        """Ready for the scene."""
        roles = coarse_roles(prepared.scene.empty())
        return EachCoarse.of({role: self._one(prepared.scene, role, run, len(roles) > 1) for role in roles})

    def _one(self, scene: Scene, role: str, run: Run, several: bool) -> Method:
        """Ready for one coarse image."""
        own, run = OneCoarse(scene, role), run.about(role) if several else run
        method = chosen(own, PROBLEM, run, about=role if several else "") if self.method is None else self.method
        return refined_for(ready(method, own, run), self.refine, own, PROBLEM, run)
