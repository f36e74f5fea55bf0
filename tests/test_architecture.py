"""The house keeps its shape: layers, budgets, and what may not be in the repository."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from earthloom.methods.catalog import problems

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "src/earthloom").rglob("*.py"))
LONG_FILES: dict[str, str] = {}  # path: reason
LONG_FUNCTIONS: dict[str, str] = {}


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [ROOT / name for name in listed.decode().split("\0") if name]


def test_imports_go_down_only() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT / "src/earthloom")))
def test_budgets(path: Path) -> None:
    name = str(path.relative_to(ROOT / "src/earthloom"))
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400 or name in LONG_FILES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            length -= len((ast.get_docstring(node, clean=False) or "").splitlines())  # a manual may be long
            assert length <= 60 or f"{name}:{node.name}" in LONG_FUNCTIONS, f"{name}:{node.name} has {length} lines"


def method_files() -> list[Path]:
    return [p for name in problems() for p in (ROOT / "src/earthloom/methods" / name).glob("*.py")]


def test_methods_do_not_import_each_other() -> None:
    for path in method_files():
        assert f"earthloom.methods.{path.parent.name}" not in path.read_text(), path.name


@cache
def imports(path: Path) -> list[tuple[str, bool]]:
    """Modules that a file imports, and whether already when it is itself imported."""

    def within(node: ast.AST, at_once: bool) -> list[tuple[str, bool]]:
        found = []
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            if isinstance(child, ast.Import):
                found += [(alias.name, at_once) for alias in child.names]
            if isinstance(child, ast.ImportFrom):
                found += [(f"{child.module}.{alias.name}", at_once) for alias in child.names]
            found += within(child, at_once and not isinstance(child, (ast.FunctionDef, ast.Lambda)))
        return found

    return within(ast.parse(path.read_text(encoding="utf-8")), True)


def problem_of(module: str) -> str:
    """The problem to whose preparation, cases or methods a module belongs; nothing for what they share."""
    for home in ("prepare.", "training.cases.", "methods."):
        own, _, rest = module.partition(home)
        if own in ("earthloom.", "") and rest.partition(".")[0] in problems():
            return rest.partition(".")[0]
    return ""


def test_what_belongs_to_a_problem_is_seen_by_no_other() -> None:
    """The problems are those of the registry: a new one is held to this without a line anywhere."""
    odd = []
    for path in SOURCES:
        module = ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
        below = problem_of(module) or module.startswith(("earthloom.engine", "earthloom.methods"))
        for brought, _ in imports(path) if below else ():
            problem = problem_of(brought)
            named = brought.startswith(tuple(f"earthloom.problems.{one}" for one in problems()))
            if (problem and problem != problem_of(module)) or (named and module.startswith("earthloom.engine")):
                odd.append(f"{module} imports {brought}")
    assert not odd, "\n".join(odd)


def brings_torch(module: str) -> bool:
    return f"{module}.".startswith(("torch.", "earthloom.nn.")) and module != "earthloom.nn.reach"


def test_only_networks_import_torch_and_not_before_they_are_built() -> None:
    """What a method is, its fields and its halo are known where there is no torch."""
    for path in sorted((ROOT / "src/earthloom/methods").rglob("*.py")):
        network = 'family="network"' in path.read_text() or path.parent.name == "networks"
        for module, at_once in imports(path):
            assert not brings_torch(module) or (network and not at_once), f"{path.name} imports {module}"


# Imports of our own inside a function, by the module they stand in, and what they bring. Anything else moves up.
DEFERRED: dict[str, str | tuple[str, ...]] = {
    "__init__": ("verbs.names", "notebook"),  # import earthloom costs nothing
    "methods.catalog": "methods",  # a registry: listing methods must not cost numpy
    "metrics.degrade": ("physics", "ops"),  # numba and scipy: importing the metrics costs numpy alone
    "methods.networks": "nn",  # torch: only what is built or run needs it, not its card
    "methods.pansharpening": "nn",
    "methods.spatiotemporal": "nn",
    "methods.superresolution": "nn",
    "methods.cloud_removal": "nn",
    "methods.sharpening": "nn",
    "training.bandpass.fit": "training.bandpass.networks",
    "training.job": "training.l",  # loop and lessons: torch
    "training.ready": ("training.adapt", "training.guard", "training.sureness"),  # torch
    "verbs.train": "training.loop",
    "verbs.telling": ("report.html", "report.plots"),  # only a run that is asked for a page or a picture needs them
    "viewer.serve": "viewer",  # the web server: an extra, which names itself where it is missing
    "cli": "",  # a command starts with what it needs
}


def test_imports_inside_functions_bring_torch_or_speed_never_an_end_to_a_circle() -> None:
    odd = []
    for path in SOURCES:
        module = ".".join(path.relative_to(ROOT / "src/earthloom").with_suffix("").parts)
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef):
                continue
            for node in ast.walk(function):
                if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("earthloom"):
                    continue
                brought = (node.module or "").removeprefix("earthloom").lstrip(".")
                if not any(module.startswith(home) and brought.startswith(what) for home, what in DEFERRED.items()):
                    odd.append(f"{module}:{function.name} imports {node.module}")
    assert not odd, "\n".join(odd)


LONGEST_CHAIN = 16  # modules that stand on one another; four of them say what may be opened


def graph(at_once_alone: bool) -> dict[str, set[str]]:
    """Which of our modules each of them imports."""
    named = {".".join(path.relative_to(ROOT / "src").with_suffix("").parts): path for path in SOURCES}
    named = {name.removesuffix(".__init__"): path for name, path in named.items()}

    def modules(path: Path) -> set[str]:
        brought = {one for one, at_once in imports(path) if at_once or not at_once_alone}
        return {part for one in brought for part in (one, one.rpartition(".")[0]) if part in named}

    return {name: modules(path) - {name, "earthloom"} for name, path in named.items() if name != "earthloom"}


def test_no_circles_not_even_inside_functions() -> None:
    TopologicalSorter(graph(at_once_alone=False)).prepare()  # names the circle


def test_the_house_is_no_tower() -> None:
    chain: dict[str, list[str]] = {}
    modules = graph(at_once_alone=True)
    for name in TopologicalSorter(modules).static_order():
        chain[name] = [name, *max((chain[below] for below in modules[name]), key=len, default=[])]
    longest = max(chain.values(), key=len)
    assert len(longest) <= LONGEST_CHAIN, " > ".join(longest)


def test_the_engine_stays_small() -> None:
    lines = sum(len(path.read_text().splitlines()) for path in (ROOT / "src/earthloom/engine").glob("*.py"))
    assert lines <= 3600, lines  # with resume, budgets, clusters and lazy arrays


# Tests that wait for another process, which only the clock can end. Nothing passes or fails by how fast it was.
CLOCKS = {"e2e/test_bad_input.py", "training/processes.py", "training/child.py"}
CLOCK = {"sleep", "time", "monotonic", "perf_counter", "process_time"}


def test_budgets_of_tests_are_steps() -> None:
    """Nothing is adapted for seconds, which teach less on a busy machine, and nothing looks at a clock."""
    odd = []
    for path in sorted((ROOT / "tests").rglob("*.py")):
        name = str(path.relative_to(ROOT / "tests"))
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        wrong = [node for node in nodes if _adapts_for_seconds(node)]
        wrong += [node for node in nodes if name not in CLOCKS and _looks_at_a_clock(node)]
        odd += [f"{name}:{node.lineno}" for node in wrong]  # type: ignore[attr-defined]
    assert not odd, f"budgets in tests are steps, no test looks at a clock: {', '.join(odd)}"


def _adapts_for_seconds(node: ast.AST) -> bool:
    """``adapt_seconds=3``, ``"--adapt-seconds", 3``, or ``adapt(...)`` without steps; 0 or less is refused."""
    if isinstance(node, ast.Tuple | ast.List | ast.Call):
        words = node.args if isinstance(node, ast.Call) else node.elts
        flags = [isinstance(word, ast.Constant) and word.value == "--adapt-seconds" for word in words]
        if any(flag and _positive(value) for flag, value in zip(flags, words[1:], strict=False)):
            return True
    if not isinstance(node, ast.Call):
        return False
    named = {word.arg: word.value for word in node.keywords}
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return ("adapt_seconds" in named and _positive(named["adapt_seconds"])) or (
        called == "adapt" and "steps" not in named
    )


def _positive(node: ast.expr) -> bool:
    """Anything but a literal of 0 or less."""
    negative = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
    return not negative and not (isinstance(node, ast.Constant) and node.value in (0, "0"))


def _looks_at_a_clock(node: ast.AST) -> bool:
    """``time.sleep`` and the like, or a name imported from ``time``."""
    if isinstance(node, ast.ImportFrom):
        return node.module == "time"
    home = node.value if isinstance(node, ast.Attribute) else None
    return isinstance(home, ast.Name) and home.id == "time" and node.attr in CLOCK  # type: ignore[attr-defined]


@pytest.mark.parametrize("folder", sorted({p.parent for p in SOURCES}), ids=lambda p: p.name)
def test_folders_are_small(folder: Path) -> None:
    registry = folder.parent.name == "methods" or folder.name == "formats"
    assert registry or len(list(folder.glob("*.py"))) <= 26, "25 files and __init__"


def test_repository_stays_small_and_speaks_of_itself() -> None:
    total = 0
    for path in tracked():
        if not path.is_file():
            continue
        size = path.stat().st_size
        assert size < 8_000_000, f"{path} is too large"
        total += size
        if path.suffix in {".py", ".md", ".toml", ".cff", ".yaml", ".txt", ""} and size < 1_000_000:
            text = path.read_text(encoding="utf-8", errors="ignore")
            assert not re.search(r"/(wo" r"rk|ro" r"ot)/", text), f"{path} names a machine's path"
    assert total < 25_000_000


def test_command_line_starts_without_heavy_imports() -> None:
    code = (
        "import sys; from earthloom.cli.main import run\n"
        "try: run(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'numpy', 'torch', 'rasterio', 'numba', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_classical_methods_start_without_torch() -> None:
    code = (
        "import sys, numpy as np, earthloom\n"
        "earthloom.pansharpen(np.random.rand(32, 32), np.random.rand(3, 8, 8), method='gsa')\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def messages(path: Path) -> list[tuple[int, str]]:
    """The texts of a file that users can meet: no docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    manuals = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and node.body
        if isinstance(node.body[0], ast.Expr)
    }
    texts = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in manuals)
    return [(node.lineno, node.value) for node in texts if isinstance(node.value, str)]


def test_the_library_speaks_of_parameters() -> None:
    """Flags belong to the command line, which makes them of `parameters` in backticks (cli/wording.py)."""
    flag = re.compile(r"(?:^|[ (])(?:--[a-z]|-m )")  # a whole command between backticks is no flag
    own = ("cli", "verbs/declared.py", "verbs/sampling/scenes.py")  # the last: what `earthloom demo JOB` says to type
    library = [path for path in SOURCES if not any(path.is_relative_to(ROOT / "src/earthloom" / one) for one in own)]
    spelt = [
        (path.name, line, text)
        for path in library
        for line, text in messages(path)
        if flag.search(re.sub(r"`earthloom [^`]*`", "", text))
    ]
    declared = [one for one in spelt if re.fullmatch(r"--?[a-z0-9=-]+", one[2])]  # names in Flag(...), those of git
    assert [one for one in spelt if one not in declared] == []
