"""The benchmark pages are what the committed results say, and the results are as their format wants them."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from bench import again, report, results
from bench.bandpass import tables as bandpass
from bench.cloud_removal import tables as cloud_removal
from bench.networks import tables as networks
from bench.pansharpening import tables as pansharpening
from bench.results import Column, Table
from bench.sharpening import tables as sharpening
from bench.spatiotemporal import tables as spatiotemporal
from bench.superresolution import tables as superresolution

from earthloom.benchmarking import protocol

ROOT = Path(__file__).resolve().parents[1]
PAGES = report.pages()
FOLDERS = [
    "bandpass",
    "cloud_removal",
    "networks",
    "pansharpening",
    "sharpening",
    "spatiotemporal",
    "speed",
    "superresolution",
    "viewer",
]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_is_what_the_renderer_makes_of_the_results(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == PAGES[path], "python -m bench.report"


def test_every_page_is_made() -> None:
    assert results.problems() == FOLDERS
    assert sorted(path.stem for path in (ROOT / "docs/benchmarks").iterdir()) == FOLDERS


def test_the_front_page_fits_a_screen_and_prose_an_editor() -> None:
    assert len(PAGES[ROOT / "BENCHMARKS.md"].splitlines()) < 80
    for path, text in PAGES.items():
        for line in text.splitlines():
            assert line.startswith("|") or len(line) <= 200, f"{path.name}: {line}"


@pytest.mark.parametrize("problem", FOLDERS)
def test_results_have_the_format_and_are_small(problem: str) -> None:
    path = results.path_of(problem)
    found = results.read(problem)  # checks it
    assert path.stat().st_size < results.LARGEST
    assert path.read_text(encoding="utf-8") == results.dump(found)
    assert found["tables"]


@pytest.mark.parametrize("problem", FOLDERS)
def test_results_name_commands_that_are_there(problem: str) -> None:
    for run, about in results.read(problem)["made"].items():
        module = re.fullmatch(r"python -m (bench\.[\w.]+)( .*)?", about["command"])
        assert module and importlib.util.find_spec(module[1]), f"{run}: {about['command']}"


@pytest.mark.parametrize("problem", FOLDERS)
def test_under_every_table_stands_its_command(problem: str) -> None:
    """Of a benchmark that can be typed, whose rows and columns are those of the table; or of a module, and why."""
    found, made = results.tables(problem), results.read(problem)["made"]
    page = " ".join(PAGES[report.page_of(problem)].split())
    assert {one.key for one in again.boards(problem)} <= set(found)
    for key, table in found.items():
        assert again.line(problem, key, made[key.partition("/")[0]]["command"]) in page, key
        for one in again.boards(problem, key):
            heads = {column.name for column in table.columns}
            assert {*one.figures, *one.scenes} <= heads and set(one.methods.values()) <= set(table.names)
            assert protocol.load(one.protocol).problem == problem
    for begin in again.WHY.get(problem, ()):  # no reason is left over
        assert any(key.startswith(begin) and not again.boards(problem, key) for key in found), begin


def test_make_bench_runs_modules_that_are_there() -> None:
    named = re.findall(r"python -m (bench\.[\w.]+)", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert "bench.report" in named
    assert [name for name in named if importlib.util.find_spec(name) is None] == []


GOOD: dict[str, Any] = {
    "made": {
        "run": {"date": "2026-01-31", "machine": None, "versions": None, "seed": 0, "command": "python", "note": ""}
    },
    "tables": {
        "run/first": {
            "title": "", "caption": "", "columns": [{"name": "m"}, {"name": "e", "format": "{:.2f}", "best": "min"}],
            "apart": ["none"], "rows": [["none", 1.0], ["ours", None]],
        }
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("part", "wrong", "told"),
    [
        (("made", "run", "date"), "31.1.2026", "date"),
        (("made", "run", "machine"), {"processor": "x"}, "machine"),
        (("made", "run", "seed"), [0], "seed"),
        (("made", "other"), {}, "other is in made or in tables alone"),
        (("tables", "run/first", "rows"), [["none", "1.0"]], "no number"),
        (("tables", "run/first", "rows"), [["none", 1.0, 2.0]], "1 cells"),
        (("tables", "run/first", "rows"), [["none", [1.0, 2.0]]], "not written by"),
        (("tables", "run/first", "rows"), [], "rows have a name each"),
        (("tables", "run/first", "apart"), ["copy"], "copy is apart"),
        (("tables", "run/first", "columns", 1, "best"), "less", "not min or max"),
        (("tables", "run/first", "columns", 1, "digits"), 2, "digits"),
        (("tables", "run/First"), GOOD["tables"]["run/first"], "small letters"),
    ],
)
def test_results_of_another_format_are_refused(part: tuple[str | int, ...], wrong: object, told: str) -> None:
    found = json.loads(json.dumps(GOOD))
    results.check(found, "p")
    *way, last = part
    at = found
    for key in way:
        at = at[key]
    at[last] = wrong
    with pytest.raises(ValueError, match=re.escape(told)):
        results.check(found, "p")


def test_a_table_by_hand() -> None:
    """The best is bold, what reads the same too, no fusion never; numbers below one have their own format."""
    columns = [
        Column("method"), Column("e", "{:.1f}", "{:.3f}", "min"), Column("q", "{:.2f}", best="max"),
        Column("both", "{:.1f} / {:.2f}"), Column("others", "{:g}"), Column("n", "{:,}"),
    ]  # fmt: skip
    rows = [
        ["none", 0.2, 0.99, [1, 2.346], {"C": 8.0, "C++": 2.5}, 1200],
        ["a", 0.5, 0.801, [3, 4], {}, 0],
        ["b", 2.0, 0.799, None, None, None],
    ]
    table = Table.of(Table(columns, rows, "Title", "Caption:", ["none"]).as_dict())
    assert report.markdown(table) == (
        "### Title\n\nCaption:\n\n"
        "| method | e | q | both | others | n |\n|---|---|---|---|---|---|\n"
        "| none | 0.200 | 0.99 | 1.0 / 2.35 | C 8; C++ 2.5 | 1,200 |\n"
        "| a | **0.500** | **0.80** | 3.0 / 4.00 |  | 0 |\n"
        "| b | 2.0 | **0.80** | - | - | - |"
    )


def test_a_run_is_recorded_whole_and_leaves_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "BENCH", tmp_path)
    (tmp_path / "p").mkdir()
    columns = [Column("method"), Column("e", "{:.2f}")]
    first, second = Table(columns, [["a", 1 / 3], ["b", 2]]), Table(columns, [["a", 4]])
    assert results.record("p", "one", {"": first}, 7)
    assert results.record("p", "two", {"x": second, "y": second}, results.NOTHING_DRAWN)
    assert not results.record("p", "two", {"x": second}, 0), "a table would be lost"
    assert not results.record("p", "one", {"": second}, 0), "a row would be lost"
    narrow = Table(columns[:1], [["a"], ["b"]])
    assert not results.record("p", "one", {"": narrow}, 0), "a column would be lost"
    assert not results.record("p", "three", {}, 0), "nothing was measured"
    assert results.record("p", "one", {"": Table(columns, [["a", 5], ["b", 6], ["c", 7]])}, 8)
    found = results.read("p")
    assert list(found["tables"]) == ["one", "two/x", "two/y"]
    assert found["tables"]["one"]["rows"] == [["a", 5], ["b", 6], ["c", 7]]
    about = found["made"]["one"]
    assert about["seed"] == 8 and found["made"]["two"]["seed"] == results.NOTHING_DRAWN
    assert about["date"] and about["machine"]["processor"] and about["machine"]["cores"] >= 1
    assert about["machine"]["memory_gib"] > 0 and about["command"].startswith("python ")
    assert {"python", "numpy", "torch", "earthloom", "gdal"} <= set(about["versions"])


def test_prose_shows_every_table_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "BENCH", tmp_path)
    (tmp_path / "p").mkdir()
    results.record("p", "one", {"": Table([Column("method"), Column("e")], [["a", 1]])}, 0)
    prose = tmp_path / "p/discussion.md"
    prose.write_text("# P\n\nSays.\n\n<!-- one -->\n\n<!-- later -->\n")
    with pytest.raises(ValueError, match="does not say how p, one is made again"):
        report.page("p")
    monkeypatch.setitem(again.WHY, "p", {"": "it is drawn"})
    shown = " ".join(report.page("p").split())
    assert "# P Says. | method | e | |---|---| | a | 1 | Again: `python" in shown and "for it is drawn. ## How" in shown
    for wrong in ("# P\n", "# P\n\n<!-- one -->\n\n<!-- one -->\n"):
        prose.write_text(wrong)
        with pytest.raises(ValueError, match="one"):
            report.page("p")


def sharpened(group: str, image: str, method: str, shift: float) -> dict[str, Any]:
    """A row of accuracy."""
    names = pansharpening.SHOWN[5:] if group.startswith("full") else pansharpening.SHOWN[:5]
    return {"group": group, "image": image, "method": method, **{name: 0.5 + shift for name in names}, "seconds": 1.0}


def test_the_runners_of_pansharpening_make_the_tables_that_are_committed() -> None:
    """From rows as they measure them: the same keys and columns, and means worked out by hand."""
    rows = [
        sharpened(group + end, image, method, shift)
        for group in pansharpening.TITLES
        for end in ("", *([" published"] if group in ("triplets", "landsat7") else []))
        for image, shift in (("first", 0.0), ("second", 0.25))
        for method in ("exp", "gsa")
    ]
    made = pansharpening.accuracy(rows)
    assert made["means/landsat7"].cell("gsa", "ergas") == 0.625
    assert made["published"].cell("gsa", "triplets, published") == [0.625, 0.625]
    as_committed("pansharpening", "accuracy", made, "first", "second")

    truth = {"ergas": 1.0, "sam_deg": 2.0, "q2n": 0.5}
    full = {"hqnr": 0.5, "consistency_ergas": 1.0, "pan_detail_cc": 0.25}
    refined = [
        {"group": group, "image": "1", "method": "gsa", "refine": kind, **(full if group.startswith("full") else truth)}
        for group in (*pansharpening.TITLES, "landsat7, MTF 0.2 taken for 0.3")
        for kind in ("0", "1", "step 1.5, N = 3")
    ]
    noise = {gain: {"0": 1.0, "1": 1.5} for gain in ("0.15", "0.25")}
    made = pansharpening.refinement({"rows": refined, "noise": noise})
    assert made["robustness/ms"].names == ["MTF 0.3, no noise added", "MTF 0.2 taken for 0.3"]
    assert made["solvers"].cell("none", "Landsat-7: ERGAS / SAM / Q2n") == [1.0, 2.0, 0.5]
    as_committed("pansharpening", "refine", made)

    scene = {"seconds": 1.0, "shift_y_px": 0.1, "shift_x_px": -0.1, "consistency_ergas": 1.0, "hqnr": 0.9}
    as_committed("pansharpening", "landsat8", pansharpening.landsat8({"gsa": scene}))
    one = {"whole_s": 3.0, "start_s": 1.0, "work_s": 2.0, "mpx_s": 30.0}
    made = pansharpening.speed({"side_by_side": {"gdal_pansharpen": one, "brovey": one}, "startup": {"x": 0.1}})
    assert made["programs"].cell("brovey", "x GDAL") == 1.0
    as_committed("pansharpening", "speed", made)
    as_committed("pansharpening", "memory", pansharpening.memory({"gsa": {"peak_gib": 0.4, "seconds": 9.0}}))


def test_the_runners_of_networks_make_the_tables_that_are_committed() -> None:
    figures = dict.fromkeys((*networks.TRUTH, *networks.FULL), 0.5)
    rows = [{"image": image, "method": m, **figures} for image in ("first", "second") for m in ("exp", "cf2n")]
    made = networks.networks("landsat7", rows)
    assert made[""].apart == ["exp"] and made[""].cell("cf2n", "ergas second") == 0.5
    as_committed("networks", "landsat7", made, "first", "second")
    as_committed("networks", "full", networks.networks("full", rows))
    own = [{**row, "wanted_ergas": 3.6} for row in rows if row["image"] == "first"]
    for row in own:
        del row["covered_detail_cc"]
    made = networks.networks("adapt_WV2", own)
    assert made[""].caption == "first (asked: ERGAS 3.6 on the held-out quarter)"
    as_committed("networks", "adapt_wv2", made)
    scenes = ("airport 3", "Santa Barbara, lower part")
    cubes = [{"image": image, "method": m, **figures} for image in scenes for m in ("exp", "cf2n")]
    as_committed("networks", "hyperspectral", networks.networks("hyperspectral", cubes))
    costs = {"parameters": 320_000, "ms_per_mp": 9.0, "memory_mb": 8.0}
    rows = [{"image": kind, "method": "cf2n", **costs} for kind in ("float32", "bfloat16")]
    as_committed("networks", "speed", networks.networks("speed", rows))


def test_the_runners_of_dates_and_cubes_make_the_tables_that_are_committed() -> None:
    flood = {"flood (block means)": {"copy": [3.0, 4.0, 6.0], "fsdaf": [1.0, 1.0, 3.0]}}
    as_committed("spatiotemporal", "accuracy", spatiotemporal.accuracy(flood))
    figures = {"rmse": 0.1, "cc": 0.5, "ssim": 0.9, "share": 1.0, "sam_deg": 4.0}
    title = "bordeaux 2017-10-26 (simulated, MTF 0.3)"
    as_committed("spatiotemporal", "networks", spatiotemporal.networks({title: {"copy": figures}}))
    race: dict[str, Any] = {f"{kind}_{clock}": 1.0 for kind in ("ours", "published") for clock in ("s", "cpu_s")}
    race |= {"shape": [480, 480], "budget_s": 1.2, "recorded": {"C": 8.0}}
    as_committed("spatiotemporal", "speed", spatiotemporal.speed({"starfm": race}))
    sizes = [
        {"side": side, "ns_per_px": 1900.0, "peak_mb": 300.0, "start_mb": 200.0, "arrays_mb": 50.0}
        for side in (500, 1000, 2000, 4000)
    ]
    made = spatiotemporal.growth({"starfm": sizes})
    assert made[""].rows == [["starfm", 1.9, 1.9, 1.9, 1.9, *[[100.0, 50.0]] * 4]]
    as_committed("spatiotemporal", "growth", made)

    rows = [
        {"method": "starfm", "kind": kind, "seam": seam, "truth": 1.0, "rmse": rmse, "cpu_s": 1.0}
        for kind, seams in (("as it is", ((3.0, 0.05), (2.0, 0.04))), ("seamless", ((1.0, 0.05), (1.5, 0.05))))
        for seam, rmse in seams
    ]
    made = spatiotemporal.seams(rows)
    assert made[""].cell("starfm", "seam, as it is and seamless") == [2.5, 1.25]
    assert made[""].cell("starfm", "RMSE over that as it is: least, most") == [1.0, 1.25]
    as_committed("spatiotemporal", "seams", made)

    mean = dict.fromkeys(superresolution.COLUMNS, 1.0)
    scenes = {scene: {"psnr": 30.0} for scene in ("egyptian_statue", "glass_tiles", "pompoms")}
    cave = {"CAVE": {"bicubic": {"mean": mean, "scenes": scenes, "parameters": 0, "cpu_s": 0.5}}}
    as_committed("superresolution", "4to1", superresolution.accuracy(cave))
    assert superresolution.speed({"loop": 12.0, "ours": 4.0}, "31 bands:")[""].rows[1] == ["ours", 4.0, 3.0]


def test_the_runner_of_sharpening_without_a_truth_makes_the_tables_that_are_committed() -> None:
    about = {"bands": [f"B{at}" for at in range(1, 8)], "ergas": 1.0, "sam_deg": 2.0, "added": 0.5, "detail_cc": 0.9}
    rows = [
        {"problem": "sharpening", "method": "exp", "each": [2.0] * 7, **about},
        {"problem": "pansharpening", "method": "gsa", "each": [1.0] * 6 + [3.0], **about},
    ]
    made = sharpening.native("Landsat 8 by Sentinel-2, 30 to 10 m", 0.3, rows)
    assert made.cell("pan: gsa", "worst band") == 1.5
    assert made.cell("pan: gsa", "residual over no fusion") == pytest.approx((15 / 28) ** 0.5)
    as_committed("sharpening", "native", {results.key_of(made.title): made})


def test_the_runners_of_alignment_and_clouds_make_the_tables_that_are_committed() -> None:
    parts = [
        {"group": "GF-1 WFV1 to S2A: clean", "method": "ols", "relative_rmse_percent": 2.0, "cases": {}},
        {"group": "CAVE: clean", "method": "ols", "relative_rmse_percent": 3.0, "cases": {}},
        {"group": "land cover", "method": "ols", "relative_rmse_percent": 3.0, "cases": {"from one": 1.5}},
    ]
    made = bandpass.accuracy(parts)
    assert made["land_cover"].cell("ols", "from one") == 1.5
    as_committed("bandpass", "alignment", made, "one")
    copies = {name: {"wall_s": 2.0, "cpu_s": 1.0, "peak_gib": 0.1} for name in ("copy", "apply")}
    as_committed("bandpass", "speed", bandpass.speed(copies))
    rows = [{"weights": "w", "condition": c, "method": "none", "relative_rmse_percent": 2.0} for c in ("clean", "haze")]
    assert bandpass.weights(rows)[""].rows == [["none", 2.0, 2.0]]

    clouds = [
        {"group": group, "image": f"282D sky {n}", "method": method, "s_per_mpx": 1.0}
        | dict.fromkeys(cloud_removal.FIGURES, float(n))
        for group in cloud_removal.TITLES
        for n in (1, 2)
        for method in (*cloud_removal.BESIDE, *cloud_removal.NETWORKS["weights"][1])
    ]
    made = cloud_removal.decloud(clouds)
    assert made["simulated"].cell("inpaint", "psnr") == 1.5
    as_committed("cloud_removal", "accuracy", made)
    made = cloud_removal.networks(clouds)
    assert made["weights"].cell("inpaint", "282D") == 1.5
    as_committed("cloud_removal", "network", made)


def as_committed(problem: str, run: str, made: dict[str, Table], *images: str) -> None:
    """Tables of committed keys with committed columns, but for columns of images that the test invented."""
    committed = results.tables(problem)
    assert made
    for name, table in made.items():
        known = committed[f"{run}/{name}" if name else run].columns
        for column in table.columns:
            assert column in known or set(images) & set(column.name.split()), f"{run}/{name}: {column}"
        results.check({**GOOD, "tables": {"run": table.as_dict()}}, problem)


def test_modules_of_the_benchmarks_import_each_other_without_a_circle() -> None:
    graph: dict[str, set[str]] = {}
    for path in (ROOT / "bench").rglob("*.py"):
        found: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "bench":
                found |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
        graph[".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")] = found
    left = {name: found & set(graph) for name, found in graph.items()}
    while free := [name for name, found in left.items() if not found & set(left)]:
        for name in free:
            del left[name]
    assert not left, f"a circle among {sorted(left)}"


def test_the_pages_need_no_torch() -> None:
    code = "import sys, bench.report; sys.exit('torch' in sys.modules or 'earthloom' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
