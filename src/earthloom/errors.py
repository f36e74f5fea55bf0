"""One tree of errors. A message says what was given, what was expected and what to do."""

from __future__ import annotations

import sys
import warnings

LONGEST = 1000  # characters of a part of a message


class EarthloomError(Exception):
    """Any failure that the user can mend. The command line prints it as one line and exits with code 2.

    Parameters
    ----------
    given
        What was found.
    expected
        What would have been right.
    hint
        What to do about it.
    """

    def __init__(self, given: str, expected: str = "", hint: str = "") -> None:
        self.given, self.expected, self.hint = given, expected, hint
        parts = [given, f"expected {expected}" if expected else "", hint]
        super().__init__("; ".join(_in_line(part) for part in parts if part))


def _in_line(text: str) -> str:
    """A part of a message in one line that a terminal can show, whatever a broken file put into it."""
    if not text.isprintable():
        text = "".join(sign if sign.isprintable() else " " for sign in text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 100]} ... {text[-80:]}"


class InputError(EarthloomError, ValueError):
    """A value, an array or a file that cannot be used."""


class GridError(InputError):
    """Grids that do not fit together: no overlap, rotation, a missing CRS, a ratio that makes no sense."""


class FileError(InputError):
    """A file that is missing, broken or cannot be written."""


class MethodError(InputError):
    """A method that does not exist, or that cannot do what was asked."""


class SensorError(InputError):
    """A sensor that does not exist, or a sensor file that is wrong."""


class ClusterError(EarthloomError):
    """Workers or a scheduler that cannot be had, that are gone, or that die again and again."""


class EarthloomWarning(UserWarning):
    """Something worth knowing that does not stop the work: shifted inputs, odd ranges."""


INSIDE = (__package__, "jaxtyping")  # whose frames stand between a warning and who called, the second in tests


def warn(message: str) -> None:
    """An :class:`EarthloomWarning` that points at the first line outside this package: that of who called it."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and str(frame.f_globals.get("__name__", "")).partition(".")[0] in INSIDE:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, EarthloomWarning, stacklevel=level)


class HangUp(KeyboardInterrupt):
    """The terminal was closed: nobody will read how to go on."""
