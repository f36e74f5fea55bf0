"""Fixtures that every test may use; shape annotations are checked while the suite runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings
from jaxtyping import install_import_hook

from tests import shapes
from tests.slow import is_slow

settings.register_profile("earthloom", deadline=None)  # a busy machine is no defect
settings.load_profile("earthloom")

shapes.where_they_are_written()
HOOK = install_import_hook("earthloom", "tests.check")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `make quick` leaves out; the list is one page, so that no test file has to say it."""
    here = Path(__file__).resolve().parent
    for item in items:
        if item.path.is_relative_to(here) and is_slow(item.path.relative_to(here).as_posix(), item.name):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A read that fails is tried again at once."""
    from earthloom.raster import handles  # not before the hook above

    monkeypatch.setattr(handles, "WAITS_S", (0.0,) * len(handles.WAITS_S))


def _shared() -> Path:
    """The folder of shared data: EARTHLOOM_SHARED, or ``shared`` beside the repository."""
    return Path(os.environ.get("EARTHLOOM_SHARED", Path(__file__).resolve().parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with ``data`` and ``golden``; tests that need it skip where it is absent."""
    folder = _shared()
    if not (folder / "data").is_dir():
        pytest.skip(f"shared data not found at {folder}")
    return folder
