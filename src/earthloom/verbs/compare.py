"""`earthloom.compare`: several methods on one scene, ranked, with reasons, pictures and figures."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Any

import psutil

from earthloom.engine.arrays import is_path
from earthloom.engine.options import Run, run_of
from earthloom.errors import EarthloomError, EarthloomWarning, InputError, warn
from earthloom.raster.steady import paths_in
from earthloom.raster.write.place import require_beside, require_folder
from earthloom.report.html.comparing import Candidate, Comparison, compared, comparison_page, laid
from earthloom.report.html.page import require_jinja
from earthloom.verbs import names
from earthloom.verbs.telling import PAGE, require_nothing_to_tell, written

EVERY_S = 0.02  # between two looks at the memory
MOST = 12  # methods


def compare(
    verb: str,
    methods: Sequence[str] | str,
    output: str | Path | None = None,
    *,
    reference: str | Path | None = None,
    keep: str | Path | None = None,
    run: Run | None = None,
    **given: Any,
) -> Comparison:
    """Run several methods on the same images, and say which suits them.

    Methods are ranked as ``method="auto"`` chooses: by their error where the truth is known (one scale down, a date
    left out, simulated clouds), and by how far their products lie from what was seen at full resolution. With a
    ``reference`` the products are judged against it, too.

    Parameters
    ----------
    verb
        What is done with the images: ``pansharpen``, ``sharpen``, ``superresolve``, ``predict``, ``align``,
        ``decloud``.
    methods
        Names of methods, several or one text with commas.
    output
        Page to write, with pictures side by side; None: none.
    reference
        The truth on the grid of the products.
    keep
        Folder for the products; None: they are not kept.
    run
        How to run.
    **given
        What the verb takes, but for its method and output: paths of images and options, and fields of
        :class:`earthloom.engine.options.Run`.

    Returns
    -------
    Comparison
        ``rows``, the best method first, ``recommendation``, and ``page``.

    Raises
    ------
    EarthloomError
        If no method can run, or something stands where the page goes.

    Examples
    --------
    >>> import earthloom
    >>> found = earthloom.compare("pansharpen", "gsa,mtf_glp_hpm", pan="p.tif", ms="m.tif")  # doctest: +SKIP
    >>> print(found.recommendation)  # doctest: +SKIP
    """
    commands = names.commands()
    if verb not in commands or verb == "series":
        raise InputError(f"compare {verb}", f"one of {', '.join(sorted(set(commands) - {'series'}))}")
    wanted = _names(methods)
    run, rest = run_of(given, run)
    require_nothing_to_tell(run, "a comparison, which writes a page of its own")
    _require_no_method(rest)
    if any(not is_path(one) for one in rest.values() if hasattr(one, "shape")):
        raise InputError("a comparison of arrays", "paths", "write them to files")
    if output is not None:
        require_jinja()
        require_beside(Path(output), "the page", PAGE, paths_in(rest, reference), run.overwrite)
    call = getattr(import_module(f"earthloom.verbs.{verb}"), verb)
    with TemporaryDirectory(prefix="earthloom-compare-") as folder:
        home = Path(folder)
        if keep is not None:
            home = Path(keep)
            require_folder(home)
        said: set[str] = set()
        made = [_made(call, name, home / f"{name}.tif", rest, run, said) for name in wanted]
        with laid(made) as shown:
            found = compared(shown, made, reference, run)
            if output is not None:
                found = found.on(written(Path(output), comparison_page(verb, found, shown, reference)))
        if keep is None:
            found = found.on(found.page, kept=False)
    return found


def _names(methods: Sequence[str] | str) -> list[str]:
    """The methods, each once."""
    words = [methods] if isinstance(methods, str) else list(methods)
    found = list(dict.fromkeys(name.strip() for word in words for name in str(word).split(",") if name.strip()))
    if not 1 <= len(found) <= MOST:
        raise InputError(f"{len(found)} methods", f"1 to {MOST} names, such as gsa,mtf_glp_hpm")
    return found


def _require_no_method(rest: Mapping[str, Any]) -> None:
    """Refuse what the comparison says itself."""
    for name in ("method", "output"):
        if rest.get(name) is not None:
            raise InputError(f"`{name}` in a comparison", "`methods`, and `output` for the page")


def _made(call: Any, name: str, place: Path, given: Mapping[str, Any], run: Run, said: set[str]) -> Candidate:
    """The product of one method, its time and its memory; or why there is none. What was said once is not repeated."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always", EarthloomWarning)
        made = _run(call, name, place, given, run)
    for words in dict.fromkeys(str(one.message) for one in heard if issubclass(one.category, EarthloomWarning)):
        if words not in said:
            said.add(words)
            warn(words)
    return made


def _run(call: Any, name: str, place: Path, given: Mapping[str, Any], run: Run) -> Candidate:
    """See :func:`_made`."""
    facts: dict[str, Any] = {}
    began = time.monotonic()
    try:
        with Memory() as memory:
            product = call(
                **given, method=name, output=place, run=run_of({"facts": facts.update, "overwrite": True}, run)[0]
            )
    except EarthloomError as wrong:
        return Candidate(name, None, str(wrong))
    record = facts.get("record")
    seconds = record.seconds if record is not None else time.monotonic() - began
    return Candidate(name, Path(product), "", seconds, memory.bytes, record)


@dataclass
class Memory:
    """How much more memory this process and its children held at most than when it began, while the block ran."""

    bytes: int = 0

    def __enter__(self) -> Memory:
        self._over, self._first = Event(), _held()
        self._thread = Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.bytes = max(self.bytes, _held() - self._first)

    def _watch(self) -> None:
        """Look, again and again."""
        while not self._over.wait(EVERY_S):
            self.bytes = max(self.bytes, _held() - self._first)


def _held() -> int:
    """Bytes of this process and its children."""
    own = psutil.Process()
    total = own.memory_info().rss
    for child in own.children(recursive=True):
        try:
            total += child.memory_info().rss
        except psutil.Error:
            continue
    return total
