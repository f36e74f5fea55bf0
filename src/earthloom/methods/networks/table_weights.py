"""Whether weights of a table-writing network fit two sensors: by the wavelengths of both, whatever the order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from earthloom.errors import MethodError
from earthloom.methods.networks.fitting import Shaped
from earthloom.types import Band
from earthloom.weights import store as weights

SAME_NM = 5.0  # bands within this are the same band of two cameras


def table_header(network: Shaped, source: Sequence[Band], target: Sequence[Band], **more: Any) -> weights.Header:
    """What weights for these bands say about themselves."""
    card = {
        "target": {
            "sensor": more.pop("target_sensor", None), "bands": [b.name for b in target],
            "centres_nm": [b.centre_nm for b in target],
        },
        **more.pop("card", {}),
    }  # fmt: skip
    sizes = {"bands": len(source), "guide": len(target), "ratio": 1.0, "extra": 0}
    return weights.Header(
        network.key, network.architecture, sizes, more.pop("sensor", None), tuple(b.name for b in source),
        tuple(b.centre_nm for b in source), "centre", card, more.pop("name", "random"),
    )  # fmt: skip


def target_of(header: weights.Header) -> dict[str, Any]:
    """Sensor, bands and centres of the target that weights were made for."""
    told = header.card.get("target")
    return dict(told) if isinstance(told, dict) else {"sensor": None, "bands": [], "centres_nm": []}


def _order(there: Sequence[float | None], here: Sequence[Band]) -> tuple[tuple[int, ...] | None, float]:
    """Where the image holds each of the weights' bands, and how far off the worst one is; without wavelengths as is."""
    own = [band.centre_nm for band in here]
    if len(there) != len(own):
        return None, np.inf
    if None in own or None in there:
        return tuple(range(len(own))), SAME_NM
    far = np.abs(np.subtract.outer(np.array(there, float), np.array(own, float)))
    nearest = far.argmin(axis=1)
    if len(set(nearest.tolist())) < len(own):
        return None, np.inf
    return tuple(int(n) for n in nearest), float(far.min(axis=1).max())


def distance(header: weights.Header, source: Sequence[Band], target: Sequence[Band]) -> float:
    """How far off in nm the worst band is from the one that the weights were made for; infinite if they do not fit."""
    order, far = _order(target_of(header)["centres_nm"], target)
    if order is not None and order != tuple(range(len(target))):
        return float("inf")  # the target's bands come out in the order of the weights
    return max(_order(header.centres_nm, source)[1], far)


def table_order(header: weights.Header, source: Sequence[Band], target: Sequence[Band]) -> tuple[int, ...] | None:
    """The order of the source bands; None: as it is.

    Raises
    ------
    MethodError
        If the weights are for other bands.
    """
    order, _ = _order(header.centres_nm, source)
    far = distance(header, source, target)
    if order is None or far > 4 * SAME_NM:
        own = target_of(header)
        raise MethodError(
            f"an image of {shown(source)} to be made {shown(target)}, for weights '{header.name}'",
            f"{_pairs(header.bands, header.centres_nm)} to {_pairs(own['bands'], own['centres_nm'])}",
            "choose the bands, other weights, or another method",
        )  # fmt: skip
    return None if order == tuple(range(len(order))) else order


def shown(bands: Sequence[Band]) -> str:
    """Names and wavelengths."""
    return _pairs([b.name for b in bands], [b.centre_nm for b in bands])


def _pairs(names: Sequence[str], centres: Sequence[float | None]) -> str:
    found = [n if c is None else f"{n} {c:g} nm" for n, c in zip(names, centres, strict=False)]
    return ", ".join(found if len(found) <= 8 else [*found[:8], "..."])
