"""Every scene that a verb fuses keeps the law of tiles, travels to other processes, and is taken from its own files.

The scenes are those that the verbs prepare for their engine, of files and of arrays: a new verb with an entry in
``contract/verbs/cases.py`` is held to the law without another line.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from earthloom.errors import InputError
from earthloom.types import Observation, Scene, Window
from earthloom.verbs import pipeline
from tests.contract.verbs.cases import CASES, Case, arrays

Catch = Callable[[Case, Any], Any]
VARIANTS: dict[str, dict[str, Any]] = {
    "pansharpen": {"register": True}, "predict": {"coregister": "off", "fine_bands": (2, 1), "coarse_bands": (2, 1)},
}  # fmt: skip
HOW = [(case, kind, {}) for case in CASES for kind in ("files", "arrays")]
HOW += [(case, "files", VARIANTS[case.verb]) for case in CASES if case.verb in VARIANTS]
each = pytest.mark.parametrize(
    ("case", "kind", "more"),
    HOW,
    ids=[f"{case.verb}-{kind}{'-' * bool(more)}{'-'.join(more)}" for case, kind, more in HOW],
)


class Caught(Exception):
    """The scene that a verb prepared."""


@pytest.fixture
def catch(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run a verb until its job is ready, and look at the scene while its files are open."""

    def caught(case: Case, kind: str, folder: Path, look: Callable[[Scene], Any], **more: Any) -> None:
        looked: list[bool] = []

        def seen(job: Any, *_: Any) -> Any:
            look(job.scene)
            looked.append(True)
            raise Caught

        monkeypatch.setattr(pipeline, "execute", seen)
        given = case.inputs(folder)
        with pytest.raises(Caught):
            case.call(given if kind == "files" else arrays(given), **more)
        assert looked

    return caught


def same(seen: Observation, wanted: Observation) -> None:
    """Two observations of one tile."""
    assert (seen.shape, seen.origin, seen.core_window, seen.convention) == (
        wanted.shape, wanted.origin, wanted.core_window, wanted.convention
    )  # fmt: skip
    assert set(seen.views) == set(wanted.views)
    for role, view in seen.views.items():
        other = wanted[role]
        assert (view.bands, view.ratio, view.date) == (other.bands, other.ratio, other.date)
        np.testing.assert_allclose(view.offset, other.offset, atol=1e-9)
        np.testing.assert_array_equal(view.data, other.data)
        np.testing.assert_array_equal(view.valid, other.valid)


def tiles(shape: tuple[int, int]) -> list[tuple[Window, int]]:
    """Corners, a middle, one row, all of it; with and without a halo."""
    height, width = shape
    some = [
        Window(0, 0, height // 2, width // 3), Window(height // 3, width // 4, height // 2, width // 2),
        Window(height - 5, width - 7, 5, 7), Window(height // 2, 0, 1, width), Window(0, 0, height, width),
    ]  # fmt: skip
    return [(core, halo) for core in some for halo in (0, 3, 17)]


@each
def test_a_tile_is_a_part_of_the_whole(case: Case, kind: str, more: Any, catch: Any, tmp_path: Path) -> None:
    def look(scene: Scene) -> None:
        assert isinstance(scene, Scene)
        whole = scene.observe(Window(0, 0, *scene.shape), 0)
        assert any(view.valid.any() for view in whole.views.values())
        for core, halo in tiles(scene.shape):
            same(scene.observe(core, halo), whole.crop(core, halo))

    catch(case, kind, tmp_path, look, **more)


@each
def test_it_travels_and_reads_there(case: Case, kind: str, more: Any, catch: Any, tmp_path: Path) -> None:
    def look(scene: Scene) -> None:
        sent = pickle.dumps(scene)
        assert len(sent) < 20_000 or kind == "arrays"  # files travel as their names
        other = pickle.loads(sent)
        for core, halo in tiles(scene.shape)[:6]:
            same(other.observe(core, halo), scene.observe(core, halo))

    catch(case, kind, tmp_path, look, **more)


@each
def test_nothing_of_it_says_what_it_is(case: Case, kind: str, more: Any, catch: Any, tmp_path: Path) -> None:
    def look(scene: Scene) -> None:
        empty, some = scene.empty(), scene.observe(Window(0, 0, 8, 8), 0)
        assert set(empty.views) == set(some.views) and empty.convention == some.convention == scene.convention
        for role, view in empty.views.items():
            assert (view.bands, view.ratio, view.data.dtype) == (
                some[role].bands, some[role].ratio, some[role].data.dtype
            )  # fmt: skip

    catch(case, kind, tmp_path, look, **more)


@each
def test_what_lies_outside_is_refused(case: Case, kind: str, more: Any, catch: Any, tmp_path: Path) -> None:
    def look(scene: Scene) -> None:
        height, width = scene.shape
        for window in (Window(height - 3, 0, 4, 4), Window(0, width, 1, 1), Window(-1, 0, 4, 4)):
            with pytest.raises(InputError, match="tile"):
                scene.observe(window, 0)

    catch(case, kind, tmp_path, look, **more)
