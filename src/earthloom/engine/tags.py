"""What a product says about how it was made: one rule for every verb."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from uuid import uuid4

from earthloom.engine.job import Job
from earthloom.engine.prepared import Prepared
from earthloom.methods.base import Method
from earthloom.methods.catalog import name_of
from earthloom.raster.write.provenance import PREFIX, provenance


def tags_of(method: Method, prepared: Prepared) -> dict[str, str]:
    """Method, fields, weights with their checksum, adaptation, inputs with theirs, version.

    The method is as it runs: ready, and so it names the weights that were found or learnt.
    """
    own = {name: value for name, value in method.parameters.items() if name != "mapping"}  # told by the problem
    parameters = {**own, **prepared.parameters}
    tags = provenance(
        f"{method.card.problem}/{name_of(method)}", parameters, prepared.inputs, sensor=prepared.sensor,
        extra={**prepared.facts, **prepared.says(method)},
    )  # fmt: skip
    return {**tags, **prepared.tags}


def figures_as_tags(figures: Mapping[str, Any]) -> dict[str, str]:
    """What is known only when the product is made: the residual, and the problem's own figures."""
    residual = {name: figures[name] for name in ("before_percent", "after_percent") if name in figures}
    tags = {f"{PREFIX}RESIDUAL": json.dumps(residual)} if residual else {}
    others = {name: value for name, value in figures.items() if name not in residual}
    return tags | ({f"{PREFIX}FIGURES": json.dumps(others, default=str)} if others else {})


def asked(job: Job, tags: Mapping[str, str]) -> dict[str, Any]:
    """Which job it is, by what may be changed: its product's tags, its tiles, and all else that it was given."""
    named = {name.removeprefix(PREFIX).lower(): value for name, value in tags.items()}
    tiles = sha256(repr(job.tiles).encode()).hexdigest()
    try:
        rest = sha256(pickle.dumps(job, protocol=5)).hexdigest()
    except (pickle.PicklingError, TypeError, AttributeError):  # a method of somebody's that cannot be written down
        rest = uuid4().hex  # is never the same job again
    return {**named, "tile size": tiles, "another setting": rest}
