"""`earthloom methods`, `sensors` and `unfinished`: lists, without importing what they list."""

from __future__ import annotations

import difflib
import json as js
import shutil
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from earthloom.cli.commands import PROBLEMS
from earthloom.errors import MethodError

if TYPE_CHECKING:
    from earthloom.verbs.unfinished import Unfinished

Name = Annotated[str | None, Parameter(help="Tell all about this one.")]
Entry = Annotated[
    str | None, Parameter(help="A job (pansharpen, align ...), to list its methods, or a method, to tell all about it.")
]
Files = Annotated[
    list[str] | None,
    Parameter(
        name="--for", consume_multiple=True, negative="",
        help="Say which methods can run on these files: PAN and MS, fine and coarse images, a cube, or a product.",
    ),
]  # fmt: skip
Json = Annotated[bool, Parameter(help="Print JSON.", negative="", show_default=False)]


LEGEND = {  # what a method needs: the mark behind its name, and what it says
    ("torch",): ("*", "needs torch: pip install 'earthloom[torch]'"),
    ("torch", "training"): (
        "**", "needs torch, and weights that are not shipped: `earthloom train`, or --adapt on the scene itself"
    ),
    ("file",): ("+", "a network that you have: -m onnx:FILE, -m torchscript:FILE"),
}  # fmt: skip


REACH_AND_COST = (
    "reach: pixels of the product around one that it can depend on; cost: processor time beside no fusion, on a "
    "made-up scene, to a power of two (-: not measured). `earthloom methods NAME` tells more."
)


def command(name: str, arguments: Sequence[str]) -> Callable[..., None]:
    """The function behind one of the commands."""
    return {"methods": methods, "sensors": sensors, "unfinished": unfinished}[name]


def methods(name: Entry = None, /, *, files: Files = None, json: Json = False) -> None:
    """List the methods, those of one job, those that can run on files, or tell all about one.

    Networks need torch; those without shipped weights have to be trained, or adapted to the scene (`--adapt`).
    """
    from earthloom.methods import catalog

    if files:
        _for_files(files, name, json)
        return

    chosen = [_job(name)] if name is not None and _job(name) else catalog.problems()
    if name is not None and len(chosen) != 1:
        found = _method(name)
        if json:
            _show(found, json)
        else:
            _show_method(*_placed(name), found)
        return
    rows = [
        {
            "problem": p,
            "name": n,
            "family": catalog.family(n, p),
            "needs": _needs(n, p),
            "summary": catalog.summary(n, p),
        }
        for p in chosen
        for n in catalog.names(p)
    ]
    if json:
        print(js.dumps(rows, indent=2))
        return
    marks = {needs: mark for needs, (mark, _) in LEGEND.items()} | {(): ""}
    wide = max(len(str(row["name"])) + len(marks[tuple(row["needs"])]) for row in rows) + 4
    for at, problem in enumerate(chosen):
        commands = " and ".join(f"`earthloom {verb}`" for verb, job in PROBLEMS.items() if job == problem)
        print(f"{chr(10) if at else ''}{problem}, for {commands}\n")
        for row in rows:
            if row["problem"] == problem:
                name_marked = f"{row['name']} {marks[tuple(row['needs'])]}"
                print(f"  {name_marked:<{wide}}{str(row['summary']).split(': ', 1)[-1]}")
    there = {tuple(row["needs"]) for row in rows} - {()}
    print("\n".join([""] * bool(there) + [f"{LEGEND[one][0]:<2} {LEGEND[one][1]}" for one in LEGEND if one in there]))
    print("`earthloom methods NAME` tells more; JOB/NAME where two jobs share a name.")


def _for_files(files: Sequence[str], job: str | None, json: bool) -> None:
    """A table to choose from: what can run on files, then what cannot and why."""
    from earthloom.cli.parameters import as_flags
    from earthloom.cli.screen import only_ours
    from earthloom.evaluation.suited import suited

    if job is not None and not _job(job):
        raise MethodError(f"{job} with --for", "a job such as pansharpen, or no word")
    with only_ours():
        problem, rows = suited(files, _job(job) if job is not None else "")
    if json:
        print(js.dumps({"problem": problem, "methods": [asdict(row) for row in rows]}, indent=2))
        return
    width = min(shutil.get_terminal_size((100, 24)).columns, 120)
    names = " and ".join(Path(one).name for one in files[:2]) + (" ..." if len(files) > 2 else "")
    print(textwrap.fill(f"{problem}: what can run on {names}, cheap ones first", width) + "\n")
    wide = max(len(row.name) for row in rows) + 2
    print(f"  {'name':<{wide}}{'family':<24}{'reach':>8}{'cost':>7}   needs")
    for row in (one for one in rows if not one.why_not):
        reach = "whole" if row.halo_px is None else f"{row.halo_px} px"
        cost = "-" if row.cost is None else str(row.cost)
        print(f"  {row.name:<{wide}}{row.family:<24}{reach:>8}{cost:>7}   {', '.join(row.needs)}".rstrip())
    cannot = [row for row in rows if row.why_not]
    if cannot:
        print("\ncannot")
    for row in cannot:
        start = f"  {row.name:<{wide}}"
        print(textwrap.fill(as_flags(row.why_not), width, initial_indent=start, subsequent_indent=" " * len(start)))
    print("\n" + textwrap.fill(REACH_AND_COST, width))


