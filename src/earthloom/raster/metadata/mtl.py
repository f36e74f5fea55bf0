"""MTL files, the metadata of products of the USGS: groups of fields, as text, JSON or XML."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from earthloom.documents import parsed, short
from earthloom.errors import FileError
from earthloom.small import small_text, xml_root

if TYPE_CHECKING:
    from earthloom.raster.places import AnyPath

OUTER = ("LANDSAT_METADATA_FILE", "L1_METADATA_FILE")  # of Landsat Collection 2; of Collection 1 and of EO-1
Groups = dict[str, dict[str, str]]


@dataclass(frozen=True)
class MtlFile:
    """A parsed MTL file: ``groups[group][field]``."""

    path: AnyPath
    groups: Groups

    def field(self, name: str) -> str | None:
        """The first value of a field in any group."""
        return next((group[name] for group in self.groups.values() if name in group), None)

    def number(self, name: str, text: str) -> float:
        """The finite number that a field says.

        Raises
        ------
        FileError
            If it says none.
        """
        try:
            found = float(text)
        except ValueError:
            found = math.nan
        if not math.isfinite(found):
            raise FileError(f"{self.path.name}: {name} is {short(text)}", "a number", "get the file again")
        return found


def read_groups(path: AnyPath, kind: str) -> Groups:
    """Parse an MTL file by its ending: JSON, XML, or else text.

    Parameters
    ----------
    kind
        Whose metadata they should be, for messages.

    Raises
    ------
    FileError
        If it is not one.
    """
    try:
        text = small_text(path, "utf-8-sig", errors="replace")
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}") from error
    try:
        groups = FORMS.get(path.suffix.lower(), _of_text)(text)
    except (ValueError, AttributeError, SyntaxError, LookupError) as error:
        raise FileError(f"{path} is a broken MTL file: {' '.join(str(error).split())}") from error
    if groups is None:
        raise FileError(f"{path} is not {kind} metadata file", f"the group {OUTER[0]} or {OUTER[1]}")
    return groups


def _of_text(text: str) -> Groups | None:
    """Groups of ``KEY = value`` between GROUP and END_GROUP."""
    groups: Groups = {}
    stack: list[str] = []
    for line in text.splitlines():
        key, equals, value = (part.strip() for part in line.partition("="))
        if not equals:
            continue
        if key == "GROUP":
            stack.append(value)
        elif key == "END_GROUP":
            stack = stack[:-1]
        elif stack:
            groups.setdefault(stack[-1], {})[key] = value.strip('"')
    return groups if re.search(rf"^\s*GROUP\s*=\s*({'|'.join(OUTER)})", text, re.M) else None


def _of_json(text: str) -> Groups | None:
    """The same as objects."""
    plain = parsed(text)
    if not isinstance(plain, dict):
        return None
    outer = next((plain[name] for name in OUTER if name in plain), None)
    return None if outer is None else {
        name: {key: str(value) for key, value in group.items()} for name, group in outer.items()
    }  # fmt: skip


def _of_xml(text: str) -> Groups | None:
    """The same as elements."""
    root = xml_root(text)
    if root.tag not in OUTER:
        return None
    return {group.tag: {field.tag: (field.text or "").strip() for field in group} for group in root}


FORMS = {".txt": _of_text, ".json": _of_json, ".xml": _of_xml}  # of one scene the first that there is
