"""From which sensor to which, and what is told about the images of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from earthloom.errors import InputError, MethodError
from earthloom.methods.base import Method
from earthloom.problems.bandpass import nearest_band
from earthloom.raster.told import Told
from earthloom.sensors import Sensor, load, match_bands
from earthloom.types import Band

PROBLEM = "bandpass"


AUTO = "auto"  # the best on held-out ground; it may be to do nothing


MARK = "earthloom_method"  # attribute of a DataArray that was aligned


_TOLD = tuple(one.name for one in fields(Told) if one.name != "sensor")


@dataclass(frozen=True)
class Pairing:
    """From which sensor to which, and what is told about the images of both."""

    source: Told
    target: Told
    force: bool = False


def require_unmarked(source: Any, force: bool) -> None:
    """Refuse a DataArray that says that it was aligned before."""
    before = getattr(source, "attrs", None)
    if isinstance(before, Mapping) and MARK in before and not force:
        raise InputError(f"a source that was aligned before ({before[MARK]})", "the sensor's own image", "force=True")


def told_pair(
    more: Mapping[str, Any], source_sensor: Any, target_sensor: Any, force: bool
) -> tuple[Pairing, dict[str, Any]]:
    """What is told about both images, out of keywords; and the rest."""
    told: dict[str, dict[str, Any]] = {"source": {"sensor": source_sensor}, "target": {"sensor": target_sensor}}
    rest: dict[str, Any] = {}
    for name, value in more.items():
        role, _, what = name.partition("_")
        if role in told and what in _TOLD:
            told[role][what] = value
        else:
            rest[name] = value
    return Pairing(Told(**told["source"]), Told(**told["target"]), force), rest


def for_sensors(method: Method, source: Sensor, target: Sensor) -> Method:
    """A method that is told whose bands it turns into whose, where it asks: names, or which satellite's table.

    Raises
    ------
    MethodError
        If a table has no row for the satellite.
    """
    known = {one.name for one in fields(method)}
    told: dict[str, Any] = {
        role: one.name for role, one in (("source", source), ("target", target))
        if role in known and getattr(method, role) is None
    }  # fmt: skip
    if "satellite" in known:
        msi = next((one.name for one in (source, target) if one.name.startswith("sentinel2")), None)
        if msi == "sentinel2c":
            raise MethodError(
                f"{method.card.name} for Sentinel-2C", "Sentinel-2A or 2B", "there is no row for it: choose spectral"
            )  # fmt: skip
        told |= {"satellite": msi} if msi is not None else {}
    return replace(method, **told) if told else method


def require_sensor(name: Any, role: str) -> Sensor:
    """The sensor of an image.

    Raises
    ------
    InputError
        If nobody says which.
    """
    if name is None:
        raise InputError(f"no {role} sensor", f"`{role}_sensor=NAME`", "`earthloom sensors` lists them")
    return load(name)


def wanted_bands(source: Sequence[Band], target: Sensor, names: Sequence[int | str] | None) -> tuple[Band, ...]:
    """Bands of the target sensor: those named, else each that some source band sees nearest of all.

    One source band answers to one target band: coastal blue is not made of blue because there is nothing else.
    """
    if names is not None:
        return match_bands(target, len(names), names)
    found = nearest_band(source, target.bands)
    kept = []
    for t, s in enumerate(found):
        if s is None:
            continue
        own = source[s]
        rivals = [target.bands[r] for r, other in enumerate(found) if other == s]
        if _apart(own, target.bands[t]) == min(_apart(own, rival) for rival in rivals):
            kept.append(target.bands[t])
    return tuple(kept) or target.bands  # of sensors that share none: the method says so


def _apart(one: Band, other: Band) -> float:
    """Distance of two bands in nm."""
    return abs((one.centre_nm or 0.0) - (other.centre_nm or 0.0))
