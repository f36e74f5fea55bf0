"""A helper in a process of its own, which is no copy of the user's program and so never runs it again."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from subprocess import Popen

END_S = 10.0  # for it to close


def started(module: str, count: int) -> Popen[str]:
    """Start a module, which ends when its standard input ends: also when this process is killed.

    Parameters
    ----------
    module
        Its full name; it is found where this process finds its modules.
    count
        Its one argument.
    """
    seen = [path or os.getcwd() for path in sys.path]
    return Popen(
        [sys.executable, "-W", "ignore", "-m", module, str(count)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(seen)}, start_new_session=True,  # Ctrl-C is ours to heed
    )  # fmt: skip


def ended(child: Popen[str]) -> None:
    """Close it."""
    for stream in (child.stdin, child.stdout):
        if stream is not None:
            with suppress(OSError):
                stream.close()
    try:
        child.wait(END_S)
    except subprocess.TimeoutExpired:  # its workers end with it
        child.kill()
        child.wait()
