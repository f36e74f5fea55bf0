"""Which image of sharpening is what: fine and coarse ones by their roles, however they were given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from earthloom.engine.arrays import is_path
from earthloom.errors import InputError
from earthloom.problems.sharpening import COARSE
from earthloom.raster.listing.pixel_sizes import sized_roles
from earthloom.raster.open import open_image

FINE = "fine"


@dataclass(frozen=True)
class OfProduct:
    """The images of a product by their pixel sizes: role to the product itself."""

    roles: Mapping[str, Any]


def coarser_of(product: Any) -> tuple[Any, OfProduct]:
    """A product that holds bands of several pixel sizes, as fine image and as coarse ones.

    Raises
    ------
    InputError
        If it is none.
    """
    one = product[0] if isinstance(product, (list, tuple)) and len(product) == 1 else product
    roles = sized_roles(str(one)) if isinstance(one, (str, Path)) else []
    if not roles:
        raise InputError(
            f"{one if isinstance(one, (str, Path)) else 'fine bands'} alone", "`coarse` beside it",
            "or a product that holds bands of several pixel sizes, such as a Sentinel-2 SAFE folder",
        )  # fmt: skip
    return one, OfProduct({role: one for role in roles if role != FINE})


def by_roles(fine: Any, coarse: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """Role to image, and to what is taken from an image that holds several.

    Raises
    ------
    InputError
        If there is no coarse image, and the fine one is no product that holds some.
    """
    if coarse is None:
        fine, coarse = coarser_of(fine)
    inputs = {**named(FINE, fine), **named(COARSE, coarse)}
    return inputs, {role: role for role in inputs} if isinstance(coarse, OfProduct) else dict.fromkeys(inputs, "ms")


def named(role: str, given: Any) -> dict[str, Any]:
    """Images by their roles: ``coarse``, or ``coarse_1``, ``coarse_2`` where there are several."""
    if isinstance(given, OfProduct):
        return dict(given.roles)
    if not isinstance(given, (list, tuple)):
        return {role: given}
    images = list(given)
    if all(is_path(one) for one in images) and len(images) > 1:
        images = by_grid([str(one) for one in images])
    if len(images) == 1:
        return {role: images[0]}
    return {f"{role}_{number}": image for number, image in enumerate(images, 1)}


def by_grid(paths: Sequence[str]) -> list[Any]:
    """Files that share a grid are one image, a file per band; in the order in which the grids come first."""
    found: dict[Any, list[str]] = {}
    for path in paths:
        with open_image(path) as image:
            key = (image.shape, tuple(round(number, 9) for number in image.transform[:6]), str(image.crs))
        found.setdefault(key, []).append(path)
    return [one[0] if len(one) == 1 else one for one in found.values()]
