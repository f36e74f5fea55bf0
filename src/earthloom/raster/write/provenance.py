"""What a product says about itself, and what any file says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from earthloom.raster.addresses import is_remote, without_secrets
from earthloom.raster.metadata import matlab as benchmarks
from earthloom.raster.places import Inside, place
from earthloom.raster.remote import Seen, seen
from earthloom.version import __version__

PREFIX = "EARTHLOOM_"
HASHED_BYTES = 64 * 2**20


def provenance(
    method: str,
    parameters: Mapping[str, Any],
    inputs: Mapping[str, Sequence[str | Path]],
    *,
    sensor: str | None = None,
    extra: Mapping[str, Any] | None = None,
) -> dict[str, str]:
    """Tags that say how a product was made.

    Parameters
    ----------
    method
        Such as ``pansharpening/gsa``.
    parameters
        Of the method and of the run; stored as JSON.
    inputs
        Role to files. Stored as file names with the SHA-256 of files below 64 MB, size and time of larger ones, size,
        ETag and time of those elsewhere.
    sensor
        Whose bands they are.
    extra
        More entries, stored as JSON under their names in capitals.

    Returns
    -------
    dict
        Names begin with ``EARTHLOOM_``.
    """

    tags = {
        "VERSION": __version__,
        "METHOD": method,
        "PARAMETERS": json.dumps(dict(parameters), sort_keys=True, default=str),
        "INPUTS": json.dumps(fingerprints(inputs)),
    }
    if sensor is not None:
        tags["SENSOR"] = sensor
    tags |= {name.upper(): json.dumps(value, default=str) for name, value in (extra or {}).items()}
    return {PREFIX + name: value for name, value in tags.items()}


def fingerprints(inputs: Mapping[str, Sequence[str | Path]]) -> dict[str, list[dict[str, Any]]]:
    """Role to name and content of its files."""
    return {role: [_fingerprint(path) for path in paths] for role, paths in inputs.items()}


def _fingerprint(path: str | Path) -> dict[str, Any]:
    """Name and content of an input, without its folder; of one elsewhere what its server says, without secrets."""
    if is_remote(path):
        known = seen(str(path) if isinstance(path, Path) else path)
        said = asdict(known) if isinstance(known, Seen) and known.status < 400 else {}
        told = {key: said[key] for key in ("bytes", "etag", "modified") if said.get(key) is not None}
        return {"name": Path(without_secrets(str(path))).name, **told}
    address = benchmarks.parse_address(str(path))
    within = place(path)
    file = address[0] if address else within.archive if isinstance(within, Inside) else within
    found: dict[str, Any] = {"name": Path(path).name}
    try:
        stat = file.stat()
        if not file.is_file():
            return found
        found["bytes"] = stat.st_size
        if stat.st_size < HASHED_BYTES:
            with file.open("rb") as stream:
                found["sha256"] = hashlib.file_digest(stream, "sha256").hexdigest()
        else:
            found["modified"] = datetime.fromtimestamp(stat.st_mtime, UTC).isoformat(timespec="seconds")
    except OSError:  # a URI
        pass
    return found
