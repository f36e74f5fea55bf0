"""Weights of networks: safetensors with a header that says what they are for. Those beside this file are shipped.

The header is JSON under the key ``earthloom`` of the file's metadata: the method and its fields, the sizes of the
network, the bands it was made for, how inputs are normalised, and the card (data, licence, steps, figures).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.atomic import write_whole
from earthloom.documents import field, is_file, numbers, parsed, short
from earthloom.errors import FileError, InputError
from earthloom.weights.checkpoints.reading import SUFFIXES, read_checkpoint
from earthloom.weights.header import FOLDER, HEADER_BYTES, KEY, SUFFIX, Header, metadata


def shipped_weights(method: str | None = None) -> list[Header]:
    """Headers of the shipped weights, those of one method or all."""
    return [header for header in _shipped() if method is None or header.method == method]


@cache
def _shipped() -> tuple[Header, ...]:
    return tuple(read_header(path) for path in sorted(FOLDER.glob(f"*{SUFFIX}")))


def locate(name: str | Path) -> Path:
    """The file of a name: a path, a folder of a training run, or shipped weights.

    Raises
    ------
    FileError
        If there is none, or it is a pickle.
    """
    path = Path(name)
    if is_file(path / f"weights{SUFFIX}"):
        path = path / f"weights{SUFFIX}"
    if not is_file(path) and is_file(FOLDER / f"{name}{SUFFIX}"):
        path = FOLDER / f"{name}{SUFFIX}"
    if not is_file(path):
        known = ", ".join(header.name for header in _shipped())
        raise FileError(f"no weights '{name}'", "a .safetensors file or the folder of a run", f"shipped: {known}")
    with path.open("rb") as stream:
        start = stream.read(8)
    if _pickled(start):
        raise FileError(
            f"{path.name} is a pickle", "safetensors", "a pickle can run any code when it is read; convert it first"
        )
    return path


def _checkpoint(name: str | Path) -> bool:
    """Whether it is a checkpoint of torch, which authors give away."""
    return Path(name).suffix.lower() in SUFFIXES and is_file(name)


def _pickled(start: bytes) -> bool:
    """Whether a file begins like a pickle, or like the zip archive that torch puts one in.

    Safetensors begin with the length of their header, eight bytes, which is below ``HEADER_BYTES``.
    """
    if int.from_bytes(start, "little") <= HEADER_BYTES:
        return False
    return start[:4] == b"PK\x03\x04" or (start[:1] == b"\x80" and start[1:2] in b"\2\3\4\5")


def read_header(name: str | Path) -> Header:
    """The header of a file of weights.

    Raises
    ------
    FileError
        If the file is missing, cut short, a pickle, not one of ours, or written by a later version.
    """
    if _checkpoint(name):
        return read_checkpoint(name)[0]
    path = locate(name)
    text = metadata(path).get(KEY)
    if text is None:
        raise FileError(f"{path.name} has no '{KEY}' header", "weights written by earthloom train")
    title = path.parent.name if path.stem == "weights" else path.stem  # a run is called as its folder
    return header_in(text, title, path)


def header_in(text: str, title: str, path: Path) -> Header:
    """The header that a file holds as JSON.

    Raises
    ------
    FileError
        If it is not one of ours, or written by a later version.
    """
    try:
        told = parsed(text)
        if not isinstance(told, dict):
            raise ValueError("no object")
        if later := sorted(set(told) - {one.name for one in fields(Header)}):
            raise ValueError(f"unknown: {', '.join(later)}")
        return _header(told, title, path)
    except ValueError as wrong:
        raise FileError(
            f"the header of {path.name} ({wrong})", "weights of this version of earthloom or an earlier one",
            "a later version wrote them? update earthloom",
        ) from wrong  # fmt: skip


def _header(told: Mapping[str, Any], title: str, path: Path) -> Header:
    """The header that plain data make, every value of its type."""
    lists = {key: field(told, key, list, "it", optional=True) or [] for key in ("bands", "centres_nm")}
    if not all(isinstance(name, str) for name in lists["bands"]):
        raise InputError(f"bands {short(lists['bands'])}", "texts")
    known = [centre for centre in lists["centres_nm"] if centre is not None]
    numbers({"centres_nm": known}, "centres_nm", "it")
    tables = {key: field(told, key, dict, "it", optional=True) or {} for key in ("fields", "sizes", "card")}
    for key in tables["sizes"]:
        field(tables["sizes"], key, float, "sizes")
    return Header(
        field(told, "method", str, "it"), tables["fields"], tables["sizes"],
        field(told, "sensor", str, "it", optional=True), tuple(lists["bands"]), tuple(lists["centres_nm"]),
        field(told, "convention", str, "it", optional=True) or "centre", tables["card"], title, str(path),
    )  # fmt: skip


def fingerprint(header: Header) -> str:
    """SHA-256 of the file that the header comes from; empty when it comes from none."""
    if not header.path or not Path(header.path).is_file():
        return ""
    return sha256_of(header.path)


def sha256_of(path: str | Path) -> str:
    """SHA-256 of a file."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read(name: str | Path) -> tuple[Header, dict[str, np.ndarray]]:
    """Header and tensors of a file of weights; half precision as float32."""
    if _checkpoint(name):
        return read_checkpoint(name)
    header = read_header(name)
    with _opened(Path(header.path)) as file:
        try:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
        except (TypeError, AttributeError, OSError) as wrong:  # such as bfloat16, which numpy does not know
            raise FileError(f"the tensors of {header.name} ({wrong})", "float32 or float16") from wrong
    return header, {k: v.astype(np.float32) if v.dtype == np.float16 else v for k, v in tensors.items()}


def write(path: str | Path, header: Header, tensors: Mapping[str, np.ndarray], half: bool = False) -> Path:
    """Write weights whole or not at all.

    Parameters
    ----------
    half
        Store float16: half the size, and a difference below what bands are quantised to.

    Raises
    ------
    InputError
        If a tensor is not finite.
    FileError
        If the file cannot be written.
    """
    from safetensors.numpy import save

    path = Path(path)
    stored = {}
    for key, value in tensors.items():
        value = np.ascontiguousarray(value)
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise InputError(f"weights '{key}' that are not finite", "finite numbers", "the training diverged")
        stored[key] = value.astype(np.float16) if half and value.dtype == np.float32 else value
    told = {k: v for k, v in asdict(header).items() if k not in ("name", "path")}
    return write_whole(path, save(stored, {KEY: json.dumps(told, sort_keys=True)}))


def _opened(path: Path) -> Any:
    """The file, its errors in our words."""
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError as missing:
        raise FileError("weights without safetensors", "safetensors", "pip install 'earthloom[torch]'") from missing
    try:
        return safe_open(path, "numpy")
    except (SafetensorError, OSError) as wrong:
        raise FileError(
            f"{path.name} cannot be read ({wrong})", "whole safetensors", "cut short? copy it again"
        ) from wrong
