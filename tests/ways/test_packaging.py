"""What is written of the package elsewhere says what pyproject.toml says: conda, container, lowest versions, pages."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from earthloom.cli.commands import COMMANDS, build
from earthloom.version import __version__

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
USERS = [name for name in PROJECT["optional-dependencies"] if name not in ("dev", "docs")]
CONDA = {"matplotlib": "matplotlib-base", "torch": "pytorch"}  # what conda-forge calls them
NEED = re.compile(r"^([A-Za-z0-9-]+)(?:\[.*\])?>=([\d.]+)$")


def needs(lines: list[str]) -> dict[str, str]:
    """Names and lowest versions."""
    found = {line: NEED.match(line) for line in lines}
    assert all(found.values()), [line for line, one in found.items() if one is None]
    return {one[1]: one[2] for one in found.values() if one is not None}


CORE = needs(PROJECT["dependencies"])
EXTRAS = needs([line for name in USERS for line in PROJECT["optional-dependencies"][name]])


def recipe() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "packaging/conda/recipe.yaml").read_text())


def conda_needs(lines: list[str]) -> dict[str, str]:
    return {name: version.removeprefix(">=") for name, _, version in (line.partition(" ") for line in lines)}


def test_the_recipe_needs_what_the_package_needs() -> None:
    found = recipe()
    run = conda_needs(found["requirements"]["run"])
    assert run.pop("python") == "${{ python_min }}"
    assert run == {CONDA.get(name, name): version for name, version in CORE.items()}
    constrained = conda_needs(found["requirements"]["run_constraints"])
    assert constrained == {CONDA.get(name, name): version for name, version in EXTRAS.items()}


def test_the_recipe_is_that_of_this_version() -> None:
    found = recipe()
    assert found["context"]["version"] == __version__
    assert f">={found['context']['python_min']}" == PROJECT["requires-python"]
    assert found["about"]["license"] == PROJECT["license"] and found["about"]["summary"] == PROJECT["description"]
    assert (ROOT / found["about"]["license_file"]).is_file()
    scripts = [f"{name} = {where}" for name, where in PROJECT["scripts"].items()]
    assert found["build"]["python"]["entry_points"] == scripts and found["build"]["noarch"] == "python"
    understood([line for test in found["tests"] for line in test.get("script", [])])


def understood(lines: list[str]) -> None:
    """Every line is a command that there is, with flags that it has."""
    assert lines
    for line in lines:
        program, *words = shlex.split(line)
        assert program == "earthloom"
        if words != ["--version"]:
            called, _, ignored = build(words).parse_args(words, exit_on_error=False, print_error=False)
            assert callable(called) and not ignored, line


def container() -> list[tuple[str, str]]:
    """Instructions and what stands behind them, lines joined."""
    text = (ROOT / "packaging/Containerfile").read_text()
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines]


def test_the_container_runs_the_demo_as_a_user_without_rights() -> None:
    found = container()
    last = {name: what for name, what in found}
    assert last["USER"] not in ("root", "0") and f" {last['USER']} " in f" {last['RUN']} "
    assert json.loads(last["ENTRYPOINT"]) == list(PROJECT["scripts"])
    understood([shlex.join(json.loads(last["ENTRYPOINT"]) + json.loads(last["CMD"]))])
    order = [name for name, _ in found]
    assert order.index("USER") > max(at for at, name in enumerate(order) if name == "RUN")
    assert order.count("FROM") == 2  # what builds stays behind


def test_the_container_copies_what_there_is_and_knows_the_extras() -> None:
    found = container()
    for name, what in found:
        if name == "COPY":
            assert all((ROOT / one).exists() for one in what.split()[:-1]), what
    arguments = dict(what.partition("=")[::2] for name, what in found if name == "ARG")
    assert set(arguments["EXTRAS"].split(",")) <= set(USERS)
    assert f"Programming Language :: Python :: {arguments['PYTHON']}" in PROJECT["classifiers"]
    ignored = (ROOT / "packaging/Containerfile.dockerignore").read_text().split()
    copied = [one for name, what in found if name == "COPY" and "--from" not in what for one in what.split()[:-1]]
    assert ignored[0] == "*" and {f"!{one.removeprefix('./')}" for one in copied} <= set(ignored)
    text = (ROOT / "packaging/Containerfile").read_text()
    understood(
        [
            line.split("earthloom ", 1)[1].join(["earthloom ", ""])
            for line in text.splitlines()
            if "/data" in line and line.startswith("#")
        ]
    )


def test_the_lowest_versions_are_those_that_are_allowed() -> None:
    lines = (ROOT / "constraints-lowest.txt").read_text().splitlines()
    locked = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    for name, version in {**CORE, **EXTRAS}.items():
        wide = len(version.split("."))
        assert locked[name].split(".")[:wide] == version.split("."), f"{name} {locked[name]}, {version} allowed"


def check_wheel() -> Any:
    spec = importlib.util.spec_from_file_location("check_wheel", ROOT / "packaging/check_wheel.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_a_wheel_should_hold_is_looked_for() -> None:
    tool = check_wheel()
    assert all((ROOT / "src" / name).is_file() for name in tool.INSIDE)
    whole = {name: 10 for name in tool.INSIDE} | {"earthloom/py.typed": 0}
    assert tool.faults_of(whole, 10, 100, tool.INSIDE) == []
    odd = whole | {"viewer/node_modules/ol/index.js": 3, "earthloom/old.pth": 3}
    del odd["earthloom/__init__.pyi"]
    assert tool.faults_of(odd, 2_000_000, 1_000_000, tool.INSIDE) == [
        "lacks earthloom/__init__.pyi", "holds viewer/node_modules/ol/index.js", "holds earthloom/old.pth",
        "has 2.0 MB, more than 1",
    ]  # fmt: skip
    extras = {name for name in tool.EXTRAS.split(",")}
    assert extras == set(USERS) - {"torch", "onnx"}


@pytest.mark.parametrize("page", ["install.md", "qgis.md", "versions.md"])
def test_pages_name_extras_and_commands_that_there_are(page: str) -> None:
    text = (ROOT / "docs" / page).read_text()
    for names in re.findall(r"earthloom\[([a-z,]+)\]", text):
        assert set(names.split(",")) <= {*USERS, "dev"}, names
    for name in re.findall(r"`earthloom ([a-z]+)", text):
        assert name in COMMANDS, name
    assert re.findall(r"pip install [^\n`]*(?:--index-url|--extra-index-url|https?:)", text) == []


def test_the_citation_is_of_this_version() -> None:
    found = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert found["version"] == __version__ and found["license"] == PROJECT["license"]
    assert {"cff-version", "message", "title", "authors", "type"} <= set(found)
