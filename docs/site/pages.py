"""Pages made from the program itself, so that they cannot be wrong: commands, Python, sensors, weights, papers."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src/earthloom"


def commands() -> str:
    """What commands there are."""
    from earthloom.cli.commands import COMMANDS, GROUPS

    parts = [
        "# Commands\n\nMade from the commands themselves. `earthloom COMMAND --help` shows the same, and "
        "`-m NAME --help` "
        "the fields of another method; those of every method are in the [gallery](../../gallery.md). What a flag is "
        "called in Python: [one vocabulary](../../vocabulary.md). Errors are one line and exit code 2; 130 is Ctrl-C."
    ]
    for group, names in GROUPS.items():
        rows = "\n".join(f"| [`earthloom {name}`]({name}.md) | {COMMANDS[name][1]} |" for name in names)
        parts.append(f"## {group}\n\n| command | |\n|---|---|\n{rows}")
    return "\n\n".join(parts) + "\n"


def command(name: str) -> str:
    """A command with its flags and examples, and those within it."""
    from earthloom.cli.commands import build
    from earthloom.cli.examples import EXAMPLES, of

    parts = [f"# earthloom {name}", _about(build([name])[name], name)]
    if lines := of([name]):
        parts.append("```console\n" + "\n".join(f"# {what}\n$ {line}" for what, line in lines) + "\n```")
    if name == "compare":
        return (
            "\n\n".join([*parts, "The flags of each are those of the verb, and `--methods NAME...`, `-o PAGE.html`."])
            + "\n"
        )
    for inner in (words.split()[1] for words in EXAMPLES if words.startswith(f"{name} ")):
        parts += [f"## earthloom {name} {inner}", _about(build([name, inner])[name][inner], f"{name} {inner}")]
    return "\n\n".join(parts) + "\n"


def _about(app, words: str) -> str:
    """What a command does, and its flags; of commands within it their list alone."""
    text = app.generate_docs(output_format="markdown", heading_level=1, include_hidden=False, recursive=False)
    usage, _, body = text.partition("\n```\n")
    program = r".*```console\n(?:(?:[a-z][\w-]*|-m)(?:\s+|$))*"  # whatever the builder was started as
    usage = re.sub(program, f"```console\nearthloom {words} ", usage, count=1, flags=re.S).rstrip()
    body = re.sub(r"^## Table of Contents\n+(?:- .*\n+)+", "", body, flags=re.M)
    body = body.partition("\n## ")[0]  # what follows are the commands within, which have their own places
    body = re.sub(r"\[(`[^`]+`)\]\(#[^)]*\)", r"\1", body)
    if app.name and "```console" in body:
        body = body.partition("```console")[0]
    return f"{usage}\n```\n{re.sub(r'^#+ .*$', '', body, flags=re.M)}".strip()


def python() -> str:
    """The public names, by the list of the package's own docstring, each from where it is defined."""
    told = ast.get_docstring(ast.parse((SOURCE / "__init__.py").read_text(encoding="utf-8"))) or ""
    homes = {}
    for node in ast.parse((SOURCE / "__init__.pyi").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            homes |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    parts = [
        "# Python\n\nMade from the docstrings. Images go in as paths, numpy, torch or xarray, and come out "
        "as the same kind; "
        "errors are `earthloom.EarthloomError`. What is called otherwise on the command line: "
        "[one vocabulary](../vocabulary.md). Fields of methods: [gallery](../gallery.md)."
    ]
    named: list[str] = []
    for block in re.split(r"\n(?=[A-Z][\w ]*\n    )", told)[1:]:
        group, lines = block.split("\n", 1)
        names = [name for name in re.findall(r"^    (\w+) ", lines, re.M) if name in homes]
        parts.append(f"## {group}")
        parts += [_of(name, homes[name]) for name in names]
        named += names
    parts.append("## Types and errors")
    rest = [name for name in homes if name not in named and not name.startswith("_")]
    parts += [_of(name, homes[name]) for name in rest]
    parts.append("### How to run\n\nFields that every verb takes, one by one or together as `run=Run(...)`.")
    parts.append(_of("Run", "earthloom.engine.options.Run"))
    return "\n\n".join(parts) + "\n"


def _of(name: str, home: str) -> str:
    """The entry of a name; modules show their functions."""
    module = (ROOT / "src" / Path(*home.split("."))).with_suffix("")
    if home in ("earthloom.metrics", "earthloom.sensors", "earthloom.methods") or module.is_dir():
        return f"::: {home}\n    options: {{members: false}}"
    return f"::: {home}"


def sensors() -> str:
    """What the sensor files say."""
    from earthloom import sensors as known

    parts = [
        "# Sensors\n\nMade from the files of `src/earthloom/sensors/data`; each names the source of its numbers. "
        "`earthloom sensors NAME` shows one whole, [a sensor of your own](../sensors.md) is one file.\n\n"
        "| name | sensor | bands | centres, nm | ground sampling, m | MTF at Nyquist | PAN | curves |\n"
        "|---|---|---:|---|---|---|---|---|"
    ]
    for name in known.names():
        one = known.load(name)
        bands = one.bands
        pan = "-" if one.pan is None else _span([one.pan.mtf_nyquist])
        curves = "published" if one.srf else "Gaussian"
        centres, gains = _span([b.centre_nm for b in bands]), _span([b.mtf_nyquist for b in bands])
        count = str(len(bands)) if bands else "any"
        row = (f"`{name}`", one.title, count, centres, _span([*one.gsd_m, one.pan_gsd_m]), gains, pan, curves)
        parts.append("| " + " | ".join(row) + " |")
    return "\n".join(parts) + "\n"


def _span(values: list[float | None]) -> str:
    """The least and the largest."""
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    low, high = min(known), max(known)
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def weights() -> str:
    """What is shipped, and what it may be used for."""
    from earthloom.weights.store import shipped_weights

    parts = [
        "# Weights and their licences\n\nEarthloom's code is Apache-2.0. Weights have learnt from images, and **some "
        "of these images exclude commercial use**, so the weights do, too: the column *not for* says "
        "it, a command that takes such weights says it, and so does `earthloom weights show NAME`. Classical methods "
        "have no weights and no such limit.\n\n| weights | method | not for | licence | data |\n|---|---|---|---|---|"
    ]
    for one in shipped_weights():
        card = {key.replace("_", " "): str(value).replace("|", "/") for key, value in one.card.items()}
        cells = (
            f"`{one.name}`",
            f"`{one.method}`",
            one.not_for or "-",
            card.get("licence", "-"),
            card.get("data", "-"),
        )
        parts.append("| " + " | ".join(cells) + " |")
    parts.append("\nHow each was trained: `earthloom weights show NAME`, and the card `NAME.md` beside its file. "
                 "[Checkpoints of others](../checkpoints.md) keep the licence of their authors.")  # fmt: skip
    return "\n".join(parts) + "\n"


def references() -> str:
    """docs/refs.bib as a list, and which methods cite what."""
    from earthloom.methods import catalog

    cited: dict[str, list[str]] = {}
    for problem in catalog.problems():
        for name in catalog.names(problem):
            cited.setdefault(catalog.find(name, problem).card.citation, []).append(name)
    entries = [_entry(text) for text in re.split(r"\n(?=@)", (ROOT / "docs/refs.bib").read_text(encoding="utf-8"))]
    parts = ["# References\n\nMade from `docs/refs.bib`, with the methods that each paper is cited for."]
    for citation, fields in sorted(
        (e for e in entries if e), key=lambda e: (_authors(e[1]).lower(), e[1].get("year", ""))
    ):
        where = (
            fields.get("journal")
            or fields.get("booktitle")
            or fields.get("howpublished")
            or fields.get("publisher", "")
        )
        if fields.get("volume"):
            where += f" {fields['volume']}" + (f"({fields['number']})" if fields.get("number") else "")
        if fields.get("pages"):
            where += f", {fields['pages'].replace('--', '–')}"
        doi = fields.get("doi")
        link = f" [doi:{doi}](https://doi.org/{doi})" if doi else f" <{fields['url']}>" if fields.get("url") else ""
        methods = ", ".join(f"`{name}`" for name in dict.fromkeys(cited.get(citation, ())))
        parts.append(
            f"* <span id='{citation}'></span>{_authors(fields)} ({fields.get('year', 'n.d.')}). "
            f"{_plain(fields['title'])}. *{_plain(where)}*.{link}" + (f" — {methods}" if methods else "")
        )
    return "\n".join([parts[0], "", *parts[1:]]) + "\n"


def _entry(text: str) -> tuple[str, dict[str, str]] | None:
    """Key and fields of an entry of BibTeX."""
    head = re.match(r"@\w+\{([^,]+),", text.strip())
    if head is None:
        return None
    fields = re.findall(r"(\w+)\s*=\s*(?:\{((?:[^{}]|\{[^{}]*\})*)\}|(\d+))", text)
    return head[1].strip(), {name.lower(): " ".join((value or number).split()) for name, value, number in fields}


def _authors(fields: dict[str, str]) -> str:
    """Family names, at most four."""
    names = [
        _plain(name.split(",")[0]) for name in re.split(r"\s+and\s+", fields.get("author", fields.get("key", "?")))
    ]
    return ", ".join(names[:4]) + (" and others" if len(names) > 4 else "")


ACCENTS = {"'": "\u0301", "`": "\u0300", "~": "\u0303", '"': "\u0308", "^": "\u0302", "v": "\u030c", "c": "\u0327"}


def _plain(text: str) -> str:
    """LaTeX's accents as letters, without braces."""
    text = re.sub(r"\{?\\([\'`~\"^vc])\{?\\?(\w)\}?\}?", lambda m: m[2] + ACCENTS[m[1]], text)
    return re.sub(r"[{}]", "", text).replace("\\&", "&").replace("--", "–")


GENERATED: dict[str, Callable[[], str]] = {
    "reference/commands/index.md": commands,
    "reference/python.md": python,
    "reference/sensors.md": sensors,
    "reference/weights.md": weights,
    "reference/references.md": references,
}


def _one_each() -> dict[str, Callable[[], str]]:
    """A page for every command."""
    from earthloom.cli.commands import COMMANDS

    return {f"reference/commands/{name}.md": partial(command, name) for name in COMMANDS}


COMMAND_PAGES = _one_each()
GENERATED |= COMMAND_PAGES
