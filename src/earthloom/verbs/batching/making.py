"""One row made, whoever makes it: tried again where that may help, and an error becomes its reason."""

from __future__ import annotations

import time
import traceback
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from earthloom.engine.options import Run
from earthloom.engine.talk import silent
from earthloom.errors import EarthloomError, EarthloomWarning
from earthloom.verbs.declared import VERBS

PAUSE_S = 1.0  # before the second try; twice as long before each one after
NEVER_PASS = (FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError)


@dataclass(frozen=True)
class Task:
    """A row to make.

    Parameters
    ----------
    name
        Of the row.
    verb
        That makes it.
    arguments
        Of the verb, the output among them.
    run
        How.
    retries
        Further tries after errors that may pass.
    """

    name: str
    verb: str
    arguments: Mapping[str, Any]
    run: Run
    retries: int = 0

    @property
    def output(self) -> Path:
        """The product."""
        return Path(self.arguments["output"])

    @property
    def alone(self) -> Task:
        """The same for another process, where nobody listens."""
        return replace(self, run=replace(self.run, progress=silent, say=None, facts=None))


@dataclass(frozen=True)
class Made:
    """What became of it.

    Parameters
    ----------
    name
        Of the row.
    reason
        Why there is no product, in one line; "" when there is.
    tries
        How many it took.
    seconds
        How long that was.
    warnings
        What the verb warned of.
    trace
        Where an error arose that nobody had foreseen.
    """

    name: str
    reason: str = ""
    tries: int = 1
    seconds: float = 0.0
    warnings: tuple[str, ...] = field(default=())
    trace: str = ""


def make(task: Task) -> Made:
    """Make a row."""
    began, said, tries = time.monotonic(), list[str](), 0
    while True:
        tries += 1
        reason, trace, again = _tried(task, said)
        if not again or tries > task.retries:
            return Made(task.name, reason, tries, time.monotonic() - began, tuple(dict.fromkeys(said)), trace)
        time.sleep(PAUSE_S * 2 ** (tries - 1))


def _tried(task: Task, said: list[str]) -> tuple[str, str, bool]:
    """Try once: why there is no product, where that arose, and whether to try again."""
    import_module(f"earthloom.verbs.{task.verb}")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", EarthloomWarning)
        try:
            VERBS[task.verb].call(**task.arguments, run=task.run)
        except EarthloomError as error:
            return one_line(error), "", may_pass(error)
        except MemoryError:
            return "out of memory; `tile_size` and fewer `threads` or `jobs` take less", "", False
        except Exception as error:
            text = one_line(error)
            told = f"unexpected {type(error).__name__}{': ' if text else ''}{text}"
            return told, traceback.format_exc(), may_pass(error)
        finally:
            said += [str(one.message) for one in caught if issubclass(one.category, EarthloomWarning)]
    return "", "", False


def may_pass(error: BaseException | None) -> bool:
    """Whether an error, or what it was made of, is one of the system or of a network, which may be gone next time."""
    while error is not None:
        if isinstance(error, OSError) and not isinstance(error, NEVER_PASS):
            return True
        error = error.__cause__ or error.__context__
    return False


def one_line(error: BaseException) -> str:
    """The message of an error."""
    return " ".join(str(error).split())
