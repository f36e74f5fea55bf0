"""`earthloom --describe`: what windows around the program show is what the program says of itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from earthloom.cli.commands import COMMANDS, GROUPS
from earthloom.cli.completion import app_of
from earthloom.cli.examples import EXAMPLES
from earthloom.cli.main import run
from earthloom.cli.pages.describe import described
from earthloom.methods import catalog

KINDS = {
    "switch", "integer", "number", "choice", "text", "image", "folder", "file", "output", "output_folder",
}  # fmt: skip


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    return described()


def by_name(command: dict[str, Any]) -> dict[str, Any]:
    return {flag["name"]: flag for flag in command["flags"]}


def test_every_command_and_every_flag_is_told(told: dict[str, Any]) -> None:
    """Nothing is left out, and nothing is told that cannot be typed."""
    commands = {one["name"]: one for one in told["commands"]}
    assert {name.split()[0] for name in commands} == set(COMMANDS) - {"compare"}  # which holds commands alone
    for name in commands:
        names = {n for a in app_of(name.split()[0], name.split()).assemble_argument_collection() for n in a.names}
        flags = {flag["flag"] for flag in commands[name]["flags"] if flag["flag"]}
        assert flags <= names and len(commands[name]["flags"]) > 0
        longs = {n for n in names if n.startswith("--") and not n.startswith("--no-")}
        assert longs <= flags, name
    assert all(commands[name]["examples"] == [{"what": a, "line": b} for a, b in EXAMPLES[name]] for name in commands)


def test_flags_say_what_they_take(told: dict[str, Any]) -> None:
    for command in told["commands"]:
        assert command["group"] in GROUPS and command["summary"] and command["manual"]
        assert "For example" not in command["manual"]  # the examples are told apart
        for flag in command["flags"]:
            where = f"{command['name']} {flag['name']}"
            assert flag["takes"] and set(flag["takes"]) <= KINDS, where
            assert flag["help"] or command["group"] == "Learn", where
            assert ("choice" in flag["takes"]) <= bool(flag["choices"]), where
            assert not (flag["required"] and flag["default"] not in (None, [])), where


def test_images_and_products_are_known(told: dict[str, Any]) -> None:
    commands = {one["name"]: by_name(one) for one in told["commands"]}
    assert commands["pansharpen"]["pan"]["takes"] == ["image"] and commands["pansharpen"]["ms"]["many"]
    assert commands["pansharpen"]["output"]["takes"] == ["output"] and commands["pansharpen"]["output"]["required"]
    assert commands["series"]["output"]["takes"] == ["output_folder"]
    pair = commands["predict"]["pair"]
    assert (pair["words"], pair["takes"]) == (["fine", "coarse", "date"], ["image", "image", "text"])
    assert commands["superresolve"]["fine"]["takes"] == ["choice"]  # a field of the method, and no image
    assert commands["decloud"]["quality"]["off"] == "--no-quality"
    for verb in ("pansharpen", "sharpen", "superresolve", "align", "decloud"):
        assert set(catalog.problems()) and len(commands[verb]["method"]["choices"]) > 3


def test_the_fields_of_a_method_are_asked_for_by_its_name() -> None:
    fields = by_name(described(["pansharpen", "-m", "brovey"])["commands"][0])
    assert "weights" in fields and fields["weights"]["group"] == "Fields of Brovey"
    assert "beta" in by_name(described(["pansharpen", "-m", "pracs"])["commands"][0])


def test_it_is_json_and_refuses_what_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        run(["--describe", "align", "fit"])
    assert left.value.code == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in found["commands"]] == ["align fit"] and found["program"] == "earthloom"
    with pytest.raises(SystemExit) as left:
        run(["--describe", "sharpne"])
    assert left.value.code == 2
    assert "the command 'sharpne'" in capsys.readouterr().err
