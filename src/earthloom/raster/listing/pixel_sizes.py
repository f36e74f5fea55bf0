"""Scenes whose bands lie in files or products by their pixel sizes: fine bands, and coarser ones of the same place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from earthloom.errors import FileError, InputError
from earthloom.raster.formats import format_of, images_below

FINE, COARSE = "fine", "coarse"
SIZED = re.compile(r"^(?P<scene>.+?)[_-](?:(?P<size>\d+(?:\.\d+)?)m|(?P<role>fine|coarse\w*))$", re.I)


@dataclass(frozen=True)
class SizedScene:
    """Images of one place: ``fine``, and one role that begins with ``coarse`` for each coarser pixel size."""

    name: str
    files: Mapping[str, Any]


def scenes_in(paths: Any) -> list[SizedScene]:
    """The scenes of mappings, products and folders.

    Parameters
    ----------
    paths
        ``{"fine": ..., "coarse": ...}``; a product that holds bands of several pixel sizes (Sentinel-2); a folder,
        however deep, of files called ``NAME_10m``, ``NAME_20m`` (the finest is ``fine``), or ``NAME_fine`` and
        ``NAME_coarse``; such files themselves; or several of these.

    Raises
    ------
    FileError
        If a path does not exist, or there is no scene.
    InputError
        If a mapping lacks an image.
    """
    given = list(paths) if isinstance(paths, Sequence) and not isinstance(paths, str) else [paths]
    found = [scene for one in given if isinstance(one, Mapping) for scene in (_told(one),)]
    loose: list[str] = []
    for one in (Path(path) for path in given if not isinstance(path, Mapping)):
        if not one.exists():
            raise FileError(f"no file or folder {one}", "scenes of fine and coarse bands")
        if (product := _product(one)) is not None:
            found.append(product)
        elif one.is_dir():
            within = [_product(path) for path in sorted(one.iterdir()) if path.is_dir()]
            found += [product for product in within if product is not None]
            inside = {str(image) for product in found for image in product.files.values()}
            loose += [str(path) for path in images_below(one, pictures=False) if not _below(path, inside)]
        else:
            loose.append(str(one))
    found += list(_by_name(loose))
    if not found:
        raise FileError(
            f"no scene of fine and coarse bands in {', '.join(map(str, given))}",
            "NAME_10m.tif and NAME_20m.tif, NAME_fine.tif and NAME_coarse.tif, or Sentinel-2 products",
        )
    return found


def _told(files: Mapping[str, Any]) -> SizedScene:
    """As it is given."""
    if FINE not in files or not any(role.startswith(COARSE) for role in files):
        raise InputError(f"a scene of {', '.join(files) or 'nothing'}", "fine and coarse")
    return SizedScene(Path(str(files[FINE])).name, files)


def _product(path: Path) -> SizedScene | None:
    """A product that holds bands of several pixel sizes."""
    roles = [role for role in format_of(str(path)).offers(str(path)) if role == FINE or role.startswith(COARSE)]
    return SizedScene(path.name, dict.fromkeys(roles, str(path))) if FINE in roles and len(roles) > 1 else None


def _below(path: str | Path, places: set[str]) -> bool:
    """Whether a file is a part of one of the places."""
    return any(Path(place) == Path(path) or Path(place) in Path(path).parents for place in places)


def _by_name(paths: Sequence[str]) -> Iterator[SizedScene]:
    """Files whose names are alike but for a pixel size or a role."""
    groups: dict[str, dict[str, str]] = {}
    for path in paths:
        if (match := SIZED.match(Path(path).stem)) is not None:
            key = str(Path(path).with_name(match["scene"]))
            groups.setdefault(key, {})[match["size"] or match["role"].lower()] = path
    for key, files in groups.items():
        sizes = sorted((size for size in files if size[0].isdigit()), key=float)
        named = {FINE if n == 0 else f"{COARSE}_{size}m": files[size] for n, size in enumerate(sizes)}
        roles = named | {role: path for role, path in files.items() if not role[0].isdigit()}
        if FINE in roles and len(roles) > 1:
            yield SizedScene(Path(key).name, roles)
