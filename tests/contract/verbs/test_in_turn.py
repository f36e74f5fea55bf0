"""Products in turn: a row that fails is an outcome and says why; what is fatal, or no error of ours, ends it."""

from __future__ import annotations

from functools import partial

import pytest

from earthloom.engine.options import Run
from earthloom.errors import EarthloomError, FileError, InputError
from earthloom.verbs.batching.in_turn import Row, in_turn


def made(name: str, run: Run) -> str:
    """Says how far it is, and gives a product."""
    run.progress("fusing", 1, 1)
    return f"{name}.tif"


def failing(error: Exception, run: Run) -> str:
    """No product."""
    raise error


def on_disk(error: EarthloomError) -> bool:
    """Whether there is no place for the others either."""
    return isinstance(error, FileError)


def test_a_row_that_fails_is_an_outcome() -> None:
    stages: list[str] = []
    run = Run(progress=lambda stage, done, total: stages.append(stage))
    why = InputError("no pixel")
    rows = [Row("a", partial(made, "a")), Row("b", partial(failing, why)), Row("c", partial(made, "c"))]
    outcomes = in_turn(rows, run)
    assert [(one.name, one.product, one.why) for one in outcomes] == [
        ("a", "a.tif", None), ("b", None, why), ("c", "c.tif", None)
    ]  # fmt: skip
    assert stages == ["a (1 of 3) fusing", "c (3 of 3) fusing"]
    assert in_turn([], run) == []


def test_what_ends_a_batch() -> None:
    after: list[str] = []

    def late(run: Run) -> None:
        after.append("made")

    with pytest.raises(FileError, match="full"):
        in_turn([Row("a", partial(failing, FileError("full")), on_disk), Row("b", late)], Run())
    with pytest.raises(ZeroDivisionError):  # a mistake of ours is no outcome
        in_turn([Row("a", partial(failing, ZeroDivisionError())), Row("b", late)], Run())
    assert not after
    outcomes = in_turn([Row("a", partial(failing, InputError("dark")), on_disk), Row("b", late)], Run())
    assert outcomes[0].why is not None and after == ["made"]
