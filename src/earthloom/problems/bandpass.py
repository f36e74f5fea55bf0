"""Bandpass alignment: seen is one sensor's image, wanted is what another sensor's bands would have shown.

Views, on one grid:

* ``source``: the bands of the sensor that was there; ``valid`` is where they were measured and clear.
* ``target``: the bands of the other sensor. With pixels (same place, same light) it is what a transform is fitted to;
  without (:func:`bands_alone`) it only says which bands are wanted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np

from earthloom.errors import InputError, MethodError
from earthloom.problems.base import Case, Problem
from earthloom.types import Band, Bool, Float, Observation, View

FAR_NM = 60.0  # bands further apart than this do not see the same thing


class Bandpass(Problem):
    """``source = R_s x + n``, ``target = R_t x``: what would the target's bands have been?"""

    name: ClassVar[str] = "bandpass"
    seen: ClassVar[tuple[str, ...]] = ("source", "target")
    wanted: ClassVar[str] = "the target sensor's bands"

    def bands(self, obs: Observation) -> tuple[Band, ...]:
        """Those of the target."""
        return obs["target"].bands

    def valid(self, obs: Observation) -> Bool[np.ndarray, "Y X"]:
        """Where the source was measured."""
        return obs["source"].valid

    def known(self, obs: Observation) -> Bool[np.ndarray, "Y X"]:
        """Where both were measured."""
        return paired(obs)

    def degrade(self, obs: Observation) -> Case:
        """The target is the truth; what is left is the source. NaN where the target was not measured.

        Raises
        ------
        InputError
            If the target has no pixels.
        """
        target = obs["target"]
        if not has_pixels(target):
            raise InputError("a source without its target", "an image of the target sensor, same place and time")
        data = target.data if target.all_valid else np.where(target.valid, target.data, target.data.dtype.type(np.nan))
        return Case(replace(obs, views={**obs.views, "target": bands_alone(target.bands, target.data.dtype)}), data)

    def consistency(self, obs: Observation, product: Float[np.ndarray, "band Y X"]) -> dict[str, float]:
        """How far the product is from the target, in percent of its mean; without one, how far from the source.

        Bands of the source that answer to no target band are left out.
        """
        if has_pixels(obs["target"]):
            seen, other, found = paired(obs), obs["target"].data, product
            names = ("rmse_percent", "bias_percent")
        else:
            pairs = {
                t: s for t, s in enumerate(nearest_band(obs["source"].bands, obs["target"].bands)) if s is not None
            }
            seen, other = obs["source"].valid, obs["source"].data[list(pairs.values())]
            found, names = product[list(pairs)], ("change_percent", "mean_change_percent")
        error = found[:, seen] - other[:, seen]
        scale = float(np.abs(other[:, seen]).mean()) if error.size else 1.0
        if not error.size:
            return dict.fromkeys(names, float("nan"))
        values = (np.sqrt((error**2).mean()), error.mean())
        return {name: float(100 * value / (scale or 1.0)) for name, value in zip(names, values, strict=True)}


def bands_alone(bands: Sequence[Band], dtype: np.dtype | type = np.float32) -> View:
    """A view of no pixels, which says which bands are wanted."""
    return View(np.zeros((len(bands), 0, 0), dtype), np.ones((0, 0), bool), tuple(bands))


def has_pixels(view: View) -> bool:
    """Whether a view holds pixels, and not its bands alone."""
    return view.data.size > 0


def paired(obs: Observation) -> Bool[np.ndarray, "Y X"]:
    """Where source and target were both measured; nowhere without a target."""
    if not has_pixels(obs["target"]):
        return np.zeros(obs.shape, bool)
    return np.asarray(obs["source"].valid & obs["target"].valid)


def nearest_band(source: Sequence[Band], target: Sequence[Band]) -> list[int | None]:
    """For every target band the source band that sees most nearly the same, None where none does.

    By wavelength where both know it (at most ``FAR_NM`` apart), else by name; where neither tells anything for any
    band and both have as many, by order.
    """
    names = [band.name.lower() for band in source]
    found: list[int | None] = []
    for wanted in target:
        apart = {
            s: abs(band.centre_nm - wanted.centre_nm)
            for s, band in enumerate(source)
            if band.centre_nm is not None and wanted.centre_nm is not None
        }
        best = min(apart, key=lambda s: apart[s], default=None)
        if best is not None and apart[best] <= FAR_NM:
            found.append(best)
        elif best is None and wanted.name.lower() in names:
            found.append(names.index(wanted.name.lower()))
        else:
            found.append(None)
    known = any(b.centre_nm is not None for b in source) and any(b.centre_nm is not None for b in target)
    if not known and len(source) == len(target) and all(s is None for s in found):
        return list(range(len(target)))
    return found


def partners(source: Sequence[Band], target: Sequence[Band], who: str, every: bool = True) -> list[int | None]:
    """As :func:`nearest_band`, when some target band has one, or ``every`` one has.

    Raises
    ------
    MethodError
        If the sensors share no band, or (with ``every``) one target band has no source band near it.
    """
    found = nearest_band(source, target)
    lost = [band for band, s in zip(target, found, strict=True) if s is None]
    if len(lost) == len(target):
        raise MethodError(
            f"a source of {_told(source)} and a target of {_told(target)}", "sensors that share a band",
            f"no two bands lie within {FAR_NM:g} nm: are sensors or bands named wrongly?",
        )  # fmt: skip
    if lost and every:
        raise MethodError(
            f"{who} for the target band{'s' if len(lost) > 1 else ''} {_told(lost)}, which no source band sees",
            f"target bands within {FAR_NM:g} nm of one of {_told(source)}",
            "leave those bands out, or take a method that mixes bands (cross_linear)",
        )  # fmt: skip
    return found


def _told(bands: Sequence[Band]) -> str:
    """Names and wavelengths."""
    shown = [band.name if band.centre_nm is None else f"{band.name} ({band.centre_nm:g} nm)" for band in bands]
    return ", ".join(shown if len(shown) <= 8 else [*shown[:8], "..."])
