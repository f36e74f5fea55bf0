"""Statistics as bytes and back: what the ledger keeps of them. No pickles: reading a file calls nothing.

A header in JSON, in which ``{"#": k}`` stands for the k-th array, and the arrays behind it as ``.npy``. Classes are
named, and found among those that the program has loaded already.
"""

from __future__ import annotations

import io
import json
import sys
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from earthloom.ops.moments import Stats

OURS = "earthloom."


class NotPlain(Exception):
    """Something that is no statistics: it is measured again instead of kept."""


def pack(value: Any) -> bytes:
    """Numbers, text, arrays, sequences, mappings, and classes of this package that are made of such.

    Raises
    ------
    NotPlain
        For anything else.
    """
    arrays: list[np.ndarray] = []
    header = json.dumps(_plain(value, arrays)).encode()
    stream = io.BytesIO()
    stream.write(len(header).to_bytes(8, "little") + header)
    for array in arrays:
        np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def unpack(data: bytes) -> Any:
    """What was packed.

    Raises
    ------
    NotPlain
        If the bytes are none of ours, or name a class that is not there.
    """
    try:
        stream = io.BytesIO(data)
        header = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
        arrays = []
        while stream.tell() < len(data):
            arrays.append(np.load(stream, allow_pickle=False))
        return _restored(header, arrays)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, EOFError, RecursionError) as error:
        raise NotPlain(str(error)) from error


def _plain(value: Any, arrays: list[np.ndarray]) -> Any:
    """As JSON knows it; arrays are put aside."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, (np.ndarray, np.generic)):
        if value.dtype.hasobject:
            raise NotPlain(str(value.dtype))
        arrays.append(np.asarray(value))
        return {"#": len(arrays) - 1, "number": isinstance(value, np.generic)}
    kind = type(value)
    if kind in (list, tuple, set, frozenset):
        held = sorted(value) if kind in (set, frozenset) else value
        return {"of": kind.__name__, "held": [_plain(one, arrays) for one in held]}
    named = f"{kind.__module__}:{kind.__qualname__}"
    if kind is not dict and not kind.__module__.startswith(OURS):
        raise NotPlain(named)
    if isinstance(value, dict):
        held = [[_plain(key, arrays), _plain(one, arrays)] for key, one in value.items()]
        return {
            "of": named,
            "items": held,
            "own": [[k, _plain(v, arrays)] for k, v in vars(value).items()] if kind is not dict else [],
        }
    if isinstance(value, tuple):  # a NamedTuple
        return {"of": named, "held": [_plain(one, arrays) for one in value]}
    if not is_dataclass(value):
        raise NotPlain(named)
    return {"of": named, "own": [[one.name, _plain(getattr(value, one.name), arrays)] for one in fields(value)]}


BUILT_IN = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset, "builtins:dict": dict}


def _restored(value: Any, arrays: list[np.ndarray]) -> Any:
    """What stood there."""
    if not isinstance(value, dict):
        return value
    if "#" in value:
        array = arrays[value["#"]]
        return array[()] if value["number"] else array
    kind = BUILT_IN.get(value["of"]) or _class(value["of"])
    if "held" in value:
        held = [_restored(one, arrays) for one in value["held"]]
        return kind(*held) if hasattr(kind, "_fields") else kind(held)
    made = kind.__new__(kind)
    if "items" in value:
        dict.update(made, [(_restored(key, arrays), _restored(one, arrays)) for key, one in value["items"]])
    for name, one in value["own"]:
        object.__setattr__(made, name, _restored(one, arrays))
    return made


def _class(named: str) -> Any:
    """A class of this package that is loaded and made of plain parts."""
    module, _, name = named.partition(":")
    found: Any = sys.modules[module] if module.startswith(OURS) else None
    for part in name.split("."):
        found = getattr(found, part)
    if not isinstance(found, type) or not (is_dataclass(found) or issubclass(found, (Stats, tuple))):
        raise NotPlain(named)
    return found
