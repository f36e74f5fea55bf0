"""`earthloom.align`: one sensor's bands as those of another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from earthloom.engine import arrays
from earthloom.engine.options import Run, run_of
from earthloom.engine.prepared import Prepared
from earthloom.errors import InputError, MethodError
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.prepare.bandpass.aligning import Aligning, Applying, Matched
from earthloom.prepare.bandpass.pairing import AUTO, MARK, PROBLEM, Pairing, require_unmarked, told_pair
from earthloom.prepare.bandpass.transform import Transform
from earthloom.raster.told import Told
from earthloom.training.bandpass.fit import alone, fitted, learns, learnt
from earthloom.training.bandpass.pairs import pairs_of
from earthloom.training.bandpass.registering import registered
from earthloom.types import Scene, Window
from earthloom.verbs.declared import verb
from earthloom.verbs.flags import FILE, FILES, OUTPUT, Flag
from earthloom.verbs.pipeline import Work, perform
from earthloom.verbs.telling import require_nothing_to_tell

DEFAULT = "spectral"  # needs no image of the target sensor
FITTED = "cross_linear"  # where there is one
SENSORS = ("source", "target")


def default_method(given: Mapping[str, Any]) -> str:
    """The method where none is named."""
    return DEFAULT if given.get("target") is None else FITTED


@verb("bandpass", default_method, SENSORS, without=SENSORS, image="source")
def align(
    source: Annotated[Any, Flag(list[str], group="Files", bare=True)],
    *,
    source_sensor: Annotated[Any, Flag(str, ("--from",), "Files")] = None,
    target_sensor: Annotated[Any, Flag(str, ("--to",), "Files")] = None,
    method: Annotated[str | Method | Transform | None, Flag(str, ("--method", "-m"), "Files")] = None,
    target: Annotated[Any, FILES] = None,
    source_mask: Annotated[Any, FILE] = None,
    target_mask: Annotated[Any, FILE] = None,
    output: Annotated[str | Path | None, OUTPUT] = None,
    register: bool = False,
    force: bool = False,
    run: Run | None = None,
    **more: Any,
) -> Any:
    """Turn one sensor's image into what another sensor's bands would have shown.

    ``earthloom align fit SOURCES TARGETS -o transform.json`` keeps what was fitted to pairs of images, and
    ``earthloom align apply transform.json SOURCE -o OUT`` applies it to any later one.

    Parameters
    ----------
    source
        The image of the sensor that was there: a file, a file per band, a Sentinel-2 SAFE folder, or a Landsat folder
        with its MTL file. In Python: also numpy ``(band, y, x)``, a torch tensor or an xarray DataArray.
    source_sensor
        Sensor of the source, such as sentinel2a, or a file of your own (default: what its metadata say).
    target_sensor
        Sensor whose bands are wanted, such as gaofen1_wfv.
    method
        Name of a method; ``earthloom methods bandpass`` lists them (default: cross_linear with a target, else
        spectral); ``auto`` tries them on ground that they were not fitted to. In Python: also a method object, a fitted
        transform, or the ``.json`` that it was saved in.
    target
        An image of that sensor, same place and time: the method is fitted to it, on the grid of the larger pixels.
    source_mask
        Clouds in the source, one band: left out when fitting.
    target_mask
        Clouds in the target.
    output
        GeoTIFF to write, on the grid of the source. In Python: without it, files give a DataArray.
    register
        Lay the target on the source before fitting, by the displacement that their blocks agree on.
    force
        Also align an image that was aligned before.
    run
        How to run.
    **more
        Fields of the method (``published=True``: those of its published formula), and of
        :class:`earthloom.engine.options.Run`. What is told about the images: ``source_`` and ``target_`` with the
        fields of :class:`earthloom.raster.told.Told`, such as ``source_scale``.

    Returns
    -------
    Array of the kind of ``source`` with the target sensor's bands (those that a source band sees); for files the
    path written, or a DataArray. Numbers are stored as those of ``source``; with a ``target`` as those of it.

    Raises
    ------
    EarthloomError
        With what was given, what was expected and what to do.

    Examples
    --------
    $ earthloom align S2.SAFE --to gaofen1_wfv -o as_wfv.tif
    $ earthloom align s2.tif --from sentinel2a --to landsat8 --target l8.tif -m auto -o as_l8.tif

    >>> import numpy as np
    >>> from earthloom import align
    >>> image = np.random.default_rng(0).uniform(0.02, 0.4, (4, 32, 32))
    >>> align(image, source_sensor="sentinel2a", target_sensor="gaofen1_wfv").shape
    (4, 32, 32)
    """
    pairing, rest = told_pair(more, source_sensor, target_sensor, force)
    run, fields = run_of(rest, run)
    require_unmarked(source, force)
    if isinstance(method, Transform) or str(method).endswith(".json"):
        transform = method if isinstance(method, Transform) else Transform.load(str(method))
        if fields or target is not None:
            given = ", ".join([*fields, *(["target"] if target is not None else [])])
            raise InputError(f"{given} with a fitted transform", "a source alone", "it was fitted before")
        return _applied(transform, source, output, more, force, run)
    if register and target is None:
        raise InputError("`register=True` without a target", "`target=FILE` beside it")
    inputs = {"source": source, "target": target, "source_mask": source_mask, "target_mask": target_mask}
    find = Finding(chosen_aligner(method, fields, target is not None), register)
    return perform(Work(inputs, Aligning(pairing), find, run, told_of_pair(pairing), output=output))


def told_of_pair(pairing: Pairing) -> dict[str, Any]:
    """What is told about the image of each role."""
    return {"source": pairing.source, "target": pairing.target}


@dataclass(frozen=True)
class Finding:
    """Finds the method as it runs: told the sensors, and fitted to the target where there is one."""

    method: Method | str
    register: bool = False

    def __call__(self, prepared: Prepared, run: Run) -> Method:
        """For what is prepared.

        Raises
        ------
        MethodError
            If there is nothing to fit to, or the bands do not answer to each other.
        """
        pair: Matched = prepared.pair
        method = pair.told_sensors(self.method) if isinstance(self.method, Method) else self.method
        if pair.other is None or not learns(method) or pair.seen.image.in_memory:
            pair.require_unit(method)
        if pair.other is None:
            return alone(method, pair.scene, run)
        scene: Scene = registered([pair.scene], run)[0] if self.register else pair.scene
        if pair.seen.image.in_memory:
            if isinstance(method, str) or method.card.family == "network":
                name = method if isinstance(method, str) else method.card.name
                raise MethodError(f"{name} fitted to arrays", "files, or a method such as cross_linear")
            return fitted(method, scene, run)
        found = learnt(method, [scene], (pair.seen, pair.other), run)
        run.fact(pairs=pairs_of(found, scene, (pair.seen.sensor.title, pair.to.title)))
        return found


def _applied(found: Transform, source: Any, output: Any, more: Mapping[str, Any], force: bool, run: Run) -> Any:
    """A source by a transform that was fitted before."""
    pairing, _ = told_pair(more, found.source.sensor, found.target.sensor, force)
    if arrays.is_path(source):
        find = Ready(found.aligner)
        return perform(
            Work({"source": source}, Applying(found, pairing), find, run, told_of_pair(pairing), output=output)
        )
    if output is not None:
        raise InputError("output= with arrays", "paths", "write the array that is returned yourself")
    require_nothing_to_tell(run, "arrays")
    taken, told = arrays.take(source, "source"), pairing.source
    own = {
        "scale": (told.scale,) if told.scale is not None else found.source.scale,
        "offset": (told.offset,) if told.offset is not None else found.source.offset,
    }
    found = found.with_sides(replace(found.source, **own))
    known = Told(nodata=found.source.nodata if told.nodata is None else told.nodata)
    image = arrays.images_of({"source": taken}, {"source": known})["source"]
    data = found.apply(taken.data, image.read(Window(0, 0, *image.shape))[1])
    attrs = {**taken.attrs, MARK: f"{PROBLEM}/{found.method}, {found.source.sensor} to {found.target.sensor}"}
    return taken.back(data, found.target.bands, attrs)


@dataclass(frozen=True)
class Ready:
    """A method that was made ready before."""

    method: Method

    def __call__(self, prepared: Prepared, run: Run) -> Method:
        """As it is."""
        return self.method


def chosen_aligner(method: str | Method | None, own: Mapping[str, Any], fits: bool) -> Method | str:
    """The method asked for; ``auto`` stays a word.

    Raises
    ------
    InputError, MethodError
        If there is no such method, or it does not take the fields.
    """
    name = (FITTED if fits else DEFAULT) if method is None else method
    if name == AUTO and not own:
        return AUTO
    return catalog.choose(name, PROBLEM, "bandpass alignment", own)
