"""FSDAF, step by step, against the published Python code (outputs kept beside the data)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from earthloom.engine.job import fuse_array
from earthloom.engine.passes import fuse_whole
from earthloom.engine.scene import ArrayScene
from earthloom.methods import catalog
from earthloom.methods.spatiotemporal.fsdaf import EXTREME, FLAT
from earthloom.ops.extremes import Tails
from earthloom.ops.ranked import ranking, similar_mean
from earthloom.ops.thinplate import spline
from earthloom.ops.unmix import Purest, alike, cell_sums, change_rates, fractions, shared_out
from earthloom.types import Band, Observation, View, Window

RATIO, CLASSES = 16, 4
CONFIGS = (1, 2)
LINES = np.arange(240) // RATIO
CENTRES = (np.arange(240) - (RATIO - 1) / 2) / RATIO
EVERYWHERE = np.ones((240, 240), bool)
BANDS = (Band("green", 560.0), Band("red", 660.0), Band("nir", 840.0))


class Golden:
    """The stored arrays; a field that the second configuration lacks is that of the first."""

    def __init__(self, stored: Any, config: int) -> None:
        self.stored, self.config = stored, config

    def __getitem__(self, name: str) -> np.ndarray:
        for key in (name, f"cfg{self.config}_{name}", f"cfg1_{name}"):
            if key in self.stored:
                value = self.stored[key]
                return value.astype(np.float64) if value.ndim == 3 else value
        raise KeyError(name)

    @property
    def labels(self) -> np.ndarray:
        return self["class_map"].astype(np.int64) - 1

    def cells(self, name: str) -> np.ndarray:
        image = self[name] if isinstance(name, str) else name
        return cell_sums(image, EVERYWHERE, LINES, LINES, (15, 15))[0] / RATIO**2

    @property
    def change(self) -> np.ndarray:
        """Of the coarse pixels."""
        return self.cells("coarse_t2") - self.cells("coarse_t1")


@pytest.fixture(scope="module", params=CONFIGS)
def golden(request: pytest.FixtureRequest, shared: Path) -> Golden:
    return Golden(np.load(shared / "golden/spatiotemporal/fsdaf_zhu.npz"), request.param)


def observation(golden: Golden) -> Observation:
    roles = {"fine_1": "fine_t1", "coarse_1": "coarse_t1", "coarse_p": "coarse_t2"}
    views = {role: View(golden[name], EVERYWHERE, BANDS) for role, name in roles.items()}
    views["classes"] = View(golden["class_map"][None].astype(np.float64), EVERYWHERE, (Band("class"),))
    return Observation(views, (240, 240))


def published(golden: Golden, **fields: Any):
    fields = {"variant": "zhu", "spline": "multiquadric", **fields}
    return catalog.make(
        "fsdaf", "spatiotemporal", ratio=float(RATIO), window_px=2 * int(golden["w"]) + 1,
        similar=int(golden["num_similar_pixel"]), pure=int(golden["num_pure"]), **fields,
    )  # fmt: skip


def rmse(image: np.ndarray, golden: Golden) -> np.ndarray:
    return np.sqrt(((image - golden["fine_t2_truth"]) ** 2).mean((1, 2)))


def test_extremes_are_cut(golden: Golden) -> None:
    fine = golden["fine_t1"]
    low, high = Tails.of(fine.reshape(3, -1)).inside(EXTREME)
    np.testing.assert_array_equal(
        np.clip(fine, low[:, None, None], high[:, None, None]), golden["fine_t1_corrected"]
    )  # fmt: skip


def test_shares_of_classes(golden: Golden) -> None:
    found = fractions(golden.labels, EVERYWHERE, CLASSES, LINES, LINES, (15, 15))
    np.testing.assert_allclose(found, golden["class_fraction"], atol=1e-12)


def test_homogeneity(golden: Golden) -> None:
    found = alike(golden.labels, EVERYWHERE, CLASSES, 2 * int(golden["w"]) + 1)
    np.testing.assert_allclose(found, golden["heterogeneity_index"], atol=1e-6)


def test_change_of_classes(golden: Golden) -> None:
    share, change = golden["class_fraction"].reshape(CLASSES, -1), golden.change.reshape(3, -1)
    parts = [slice(0, 70), slice(70, 71), slice(71, 225)]  # merged from pieces, in another order than they lie
    purest = [Purest.of(np.arange(225)[p], share[:, p], change[:, p], int(golden["num_pure"])) for p in parts]
    found = change_rates(purest[2] + purest[0] + purest[1])
    np.testing.assert_allclose(found, golden["class_change_rate"], atol=1e-6)


def test_prediction_in_time_and_its_rest(golden: Golden) -> None:
    rates = golden["class_change_rate"]
    np.testing.assert_allclose(golden["fine_t1_corrected"] + rates[:, golden.labels], golden["f2tp"], atol=0.01)
    rest = golden.change - np.tensordot(rates, golden["class_fraction"], 1)
    np.testing.assert_allclose(rest, golden["residual_coarse"], atol=1e-6)


def test_prediction_in_space(golden: Golden) -> None:
    found = spline(golden.cells("coarse_t2"), CENTRES, CENTRES, "multiquadric")
    np.testing.assert_allclose(found, golden["f2sp_multiquadric"], atol=0.05)


def test_rest_shared_out(golden: Golden) -> None:
    """Given the stored predictions; the class changes are recomputed, as the stored ones are rounded."""
    fine = golden["fine_t1_corrected"]
    change = golden["class_change_rate"][:, golden.labels]
    change = change + shared_out(
        golden["f2sp_multiquadric"] - fine - change, golden["residual_coarse"], golden["heterogeneity_index"],
        EVERYWHERE, LINES, LINES,
    )  # fmt: skip
    low, high = golden["allowed_min"][:, None, None], golden["allowed_max"][:, None, None]
    np.testing.assert_allclose(np.clip(fine + change, low, high) - fine, golden["change_t1_t2"], atol=0.01)


def test_range_of_the_scene(golden: Golden) -> None:
    """What the two rounds find of the whole scene, here in tiles."""
    method, scene, stats = published(golden), ArrayScene(observation(golden)), None
    halo = method.halo_px(1.0)
    for _ in range(method.rounds):
        first, second = (
            method.summarise(scene.observe(Window(0, x, 240, width), halo), stats)
            for x, width in ((0, 112), (112, 128))
        )
        stats = second + first
    rates = method.rates(stats, 0)
    np.testing.assert_allclose(rates, golden["class_change_rate"], atol=1e-6)
    low, high = method.allowed(stats, 0, (0, 0), rates)
    np.testing.assert_allclose(low[:, 0, 0], golden["allowed_min"], atol=1e-6)
    np.testing.assert_allclose(high[:, 0, 0], golden["allowed_max"], atol=1e-6)


def test_neighbours_agree(golden: Golden) -> None:
    fine, window = golden["fine_t1"], Window(0, 0, 240, 240)
    limit = fine.std((1, 2)) * 2 / CLASSES
    np.testing.assert_allclose(limit, golden["similar_threshold"], rtol=1e-12)
    table = ranking(2 * int(golden["w"]) + 1, float(golden["w"]), "rows", FLAT["zhu"])
    mean, _ = similar_mean(
        fine, EVERYWHERE, golden["change_t1_t2"], window, table, int(golden["num_similar_pixel"]), limit
    )  # fmt: skip
    np.testing.assert_allclose(fine + mean, golden["output"], atol=0.01)


def test_end_to_end(golden: Golden) -> None:
    error = np.abs(fuse_whole(published(golden), observation(golden)) - golden["output"])
    assert (error > 0.5).mean() <= 1e-3, f"{(error > 0.5).mean():.2%} beyond 0.5 DN, worst {error.max():.2f}"
    tiled = fuse_array(published(golden), ArrayScene(observation(golden)), 100).data
    assert (np.abs(tiled - golden["output"]) > 0.5).mean() <= 1e-3


def test_thin_plate(golden: Golden) -> None:
    found = fuse_whole(published(golden, spline="thin_plate"), observation(golden))
    assert np.abs(found - golden["output"]).mean() <= 6
    np.testing.assert_allclose(rmse(found, golden), rmse(golden["output"], golden), rtol=0.015)


def test_ours_is_no_worse(golden: Golden) -> None:
    """With the same class map and sizes."""
    found = fuse_whole(published(golden, variant="ours", spline="thin_plate"), observation(golden))
    assert (rmse(found, golden) <= 1.015 * rmse(golden["output"], golden)).all()


def test_local_thin_plate_is_the_whole_one(golden: Golden) -> None:
    """On the grid of the crop, against one system of all nodes (scipy's)."""
    from scipy.interpolate import RBFInterpolator

    nodes = np.stack(np.mgrid[0:15, 0:15], axis=-1).reshape(-1, 2).astype(float)
    at = np.stack(np.meshgrid(CENTRES, CENTRES, indexing="ij"), axis=-1).reshape(-1, 2)
    values = golden.cells("coarse_t2")
    whole = RBFInterpolator(nodes, values.reshape(3, -1).T, kernel="thin_plate_spline")(at).T.reshape(3, 240, 240)
    apart = np.abs(spline(values, CENTRES, CENTRES) - whole)
    assert apart.mean() < 0.5 and apart[:, 32:-32, 32:-32].max() < 1, "of a range of 3400 DN"


def test_accuracy_on_the_whole_scene(shared: Path) -> None:
    """Own classes, own grid, float32: at least as close as the published code was recorded to be."""
    from tests.parity.gwydir import gwydir

    obs, truth = gwydir(shared)
    method = catalog.make("fsdaf", "spatiotemporal")
    found = fuse_array(method, ArrayScene(obs), 240).data
    np.testing.assert_allclose(fuse_array(method, ArrayScene(obs), 130).data, found, atol=2e-3)  # full of ties
    error = np.sqrt(((found - truth) ** 2).mean((1, 2)))
    assert (error <= [101, 138, 365]).all(), error
