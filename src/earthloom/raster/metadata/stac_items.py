"""STAC items as images: how one is named, read, and which of its assets stand for the bands.

``item.json#B02,B03`` names assets of an item, ``items.json#ID:B02,B03`` those of one item of several; the file may lie
elsewhere. What an item may lead to is decided in one place, :func:`resolved`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from earthloom.documents import parsed
from earthloom.errors import FileError, InputError
from earthloom.raster.addresses import Address, HeldItem, is_remote, without_secrets
from earthloom.raster.metadata.stac_beside import Asset, bands_of_asset, day_of, sensor_of
from earthloom.raster.remote import read_whole
from earthloom.raster.trust.policy import allowed, require_allowed
from earthloom.small import LARGEST, require_regular, small_bytes

ROLES = {"data", "reflectance"}  # of assets that hold measurements
NO_IMAGES = {"thumbnail", "overview", "visual", "metadata", "data-mask", "cloud", "cloud-shadow", "snow-ice"}
SHOWN = 30  # keys in a message
_DOCUMENT = re.compile(r"\.(geo)?json$", re.IGNORECASE)
_API = re.compile(r"/collections/[^/]+/items/[^/?#]+$|/search$")


@dataclass(frozen=True)
class Item:
    """One item, and where it was read.

    Parameters
    ----------
    document
        The file, or address, that relative hrefs start from.
    plain
        As JSON has it.
    """

    document: str
    plain: Mapping[str, Any]

    @property
    def id(self) -> str:
        """Its identifier."""
        return str(self.plain.get("id", "?"))

    @property
    def name(self) -> str:
        """For messages."""
        return f"{Path(self.document).name}: item {self.id}"

    @property
    def properties(self) -> Mapping[str, Any]:
        """What it says of the whole."""
        told = self.plain.get("properties")
        return told if isinstance(told, dict) else {}

    @property
    def day(self) -> date | None:
        """When it was seen."""
        return day_of(self.properties)

    @property
    def sensor(self) -> str | None:
        """The sensor file of its platform."""
        return sensor_of(self.properties)

    @property
    def assets(self) -> dict[str, Mapping[str, Any]]:
        """Key to asset."""
        told = self.plain.get("assets")
        return {str(k): one for k, one in told.items() if isinstance(one, dict)} if isinstance(told, dict) else {}

    def bands(self, key: str) -> tuple[Asset, ...]:
        """What is said of the bands of an asset."""
        return bands_of_asset(self.name, self.plain, key, self.assets[key])

    def file(self, key: str) -> str:
        """Where an asset lies."""
        return resolved(str(self.assets[key].get("href", "")), self.document, f"{self.name}, {key}")


def names_item(path: str) -> bool:
    """Whether a path names a STAC item or several: by its ending, or what stands behind ``#``; opens nothing."""
    document, mark, _ = path.rpartition("#") if "#" in path else (path, "", "")
    if isinstance(path, HeldItem) or _DOCUMENT.search(document):
        return True
    return is_remote(path) and (bool(mark) or _API.search(document) is not None)


def items_of(path: str) -> tuple[list[Item], tuple[str, ...]]:
    """The items that a path names, and the keys of the assets; no keys where none are named.

    Raises
    ------
    FileError
        If it cannot be read, or holds no items.
    InputError
        If there is no such item.
    """
    document, mark, words = path.rpartition("#") if "#" in path else (path, "", "")
    if isinstance(path, HeldItem):
        every = [Item(str(document), path.plain)]
    else:
        secret = path.secret if isinstance(path, Address) else path
        whole = secret.rpartition("#")[0] if mark else secret
        every = [Item(str(document), plain) for plain in _items(Address(whole) if is_remote(whole) else whole)]
    one, colon, keys = words.rpartition(":")
    if not colon and any(item.id == words for item in every) and not all(words in item.assets for item in every):
        one, colon, keys = words, ":", ""
    chosen = [item for item in every if item.id == one] if colon else every
    if not chosen:
        ids = ", ".join(item.id for item in every[:SHOWN])
        raise InputError(f"no item {one} in {Path(document).name}", f"one of {ids}{' ...' * (len(every) > SHOWN)}")
    return chosen, tuple(key.strip() for key in keys.split(",") if key.strip())