def _job(name: str) -> str:
    """The problem that a word names, by its own name or by the command that solves it; nothing for another word."""
    from earthloom.methods import catalog

    word = name.lower().replace("-", "_")
    word = PROBLEMS.get(word, word)
    return word if word in catalog.problems() else ""


def _needs(name: str, problem: str) -> list[str]:
    """What a method needs that the core does not have."""
    from earthloom.methods import catalog

    if not catalog.is_network(name, problem):
        return []
    if catalog.in_a_file(name, problem):
        return ["file"]
    return ["torch"] if catalog.trained(name, problem) else ["torch", "training"]


def _method(name: str) -> dict[str, Any]:
    """Card, fields and equation of a method."""
    import inspect
    from dataclasses import asdict, fields

    from earthloom.methods import catalog

    cls = catalog.find(*_placed(name))
    card = asdict(cls.card)
    card["fields"] = {f.name: f.default for f in fields(cls)}
    if not card["max_pixels"]:
        del card["max_pixels"]
    card["about"] = inspect.getdoc(cls) or ""
    return card


def _show_method(name: str, problem: str, card: dict[str, Any]) -> None:
    """A method for people: what it is, what it does, its fields, its limits, where it comes from."""
    from earthloom.cli.fields import field_helps
    from earthloom.methods import catalog

    width = min(shutil.get_terminal_size((100, 24)).columns, 100)
    about, _, references = card["about"].partition("\nReferences\n")
    about = about.partition("\nParameters\n")[0].strip()
    verbs = " and ".join(f"`earthloom {verb}`" for verb, job in PROBLEMS.items() if job == problem)
    needs = {"torch": "needs torch", "training": "no weights are shipped", "file": "needs a file"}
    kind = ", ".join((card["family"], *(needs[one] for one in _needs(name, problem)), card["licence"]))
    print(f"{card['name']}: {card['title']}\n{problem}, for {verbs}; {kind}\n")
    print(about.replace("``", "`"))
    helps = field_helps(catalog.find(name, problem))
    wide = max(map(len, card["fields"]), default=0) + 4
    if card["fields"]:
        print("\nFields, each a flag (default)")
    for field, default in card["fields"].items():
        flag = f"  {'--' + field.replace('_', '-'):<{wide}}"
        text = (
            f"{helps.get(field, '').replace('``', '`')} ({'nothing' if default is None else _plain(default)})".strip()
        )
        print(
            textwrap.fill(text, width, break_on_hyphens=False, initial_indent=flag, subsequent_indent=" " * len(flag))
        )
    reach = f"looks {card['halo']} coarse pixels around" if card["local"] else "looks at the whole scene"
    most = f", at most {card['max_pixels']:,} fine pixels" if card.get("max_pixels") else ""
    print(f"\nLimits\n  at least {card['minimum']} coarse pixels a side, {card['min_bands']} band(s){most}; {reach}")
    if card["published"]:
        restored = " ".join(_as_flag(field.replace("_", "-"), value) for field, value in card["published"].items())
        print(textwrap.fill(f"as published: {restored}", width, initial_indent="  ", subsequent_indent="    "))
    if card["notes"]:
        print(textwrap.fill(card["notes"], width, initial_indent="  ", subsequent_indent="    "))
    lines = [line for line in references.splitlines() if line.strip("- ")]
    print("\n".join(["\nSource", *(f"  {line}" for line in lines), f"  docs/refs.bib: {card['citation']}"]))


def _as_flag(name: str, value: Any) -> str:
    """A field as it is typed."""
    return f"--{'' if value else 'no-'}{name}" if isinstance(value, bool) else f"--{name} {value}"


