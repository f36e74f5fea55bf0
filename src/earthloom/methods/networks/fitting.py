"""Whether weights fit a network and a scene: sizes, bands by their wavelengths, fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np

from earthloom.errors import MethodError
from earthloom.methods.fields import checked_field
from earthloom.types import Band, Observation
from earthloom.weights import store as weights

FAR_NM = 60.0  # bands further apart than this are not the same band


@runtime_checkable
class Shaped(Protocol):
    """What of a network decides whether weights fit it."""

    card: ClassVar[Any]

    @property
    def key(self) -> str:
        """Problem and name, as headers of weights hold them."""
        ...

    @property
    def architecture(self) -> dict[str, Any]:
        """The fields that shape it."""
        ...


@runtime_checkable
class Sized(Shaped, Protocol):
    """A network that takes views in roles, and is built for their numbers of bands."""

    roles: ClassVar[Mapping[str, str]]  # input to the view that it shows

    def sizes(self, obs: Observation) -> Sizes:
        """What a scene asks of it."""
        ...


@dataclass(frozen=True)
class Sizes:
    """What shapes a network besides its fields: bands wanted, guide bands, extra bands, the ratio (0: any)."""

    bands: int
    guide: int = 1
    ratio: float = 1.0
    extra: int = 0

    def __str__(self) -> str:
        guide = "" if self.guide <= 1 else f", {self.guide} guide bands"
        extra = f", {self.extra} extra" if self.extra else ""
        count = self.bands or "any number of"
        ratio = f"{self.ratio:g}:1" if self.ratio else "any ratio"
        return f"{count} band{'' if self.bands == 1 else 's'} at {ratio}{guide}{extra}"


def own_fields(network: Shaped, header: weights.Header) -> dict[str, Any]:
    """The fields of the weights' network, when this version knows them and nobody asked for others."""
    own, sizes = ({field.name: field.default for field in fields(cls)} for cls in (type(network), Sizes))  # type: ignore[arg-type]
    later = sorted((set(header.fields) - set(own)) | (set(header.sizes) - set(sizes)))
    later += [f"{key} {value!r}" for key, value in header.sizes.items() if not isinstance(value, (int, float))]
    if later:
        raise MethodError(
            f"weights '{header.name}' of a {network.card.name} with {', '.join(later)}",
            f"the fields {', '.join(network.architecture)}", "a later version wrote them? update earthloom",
        )  # fmt: skip
    for name, value in header.fields.items():
        asked = getattr(network, name)
        if asked not in (own[name], value):
            raise MethodError(
                f"{name}={asked} for weights '{header.name}'", f"{name}={value}", "leave the field out: weights know it"
            )
    return checked_field(type(network), dict(header.fields))


def told_weights(header: weights.Header, defaults: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    """Weights in a message: their name and sizes, and the fields that are not those asked for."""
    unlike = [f", {k}={v}" for k, v in {**defaults, **header.fields}.items() if k not in asked or asked[k] != v]
    return f"{header.name} ({Sizes(**header.sizes)}{''.join(unlike)})"  # type: ignore[arg-type]


def order_or_raise(header: weights.Header, network: Sized, obs: Observation) -> tuple[int, ...] | None:
    """The order of bands, or what does not fit."""
    sizes, own = network.sizes(obs), Sizes(**header.sizes)  # type: ignore[arg-type]
    found = order(header, sizes, obs[network.roles["base"]].bands)
    if found is None:
        here = [(band.name, band.centre_nm) for band in obs[network.roles["base"]].bands]
        there = zip(header.bands, header.centres_nm or [None] * len(header.bands), strict=False)
        raise MethodError(
            f"a scene of {sizes} ({bands_in_words(here)}) for weights '{header.name}'",
            f"{own} ({bands_in_words(there)})",
            "leave out the weights and give `adapt=True` to train the network on this scene",
        )  # fmt: skip
    return None if found == tuple(range(sizes.bands)) else found


def told_part(key: str, sizes: Sizes, bands: tuple[Band, ...]) -> str:
    """A hint in a message when shipped weights fit some of a scene's bands."""
    for header in weights.shipped_weights(key):
        there = [c for c in header.centres_nm if c is not None]
        near = [
            min((b for b in bands if b.centre_nm), key=lambda b: abs((b.centre_nm or 0) - c), default=None)
            for c in there
        ]
        chosen = tuple(b for b in near if b is not None)
        if len(chosen) == len(set(chosen)) < sizes.bands and order(header, replace(sizes, bands=len(chosen)), chosen):
            return f"give {', '.join(band.name for band in chosen)} alone for {header.name}; "
    return ""


def bands_in_words(bands: Iterable[tuple[str, float | None]]) -> str:
    """Names and wavelengths, the first six."""
    found = [name if nm is None else f"{name} {nm:g} nm" for name, nm in bands]
    return ", ".join(found if len(found) <= 6 else [*found[:6], "..."]) or "bands unknown"


def order(header: weights.Header, sizes: Sizes, bands: tuple[Band, ...]) -> tuple[int, ...] | None:
    """Where the scene holds each of the network's bands; None when the weights do not fit it.

    Wavelengths decide where both sides know them, else the number of bands.
    """
    own = Sizes(**header.sizes)  # type: ignore[arg-type]
    same = (own.bands, own.guide, own.extra) == (sizes.bands, sizes.guide, sizes.extra)
    if not same or abs(own.ratio - sizes.ratio) > 0.01 * own.ratio:
        return None
    if own.bands == 0:  # a network that takes as many as there are, in their order
        return ()
    here = [band.centre_nm for band in bands]
    there = list(header.centres_nm)
    if len(there) != len(here) or None in here or None in there:
        return tuple(range(sizes.bands))
    distance = np.abs(np.subtract.outer(np.array(there, float), np.array(here, float)))
    nearest = distance.argmin(axis=1)
    fits = len(set(nearest.tolist())) == len(here) and distance.min(axis=1).max() <= FAR_NM
    return tuple(nearest.tolist()) if fits else None


def need_torch(name: str) -> None:
    """Say what to install."""
    try:
        import safetensors  # noqa: F401
        import torch  # noqa: F401
    except ImportError as missing:
        raise MethodError(f"{name} without {missing.name}", "torch", "pip install 'earthloom[torch]'") from missing