def item_of(path: str) -> tuple[Item, tuple[str, ...]]:
    """The one item that a path names.

    Raises
    ------
    InputError
        If these are several.
    """
    items, keys = items_of(path)
    if len(items) > 1:
        ids = ", ".join(item.id for item in items[:SHOWN])
        raise InputError(
            f"{without_secrets(path)} holds {len(items)} items", f"one: {ids}{' ...' * (len(items) > SHOWN)}",
            "name it as FILE#ID or FILE#ID:KEY,KEY",
        )  # fmt: skip
    return items[0], keys


def dated_items(path: str, kind: str) -> dict[date, str]:
    """Day to the path of an item, for each of several.

    Raises
    ------
    InputError
        If one has no date, or two have the same.
    """
    items, keys = items_of(path)
    head = without_secrets(path).rpartition("#")[0] or without_secrets(path)
    found: dict[date, str] = {}
    for item in items:
        if item.day is None:
            raise InputError(f"{item.name} without datetime", "a date in every item")
        if item.day in found:
            raise InputError(f"two {kind} images of {item.day} in {Path(head).name}", "one item for each date")
        words = f"{item.id}:{','.join(keys)}"
        if isinstance(path, HeldItem):
            found[item.day] = path
        elif isinstance(path, Address):
            found[item.day] = Address(f"{path.secret.rpartition('#')[0] or path.secret}#{words}")
        else:
            found[item.day] = f"{head}#{words}"
    return dict(sorted(found.items()))


def as_paths(value: Any) -> Any:
    """Objects of pystac and pystac_client as paths that carry them; anything else as it is.

    An Item becomes one path, an ItemCollection or a search a list.
    """
    if isinstance(value, (list, tuple)):
        parts = [as_paths(one) for one in value]
        return parts if any(one is not other for one, other in zip(parts, value, strict=True)) else value
    return _of_object(value)


def _of_object(value: Any) -> Any:
    """One object of pystac or pystac_client as paths."""
    if type(value).__module__.split(".")[0] not in ("pystac", "pystac_client"):
        return value
    if hasattr(value, "assets"):
        where = value.get_self_href() or f"{value.id}.json"
        return HeldItem(f"{where}", value.to_dict(include_self_link=False, transform_hrefs=False))
    if hasattr(value, "item_collection"):
        value = value.item_collection()
    if hasattr(value, "items"):
        every: Any = value.items() if callable(value.items) else value.items
        return [as_paths(one) for one in every]
    raise InputError(f"{type(value).__name__} of pystac", "an Item, an ItemCollection or a search of items")


def assets(items: Any, *keys: str) -> Any:
    """Choose the assets of STAC items given as objects: what ``#B02,B03`` does behind the name of a file.

    Parameters
    ----------
    items
        A pystac Item, a list of them, an ItemCollection, or a search of pystac_client.
    keys
        Of the assets, in the order of the bands.

    Returns
    -------
    str or list
        One path that carries the item, or one for each; every verb takes it for an image.

    Raises
    ------
    InputError
        If it holds no items.
    """
    found = as_paths(items)
    if isinstance(found, list):
        return [assets(one, *keys) for one in found]
    if not isinstance(found, HeldItem):
        raise InputError(f"items of type {type(items).__name__}", "pystac Items")
    return HeldItem(f"{found.partition('#')[0]}#{','.join(keys)}", found.plain)


def resolved(href: str, document: str, name: str) -> str:
    """Where an href of an item leads: every file that an item names is asked for here, and nowhere else.

    A relative one leads to what lies in the folder of the item or below it, an absolute path likewise; of an item
    behind http(s), to where its address says. Whatever the item, http(s), S3, Google's and Azure's store are open.
    ``EARTHLOOM_OPEN`` narrows or lifts that (:mod:`earthloom.raster.trust.policy`).

    Raises
    ------
    InputError
        If it leads anywhere else, or to another item.
    """
    given, wanted = f"{name} names {without_secrets(href) or 'no file'}", "a file beside the item or below, or http(s)"
    if names_item(href) or not href or "\0" in href or href.startswith("/vsi") or "<" in href:
        raise InputError(given, wanted)
    if is_remote(href):
        require_allowed(without_secrets(href), document, "item")
        return Address(href)
    parts = urlsplit(href)
    if is_remote(document):
        if parts.scheme:
            raise InputError(given, "an http(s) address or a relative one")
        web = document.lower().startswith("http")
        return Address(urljoin(document, href) if web else f"{document.rpartition('/')[0]}/{href}")
    if parts.scheme and len(parts.scheme) > 1:  # one letter is a drive
        if parts.scheme.lower() != "file":
            raise InputError(given, wanted)
        href = unquote(parts.path)
    file = (Path(document).resolve().parent / href).resolve()
    if not allowed(file, document, "item"):
        raise InputError(given, wanted, f"move the item to a folder above both, or give {file.name} itself")
    return str(file)


