"""Networks of PanBench and ADWM with their authors' weights, against what the authors' programs compute with them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

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
from earthloom.nn.released import adwm, panbench
from earthloom.training.adapt import adapt
from earthloom.types import Band, Observation, View
from earthloom.weights.checkpoints.reading import read_checkpoint

RGBN = [2, 1, 0, 3]  # where blue, green, red, NIR hold them
SCALE = {"WV3_test": 2047, "data_gf2": 1023, "Pleiades_test": 1023}
PLACES = (4.0, 4.0), (1.5, 1.5)


@pytest.fixture(scope="session")
def folder(shared: Path) -> Path:
    found = shared / "golden/networks"
    if not found.is_dir():
        pytest.skip(f"no {found}")
    return found


def checkpoint(folder: Path, name: str, source: str = "panbench") -> Path:
    """PanBench's files have long names; some are too large to be shared."""
    found = list(folder.glob(f"panbench/{name}__*.ckpt" if source == "panbench" else f"adwm/{name}_WV3.pth"))
    if not found:
        pytest.skip(f"the checkpoint of {name} is not shared")
    return found[0]


def module_of(path: Path, networks: dict) -> torch.nn.Module:
    header, tensors = read_checkpoint(path)
    found = networks[header.fields["network"]](int(header.sizes["bands"]))
    missing = found.load_state_dict({key: torch.from_numpy(value) for key, value in tensors.items()}, strict=False)
    assert not missing.unexpected_keys and all("num_batches" in key for key in missing.missing_keys)
    return found.eval()


def triplet(shared: Path, image: str) -> tuple[Observation, np.ndarray]:
    data = loadmat(shared / f"data/sharpening/reduced_triplets/{image}.mat")
    gt, ms, pan = (np.moveaxis(np.atleast_3d(data[key] * SCALE[image]), 2, 0) for key in ("gt", "lrms", "pan"))
    bands = tuple(Band(f"b{k}") for k in range(len(ms)))
    views = {
        "pan": View(pan, np.ones(pan.shape[1:], bool), (Band("pan"),)),
        "ms": View(ms, np.ones(ms.shape[1:], bool), bands, (4.0, 4.0), (2.0, 2.0)),
    }
    return Observation(views, pan.shape[1:], "toolbox"), gt


def picked(obs: Observation, order: list[int]) -> Observation:
    ms = obs["ms"]
    chosen = replace(ms, data=ms.data[order], bands=tuple(ms.bands[k] for k in order))
    return replace(obs, views={**obs.views, "ms": chosen})


def same(found: np.ndarray, golden: np.lib.npyio.NpzFile, image: str, near: float) -> None:
    parts = {"s5": found[:, ::5, ::5], "tl": found[:, :10, :10], "br": found[:, -10:, -10:]}
    for key, part in parts.items():
        np.testing.assert_allclose(part, golden[f"b_{image}_out_{key}"], atol=near, err_msg=key)


def alike(found: np.ndarray, gt: np.ndarray, golden: np.lib.npyio.NpzFile, image: str) -> None:
    figures = with_reference(cut_border(found, 21), cut_border(gt, 21), 4, peak=float(gt.max()))
    for name, value in zip(("ergas", "sam_deg", "q2n", "scc"), golden[f"b_{image}_indices"], strict=True):
        assert float(figures[name]) == pytest.approx(float(value), abs=2e-4), name


# PanBench


@pytest.mark.parametrize("name", panbench.NETWORKS)
def test_panbench_on_noise(name: str, folder: Path) -> None:
    module, golden = module_of(checkpoint(folder, name), panbench.NETWORKS), np.load(folder / f"panbench/{name}.npz")
    held = np.load(folder / "panbench/inputs_random.npz")
    inputs = {"coarse": held["ms"] / 255, "guide": held["pan"][None] / 255}
    found = run(module, {key: image.astype(np.float32) for key, image in inputs.items()})
    np.testing.assert_allclose(found, golden["a_out"], atol=2e-5)


@pytest.mark.parametrize("image", ["data_gf2", "Pleiades_test"])
@pytest.mark.parametrize("name", panbench.NETWORKS)
def test_panbench_as_a_method(name: str, image: str, shared: Path, folder: Path) -> None:
    path, golden = checkpoint(folder, name), np.load(folder / f"panbench/{name}.npz")
    obs, gt = triplet(shared, image)
    found = fuse_whole(catalog.make("panbench", weights=str(path), peak=1023.0), picked(obs, RGBN))
    same(found / 1023, golden, image, 2e-5)
    alike(found[RGBN], gt, golden, image)


def test_panbench_takes_bands_by_wavelength_and_tiles_as_the_whole(shared: Path, folder: Path) -> None:
    """A scene of several frames, ragged, in the geometry of products, its bands as files hold them."""
    obs, _ = triplet(shared, "data_gf2")
    pan, ms = (np.tile(obs[role].data, (1, 2, 2)).astype(np.float32) for role in ("pan", "ms"))
    bands = tuple(Band(name, nm) for name, nm in (("b", 490.0), ("g", 555.0), ("r", 665.0), ("n", 820.0)))
    views = {
        "pan": View(pan[:, :501, :398], np.ones((501, 398), bool), (Band("pan"),)),
        "ms": View(ms[:, :126, :100], np.ones((126, 100), bool), bands, (4.0, 4.0), (1.5, 1.5)),
    }
    scene = Observation(views, (501, 398))
    method = catalog.make("panbench", weights=str(checkpoint(folder, "pnn")), peak=1023.0).ready(scene)
    assert method.trained.order == (2, 1, 0, 3)  # type: ignore[attr-defined]
    whole = fuse_whole(method, scene)
    assert np.isfinite(whole).all() and 0.95 < whole.mean() / ms.mean() < 1.05
    np.testing.assert_allclose(fuse_array(method, ArrayScene(scene), 150).data, whole, atol=1e-2)


