"""How sure a network is: beside every product, which stays as it is; the same however it is tiled, run or resumed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import earthloom
from earthloom.errors import EarthloomError
from earthloom.methods.base import EIGHT
from earthloom.methods.networks import forward
from earthloom.methods.wrappers.judged import Judged
from earthloom.verbs.pipeline import Sure
from tests.contract.runners.test_dates import folders
from tests.contract.verbs.cases import CASES, Case, arrays
from tests.contract.verbs.test_resume import made, stopped
from tests.e2e.conftest import get, grid, observed, put

NETWORKS = {
    "pansharpen": {"method": "hpm_cnn"},
    "sharpen": {"method": "line_cnn"},
    "predict": {"method": "stfgan"},
    "superresolve": {"method": "dualsr", "ratio": 2},
}
DATE = "2020-03-04"  # of the series of the tests of dates
JUDGED = [case for case in CASES if case.verb in NETWORKS]
each = pytest.mark.parametrize("case", JUDGED, ids=lambda case: case.verb)
Ask = Callable[..., Path]


def beside(product: Path) -> Path:
    return product.with_name(f"{product.stem}_quality{product.suffix}")


@pytest.fixture
def ask(tmp_path: Path) -> Callable[[Case, str], Path]:
    """Makes a product of the network of a verb, and says where it is."""
    given: dict[str, Mapping[str, Any]] = {}

    def asked(case: Case, name: str, **more: Any) -> Path:
        inputs = given.setdefault(case.verb, case.inputs(tmp_path))
        return case.call(inputs, **{**NETWORKS[case.verb], "output": tmp_path / name, "threads": 1, **more})

    return asked


@each
def test_the_product_stays_as_it_is_and_its_error_lies_beside(case: Case, ask: Ask) -> None:
    bare, sure = get(ask(case, "bare.tif"))[0], ask(case, "sure.tif", quality=True)
    product, (off, about) = get(sure)[0], get(beside(sure))
    np.testing.assert_array_equal(product, bare)
    assert (
        off.shape == (1, *product.shape[1:]) and off.dtype == np.float32 and about.descriptions == ("expected_error",)
    )
    assert np.isfinite(off).all() and (off >= 0).all() and off.max() > 0
    told = json.loads(about.tags["EARTHLOOM_PARAMETERS"])["expected_error"]
    calibrated = case.verb != "predict"  # of one known date none can be left out
    assert ("calibrated on" in told and "spread" in told) if calibrated else told.startswith("not calibrated")
    assert not beside(ask(case, "bare.tif", overwrite=True)).exists()


@each
def test_tiles_make_no_difference(case: Case, ask: Ask) -> None:
    whole, tiled = (get(beside(ask(case, f"{side}.tif", quality=True, tile_size=side)))[0] for side in (256, 48))
    np.testing.assert_allclose(tiled, whole, rtol=2e-2, atol=2e-3 * whole.max())


def test_the_same_bytes_whoever_did_it(ask: Ask) -> None:
    how = {"serial": {"threads": 1}, "threads": {"threads": 2}, "processes": {"threads": 2, "runner": "processes"}}
    places = [ask(JUDGED[0], f"{name}.tif", quality=True, tile_size=48, **run) for name, run in how.items()]
    first, *others = (get(beside(place))[0] for place in places)
    for other in others:
        np.testing.assert_array_equal(other, first)


def test_what_was_stopped_goes_on(tmp_path: Path) -> None:
    case = JUDGED[0]
    given = case.inputs(tmp_path)
    more = {**NETWORKS[case.verb], "ensemble": False, "quality": True, "tile_size": 48}
    whole, out = tmp_path / "whole.tif", tmp_path / "x.tif"
    tiles = made(case, given, whole, **more).made
    stopped(case, given, out, **more)
    assert not beside(out).exists()
    assert made(case, given, out, **more).made == tiles - 3
    assert out.read_bytes() == whole.read_bytes() and beside(out).read_bytes() == beside(whole).read_bytes()


@each
def test_arrays_come_with_it_when_it_is_asked_for(case: Case, tmp_path: Path) -> None:
    given = {name: arrays(value) for name, value in case.inputs(tmp_path).items()}
    if case.verb == "superresolve":
        given["cube"] = given["cube"].astype("float32")
    alone, both = (case.call(given, **NETWORKS[case.verb], quality=sure) for sure in (None, True))
    assert isinstance(alone, np.ndarray) and isinstance(both, Sure)
    np.testing.assert_array_equal(both.image, alone)
    assert both.expected_error.shape == alone.shape[1:] and both.expected_error.max() > 0


def test_where_the_product_holds_nothing_nothing_is_said(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pan, ms = (image.round().astype("uint16") for image in observed(300 + 50 * rng.random((4, 64, 96))))
    ms[:, 3:6, 4:9] = 0
    given = {"pan": put(tmp_path / "p.tif", pan, grid(1)), "ms": put(tmp_path / "m.tif", ms, grid(4), nodata=0)}
    out = earthloom.pansharpen(**given, method="hpm_cnn", quality=True, output=tmp_path / "o.tif")
    product, off = get(out)[0], get(beside(out))[0][0]
    np.testing.assert_array_equal(np.isnan(off), product[0] == 0)
    assert np.isnan(off).any() and np.isfinite(off).any()


def test_a_date_of_a_series_has_it_beside_its_confidence(tmp_path: Path) -> None:
    fine, coarse = folders(tmp_path)
    for name, more in {"bare": {}, "sure": {"quality": True}}.items():
        found = earthloom.series(fine, coarse, "stfgan", output=tmp_path / name, dates=[DATE], threads=1, **more)
    (product,) = found.values()
    data, about = get(beside(product))
    bare = tmp_path / "bare" / product.name
    np.testing.assert_array_equal(get(product)[0], get(bare)[0])
    (confidence, _, off), kept = data, get(beside(bare))[0]
    assert about.descriptions == ("confidence", "known_dates", "expected_error") and data.dtype == np.float32
    seen = np.isfinite(off)
    assert seen.mean() > 0 and (off[seen] > 0).any()
    np.testing.assert_allclose(confidence[seen], kept[0][seen], atol=0.5)
    with pytest.raises(EarthloomError, match="another quality"):
        earthloom.series(fine, coarse, "stfgan", output=tmp_path / "bare", dates=[DATE], quality=True)


def test_what_an_earlier_product_told_goes_with_it(ask: Ask, tmp_path: Path) -> None:
    """From beside a GeoTIFF and a store, and from the item; not what somebody else wrote, nor an input."""
    case, mine = JUDGED[0], b"mine"
    for name in ("o.tif", "o.zarr"):
        more = {"stac": True} if name == "o.tif" else {}
        out, item = ask(case, name, quality=True, **more), tmp_path / "o.json"
        assert beside(out).exists()
        if more:
            told = json.loads(item.read_text())["assets"]["quality"]
            assert told["href"] == "./o_quality.tif" and told["bands"][0]["name"] == "expected_error"
            given = {**case.inputs(tmp_path), "pan": beside(out)}
            with pytest.raises(EarthloomError, match=r"o_quality\.tif, which goes with an earlier o\.tif"):
                case.call(given, method="exp", output=out, overwrite=True)
            assert beside(out).exists()
        ask(case, name, method="exp", overwrite=True, **more)
        assert out.exists() and not beside(out).exists()
        assert not more or list(json.loads(item.read_text())["assets"]) == ["data"]
        beside(out).write_bytes(mine)
        ask(case, name, method="exp", overwrite=True)
        assert beside(out).read_bytes() == mine


def test_the_looks_of_an_ensemble_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    from bench.device import scene, with_weights

    obs, looked = scene("pansharpening", 64), []
    method = with_weights("pansharpening", "hpm_cnn", obs)
    through = forward.through
    monkeypatch.setattr(forward, "through", lambda *given: looked.extend(given[3]) or through(*given))
    stats = method.summarise(obs, None)
    image, _, off = Judged.of(method).fuse_judged(obs, stats)
    assert len(looked) == len(EIGHT) * len(image)
    np.testing.assert_array_equal(image, method.fuse(obs, stats))
    assert off is not None
    looks = np.stack([method.turned(look).fuse(obs, stats) for look in EIGHT])
    np.testing.assert_allclose(off, np.sqrt(looks.var(axis=0).mean(axis=0)), rtol=1e-2, atol=1e-5 * np.ptp(image))
    assert len(looked) == 3 * len(EIGHT) * len(image)


def test_clouds_that_cf2n_took_away(tmp_path: Path) -> None:
    """How sure it is beside where it is used; what was clear is kept, and sure."""
    pytest.importorskip("torch")
    from tests.e2e.test_export import weights_of

    case = next(one for one in CASES if one.verb == "decloud")
    given = case.inputs(tmp_path)
    how = {"method": "cf2n", "weights": str(weights_of("cloud_removal/cf2n", tmp_path)), "tile_size": 32}
    bare, sure = (case.call(given, **how, quality=q, output=tmp_path / f"{q}.tif") for q in (False, True))
    np.testing.assert_array_equal(get(sure)[0], get(bare)[0])
    (origin, _, off), about = get(beside(sure))
    assert about.descriptions == ("origin", "clear_dates", "uncertainty") and {0, 1} <= set(np.unique(origin))
    assert (off[origin == 1] > 0).mean() > 0.9 and not off[origin == 0].any()
    assert "spread" in json.loads(about.tags["EARTHLOOM_PARAMETERS"])["expected_error"]
    assert not beside(bare).exists()


REFUSED = {
    "a formula": ("pansharpen", {"method": "gsa"}, "looks around each pixel"),
    "a table": ("align", {"method": "hls"}, "looks around each pixel"),
    "auto that finds formulas": ("pansharpen", {"method": "auto"}, "looks around each pixel"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_flips_say_nothing_about_is_refused(name: str, tmp_path: Path) -> None:
    verb, fields, words = REFUSED[name]
    case = next(one for one in CASES if one.verb == verb)
    with pytest.raises(EarthloomError, match=words):
        case.call(case.inputs(tmp_path), **fields, quality=True, output=tmp_path / "o.tif")
    assert not (tmp_path / "o.tif").exists()


def test_nothing_is_written_over(tmp_path: Path) -> None:
    case = JUDGED[0]
    given, out = case.inputs(tmp_path), tmp_path / "o.tif"
    beside(out).write_bytes(b"mine")
    with pytest.raises(EarthloomError, match=r"o_quality\.tif exists"):
        case.call({"pan": tmp_path / "none.tif", "ms": given["ms"]}, **NETWORKS[case.verb], quality=True, output=out)
    assert beside(out).read_bytes() == b"mine"