def keys_for(item: Item, role: str | None) -> tuple[str, ...]:
    """The assets that stand for a role where none are named.

    Parameters
    ----------
    role
        ``pan``, ``ms``, ``hs``, ``mask``.

    Raises
    ------
    InputError
        If that is not clear; the line lists the keys.
    """
    hint = f"name them: FILE#{item.id}:KEY,KEY or FILE#KEY,KEY"
    given = f"{item.name} with assets {_listed(item.assets)}"
    if role == "mask":
        raise InputError(given, "the key of the mask", hint)
    images = [key for key, one in item.assets.items() if _holds_numbers(one)]
    clouds = [key for key in images if "cloud-optimized" in str(item.assets[key].get("type", ""))]
    images = clouds or images
    pans = [key for key in images if key.lower() == "pan" or any(band.common == "pan" for band in item.bands(key))]
    if role == "pan":
        if len(pans) == 1:
            return (pans[0],)
        raise InputError(given, "one panchromatic asset", hint)
    images = [key for key in images if key not in pans]
    sizes = {key: _gsd(item.assets[key]) for key in images}
    if not images or len(set(sizes.values())) > 1:
        by_size = "; ".join(
            f"{'unknown' if size is None else f'{size:g} m'}: {_listed([k for k in images if sizes[k] == size])}"
            for size in sorted(set(sizes.values()), key=lambda one: one or 0)
        )
        raise InputError(f"{item.name} with assets {by_size}" if images else given, "assets of one pixel size", hint)
    return tuple(images)


def _listed(keys: Iterable[str]) -> str:
    """Keys for a message."""
    every = list(keys)
    return ", ".join(every[:SHOWN]) + (" ..." if len(every) > SHOWN else "") or "none"


def _holds_numbers(asset: Mapping[str, Any]) -> bool:
    """Whether an asset holds measurements, as far as its roles and its type tell."""
    roles = asset.get("roles")
    told = {str(role) for role in roles} if isinstance(roles, list) else set()
    kind = str(asset.get("type", "")).lower()
    raster = "tiff" in kind or "jp2" in kind or "netcdf" in kind or "hdf" in kind or not kind
    return raster and bool(told & ROLES) and not told & NO_IMAGES


def _gsd(asset: Mapping[str, Any]) -> float | None:
    """Pixel size of an asset in metres, where it is told."""
    bands = asset.get("raster:bands")
    first = bands[0] if isinstance(bands, list) and bands and isinstance(bands[0], dict) else {}
    affine = asset.get("proj:transform")
    told = asset.get("gsd", asset.get("raster:spatial_resolution", first.get("spatial_resolution")))
    if told is None and isinstance(affine, list) and affine:
        told = affine[0]
    return float(told) if isinstance(told, int | float) else None


def _items(document: str) -> Sequence[Mapping[str, Any]]:
    """The items of a file."""
    if is_remote(document):
        return _parsed(read_whole(document, LARGEST), str(document))
    if not os.path.exists(document):
        raise FileError(f"{document} does not exist", hint="check the path")
    known = require_regular(document)
    return _kept(str(document), known.st_mtime_ns, known.st_size)


@lru_cache(maxsize=8)
def _kept(document: str, _changed: int, _bytes: int) -> Sequence[Mapping[str, Any]]:
    """The items of a local file as it was at a time."""
    try:
        return _parsed(small_bytes(Path(document)), document)
    except OSError as wrong:
        raise FileError(f"{document} cannot be read: {wrong.strerror}") from wrong


def _parsed(raw: bytes, name: str) -> Sequence[Mapping[str, Any]]:
    """The items of a text."""
    try:
        plain = parsed(raw)
    except ValueError as wrong:
        raise FileError(f"{name} is no JSON that can be read", "a STAC item, or a list of items") from wrong
    if isinstance(plain, dict) and plain.get("type") == "FeatureCollection":
        plain = plain.get("features")
    items: list[Any] = plain if isinstance(plain, list) else [plain]
    if not items or not all(isinstance(one, dict) and isinstance(one.get("assets"), dict) for one in items):
        raise FileError(f"{name} holds something else than STAC items", "an item, or a collection of items")
    return items
