"""`earthloom revisit` and `earthloom.revisit`: counts and gaps that can be told by hand, lists of every kind."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import earthloom
from earthloom.errors import FileError, InputError
from earthloom.raster.listing.sights import Sight
from tests.e2e.conftest import Cli, grid, put
from tests.e2e.test_bad_input import refused

BEGIN = date(2020, 1, 1)


def item(day: date, sensor: str, cloud: float | None, box: tuple[float, ...] = (10, 50, 11, 51)) -> dict[str, Any]:
    """A STAC item."""
    west, south, east, north = box
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    properties: dict[str, Any] = {"datetime": f"{day}T10:00:00Z", "platform": sensor}
    if cloud is not None:
        properties["eo:cloud_cover"] = cloud
    return {
        "type": "Feature", "stac_version": "1.0.0", "id": f"{sensor}_{day}", "bbox": list(box), "assets": {},
        "geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": properties,
    }  # fmt: skip


def month_of_two() -> list[dict[str, Any]]:
    """A sees days 0, 10, 20, 30 (20 clouded), B days 5 and 15."""
    days = [("a", 0, 0.0), ("a", 10, 20.0), ("a", 20, 90.0), ("a", 30, 5.0), ("b", 5, 0.0), ("b", 15, 1.0)]
    return [item(BEGIN + timedelta(n), sensor, cloud) for sensor, n, cloud in days]


@pytest.mark.parametrize("form", ["collection", "list", "lines", "folder"])
def test_items_in_every_packing(tmp_path: Path, form: str, cli: Cli) -> None:
    items, path = month_of_two(), tmp_path / "items.json"
    if form == "collection":
        path.write_text(json.dumps({"type": "FeatureCollection", "features": items}))
    elif form == "list":
        path.write_text(json.dumps(items))
    elif form == "lines":
        path = tmp_path / "items.ndjson"
        path.write_text("\n".join(json.dumps(one) for one in items) + "\n")
    else:
        path = tmp_path / "items"
        path.mkdir()
        (path / "collection.json").write_text('{"type": "Collection"}')
        for one in items:
            (path / f"{one['id']}.json").write_text(json.dumps(one))
    figure = tmp_path / "seen.png"
    done = cli("revisit", path, "--json", "--figure", figure, "--quiet")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert (told["from"], told["to"]) == ("2020-01-01", "2020-01-31")
    a, b, both = told["sensors"]["a"], told["sensors"]["b"], told["merged"]
    assert (a["days"], a["clear"], a["longest_gap_days"], a["median_gap_days"]) == (4, 3, 20, 15)
    assert (b["days"], b["clear"], b["longest_gap_days"], b["median_gap_days"]) == (2, 2, 15, 10)  # 15 to the end
    assert (both["days"], both["clear"], both["longest_gap_days"], both["median_gap_days"]) == (6, 5, 15, 5)
    assert both["months"] == {"2020-01": 5}
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert "a" in cli("revisit", path).out


def test_masks_count_every_pixel(tmp_path: Path, cli: Cli) -> None:
    left, right = np.zeros((1, 8, 8), "uint8"), np.zeros((1, 8, 8), "uint8")
    left[..., 4:], right[..., :4] = 1, 1  # clouds in the other half
    for name, mask in (("left", left), ("right", right)):
        put(tmp_path / f"{name}.tif", mask, grid(10))
    rows = ["date,sensor,mask", "2020-01-01,a,left.tif", "2020-01-11,a,right.tif", "2020-01-21,a,left.tif"]
    (tmp_path / "scenes.csv").write_text("\n".join([*rows, "2020-01-11,b,left.tif"]))
    found = earthloom.revisit(tmp_path / "scenes.csv")
    assert found.pixels == 64
    a = found.sensors["a"]
    assert a.clear == pytest.approx(1.5)  # twice in one half, once in the other
    assert a.longest_gap_days == 15  # 20 days between two on the left; 10 before and after on the right
    assert found.merged.clear == pytest.approx(2.0)
    assert dict(found.merged.days)[date(2020, 1, 11)] == 1.0  # two halves of one day make the whole
    done = cli("revisit", tmp_path / "scenes.csv", "--mask-values", 7, "--json")
    assert json.loads(done.out)["sensors"]["a"]["clear"] == 3  # no pixel holds 7


def test_scenes_of_one_day_are_one() -> None:
    twice = [Sight(BEGIN, "a", 100.0), Sight(BEGIN, "a", 0.0), Sight(BEGIN + timedelta(4), "a", 0.0)]
    found = earthloom.revisit(twice)
    assert len(found.merged.days) == 2 and found.merged.clear == 2


def test_never_clear() -> None:
    found = earthloom.revisit([Sight(BEGIN, "a", 80.0), Sight(BEGIN + timedelta(30), "a", 90.0)])
    assert found.merged.clear == 0 and found.merged.longest_gap_days == 30
    assert np.isnan(found.merged.median_gap_days)
    json.dumps(found.as_dict(), allow_nan=False)


def test_period_and_place(tmp_path: Path, cli: Cli) -> None:
    far = [item(BEGIN + timedelta(k), "a", 0.0, (30, 0, 31, 1)) for k in range(5)]
    path = tmp_path / "items.json"
    path.write_text(json.dumps(month_of_two() + far))
    refused(cli("revisit", path), "share no place", "--place")
    refused(cli("revisit", path, "--place", "100", "0"), "none of which covers")
    inside = ("--place", "10.5", "50.5", "--start", "2020-01-05", "--end", "2020-02-10", "--json")
    told = json.loads(cli("revisit", path, *inside).out)
    assert told["sensors"]["a"]["days"] == 3 and told["merged"]["months"] == {"2020-01": 4, "2020-02": 0}
    refused(cli("revisit", path, "--place", "10.5", "50.5", "--start", "2021-01-01"), "2021-01-01")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("date,cloud\n2020-01-01,5", ("scenes.csv", "sensor")),
        ("date,sensor,cloud\n2020-01-01,a,much", ("line 2", "much")),
        ("date,sensor,cloud\nyesterday,a,5", ("line 2", "yesterday")),
        ("date,sensor,cloud\n2020-01-01,a,140", ("140",)),
        ("date,sensor,mask\n2020-01-01,a,none.tif", ("none.tif", "does not exist")),
    ],
)
def test_bad_tables(tmp_path: Path, cli: Cli, text: str, words: tuple[str, ...]) -> None:
    (tmp_path / "scenes.csv").write_text(text)
    refused(cli("revisit", tmp_path / "scenes.csv"), *words)


def test_bad_items(tmp_path: Path) -> None:
    path = tmp_path / "items.json"
    for content, error in (("{", FileError), ('{"a": 1}', FileError), (json.dumps(item(BEGIN, "a", None)), InputError)):
        path.write_text(content)
        with pytest.raises(error):
            earthloom.revisit(path)
    with pytest.raises(FileError, match="does not exist"):
        earthloom.revisit(tmp_path / "nothing.json")
    with pytest.raises(InputError, match="another name"):
        earthloom.revisit([Sight(BEGIN, "merged", 0.0)])
