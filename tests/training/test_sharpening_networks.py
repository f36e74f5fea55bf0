"""The network of sharpening: what it begins as, what it serves, how it is taught from files and adapts to a scene."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio

import earthloom
from earthloom.engine.passes import fuse_whole
from earthloom.engine.scene import ArrayScene
from earthloom.errors import FileError, InputError
from earthloom.methods import catalog
from earthloom.methods.networks.network import Network
from earthloom.problems.sharpening import Sharpening
from earthloom.raster.listing.pixel_sizes import scenes_in
from earthloom.training.adapt import adapt, beginning
from earthloom.training.cases.open import cases
from earthloom.training.scene_task import AdaptTask, observed
from earthloom.types import Observation
from earthloom.verbs.train import train

from ..contract.conftest import method_for
from ..contract.test_sharpening import make_scene

PROBLEM = "sharpening"


def network(**fields: object) -> Network:
    found = catalog.make("line_cnn", PROBLEM, **fields)
    assert isinstance(found, Network)
    return found


def spread(obs: Observation) -> float:
    return float(np.ptp(obs["coarse"].data))


@pytest.mark.parametrize("ratio", [2, 3, 6, 2.5])
def test_a_fresh_network_is_gwr(ratio: float) -> None:
    obs = make_scene(ratio=ratio, coarse=(30, 26))
    gwr = fuse_whole(catalog.make("gwr", PROBLEM), obs)
    np.testing.assert_allclose(fuse_whole(network().fresh(obs), obs), gwr, atol=1e-5 * spread(obs), rtol=1e-5)


def test_the_order_of_the_guides_makes_no_difference() -> None:
    obs = make_scene(guides=6)
    method, fine = method_for("line_cnn", obs, PROBLEM), obs["fine"]
    order = [3, 0, 5, 1, 4, 2]
    turned = replace(fine, data=np.ascontiguousarray(fine.data[order]), bands=tuple(fine.bands[at] for at in order))
    other = replace(obs, views={**obs.views, "fine": turned})
    found = fuse_whole(method, obs)
    assert np.abs(found - fuse_whole(catalog.make("gwr", PROBLEM), obs)).max() > 1e-3 * spread(obs)
    np.testing.assert_allclose(fuse_whole(method, other), found, atol=1e-4 * spread(obs))


def test_a_band_alone_comes_out_as_beside_others() -> None:
    obs = make_scene(bands=3)
    method, coarse = method_for("line_cnn", obs, PROBLEM), obs["coarse"]
    one = replace(coarse, data=coarse.data[1:2], bands=coarse.bands[1:2])
    alone = fuse_whole(method, replace(obs, views={**obs.views, "coarse": one}))
    np.testing.assert_allclose(alone[0], fuse_whole(method, obs)[1], atol=1e-4 * spread(obs))


def test_the_same_numbers_in_other_units_give_the_same_product() -> None:
    obs = make_scene()
    method = method_for("line_cnn", obs, PROBLEM)
    small = {role: replace(view, data=view.data * np.float32(1e-4) + 3) for role, view in obs.views.items()}
    found = (fuse_whole(method, replace(obs, views=small)) - 3) * 1e4
    np.testing.assert_allclose(found, fuse_whole(method, obs), atol=5e-3 * spread(obs))


def test_little_is_added_where_the_lines_explain_nearly_all() -> None:
    """The first two bands are lines over the guides, the last one only in part; what is taught is the whole of it."""
    obs = make_scene(bands=3)
    method, gwr = method_for("line_cnn", obs, PROBLEM), fuse_whole(catalog.make("gwr", PROBLEM), obs)
    module = method.trained.module  # type: ignore[attr-defined]
    added = []
    for mode in (module.train, module.eval):
        mode()
        added.append(np.sqrt(((fuse_whole(method, obs) - gwr) ** 2).mean(axis=(1, 2))))
    shrunk = added[1] / added[0]
    assert (shrunk[:2] < 0.7 * shrunk[2]).all() and (shrunk <= 1).all() and (added[1] > 0).all()


def test_a_far_outlier_changes_little_but_its_surroundings() -> None:
    """A ship on dark water: hundreds of standard deviations."""
    obs = make_scene(coarse=(80, 60))
    method, fine = method_for("line_cnn", obs, PROBLEM), obs["fine"]
    stats = method.summarise(obs, None)
    data = fine.data.copy()
    data[:, 40:42, 40:42] += 1e5
    bright = replace(obs, views={**obs.views, "fine": replace(fine, data=data)})
    found = method.fuse(bright, stats) - method.fuse(obs, stats)
    assert np.isfinite(found).all() and np.abs(found[:, 120:]).max() < 1e-3 * spread(obs)


@pytest.mark.parametrize("guides", [1, 4])
def test_adapting_is_never_worse_by_its_own_figures(guides: int) -> None:
    obs = make_scene(coarse=(72, 64), guides=guides)
    found = adapt(network(width=8, blocks=1), ArrayScene(obs), steps=40, threads=1, device="cpu")
    assert set(found.before) == {"ergas", "consistency"}
    if found.kept:
        assert found.after["ergas"] < found.before["ergas"]
        assert found.after["consistency"] <= found.before["consistency"]
    else:
        assert found.after == found.before
        gwr = fuse_whole(catalog.make("gwr", PROBLEM), obs)
        np.testing.assert_allclose(fuse_whole(found.network, obs), gwr, atol=1e-4 * spread(obs), rtol=1e-4)


def test_what_adapting_begins_from_is_judged_as_gwr() -> None:
    """The figure of the fresh network on held-out blocks is that of local lines one scale down."""
    obs = make_scene(coarse=(72, 64))
    start, fresh = beginning(network(weights=None).fresh(obs), obs)
    task = AdaptTask.of(start, observed(start.inner, ArrayScene(obs)))
    case = Sharpening().degrade(observed(start.inner, ArrayScene(obs))[0])
    gwr = fuse_whole(catalog.make("gwr", PROBLEM), case.obs)
    assert fresh and len(task.held) == 1
    assert task.figures(start)["ergas"] == pytest.approx(task.held[0].figures(gwr[:, :72, :64])["ergas"], rel=1e-3)


def written(folder: Path, name: str, seed: int = 3) -> Path:
    """A scene as files by their pixel sizes."""
    obs = make_scene(coarse=(48, 48), seed=seed)
    fine = np.pad(obs["fine"].data, ((0, 0), (0, 3), (0, 5)), mode="edge")
    images = {"10m": fine, "20m": obs["coarse"].data, "60m": obs["coarse"].data[:1, ::3, ::3]}
    for size, data in images.items():
        step = 96 // data.shape[1]
        transform = rasterio.Affine(10 * step, 0, 500000, 0, -10 * step, 5000000)
        profile = {"driver": "GTiff", "count": len(data), "dtype": "float32", "crs": "EPSG:32633"}
        with rasterio.open(
            folder / f"{name}_{size}.tif",
            "w",
            height=data.shape[1],
            width=data.shape[2],
            transform=transform,
            **profile,
        ) as file:
            file.write(data.astype(np.float32))
    return folder


def test_scenes_are_found_by_the_pixel_sizes_in_their_names(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    written(tmp_path, "a")
    written(tmp_path / "deep", "b")
    (tmp_path / "deep" / "b_20m.tif").rename(tmp_path / "deep" / "b_coarse.tif")
    (tmp_path / "deep" / "b_10m.tif").rename(tmp_path / "deep" / "b_fine.tif")
    (tmp_path / "deep" / "b_60m.tif").unlink()
    found = {scene.name: sorted(scene.files) for scene in scenes_in(tmp_path)}
    assert found == {"a": ["coarse_20m", "coarse_60m", "fine"], "b": ["coarse", "fine"]}
    (told,) = scenes_in({"fine": "x.tif", "coarse": "y.tif"})
    assert told.files["coarse"] == "y.tif"
    with pytest.raises(FileError, match="NAME_10m"):
        scenes_in(tmp_path / "deep" / "b_fine.tif")
    with pytest.raises(FileError, match="no file"):
        scenes_in(tmp_path / "nothing")
    with pytest.raises(InputError, match="fine and coarse"):
        scenes_in({"fine": "x.tif"})


def test_cases_are_the_coarse_bands_one_scale_down(tmp_path: Path) -> None:
    files = {"fine": written(tmp_path, "a") / "a_10m.tif", "coarse": tmp_path / "a_20m.tif"}
    found = cases(files, PROBLEM)
    (case,) = found
    assert found.names == ["a_10m.tif coarse@0,0"] and case.obs["coarse"].ratio == (2.0, 2.0)
    np.testing.assert_array_equal(case.truth, make_scene(coarse=(48, 48))["coarse"].data)
    whole = Sharpening().degrade(found.seen(0))  # type: ignore[attr-defined]
    np.testing.assert_allclose(case.obs["coarse"].data, whole.obs["coarse"].data, rtol=1e-6)
    six = cases(files, PROBLEM, ratio=6, blurs=3)
    assert len(six) == 3 and len(set(six.groups)) == 3
    gains = [one.obs["coarse"].bands[0].mtf_nyquist for one in six]
    assert len(set(gains)) == 3 and all(one.obs["coarse"].ratio == (6.0, 6.0) for one in six)
    np.testing.assert_array_equal(six[1].obs["coarse"].data, six[1].obs["coarse"].data)
    parts = cases(files, PROBLEM, block_px=24)
    assert len(parts) == 4 and parts.groups == [0] * 4
    np.testing.assert_allclose(parts[3].obs["coarse"].data, case.obs["coarse"].data[:, 12:, 12:], rtol=1e-5)
    for wrong in ({"ratio": 1}, {"blurs": -1}, {"scale": 2.0}, {"reduce": "never"}, {"limit": 0}):
        with pytest.raises(InputError):
            cases(files, PROBLEM, **wrong)  # type: ignore[arg-type]


def test_it_is_trained_from_files_and_its_weights_run(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    data = written(tmp_path / "data", "a")
    for size in ("60m",):
        (data / f"a_{size}.tif").unlink()
    settings = {"steps": 30, "batch": 4, "patch": 24, "lr": 5e-3, "threads": 1, "tensorboard": False, "device": "cpu"}
    result = train(
        "sharpening/line_cnn", str(data), str(data), output=tmp_path / "run", width=8, blocks=1, blurs=2, **settings
    )
    assert result.steps == 30 and np.isfinite(result.figures["ergas"])
    obs = make_scene(ratio=3, bands=2, guides=2)  # weights serve any numbers and ratios
    product = fuse_whole(network(weights=str(tmp_path / "run")), obs)
    assert product.shape == (2, *obs.shape) and np.isfinite(product).all()
    assert (
        "any ratio" in (tmp_path / "run" / "card.md").read_text()
        or "ratio 0" in (tmp_path / "run" / "card.md").read_text()
    )


def test_shipped_weights_on_a_scene_they_never_saw(shared: Path) -> None:
    """Sentinel-2 as an airborne cube simulates it, with truth at 10 m: 20 to 10 m and 60 to 10 m."""
    folder = shared / "data/sharpening/sentinel2_20m"
    bands = ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B11", "B12")

    def read(name: str) -> np.ndarray:
        with warnings.catch_warnings(), rasterio.open(folder / f"apex_left_{name}.tif") as file:
            return file.read().astype(np.float32)

    warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
    truth = dict(zip(bands, read("truth"), strict=True))
    for size, names, least in (("20m", ("B5", "B6", "B7", "B8A", "B11", "B12"), 0.85), ("60m", ("B1", "B9"), 0.97)):
        wanted = np.stack([truth[name] for name in names])[:, 12:-12, 12:-12]
        error = {}
        for method in ("exp", "gwr", "line_cnn"):
            found = earthloom.sharpen(read("10m"), read(size), method=method)
            error[method] = np.sqrt(((np.asarray(found)[:, 12:-12, 12:-12] - wanted) ** 2).mean(axis=(1, 2)))
        assert (error["line_cnn"] < 0.65 * error["exp"]).all(), size
        assert np.sqrt((error["line_cnn"] ** 2).mean() / (error["gwr"] ** 2).mean()) < least, size