def _placed(name: str) -> tuple[str, str]:
    """Name and problem of ``problem/name``, or of a name that is looked for in every problem."""
    from earthloom.methods import catalog

    job, _, short = name.replace("-", "_").rpartition("/")
    if _job(job):
        return short, _job(job)
    homes = [p for p in catalog.problems() if short.lower() in catalog.names(p)]
    if not homes:
        jobs = (*PROBLEMS, *catalog.problems())
        known = {*jobs, *(n for p in catalog.problems() for n in catalog.names(p))}
        near = difflib.get_close_matches(short.lower(), known, 3)
        hint = f"did you mean {' or '.join(near)}?" if near else "`earthloom methods` lists them"
        raise MethodError(f"no method or job '{name}'", "one that `earthloom methods` lists", hint)
    return name, "pansharpening" if "pansharpening" in homes or not homes else homes[0]


def sensors(name: Name = None, /, *, json: Json = False) -> None:
    """List the sensors, or tell all about one."""
    from earthloom import sensors as registry

    if name is not None:
        _show(_sensor(name), json)
        return
    known = registry.names()
    if json:
        print(js.dumps(known, indent=2))
        return
    for each in known:
        sensor = registry.load(each)
        pan = f"PAN + {len(sensor.bands)}" if sensor.pan else f"{len(sensor.bands)}"
        pan = "any number of" if sensor.any_band else pan
        print(f"  {each:<14} {pan + ' bands':<20} {sensor.title}")
    print("\n`earthloom sensors NAME` tells more; `--sensor my.toml` takes a file of your own.")


def _sensor(name: str) -> dict[str, Any]:
    """All that is known about a sensor."""
    from dataclasses import asdict

    from earthloom import sensors as registry

    found = asdict(registry.load(name))
    found["srf"] = str(found["srf"].name) if found["srf"] else None
    return found


def _show(entry: dict[str, Any], json: bool) -> None:
    """As JSON, or key by key; lists of bands as a table."""
    if json:
        print(js.dumps(entry, indent=2, default=str))
        return
    about = entry.pop("about", "")
    for key, value in entry.items():
        if value in (None, "", (), [], {}):
            continue
        if key == "bands":
            print("bands")
            _table(value)
        elif isinstance(value, dict):
            print(key)
            for name, item in value.items():
                print(f"  {name:<13} {_plain(item)}")
        else:
            print(f"{key:<15} {_plain(value)}")
    if about:
        print(f"\n{about}")


def _plain(value: Any) -> str:
    """A value without the signs of Python."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        texts = [_plain(item) for item in value]
        return f"{texts[0]} (every band)" if len(texts) > 1 and len(set(texts)) == 1 else ", ".join(texts)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _table(bands: Sequence[dict[str, Any]]) -> None:
    """Bands in columns."""
    width = max(len(str(band["name"])) for band in bands) + 2
    keys = [key for key in bands[0] if key != "name"]
    print("  " + f"{'name':<{width}}" + "".join(f"{key:>13}" for key in keys))
    for band in bands:
        cells = "".join(f"{'-' if band[key] is None else _plain(band[key]):>13}" for key in keys)
        print(f"  {band['name']:<{width}}{cells}")


def unfinished(
    folder: Path = Path(),
    /,
    *,
    remove: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    older_days: Annotated[float, Parameter(show_default=False)] = 0.0,
    json: Json = False,
) -> None:
    """List products that were begun and are not whole, in a folder and those below it.

    The same command that began one goes on with it. What nobody will go on with can be removed.

    Parameters
    ----------
    folder
        Where products lie.
    remove
        Take away what is left of them; never of those that a process works on.
    older_days
        Only those that nobody has touched for so many days.
    """
    from earthloom.verbs.unfinished import unfinished as look

    found = look(folder, remove=remove, older_days=older_days)
    if json:
        print(js.dumps([{**asdict(one), "product": str(one.product), "folder": str(one.folder)} for one in found]))
        return
    if not found:
        print("nothing is unfinished")
    for one in found:
        print(_line(one))


def _line(one: Unfinished) -> str:
    """For people."""
    made = f"{one.tiles} finished tile{'' if one.tiles == 1 else 's'}, {one.bytes / 2**20:.1f} MB, {_age(one.days)}"
    state = "removed" if one.removed else "a process works on it" if one.at_work else ""
    return "  ".join(part for part in (str(one.product), one.method, made, state) if part)


def _age(days: float) -> str:
    """How long ago."""
    minutes = days * 24 * 60
    if minutes < 60:
        return f"{minutes:.0f} min old"
    return f"{minutes / 60:.0f} h old" if minutes < 48 * 60 else f"{days:.0f} days old"
