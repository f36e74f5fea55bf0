"""`earthloom.pansharpen`: a multispectral image on the grid of a panchromatic one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from earthloom.engine.options import Run, run_of
from earthloom.engine.prepared import Prepared
from earthloom.errors import InputError
from earthloom.evaluation.choosing import AUTO, chosen, require_none
from earthloom.evaluation.refining import refined_for, require_steps
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.prepare.blurring import OF_SENSOR, OfPan, estimated, gain_in
from earthloom.prepare.pansharpening import Sharpening
from earthloom.raster.formats import format_of
from earthloom.raster.told import Told
from earthloom.raster.write.place import GEOTIFF, MATLAB
from earthloom.training.ready import ready
from earthloom.verbs.declared import verb
from earthloom.verbs.flags import FILES, METHOD, NAME, OUTPUT, Flag
from earthloom.verbs.pipeline import Work, perform

PROBLEM, DEFAULT = "pansharpening", AUTO


@verb("pansharpening", DEFAULT, image="ms")
def pansharpen(
    pan: Annotated[Any, Flag(str, group="Files", placed=True)],
    ms: Annotated[Any, FILES] = None,
    method: Annotated[str | Method, METHOD] = DEFAULT,
    sensor: Annotated[Any, NAME] = None,
    *,
    bands: Annotated[Sequence[str | int] | None, Flag(list[str])] = None,
    output: Annotated[str | Path | None, OUTPUT] = None,
    convention: Annotated[str | None, Flag(Literal["centre", "toolbox"])] = None,
    register: bool = False,
    mtf: Annotated[str | float, Flag(str)] = OF_SENSOR,
    nodata: float | None = None,
    refine: int | Literal["auto"] = 0,
    run: Run | None = None,
    **more: Any,
) -> Any:
    """Sharpen a multispectral image with a panchromatic one.

    Parameters
    ----------
    pan
        Panchromatic image, or a product that holds both: a file, a folder or an archive. In Python: also numpy
        ``(y, x)`` or ``(1, y, x)``, a torch tensor or an xarray DataArray.
    ms
        Multispectral or hyperspectral image: a file, a file per band, a folder or an archive (default: that of the
        product that ``pan`` names). In Python: also an array of the kind of ``pan``, ``(band, y, x)``.
    method
        Name of a method; ``earthloom methods pansharpening`` lists them. ``auto`` tries a few on the scene itself and
        takes for every band what suits it, or no fusion. In Python: or a method object.
    sensor
        Sensor name or TOML file; sets the MTF gains (default: from the metadata, else generic, MTF 0.3).
    bands
        Bands of the MS: which, in which order, numbers from 1 or names. Names for bands that have none call them so,
        such as red green blue nir.
    output
        GeoTIFF (or .mat) to write, on the grid of the PAN. In Python: without it, files give a DataArray in physical
        units, or in the stored numbers of ``dtype`` when that is an integer.
    convention
        Where MS samples lie on images that do not say so: ``centre``, MS pixel i at PAN pixel r i + (r - 1) / 2, or
        ``toolbox``, r i + r / 2 with every habit of the MATLAB protocol.
    register
        Correct the displacement between MS and PAN, which is always measured.
    mtf
        How blurred the MS bands are at their Nyquist frequency: ``sensor`` takes what the sensor's file says, ``auto``
        finds it in the scene, a number between 0 and 1 says it.
    nodata
        Code of missing pixels in the inputs and the output, instead of what the files say; NaN and infinity are always
        missing.
    refine
        Back-projections after fusing, F + U (M - D B F), which make the product agree with the MS; 0 for none,
        ``auto`` for as many as help on the scene itself one scale down.
    run
        How to run.
    **more
        Fields of the method (``published=True``: those of its published formula), and of
        :class:`earthloom.engine.options.Run`, such as ``threads`` and ``overwrite``.

    Returns
    -------
    Array of the same kind as ``pan``, ``(band, y, x)`` on the PAN grid; for files the path written, or a
    DataArray.

    Raises
    ------
    EarthloomError
        With what was given, what was expected and what to do.

    Examples
    --------
    $ earthloom pansharpen --pan pan.tif --ms ms.tif -o sharp.tif -m mtf_glp_hpm --sensor worldview3
    $ earthloom pansharpen LC08_SCENE.tar -o sharp.tif --register --refine 5

    >>> import numpy as np
    >>> from earthloom import pansharpen
    >>> pan, ms = np.random.rand(64, 64), np.random.rand(3, 16, 16)
    >>> pansharpen(pan, ms, method="exp").shape
    (3, 64, 64)
    """
    run, fields = run_of(more, run)
    if ms is None:
        ms = product_of_both(pan)
    require_steps(refine)
    named = None if method == AUTO else catalog.choose(method, PROBLEM, "pansharpening", fields)
    asked = named if named is not None and refine != AUTO else Judging(named, mtf, refine, fields)
    told = {"pan": Told(nodata=nodata), "ms": Told(nodata=nodata, bands=bands)}
    steps = 0 if isinstance(asked, Judging) else int(refine)
    prepare = Sharpening(sensor, convention, register, nodata, mtf=gain_in(mtf))
    kinds = {"pan": "pan", "ms": "ms"}
    return perform(Work({"pan": pan, "ms": ms}, prepare, asked, run, told, kinds, output, GEOTIFF + MATLAB, steps))


@dataclass(frozen=True)
class Judging:
    """Finds on the scene itself, when all is prepared, the method of every band, or how often one is refined.

    Parameters
    ----------
    method
        None: it is to be found.
    mtf, refine
        As they were asked for.
    fields
        Of a method; none where nobody knows yet whose they would be.
    """

    method: Method | None
    mtf: str | float
    refine: int | str
    fields: Mapping[str, Any]

    def __post_init__(self) -> None:
        """Refuse fields of a method that is yet to be found."""
        if self.method is None:
            require_none(self.fields)

    def __call__(self, prepared: Prepared, run: Run) -> Method:
        """For what is prepared."""
        scene = prepared.scene
        gain = estimated(OfPan(scene), run.at_a_time, quickly=True).likely if self.mtf == OF_SENSOR else None
        method = chosen(scene, PROBLEM, run, gain) if self.method is None else self.method
        return refined_for(ready(method, scene, run), self.refine, scene, PROBLEM, run, gain)


def product_of_both(product: Any) -> Any:
    """A product that holds PAN and MS, as the MS too.

    Raises
    ------
    InputError
        If it is an array, several files, or a plain image.
    """
    if isinstance(product, (str, Path)) and "pan" in format_of(str(product)).offers(str(product)):
        return product
    raise InputError(
        f"{product if isinstance(product, (str, Path)) else 'a PAN'} alone", "`ms` beside it",
        "or a product that holds both: Landsat, EO-1 ALI or PRISMA",
    )  # fmt: skip
