"""What ships as weights: small files, cards that say all a user must know, and a recipe for every one."""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path

import pytest
from bench import recipes, weights
from bench.cards import FIGURES, MUST, UNKNOWN, page, words
from bench.recipes import Recipe, Step

from earthloom.methods import catalog
from earthloom.weights.header import FOLDER, SUFFIX
from earthloom.weights.store import read_header

NAMES = sorted(path.stem for path in FOLDER.glob(f"*{SUFFIX}"))
MOST, MOST_OF_ALL = 8_000_000, 25_000_000  # bytes


def card(name: str) -> dict[str, object]:
    """Of the header, its keys as the page has them."""
    return {key.replace("_", " "): value for key, value in read_header(name).card.items()}


def test_files_are_small() -> None:
    sizes = {name: (FOLDER / f"{name}{SUFFIX}").stat().st_size for name in NAMES}
    assert {name: size for name, size in sizes.items() if size > MOST} == {}
    assert sum(sizes.values()) < MOST_OF_ALL


def test_every_file_has_a_page_and_every_page_a_file() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.md")) == NAMES


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("read", [card, page], ids=["header", "page"])
def test_cards_say_all_that_a_user_must_know(name: str, read) -> None:
    found = {key: words(value) for key, value in read(name).items()}
    assert [key for key in MUST if len(found.get(key, "")) < 2] == []
    told = " ".join(found[key] for key in FIGURES if key in found)
    assert re.search(r"\d", told), "figures"
    if "figures of" not in found:  # their name says what they are of
        assert any("held out" in key for key in found)
    for key in ("data", "licence", "not for", "recipe"):
        assert UNKNOWN not in found[key]


@pytest.mark.parametrize("name", NAMES)
def test_the_page_says_what_the_header_says(name: str) -> None:
    inside, beside = card(name), page(name)
    assert set(beside) == set(inside)
    for key in ("steps", "hardware", "recipe", "licence", "not for", "data"):
        assert beside[key] == words(inside[key]), key


@pytest.mark.parametrize("name", NAMES)
def test_the_method_of_weights_is_there(name: str) -> None:
    problem, _, method = read_header(name).method.partition("/")
    assert method in catalog.names(problem)


def test_every_file_has_one_recipe_and_its_card_names_a_command_of_it() -> None:
    known = {name: recipe for recipe in recipes.every() for name in recipe.names}
    assert [name for name in NAMES if name not in known] == [], "assign RECIPES in the module that makes them"
    for name in NAMES:
        commands = [step.command for step in known[name].every]
        modules = {command.split()[0].rpartition(".")[0] for command in commands}
        named = re.findall(r"python -m (bench\.[\w.]+)", page(name)["recipe"])
        assert named and {module.rpartition(".")[0] for module in named} <= modules, name
        assert all(module in {command.split()[0] for command in commands} for module in named), name


@pytest.mark.parametrize("recipe", recipes.every(), ids=lambda recipe: recipe.names[0])
def test_recipes_run_modules_that_take_a_device(recipe: Recipe) -> None:
    assert recipe.data and recipe.needs and recipe.where
    for step in recipe.every:
        spec = importlib.util.find_spec(step.command.split()[0])
        assert spec is not None and spec.origin is not None
        assert "started(main)" in Path(spec.origin).read_text(encoding="utf-8"), step.command
        assert step.core_s > 0


def made(folder: Path, name: str, age: int, after: tuple[Path, ...] = ()) -> Step:
    """A step whose file is so many seconds old."""
    path = folder / name
    path.write_bytes(b"")
    os.utime(path, (1e9 - age, 1e9 - age))
    return Step(f"some.module {name}", path, 60.0, after)


def test_what_is_whole_is_left_and_figures_follow_their_network(tmp_path: Path) -> None:
    network = made(tmp_path, "network", 10)
    assert network.whole and made(tmp_path, "figures", 5, (network.leaves,)).whole
    assert not made(tmp_path, "older", 20, (network.leaves,)).whole
    assert not Step("some.module", tmp_path / "missing", 1.0).whole
    assert not made(tmp_path, "alone", 0, (tmp_path / "missing",)).whole


def test_steps_run_in_order_once_and_a_failure_ends_a_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    class Pretending(weights.Kitchen):
        def done(self, step: Step) -> int:
            ran.append(step.command)
            if "bad" in step.command:
                return 1
            step.leaves.write_bytes(b"")
            return 0

    monkeypatch.setattr(recipes, "FOLDER", tmp_path)
    steps = tuple(Step(f"m {name}", tmp_path / name, 1.0) for name in ("one", "two"))
    first, again = (Recipe((name,), steps, f"m ship {name}", "data") for name in ("a", "b"))
    kitchen = Pretending("cpu")
    assert kitchen.make(first) is None and kitchen.make(again) is None
    assert ran == ["m one", "m two", "m ship a", "m ship b"]
    bad = Recipe(("c",), (Step("m bad", tmp_path / "c", 1.0), *steps), "m ship c", "data")
    assert "bad" in (kitchen.make(bad) or "") and ran[-1] == "m bad"
    away = Recipe(("d",), steps, "m ship d", "data", ("no/such/folder",))
    assert "no/such/folder" in (kitchen.make(away) or "") and ran[-1] == "m bad"


def test_the_list_names_commands_and_times_and_counts_shared_steps_once() -> None:
    both = weights.chosen(["cubes_4to1", "cubes_3to1"])
    told = weights.shown(both)
    for recipe in both:
        assert all(step.command in told for step in recipe.every) and recipe.where in told
    steps = {step.leaves: step.core_s for recipe in both for step in recipe.every if not step.whole}
    assert f"{sum(steps.values()) / 3600:.1f} hours of one core" in told
    with pytest.raises(SystemExit, match="no recipe makes nothing"):
        weights.chosen(["nothing"])


def test_a_command_line_gives_its_device_to_all_that_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []

    def main(given: list[str]) -> None:
        found.append((given, recipes.settings({"devices": 2, "steps": 3}).device))

    for words_given in (["train", "x", "--device", "cpu"], ["--device", "cpu", "train", "x"]):
        monkeypatch.setattr("sys.argv", ["module", *words_given])
        recipes.started(main)
    monkeypatch.setattr("sys.argv", ["module", "train", "x"])
    recipes.started(main)
    assert found == [(["train", "x"], "cpu")] * 2 + [(["train", "x"], "auto")]
    monkeypatch.setattr("sys.argv", ["module", "--device"])
    with pytest.raises(SystemExit, match="without a device"):
        recipes.started(main)
