"""Texts and JSON that others wrote: read whole, and asked for values of a type, or refused in one line."""

from __future__ import annotations

import codecs
import json
import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earthloom.errors import FileError
from earthloom.small import small_bytes

if TYPE_CHECKING:
    import numpy as np

KINDS: dict[type, str] = {
    str: "a text",
    float: "a finite number",
    int: "a whole number",
    list: "a list",
    dict: "an object",
}
SHOWN = 60  # characters of a wrong value that a message repeats


def parsed(text: str | bytes) -> Any:
    """The plain data of a JSON text.

    Raises
    ------
    ValueError
        If it is none, or nested so deeply that it cannot be read.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def toml(text: str) -> dict[str, Any]:
    """The tables of a TOML text.

    Raises
    ------
    ValueError
        If it is none, nested too deeply, or holds numbers without end.
    """
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def to_toml(values: Mapping[str, Any]) -> str:
    """TOML of plain values, lists, and tables of them, which stand in one line below the first; None is left out."""
    plain = [(k, v) for k, v in values.items() if not isinstance(v, Mapping) and v is not None]
    lines = [_line(key, value) for key, value in plain]
    for name, table in values.items():
        if isinstance(table, Mapping):
            lines += ["", f"[{name}]", *(_line(key, value) for key, value in table.items() if value is not None)]
    return "\n".join(lines) + "\n"


def _line(key: str, value: Any) -> str:
    """A key and its value; keys that are no words stand in quotes."""
    return f"{key if re.fullmatch(r'[A-Za-z0-9_-]+', key) else json.dumps(key)} = {_literal(value)}"


def _literal(value: Any) -> str:
    """One value; strings of JSON are strings of TOML."""
    if isinstance(value, Mapping):
        return f"{{ {', '.join(_line(key, one) for key, one in value.items() if one is not None)} }}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_literal(item) for item in value)}]"
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (str, bool)) else str(value)


def object_in(text: str | bytes) -> dict[str, Any]:
    """The object that a JSON text is; an empty one for anything else: for what a file may, or may not, say beside."""
    with suppress(ValueError):
        plain = parsed(text)
        if isinstance(plain, dict):
            return plain
    return {}


def object_beside(path: Path) -> dict[str, Any]:
    """The object in a JSON file; an empty one where there is no such file, or it holds anything else."""
    with suppress(OSError, ValueError, FileError):
        return object_in(small_bytes(path))
    return {}


def text_of(path: Path) -> str:
    """A text file as spreadsheets and systems write them: UTF-8, UTF-16 with its mark, else Windows' Latin.

    Raises
    ------
    FileError
        If it cannot be read, or is no text.
    """
    try:
        raw = small_bytes(path)
    except OSError as wrong:
        raise FileError(f"{path} cannot be read: {wrong.strerror}") from wrong
    wide = raw[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    for encoding in ("utf-16",) if wide else ("utf-8-sig", "cp1252"):
        with suppress(UnicodeDecodeError):
            text = raw.decode(encoding)
            if "\0" not in text:
                return text
    raise FileError(f"{path} is no text that can be read", "UTF-8", "save it as text in UTF-8")


def is_file(path: str | Path) -> bool:
    """Whether there is such a file; a name that is too long for any, or holds what no name may, is none."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def field(told: Mapping[str, Any], name: str, kind: type, where: str, optional: bool = False) -> Any:
    """The value of a name in plain data, which has to be of a type.

    Parameters
    ----------
    kind
        ``str``, ``float`` (any finite number, given as float), ``int``, ``list`` or ``dict``.
    where
        What the data are of, for messages.
    optional
        None, and a name that is not there, are None.

    Raises
    ------
    FileError
        If it is missing, or of another type.
    """
    value: Any = told.get(name)
    if value is None and optional:
        return None
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool) and finite(value):
        return float(value)
    if kind is not float and isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    shown = f"is {short(value)}" if name in told else "is missing"
    raise FileError(f"{where}: {name} {shown}", KINDS[kind] + (" or nothing" if optional else ""))


def objects(told: Mapping[str, Any], name: str, where: str) -> list[dict[str, Any]]:
    """A list of objects in plain data.

    Raises
    ------
    FileError
        If it is missing, or something else.
    """
    value = field(told, name, list, where)
    if not all(isinstance(one, dict) for one in value):
        raise FileError(f"{where}: {name} is {short(value)}", "a list of objects")
    return value


def numbers(told: Mapping[str, Any], name: str, where: str, axes: int = 1) -> np.ndarray:
    """Finite numbers in plain data: a list of them, or lists of one length.

    Parameters
    ----------
    axes
        1 for a list, 2 for a list of lists.

    Raises
    ------
    FileError
        If they are something else.
    """
    import numpy as np

    value = field(told, name, list, where)
    try:
        found = np.array(value, float) if _plain(value, axes) else None
    except (ValueError, OverflowError):  # lists of several lengths, whole numbers beyond all
        found = None
    if found is None or found.ndim != axes or not np.isfinite(found).all():
        raise FileError(
            f"{where}: {name} is {short(value)}", "finite numbers" if axes == 1 else "rows of finite numbers"
        )
    return found


def finite(value: float) -> bool:
    """Whether a number is finite as a float; whole numbers may be too large."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def short(value: Any) -> str:
    """A value for a message."""
    text = repr(value) if not isinstance(value, int) or abs(value) < 1 << 64 else "a number of many digits"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _plain(value: Sequence[Any], axes: int) -> bool:
    """Whether lists of a depth hold numbers alone; numpy takes texts and true for numbers."""
    if axes > 1:
        return all(isinstance(one, list) and _plain(one, axes - 1) for one in value)
    return all(isinstance(one, int | float) and not isinstance(one, bool) for one in value)