def test_parameters_are_those_of_the_specification() -> None:
    """Also of those whose checkpoints are not shared: a third of what the optimiser's state takes with them."""
    counts = {name: sum(p.numel() for p in made(4).parameters()) for name, made in panbench.NETWORKS.items()}
    assert counts["msdcnn"] == 189852 and counts["fusionnet"] == 76324 and counts["pnn"] == 80420
    assert [sum(p.numel() for p in made(8).parameters()) for made in adwm.NETWORKS.values()] == [87257, 33373]


def test_panbench_of_other_kinds_is_refused_by_name(folder: Path, tmp_path: Path) -> None:
    for key, word in (("lr_blocks.0.prox.0.weight", "GPPNN"), ("FLinear.0.0.weight", "PGCU")):
        torch.save({"state_dict": {f"net._orig_mod.{key}": torch.zeros(2, 2)}}, tmp_path / "x.ckpt")
        with pytest.raises(FileError, match=word):
            read_checkpoint(tmp_path / "x.ckpt")


def test_frames_that_belong_to_a_scene_are_not_taught(shared: Path, folder: Path) -> None:
    obs = picked(triplet(shared, "data_gf2")[0], RGBN)
    with pytest.raises(MethodError, match="to be taught"):
        adapt(catalog.make("panbench", weights=str(checkpoint(folder, "pnn"))), ArrayScene(obs), steps=1)  # type: ignore[arg-type]


# ADWM


@pytest.mark.parametrize("name", adwm.NETWORKS)
def test_adwm_on_noise(name: str, folder: Path) -> None:
    golden, held = np.load(folder / f"adwm/{name}.npz"), np.load(folder / "adwm/inputs_random.npz")
    pan, ms = held["pan_dn"][None].astype(np.float64), held["ms_dn"].astype(np.float64)
    views = {
        "pan": View(pan, np.ones(pan.shape[1:], bool), (Band("pan"),)),
        "ms": View(ms, np.ones(ms.shape[1:], bool), tuple(Band(f"b{k}") for k in range(8)), (4.0, 4.0), (2.0, 2.0)),
    }
    obs = Observation(views, pan.shape[1:], "toolbox")
    method = catalog.make("adwm", weights=str(checkpoint(folder, name, "adwm"))).ready(obs)
    stats = method.summarise(obs, None)
    inner, trained = method.inner, method.trained  # type: ignore[attr-defined]
    found = inner.computed(trained, obs, inner.seen(trained, obs, stats), stats)
    np.testing.assert_allclose(found, golden["a_out"], atol=1e-5)
    module, sums = trained.module, stats["sums"]
    with torch.inference_mode():
        for k, weigh in enumerate(module.bw_output.CovBlockList):
            weight = weigh(torch.from_numpy(sums.products[k].astype(np.float32))).numpy()
            np.testing.assert_allclose(weight, golden[f"a_weight_CovBlockList.{k}"], atol=1e-5)


@pytest.mark.parametrize("name", adwm.NETWORKS)
def test_adwm_as_a_method(name: str, shared: Path, folder: Path) -> None:
    path, golden = checkpoint(folder, name, "adwm"), np.load(folder / f"adwm/{name}.npz")
    obs, gt = triplet(shared, "WV3_test")
    method = catalog.make("adwm", weights=str(path)).ready(obs)
    found = fuse_whole(method, obs)
    expected = {key: np.clip(golden[key], 0, 1) for key in golden.files if "_out_" in key}
    same(found / 2047, expected, "WV3_test", 1e-5)  # type: ignore[arg-type]
    alike(found, gt, golden, "WV3_test")


@pytest.mark.parametrize("name", adwm.NETWORKS)
def test_adwm_tiles_are_the_whole(name: str, shared: Path, folder: Path) -> None:
    """Its weights belong to the whole scene, holes left out; tiles have them from the first pass."""
    obs, _ = triplet(shared, "WV3_test")
    valid = np.ones((250, 243), bool)
    valid[60:90, 100:120] = False
    views = {
        "pan": View(obs["pan"].data[:, :250, :243].astype(np.float32) * valid, valid, obs["pan"].bands),
        "ms": View(obs["ms"].data[:, :63, :61].astype(np.float32), np.ones((63, 61), bool), obs["ms"].bands, *PLACES),
    }
    scene = Observation(views, (250, 243))
    method = catalog.make("adwm", weights=str(checkpoint(folder, name, "adwm"))).ready(scene)
    one, two = (fuse_array(method, ArrayScene(scene), tile) for tile in (256, 100))
    np.testing.assert_array_equal(one.valid, valid)
    np.testing.assert_allclose(two.data[:, valid], one.data[:, valid], atol=0.05)


def test_lagconv_is_refused_by_name(folder: Path) -> None:
    with pytest.raises(FileError, match="LAGConv"):
        read_checkpoint(checkpoint(folder, "lagconv", "adwm"))
