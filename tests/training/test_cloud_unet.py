"""Cloud U-Net: begins as what clear ground says, needs neither radar nor clear ground, and says how sure it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import laplace

import earthloom
from earthloom.engine.passes import fuse_whole
from earthloom.errors import InputError
from earthloom.methods import catalog
from earthloom.methods.cloud_removal.cloud_unet import White
from earthloom.methods.networks.network import Network, sample_of
from earthloom.physics.clouds import SimulatedSky, fractal
from earthloom.problems.base import Case
from earthloom.problems.cloud_removal import CloudRemoval, cloud_view, clouded
from earthloom.training.loop.patches import Patches
from earthloom.training.loop.task import Supervised, sureness
from earthloom.types import Band, Observation, View

NM = (490.0, 560.0, 665.0, 842.0)
SHAPE = (72, 88)


def tiny(**fields: object) -> Network:
    found = catalog.make("cloud_unet", "cloud_removal", width=8, **fields)
    assert isinstance(found, Network)
    return found


@pytest.fixture(scope="module")
def case() -> Case:
    rng = np.random.default_rng(3)
    level = fractal(SHAPE, rng, 40)
    optical = np.stack([1000 + b * 200 + 150 * (-1) ** b * level for b in range(4)])
    db = np.stack([-12 + level, -18 + level]) + 0.2 * rng.normal(size=(2, *SHAPE))
    everywhere = np.ones(SHAPE, bool)
    views = {
        "optical": View(optical.astype(np.float32), everywhere, tuple(Band(f"b{n:g}", n) for n in NM)),
        "sar": View(db.astype(np.float32), everywhere, (Band("VV"), Band("VH"))),
        "cloud": cloud_view(~everywhere),
    }
    sky = SimulatedSky(cover=0.3, thickness=20, brightness=0.9, shadow_px=(9.0, -7.0), scale_px=40)
    return CloudRemoval(1, sky).degrade(Observation(views, SHAPE))


def without(obs: Observation, *roles: str) -> Observation:
    return replace(obs, views={role: view for role, view in obs.views.items() if role not in roles})


def test_it_begins_as_what_clear_ground_says(case: Case) -> None:
    """One part in twenty of the other: of the cloudy image under clouds, of the filling where it is clear."""
    network = tiny()
    stats = network.summarise(case.obs, None)
    filled = 10000 * network.inputs(case.obs, stats)["extra"][:4]
    made = fuse_whole(network.fresh(case.obs), case.obs)
    cloud, seen = clouded(case.obs), case.obs["optical"].data
    share = 1 / (1 + np.exp(3.0))
    np.testing.assert_allclose(made[:, ~cloud], (seen + share * (filled - seen))[:, ~cloud], rtol=1e-4)
    bright = cloud & ((seen - filled).mean(axis=0) > 3000)
    assert bright.any()
    np.testing.assert_allclose(made[:, bright], filled[:, bright], atol=5)  # thick clouds say nothing


def test_without_radar_and_without_clear_ground(case: Case) -> None:
    everything = {**case.obs.views, "cloud": cloud_view(np.ones(SHAPE, bool))}
    for obs in (without(case.obs, "sar"), replace(case.obs, views=everything)):
        method = tiny().fresh(obs)
        method.check(obs, SHAPE)
        image = fuse_whole(method, obs)
        assert np.isfinite(image).all() and 0 < image[:, clouded(obs)].mean() < 4000  # land at large, in these units


def test_units_do_not_matter(case: Case) -> None:
    optical = case.obs["optical"]
    small = replace(optical, data=optical.data / np.float32(1e4))
    other = replace(case.obs, views={**case.obs.views, "optical": small})
    made = [fuse_whole(tiny().fresh(obs), obs) for obs in (case.obs, other)]
    np.testing.assert_allclose(1e4 * made[1], made[0], rtol=2e-3, atol=1)
    assert (White.level(1.0, 3) + White.level(10000.0, 3)).std.tolist() == [1e4] * 3


def test_sureness_is_the_likelihood_of_laplace() -> None:
    error, scales = np.array([0.3, -0.1, 0.2, 0.05]), np.array([0.05, 0.1, 0.2, 0.5])
    for scale in scales:
        product = torch.tensor(error, dtype=torch.float64)[None, None, None]
        found = sureness(product, torch.zeros_like(product), torch.full_like(product, scale))
        wanted = -laplace.logpdf(error, scale=scale).mean() - np.log(2)
        assert float(found) == pytest.approx(0.05 * np.abs(error).mean() * wanted)
    product = torch.rand(2, 3, 4, 4)
    mask = torch.zeros(2, 1, 4, 4)
    mask[..., :2] = 1
    scale = torch.full_like(product, 0.2)
    masked = sureness(product, torch.zeros_like(product), scale, mask)
    cut = sureness(product[..., :2], torch.zeros(2, 3, 4, 2), scale[..., :2])
    assert float(masked) == pytest.approx(float(cut), rel=1e-5)


def test_it_learns_how_sure_it_is(case: Case) -> None:
    network = tiny()
    patches = Patches([sample_of(network, case.obs, case.truth)[0]], 48, 8)
    task = Supervised(patches)
    torch.manual_seed(0)
    module = network.net(network.sizes(case.obs))
    optimiser = torch.optim.Adam(module.head.parameters(), 3e-2)  # type: ignore[attr-defined]
    terms = []
    for step in range(30):
        batch = {name: torch.from_numpy(image) for name, image in patches.batch(step, 4).items()}
        found = task.loss(module, batch)
        optimiser.zero_grad()
        torch.stack(list(found.values())).sum().backward()
        optimiser.step()
        terms.append({name: float(value.detach()) for name, value in found.items()})
    assert set(terms[0]) == {"l1", "sure"}
    said = [term["sure"] / term["l1"] for term in terms]  # by its own error, which it weighs with
    assert np.mean(said[-5:]) < said[0] - 0.02


def test_the_uncertainty_of_every_pixel(case: Case, tmp_path: Path) -> None:
    rasterio = pytest.importorskip("rasterio")
    path = tiny().fresh(case.obs).save(tmp_path / "tiny.safetensors")
    given = {"optical": case.obs["optical"].data, "sar": case.obs["sar"].data, "mask": case.obs["cloud"].data}
    for name, data in given.items():
        about = {"count": len(data), "height": SHAPE[0], "width": SHAPE[1], "dtype": "float32"}
        place = rasterio.Affine(10, 0, 4e5, 0, -10, 5e6)
        with rasterio.open(tmp_path / f"{name}.tif", "w", crs="EPSG:32633", transform=place, **about) as file:
            file.write(data)
    files = {name: tmp_path / f"{name}.tif" for name in given}
    made = []
    for tile in (32, 128):
        out = tmp_path / f"c{tile}.tif"
        earthloom.decloud(
            **files, method="cloud_unet", width=8, weights=str(path), bands=["blue", "green", "red", "nir"], output=out,
            tile_size=tile,
        )  # fmt: skip
        with rasterio.open(tmp_path / f"c{tile}_quality.tif") as file:
            made.append(file.read())
    origin, dates, uncertain = made[0]
    cloud = clouded(case.obs)
    np.testing.assert_array_equal(origin, cloud)
    assert not dates.any() and not uncertain[~cloud].any()
    np.testing.assert_allclose(uncertain[cloud], 500, rtol=1e-4)  # what a fresh network says: reflectance 0.05
    np.testing.assert_allclose(made[1], made[0], rtol=1e-4)
    with pytest.raises(InputError, match="save_mask"):
        earthloom.decloud(*given.values(), method="inpaint", save_mask=tmp_path / "m.tif", sensor="generic")
