"""How a valid file is spoilt: bytes of any file, words of texts, values of JSON and TOML."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from random import Random
from typing import Any

INTEGERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF)
WORDS = (
    "NaN", "nan", "inf", "-inf", "1e400", "-1e400", "-1", "0", "-0", "1e308", "1e-400", "4294967296", "2147483648",
    "9" * 400, "9" * 5000, "1" * 25, "0x10", "1_0", "1,5", "", " ", "null", "true", "[]", "{}", "\u0661\u0662",
    "\u00e9\u20ac", "\ud800", "\0", "x" * 300,
    "../../../../etc/passwd", "/dev/null", "%s%n", "2024-02-30", "0000-00-00",
    "9999-12-31",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**31, 2**63, 2**64, 10**30, 0.5, -0.0, 1e308, float("nan"), float("inf"), "", "x",
    "NaN", "1e400", "\0", "\ud800", "x" * 300, "9" * 5000, [], {}, [[]], [None], [1, "a"], {"a": 1}, {"": None},
    [[1], [1, 2]], [0] * 50, [[[[[1]]]]], "../../../../etc/passwd", "2024-02-30", [1e308] * 3, {"type": "Feature"},
)  # fmt: skip
ENCODINGS = ("utf-16", "utf-16-le", "utf-32", "cp1252", "utf-7", "latin-1")
DECLARED = ("utf-99", "ebcdic-cp-be", "UTF-16", "ascii", "rot13", "zlib", "idna", "\u00e9", "base64", "undefined")
DEEP = 100_000


def mutated(data: bytes, kind: str, rng: Random, other: bytes) -> bytes:
    """A spoilt copy of a file.

    Parameters
    ----------
    kind
        ``binary``, ``text``, ``xml``, ``json`` or ``toml``.
    other
        Another valid file, parts of which may be put in.
    """
    if kind == "json" and rng.random() < 0.6:
        return _of_json(data, rng)
    if kind != "binary" and rng.random() < 0.75:
        return _of_text(data, kind, rng)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        data = rng.choice(BYTES)(data, rng, other)
    return data


def _flip(data: bytes, rng: Random, _other: bytes) -> bytes:
    made = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        if made:
            made[rng.randrange(len(made))] ^= 1 << rng.randrange(8)
    return bytes(made)


def _byte(data: bytes, rng: Random, _other: bytes) -> bytes:
    made = bytearray(data)
    if made:
        made[rng.randrange(len(made))] = rng.choice((0, 0xFF, 0x7F, 0x80, rng.randrange(256)))
    return bytes(made)


def _integer(data: bytes, rng: Random, _other: bytes) -> bytes:
    size = rng.choice((1, 2, 4, 8))
    if len(data) < size:
        return data
    at = rng.randrange(len(data) - size + 1) // size * size
    value = rng.choice(INTEGERS) & (256**size - 1)
    return data[:at] + value.to_bytes(size, rng.choice(("little", "big"))) + data[at + size :]


def _cut(data: bytes, rng: Random, _other: bytes) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _drop(data: bytes, rng: Random, _other: bytes) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + data[at + rng.choice((1, 2, 4, 16, 64, 500)) :]


def _double(data: bytes, rng: Random, _other: bytes) -> bytes:
    at, to = rng.randrange(len(data) + 1), rng.randrange(len(data) + 1)
    return data[:to] + data[at : at + rng.choice((1, 4, 16, 64, 500))] + data[to:]


def _splice(data: bytes, rng: Random, other: bytes) -> bytes:
    at, start, size = rng.randrange(len(data) + 1), rng.randrange(len(other) + 1), rng.choice((4, 16, 64, 500))
    return data[:at] + other[start : start + size] + data[at + size * rng.randrange(2) :]


def _noise(data: bytes, rng: Random, _other: bytes) -> bytes:
    at, size = rng.randrange(len(data) + 1), rng.choice((1, 4, 16, 64))
    return data[:at] + rng.randbytes(size) + data[at + size :]


BYTES: tuple[Callable[[bytes, Random, bytes], bytes], ...] = (
    _flip, _flip, _byte, _integer, _integer, _integer, _cut, _drop, _double, _splice, _noise,
)  # fmt: skip


def _of_text(data: bytes, kind: str, rng: Random) -> bytes:
    """Words in place of words, in another encoding, nested deeply."""
    text = data.decode("utf-8", "replace")
    if kind == "xml" and rng.random() < 0.25:
        return _of_xml(text, rng)
    for _ in range(rng.choice((1, 1, 2, 4))):
        text = _words(text, rng)
    encoding = rng.choice(ENCODINGS) if rng.random() < 0.08 else "utf-8"
    made = text.encode(encoding, "surrogatepass" if encoding != "cp1252" and encoding != "latin-1" else "replace")
    return made + rng.choice((b"\xff\xfe", b"\0", b"\x80", b"\xc3")) if rng.random() < 0.05 else made


def _words(text: str, rng: Random) -> str:
    """One word, line or bracket changed."""
    what = rng.random()
    if what < 0.6:
        pattern = rng.choice((r"[-+]?\d[\d.eE+-]*", r"[-+]?\d[\d.eE+-]*", r'"[^"\n]*"', r"[A-Za-z_]\w*", r">[^<>]*<"))
        found = list(re.finditer(pattern, text))
        if found:
            one = rng.choice(found)
            keep = one[0][0] if one[0][0] in '">' else ""
            word = f"{keep}{rng.choice(WORDS)}{'<' if keep == '>' else keep}"
            return text[: one.start()] + word + text[one.end() :]
    lines = text.splitlines(keepends=True) or [""]
    at = rng.randrange(len(lines))
    if what < 0.7:
        del lines[at]
    elif what < 0.8:
        lines.insert(rng.randrange(len(lines) + 1), lines[at])
    elif what < 0.85:
        lines[at] = lines[at].strip() + rng.choice(WORDS)
    elif what < 0.88:
        lines[at] = lines[at] * 200
    else:
        at = rng.randrange(len(text) + 1)
        return text[:at] + rng.choice((*'",;={}[]()<>&\\\0\n\r\t', "\u2028", "\ufeff")) + text[at:]
    return "".join(lines)


def _of_xml(text: str, rng: Random) -> bytes:
    """Encodings that are told, entities, elements in elements."""
    body = re.sub(r"^<\?xml[^>]*>", "", text)
    what = rng.randrange(4)
    if what == 0:
        return f'<?xml version="1.0" encoding="{rng.choice(DECLARED)}"?>{body}'.encode()
    if what == 1:
        entity = rng.choice(('"x"', 'SYSTEM "file:///etc/hostname"', '"&b;&b;"'))
        return f"<!DOCTYPE a [<!ENTITY b {entity}>]>{re.sub(r'>[^<>]+<', '>&b;<', body, count=2)}".encode()
    if what == 2:
        return ("<a>" * rng.choice((100, 5000, DEEP)) + body).encode()
    tags = re.findall(r"<(\w[\w:]*)", body)
    return body.replace(rng.choice(tags or ["a"]), rng.choice(WORDS[:20]) or "b").encode("utf-8", "replace")


def _of_json(data: bytes, rng: Random) -> bytes:
    """Values of other types, keys that are lost or strange, deep nesting."""
    try:
        plain = json.loads(data)
    except ValueError:
        return data
    if rng.random() < 0.02:
        opening = rng.choice(("[", '{"a":'))
        return (opening * rng.choice((900, 5000, DEEP))).encode()
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        plain = changed(plain, rng)
    return json.dumps(plain, ensure_ascii=rng.random() < 0.9).encode("utf-8", "surrogatepass")


def changed(plain: Any, rng: Random) -> Any:
    """Plain data of which one value, anywhere, is another, or lost, or doubled."""
    if not isinstance(plain, (dict, list)) or not plain or rng.random() < 0.12:
        return rng.choice(VALUES)
    keys = list(plain) if isinstance(plain, dict) else list(range(len(plain)))
    key, made = rng.choice(keys), plain.copy()
    what = rng.random()
    if what < 0.1:
        del made[key]
    elif what < 0.15 and isinstance(made, dict):
        made[rng.choice(("", "x" * 300, "\0", "unknown", "type"))] = made[key]
    elif what < 0.2 and isinstance(made, list):
        made.insert(key, made[key])
    elif what < 0.25:
        made[key] = [made[key]]
    else:
        made[key] = changed(made[key], rng)
    return made
