"""`earthloom.superresolve`: a hyperspectral cube on a grid a whole ratio finer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np

from earthloom.engine.arrays import is_path
from earthloom.engine.options import Run, run_of
from earthloom.engine.prepared import Prepared
from earthloom.errors import InputError
from earthloom.evaluation.duration import foretell
from earthloom.evaluation.refining import AUTO, refined_for, require_steps
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.methods.wrappers.refined import refined
from earthloom.prepare.superresolution.bands import numbers_in
from earthloom.prepare.superresolution.cube_arrays import centres_of
from earthloom.prepare.superresolution.job import Enlarging
from earthloom.prepare.superresolution.opening import DEFAULT, DEFAULT_RATIO, HINT, PROBLEM, ToldCube, whole_ratio
from earthloom.raster import told as raster
from earthloom.raster.write.place import GEOTIFF, MATLAB
from earthloom.training.ready import ready
from earthloom.verbs.declared import verb
from earthloom.verbs.flags import METHOD, OUTPUT, PYTHON, Flag
from earthloom.verbs.pipeline import Work, perform

CUBE = "Cube"
ON = Flag(group=CUBE)


@verb("superresolution", DEFAULT, image="cube")
def superresolve(
    cube: Annotated[Any, Flag(str, group="Files", bare=True)],
    ratio: Annotated[float, Flag(float, ("--ratio", "-r"), "Files")] = DEFAULT_RATIO,
    method: Annotated[str | Method, METHOD] = DEFAULT,
    weights: Annotated[str | Path | None, Flag(str, group="Files")] = None,
    refine: Annotated[bool | int | Literal["auto"], Flag(int | Literal["auto"], group="Files")] = True,
    *,
    wavelengths_nm: Annotated[Sequence[float] | np.ndarray | None, PYTHON] = None,
    bands: Annotated[Sequence[str | int] | None, Flag(list[str], group=CUBE)] = None,
    bad_bands: Annotated[Any, Flag(list[str], group=CUBE)] = None,
    drop_bad: Annotated[bool, ON] = False,
    across_gaps: Annotated[bool, ON] = False,
    bands_first: Annotated[bool, ON] = False,
    sensor: Annotated[Any, Flag(str, group=CUBE)] = None,
    blur: Annotated[Literal["bicubic", "mtf"] | None, ON] = None,
    nodata: Annotated[float | None, ON] = None,
    output: Annotated[str | Path | None, OUTPUT] = None,
    run: Run | None = None,
    **more: Any,
) -> Any:
    """Bring a hyperspectral cube to a grid 2, 3, 4 or 8 times finer.

    Parameters
    ----------
    cube
        ENVI (the data or its .hdr), GeoTIFF, NetCDF, .mat (``file.mat:name`` where it holds several), or a folder of
        CAVE. In Python: also numpy ``(band, y, x)``, a torch tensor or an xarray DataArray.
    ratio
        Pixel size of the cube over that of the product: 2, 3, 4 or 8.
    method
        Name of a method; ``earthloom methods superresolution`` lists them. In Python: or a method object.
    weights
        Of a network: a .safetensors file, the folder of a run, a shipped name, or an authors' .pth (default: those that
        fit).
    refine
        So many back-projections after the method, which make the product agree with the cube; 0 for none, ``auto`` for
        as many as help on the cube itself one scale down (default: as the method is, dualsr with its own fine stage).
        In Python: True for that default.
    wavelengths_nm
        One per band of an array, where neighbours and gaps in the spectrum are not those of the order.
    bands
        Bands of the cube: which, in which order, numbers from 1 or names.
    bad_bands
        Bands that no method shall see, numbers from 1 and ranges: 1-4 107-113 (besides those that the file calls bad,
        hold nothing or one value alone). They are interpolated.
    drop_bad
        Leave bad bands out of the product.
    across_gaps
        Let bands on either side of a gap in the spectrum (water vapour) be neighbours.
    bands_first
        The bands come first, though the cube looks as if they came last.
    sensor
        Sensor name or TOML file, for the blur of its bands.
    blur
        How the pixels came about: ``bicubic``, MATLAB's antialiased imresize, in which networks are trained (default),
        or ``mtf``, the sensor's (default with one).
    nodata
        Code of missing pixels, instead of what the file says.
    output
        GeoTIFF (or .mat) to write: the same ground, all bands. In Python: without it, files give a DataArray.
    run
        How to run.
    **more
        Fields of the method, such as ``variant`` and ``ensemble`` (``published=True``: those of its published formula),
        and of :class:`earthloom.engine.options.Run`.

    Returns
    -------
    Array of the kind of the input; for files the path written, or a DataArray.

    Raises
    ------
    EarthloomError
        With what was given, what was expected and what to do.

    Examples
    --------
    $ earthloom superresolve cube.hdr --ratio 2 -o fine.tif
    $ earthloom superresolve scene.mat:hsi -r 4 -m back_projection --sensor enmap -o fine.tif

    >>> import numpy as np
    >>> from earthloom import superresolve
    >>> superresolve(np.random.rand(8, 16, 16), ratio=2, method="bicubic").shape
    (8, 32, 32)
    """
    run, fields = run_of(more, run)
    told = ToldCube(whole_ratio(ratio), sensor, blur, numbers_in(bad_bands), drop_bad, across_gaps, bands_first, nodata)
    if weights is not None:
        fields["weights"] = str(weights)
    require_steps(refine)
    chosen = chosen_superresolver(method, fields, True if refine == AUTO else refine)
    if is_path(cube) and wavelengths_nm is not None:
        raise InputError("wavelengths_nm= with a file", "those of the file", "write them into its header")
    centres = () if is_path(cube) else _centres(cube, wavelengths_nm)
    told_of_file = {"cube": raster.Told(nodata=nodata, bands=bands)}
    prepare = Enlarging(told, chosen, centres)
    asked = Foretelling(chosen, refine == AUTO)
    return perform(Work({"cube": cube}, prepare, asked, run, told_of_file, {"cube": "hs"}, output, GEOTIFF + MATLAB))


@dataclass(frozen=True)
class Foretelling:
    """The method for what is prepared, after it was said how long it will take.

    Parameters
    ----------
    method
        As it was asked for.
    auto
        Find on the cube itself how often it is refined.
    """

    method: Method
    auto: bool

    def __call__(self, prepared: Prepared, run: Run) -> Method:
        """With its weights."""
        scene = prepared.scene
        foretell(self.method, scene, run)
        found = ready(self.method, scene, run)
        return refined_for(found, AUTO, scene, PROBLEM, run) if self.auto else found


def _centres(cube: Any, wavelengths_nm: Sequence[float] | np.ndarray | None) -> tuple[float | None, ...]:
    """Wavelengths of an array; empty where unknown.

    Raises
    ------
    InputError
        If they are not as many as there are bands.
    """
    centres = centres_of(cube, wavelengths_nm)
    shape = getattr(cube, "shape", ())
    if wavelengths_nm is not None and len(shape) == 3 and len(centres) != shape[0]:
        hint = HINT.format(2) if len(centres) == shape[2] else ""
        raise InputError(f"{len(centres)} wavelengths for {shape[0]} bands", "one per band", hint)
    return tuple(centres)


def chosen_superresolver(method: str | Method, own: dict[str, Any], refine: bool | int = True) -> Method:
    """The method asked for, refined as asked.

    Raises
    ------
    InputError, MethodError
        If there is no such method, or it does not take the fields.
    """
    chosen = catalog.choose(method, PROBLEM, "super-resolution", own)
    if refine is True:
        return chosen
    own = catalog.with_published(method, PROBLEM, own) if isinstance(method, str) else own
    staged = "fine" in chosen.parameters
    if staged and (not refine or own.get("fine", "spectral") == "spectral"):
        # its own fine stage is a back-projection already: as many steps, or none
        return replace(chosen, **({"fine": "spectral", "steps": int(refine)} if refine else {"fine": "none"}))
    return refined(chosen, int(refine))
