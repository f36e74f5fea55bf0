"""Networks of the DLPan toolbox with its authors' weights, against what the authors' program computes with them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.io import loadmat

from earthloom.engine.job import fuse_array
from earthloom.engine.passes import fuse_whole
from earthloom.engine.scene import ArrayScene
from earthloom.errors import FileError, MethodError
from earthloom.methods import catalog
from earthloom.methods.networks.forward import run
from earthloom.metrics import cut_border, with_reference
from earthloom.nn.released.dlpan import NETWORKS, PanNet, mirrored_high_pass
from earthloom.physics.forward import expand
from earthloom.types import Band, Observation, View
from earthloom.weights import store as weights
from earthloom.weights.checkpoints.reading import read_checkpoint

PEAK = 2047
NAMES = tuple(NETWORKS)
FILES = [f"{sensor}_{name.replace('dicnn', 'dicnn1')}" for sensor in ("WV3", "WV4") for name in NAMES]
TRIPLETS = {"WV3_test": 2047, "data_gf2": 1023, "Pleiades_test": 1023}
CASES = [(file, image) for file in FILES for image in TRIPLETS if (image == "WV3_test") == file.startswith("WV3")]


@pytest.fixture(scope="session")
def folder(shared: Path) -> Path:
    found = shared / "golden/networks/dlpan"
    if not found.is_dir():
        pytest.skip(f"no {found}")
    return found


def module_of(path: Path) -> torch.nn.Module:
    header, tensors = read_checkpoint(path)
    found = NETWORKS[header.fields["network"]](int(header.sizes["bands"]))
    found.load_state_dict({name: torch.from_numpy(value) for name, value in tensors.items()})
    return found.eval()


def random_inputs(folder: Path, bands: int) -> dict[str, np.ndarray]:
    held = np.load(folder / "inputs_random.npz")
    return {kind: np.atleast_3d(held[f"{kind}_dn_{bands}"].T).T / PEAK for kind in ("ms", "lms", "pan")}


def triplet(shared: Path, image: str) -> tuple[Observation, np.ndarray]:
    data = loadmat(shared / f"data/sharpening/reduced_triplets/{image}.mat")
    gt, ms, pan = (np.moveaxis(np.atleast_3d(data[key] * TRIPLETS[image]), 2, 0) for key in ("gt", "lrms", "pan"))
    bands = tuple(Band(f"b{k}") for k in range(len(ms)))
    views = {
        "pan": View(pan, np.ones(pan.shape[1:], bool), (Band("pan"),)),
        "ms": View(ms, np.ones(ms.shape[1:], bool), bands, (4.0, 4.0), (2.0, 2.0)),
    }
    return Observation(views, pan.shape[1:], "toolbox"), gt


def outputs(folder: Path, file: str, obs: Observation) -> np.ndarray:
    """The network on interpolated MS and PAN, not yet cut to 0..1."""
    inputs = {"guide": obs["pan"].data / PEAK, "base": expand(obs) / PEAK}
    return run(module_of(folder / f"{file}.pth"), {key: image.astype(np.float32) for key, image in inputs.items()})


def keep(seen: dict[str, torch.Tensor], name: str, _: Any, __: Any, out: torch.Tensor) -> None:
    seen[name] = out[0]


def corners(image: np.ndarray) -> dict[str, np.ndarray]:
    return {"s5": image[:, ::5, ::5], "tl": image[:, :10, :10], "br": image[:, -10:, -10:]}


@pytest.mark.parametrize("file", FILES)
def test_every_layer_on_noise(file: str, folder: Path) -> None:
    module, golden = module_of(folder / f"{file}.pth"), np.load(folder / f"{file}.npz")
    inputs = random_inputs(folder, len(golden["a_out"]))
    seen: dict[str, torch.Tensor] = {}
    for name, layer in module.named_modules():
        if isinstance(layer, (torch.nn.Conv2d, torch.nn.ConvTranspose2d)):
            layer.register_forward_hook(partial(keep, seen, name))
    guide, base, ms = (torch.from_numpy(np.float32(inputs[kind]))[None] for kind in ("pan", "lms", "ms"))
    with torch.inference_mode():
        found = base + module.detail(guide, ms) if isinstance(module, PanNet) else module(guide, base)
    np.testing.assert_allclose(found[0].numpy(), golden["a_out"], atol=1e-4)
    if isinstance(module, PanNet):
        for kind in ("ms", "pan"):
            high = mirrored_high_pass(torch.from_numpy(inputs[kind])[None])[0]
            np.testing.assert_allclose(high.numpy(), golden[f"a_{kind}_hp"], atol=1e-6)
    layers = [key.removeprefix("a_pre_") for key in golden if key.startswith("a_pre_")]
    assert set(layers) == set(seen)
    for name in layers:
        part = seen[name].numpy()[:, golden["a_rows"]][:, :, golden["a_cols"]]
        np.testing.assert_allclose(part, golden[f"a_pre_{name}"], atol=1e-4, err_msg=name)


@pytest.mark.parametrize("image", TRIPLETS)
def test_interpolation_of_the_real_images(image: str, shared: Path, folder: Path) -> None:
    held, (obs, _) = np.load(folder / "inputs_real.npz"), triplet(shared, image)
    for key, part in corners(expand(obs) / PEAK).items():
        np.testing.assert_allclose(part, held[f"{image}_lms_{key}"], atol=1e-6)


@pytest.mark.parametrize("file,image", CASES)
def test_real_images_before_they_are_cut(file: str, image: str, shared: Path, folder: Path) -> None:
    golden, (obs, _) = np.load(folder / f"{file}.npz"), triplet(shared, image)
    found = outputs(folder, file, obs)
    for key, part in corners(found).items():
        np.testing.assert_allclose(part, golden[f"b_{image}_out_{key}"], atol=2e-5, err_msg=key)


@pytest.mark.parametrize("file,image", [case for case in CASES if case[1] == "WV3_test"])
def test_as_a_method(file: str, image: str, shared: Path, folder: Path) -> None:
    """Read as a user's file, both passes over an array; figures as the authors' output has."""
    golden, (obs, gt) = np.load(folder / f"{file}.npz"), triplet(shared, image)
    found = fuse_whole(catalog.make("dlpan", weights=str(folder / f"{file}.pth")), obs)
    np.testing.assert_allclose(found.mean((1, 2)), golden[f"b_{image}_dn_mean"], atol=0.01)
    np.testing.assert_allclose(found.std((1, 2), ddof=1), golden[f"b_{image}_dn_std"], atol=0.01)
    for key, part in corners(found).items():
        expected = np.clip(golden[f"b_{image}_out_{key}"], 0, 1) * PEAK
        np.testing.assert_allclose(part, expected, atol=2e-5 * PEAK)
    figures = with_reference(cut_border(found, 21), cut_border(gt, 21), 4, peak=float(gt.max()))
    for name, value, near in zip(
        ("ergas", "sam_deg", "q2n", "scc"), golden[f"b_{image}_indices"], (1e-4, 1e-4, 1e-4, 1e-5), strict=True
    ):
        assert float(figures[name]) == pytest.approx(float(value), abs=near), name


def scene_like(obs: Observation, holes: bool = False) -> Observation:
    """A real scene in the geometry of products, its sides no multiples of anything."""
    pan, ms = obs["pan"], obs["ms"]
    shape = (233, 246)
    pan_valid = np.ones(shape, bool)
    ms_valid = np.ones((59, 62), bool)
    if holes:
        pan_valid[100:117, 60:71], ms_valid[40:43, 20:22] = False, False
    views = {
        "pan": View(np.float32(pan.data[:, :233, :246]) * pan_valid, pan_valid, pan.bands),
        "ms": View(np.float32(ms.data[:, :59, :62]) * ms_valid, ms_valid, ms.bands, (4.0, 4.0), (1.5, 1.5)),
    }
    return Observation(views, shape)


@pytest.mark.parametrize("file", FILES[:6])
def test_tiles_are_the_whole(file: str, shared: Path, folder: Path) -> None:
    obs = scene_like(triplet(shared, "WV3_test")[0])
    method = catalog.make("dlpan", weights=str(folder / f"{file}.pth"))
    whole = fuse_whole(method, obs)
    tiled = fuse_array(method.ready(obs), ArrayScene(obs), 121)
    assert tiled.valid.all()
    np.testing.assert_allclose(tiled.data, whole, atol=2e-5 * PEAK)


def test_holes_stay_and_bleed_alike_in_tiles(shared: Path, folder: Path) -> None:
    obs = scene_like(triplet(shared, "WV3_test")[0], holes=True)
    method = catalog.make("dlpan", weights=str(folder / "WV3_pannet.pth")).ready(obs)
    one, two = (fuse_array(method, ArrayScene(obs), tile) for tile in (96, 150))
    assert not one.valid[100:117, 60:71].any() and not one.valid[160:172, 80:88].any() and one.valid[:90].all()
    np.testing.assert_array_equal(one.valid, two.valid)
    np.testing.assert_allclose(one.data[:, one.valid], two.data[:, one.valid], atol=2e-5 * PEAK)


def test_geometry_of_products_costs_nothing(shared: Path, folder: Path) -> None:
    """The same scene, once as the toolbox lays it and once by its true places: the same image, inside the border."""
    obs, gt = triplet(shared, "WV3_test")
    method = catalog.make("dlpan", weights=str(folder / "WV3_pnn.pth"))
    there = replace(obs, convention="centre")
    scores = [
        float(with_reference(cut_border(fuse_whole(method, one), 21), cut_border(gt, 21), 4)["ergas"])
        for one in (obs, there)
    ]
    assert scores[1] == pytest.approx(scores[0], abs=0.02)


def test_bands_in_another_order_come_back_in_theirs(shared: Path, folder: Path) -> None:
    obs, _ = triplet(shared, "WV3_test")
    path = folder / "WV3_fusionnet.pth"
    centres = weights.read_header(path).centres_nm
    bands = tuple(Band(f"b{k}", nm) for k, nm in enumerate(centres))
    turned = replace(obs["ms"], data=obs["ms"].data[::-1], bands=bands[::-1])
    method = catalog.make("dlpan", weights=str(path))
    found = fuse_whole(method, replace(obs, views={**obs.views, "ms": turned}))
    np.testing.assert_allclose(found[::-1], fuse_whole(method, obs), atol=1e-3)


# What is refused


def test_other_ratios_levels_and_beginnings(shared: Path, folder: Path) -> None:
    obs, _ = triplet(shared, "WV3_test")
    path = str(folder / "WV3_pnn.pth")
    views = {role: replace(view, data=view.data / 10000) for role, view in obs.views.items()}
    with pytest.raises(MethodError, match=r"sees 2047 as 1.*peak"):
        fuse_whole(catalog.make("dlpan", weights=path), replace(obs, views=views))
    small = fuse_whole(catalog.make("dlpan", weights=path, peak=0.2047), replace(obs, views=views))
    np.testing.assert_allclose(1e4 * small, fuse_whole(catalog.make("dlpan", weights=path), obs), atol=0.05)
    ms = replace(obs["ms"], ratio=(2.0, 2.0), offset=(0.5, 0.5))
    with pytest.raises(MethodError, match="at 2:1"):
        catalog.make("dlpan", weights=path).check(replace(obs, views={**obs.views, "ms": ms}), obs.shape)
    with pytest.raises(MethodError, match="network=pannet for weights 'WV3_pnn'"):
        catalog.make("dlpan", weights=path, network="pannet").ready(obs)
    with pytest.raises(MethodError, match="without weights"):
        catalog.make("dlpan").learning(obs)  # type: ignore[attr-defined]
    with pytest.raises(MethodError, match="weights import"):
        catalog.make("dlpan").check(obs, obs.shape)
    with pytest.raises(MethodError, match="ensemble"):
        catalog.make("dlpan", weights=str(folder / "WV3_pannet.pth"), ensemble=True).check(obs, obs.shape)


def test_blocks_that_are_stored_twice_must_agree(folder: Path, tmp_path: Path) -> None:
    state: dict[str, Any] = torch.load(folder / "WV4_pannet.pth", map_location="cpu", weights_only=True)
    assert state["backbone.0.conv20.weight"].equal(state["res1.conv20.weight"])
    wrapped = {"epoch": 450, "model": {f"module.{name}": value for name, value in state.items()}}
    torch.save(wrapped, tmp_path / "wrapped.pth")
    plain, again = read_checkpoint(folder / "WV4_pannet.pth"), read_checkpoint(tmp_path / "wrapped.pth")
    assert again[0].fields == {"network": "pannet"} and not any(name.startswith("backbone") for name in again[1])
    for name, value in plain[1].items():
        np.testing.assert_array_equal(again[1][name], value)
    state["backbone.0.conv20.weight"] = state["backbone.0.conv20.weight"] + 1
    torch.save(state, tmp_path / "differ.pth")
    with pytest.raises(FileError, match=r"no pannet.*backbone.0.conv20.weight"):
        read_checkpoint(tmp_path / "differ.pth")


def test_parameters_are_those_of_the_specification() -> None:
    counts = {
        "pnn": (104360, 80420), "pannet": (83024, 77640), "fusionnet": (78632, 76324), "dicnn": (46792, 42180),
        "drpnn": (433465, 418365), "msdcnn": (228556, 189852),
    }  # fmt: skip
    for name, made in NETWORKS.items():
        found = tuple(sum(p.numel() for p in made(bands).parameters()) for bands in (8, 4))
        assert found == counts[name], name
