"""What every index asks of its images: one array library, one shape, finite numbers among the valid pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import array_namespace, device, is_numpy_namespace

from earthloom.errors import InputError
from earthloom.types import Real, Shaped

Image = Real[Any, "..."]  # numpy or torch, (band, y, x): shapes are checked here, with a message for the user
Mask = Shaped[Any, "..."]  # bool, (y, x)
Number = float | int
Scalar = Any  # float for numpy, a tensor without axes for torch

STRIP = 1 << 18  # numbers in one strip of rows: small enough to stay in the cache


@dataclass(frozen=True)
class ImagePair:
    """Two images of one shape, the mask of the pixels that count (None: all), and their array library."""

    xp: Any
    first: Any
    second: Any
    valid: Any | None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Bands, rows and columns."""
        return self.first.shape

    @property
    def count(self) -> int:
        """How many pixels count."""
        if self.valid is None:
            return self.shape[1] * self.shape[2]
        return int(self.xp.sum(self.xp.astype(self.valid, self.xp.int64)))

    def strips(self, halo: int = 0) -> Iterator[tuple[Any, Any, Any]]:
        """Strips of rows (first, second, mask or None) in working precision, invalid pixels put to 0.

        Consecutive strips share ``halo`` rows, for windows of ``halo + 1`` rows.
        """
        bands, height, width = self.shape
        rows = max(STRIP // max(bands * width, 1), 1)
        rows = max(rows, 4 * halo) if halo else rows
        for top in range(0, height - halo, rows):
            part = slice(top, min(top + rows + halo, height))
            keep = None if self.valid is None else self.valid[part, :]
            yield clean(self.xp, self.first[:, part, :], keep), clean(self.xp, self.second[:, part, :], keep), keep


def clean(xp: Any, image: Any, keep: Any | None) -> Any:
    """Working precision (float64 for numpy; float32 or float64 for torch), zeros where not ``keep``."""
    dtype = image.dtype
    if is_numpy_namespace(xp) or not xp.isdtype(dtype, "real floating"):
        image = xp.astype(image, xp.float64, copy=False)
    elif dtype not in (xp.float32, xp.float64):
        image = xp.astype(image, xp.float32)
    return image if keep is None else xp.where(keep, image, xp.zeros_like(image))


def namespace(**images: Any) -> Any:
    """The array library that all images belong to.

    Raises
    ------
    InputError
        If they are no arrays, or arrays of different libraries.
    """
    try:
        return array_namespace(*images.values())
    except TypeError:
        kinds = ", ".join(f"{name}: {type(image).__name__}" for name, image in images.items())
        raise InputError(kinds, "numpy arrays, or torch tensors, all of one kind") from None


def pair(product: Any, reference: Any, valid: Any | None = None, names: tuple[str, str] = ("product", "reference")):
    """Check two images and a mask, and bind them.

    Raises
    ------
    InputError
        If a shape is wrong, no pixel is valid, or a valid pixel is not finite.
    """
    xp = namespace(**dict(zip(names, (product, reference), strict=True)))
    if product.ndim != 3:
        raise InputError(f"{names[0]} of shape {tuple(product.shape)}", "three axes: band, y, x")
    if tuple(reference.shape) != tuple(product.shape):
        raise InputError(
            f"{names[1]} of shape {tuple(reference.shape)}",
            f"{tuple(product.shape)} (band, y, x), the shape of the {names[0]}",
        )
    valid = mask(xp, valid, product)
    for name, image in zip(names, (product, reference), strict=True):
        finite(xp, image, valid, name)
    return ImagePair(xp, product, reference, valid)


def mask(xp: Any, valid: Any | None, image: Any) -> Any | None:
    """The mask as an array of the image's library and device; None when every pixel counts."""
    if 0 in image.shape:
        raise InputError(f"an image of shape {tuple(image.shape)}", "at least one band and one pixel")
    if valid is None:
        return None
    keep: Any = xp.asarray(valid, dtype=xp.bool, device=device(image))
    if tuple(keep.shape) != tuple(image.shape[1:]):
        raise InputError(f"a mask of shape {tuple(keep.shape)}", f"{tuple(image.shape[1:])} (y, x)")
    if not bool(xp.any(keep)):
        raise InputError("a mask without a single valid pixel", "at least one")
    return None if bool(xp.all(keep)) else keep


def finite(xp: Any, image: Any, valid: Any | None, name: str) -> None:
    """Refuse NaN and infinity among the valid pixels."""
    if not xp.isdtype(image.dtype, "real floating"):
        return
    good = xp.isfinite(image)
    if valid is not None:
        good = good | ~valid
    if not bool(xp.all(good)):
        bad = int(xp.sum(xp.astype(~good, xp.int64)))
        raise InputError(
            f"{bad} values of the {name} are NaN or infinite",
            "finite numbers in all valid pixels",
            "mask nodata with valid=(y, x) booleans",
        )


def scalar(value: Any) -> Scalar:
    """A Python float for numpy, the tensor itself otherwise."""
    return float(value) if isinstance(value, (np.ndarray, np.generic, float, int)) else value


def root(xp: Any, x: Any) -> Any:
    """Square root whose gradient is 0, not infinite, where ``x`` is 0."""
    positive = x > 0
    return xp.where(positive, xp.sqrt(xp.where(positive, x, xp.ones_like(x))), xp.zeros_like(x))


def divide(xp: Any, top: Any, bottom: Any, otherwise: float) -> Any:
    """``top / bottom``, and ``otherwise`` where ``bottom`` is 0 (with finite gradients everywhere)."""
    there = bottom != 0
    quotient = top / xp.where(there, bottom, xp.ones_like(bottom))
    return xp.where(there, quotient, xp.full_like(quotient, otherwise))
