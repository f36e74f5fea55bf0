"""The shell's face: the overview, examples that can be typed, lists by job, suggestions, and the TAB key."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from earthloom.cli import completion
from earthloom.cli.commands import COMMANDS, GROUPS, build, overview
from earthloom.cli.examples import EXAMPLES
from earthloom.cli.main import run
from earthloom.methods import catalog
from tests.contract.verbs.cases import CASES


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        run(arguments)
    shown = capsys.readouterr()
    return int(left.value.code or 0), shown.out, shown.err


def test_the_overview_lists_every_command_once_and_fits_a_terminal() -> None:
    assert sorted(name for names in GROUPS.values() for name in names) == sorted(COMMANDS)
    assert all(len(line) <= 100 for line in overview().splitlines())
    assert all(f"  {name} " in overview() for name in COMMANDS)


def test_the_overview_needs_neither_the_parser_nor_the_painter() -> None:
    code = (
        "import sys; sys.argv = ['earthloom']\nfrom earthloom.cli.main import run\n"
        "try: run(['--help'])\nexcept SystemExit: pass\n"
        "print(sorted({'cyclopts', 'rich', 'numpy', 'importlib.metadata'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]" and "pansharpen" in done.stdout


def lines() -> list[tuple[str, str]]:
    return [(name, line) for name, examples in EXAMPLES.items() for _, line in examples]


@pytest.mark.parametrize(("name", "line"), lines(), ids=[line for _, line in lines()])
def test_every_example_is_understood(name: str, line: str) -> None:
    """Parsed and bound to the command as it would be when typed, without being run."""
    words = shlex.split(line.replace("\\\n", " "))
    assert words[0] == "earthloom"
    command, _, ignored = build(words[1:]).parse_args(words[1:], exit_on_error=False, print_error=False)
    assert callable(command) and not ignored
    assert all(len(part) <= 96 for part in line.splitlines())
    if name not in ("train", "export"):  # which show what they wrote at work as well
        assert line.startswith(f"earthloom {name.split()[0]}")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_shows_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, name, "--help")
    assert code == 0
    assert EXAMPLES[name][0][1] in out


def test_inner_commands_have_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    for inner in ("align fit", "weights show", "dataset convert"):
        out = said(capsys, *inner.split(), "--help")[1]
        assert EXAMPLES[inner][0][1] in out


@pytest.mark.parametrize(
    ("job", "problem"),
    [("bandpass", "bandpass"), ("align", "bandpass"), ("pansharpening", "pansharpening"),
     ("pansharpen", "pansharpening"), ("cloud-removal", "cloud_removal"), ("series", "spatiotemporal")],
)  # fmt: skip
def test_methods_of_a_job(job: str, problem: str, capsys: pytest.CaptureFixture[str]) -> None:
    rows = json.loads(said(capsys, "methods", job, "--json")[1])
    assert [row["name"] for row in rows] == catalog.names(problem)
    assert {row["problem"] for row in rows} == {problem}
    out = said(capsys, "methods", job)[1]
    assert all(f"  {name}" in out for name in catalog.names(problem))


def test_a_method_of_a_job_by_either_name(capsys: pytest.CaptureFixture[str]) -> None:
    by_job, by_problem = (said(capsys, "methods", f"{job}/cf2n")[1] for job in ("decloud", "cloud_removal"))
    assert by_job == by_problem and "radar" in by_job
    code, _, err = said(capsys, "methods", "gsaa")
    assert code == 2 and "did you mean gsa" in err


def test_methods_say_what_they_need(capsys: pytest.CaptureFixture[str]) -> None:
    needs = {f"{r['problem']}/{r['name']}": r["needs"] for r in json.loads(said(capsys, "methods", "--json")[1])}
    assert needs["pansharpening/gsa"] == []
    assert needs["pansharpening/cf2n"] == ["torch"]
    assert needs["pansharpening/pnn"] == ["torch", "training"]
    out = said(capsys, "methods", "pansharpen")[1]
    assert "cf2n * " in out and "pnn ** " in out and "--adapt" in out
    out = said(capsys, "methods", "predict")[1]
    assert "stfgan * " in out and "stfdcnn ** " in out


def test_what_is_read_from_files_is_what_methods_say() -> None:
    """Families and weights are told without an import; the classes agree."""
    from earthloom.weights import store

    for problem in catalog.problems():
        for name in catalog.names(problem):
            cls = catalog.find(name, problem)
            network = cls.card.family == "network"
            assert catalog.is_network(name, problem) == network, name
            if network and not catalog.in_a_file(name, problem):
                assert catalog.trained(name, problem) == bool(store.shipped_weights(cls().key)), name  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["pansarpen"], ["no command pansarpen", "did you mean pansharpen?"]),
        (["pansharpen", "--pann", "x", "-o", "y.tif"], ["no option --pann", "did you mean --pan?"]),
        (["pansharpen", "--ms", "x", "-o", "y.tif"], ["--pan is missing"]),
        (
            ["pansharpen", "--pan", "p", "--ms", "m", "-o", "y.tif", "--ensemble"],
            ["no option --ensemble with this method", "cf2n", "pansharpen --help"],
        ),
        (["pansharpen", "--pan", "p", "--ms", "m", "-o", "y.tif", "-m", "starfm"], ["a method of spatiotemporal"]),
        (["dataset", "info", "x", "--samples", "many"], ["--samples", "'many' is not a whole number"]),
    ],
)
def test_suggestions(arguments: list[str], words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = said(capsys, *arguments)
    assert code == 2 and err.count("\n") == 1
    assert all(word in err for word in words), err


@pytest.mark.parametrize(
    ("typed", "offered", "not_offered"),
    [
        ([""], ["pansharpen", "methods"], ["--help"]),
        (["--"], ["--help", "--install-completion"], ["pansharpen"]),
        (["pansharpen", "--"], ["--pan", "--threads", "--help"], ["--fusions"]),
        (["pansharpen", "-m", "cf2n", "--"], ["--fusions", "--weights"], []),
        (["pansharpen", "-m", "b"], ["brovey", "bt_h"], ["gsa", "starfm"]),
        (["predict", "--method", "=", "e"], ["estarfm"], ["exp"]),
        (["pansharpen", "--compress", ""], ["zstd", "none"], ["--pan"]),
        (["align", "--to", "land"], ["landsat8"], ["sentinel2a"]),
        (["weights", ""], ["show", "import"], ["--json"]),
        (["weights", "show", "cubes"], ["cubes_4to1"], ["landsat_2to1"]),
        (["dataset", "convert", "--re"], ["--reduce"], ["--pan"]),
        (["dataset", "convert", "--reduce", ""], ["auto", "never"], []),
        (["methods", "pansh"], ["pansharpening"], []),
        (["train", "pan"], ["pansharpening/cf2n"], ["pansharpening/gsa"]),
    ],
    ids=" ".join,
)  # fmt: skip
def test_completion(typed: list[str], offered: list[str], not_offered: list[str]) -> None:
    found = completion.complete(typed)
    assert set(offered) <= set(found) and not set(not_offered) & set(found), found
    assert all(word.startswith(typed[-1]) for word in found)


@pytest.mark.parametrize("typed", [["pansharpen", "--pan", ""], ["info", ""], ["nonsense", ""]], ids=" ".join)
def test_completion_leaves_files_to_the_shell(typed: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "--complete", *typed) == (0, "", "")


def test_bash_completes_by_asking(tmp_path: Path) -> None:
    """The script in a real shell: what it would show behind `earthloom pansharpen -m b`."""
    program = tmp_path / "earthloom"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "from earthloom.cli.main import run; run()" "$@"\n')
    program.chmod(0o755)
    asked = (
        f"PATH={tmp_path}:$PATH\n{completion.script('bash')}"
        "COMP_WORDS=(earthloom pansharpen -m b); COMP_CWORD=3; _earthloom; echo ${COMPREPLY[@]}"
    )
    done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["bdsd_pc", "brovey", "bt_h"]


@pytest.mark.parametrize("shell", completion.SCRIPTS)
def test_completion_is_put_where_the_shell_looks(
    shell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SHELL", f"/usr/bin/{shell}")
    code, out, _ = said(capsys, "--install-completion")
    placed = tmp_path / completion.PLACES[shell]
    assert code == 0 and str(placed) in out
    assert placed.read_text() == said(capsys, "--show-completion", shell)[1]


def test_completion_of_an_unknown_shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SHELL", "/bin/csh")
    code, _, err = said(capsys, "--install-completion")
    assert code == 2 and "bash or zsh or fish" in err


def test_the_last_line_ends_with_the_path(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """What there is to know first, how long it took, then the file and its size."""
    case = next(case for case in CASES if case.verb == "superresolve")
    given = case.inputs(tmp_path)
    place = tmp_path / "fine.tif"
    code, _, err = said(capsys, "superresolve", str(given["cube"]), "-r", "2", "-m", "bicubic", "-o", str(place))
    last = err.strip().splitlines()[-1]
    assert code == 0 and re.fullmatch(
        rf"2 times finer, .*took [\d.]+ m?s: {re.escape(str(place))} \(\d+\.\d kB\)", last
    )


@pytest.mark.parametrize(("value", "bold"), [("1", False), ("", True), (None, True)])
def test_no_color(value: str | None, bold: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    if value is not None:
        monkeypatch.setenv("NO_COLOR", value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert ("\033[1m" in overview()) == bold
