"""Networks of others in files: what goes in, how far they look, what is refused."""

from __future__ import annotations

import hashlib
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import earthloom
from earthloom.engine.job import fuse_array
from earthloom.engine.passes import fuse_whole
from earthloom.engine.scene import ArrayScene
from earthloom.errors import FileError, InputError, MethodError
from earthloom.methods import catalog
from earthloom.methods.networks.reach import reach_of
from earthloom.physics.forward import expand
from tests.network_files import REACH, network_in_a_file, onnx_network, script_network, weights

from .conftest import make_scene

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")


def by_hand(image: np.ndarray, seen: int, found: int) -> np.ndarray:
    """The same network by scipy: an independent word on what its file computes."""
    from scipy.ndimage import correlate

    first, second = weights(seen, found)
    hidden = np.stack([sum(correlate(image[i], w[i], mode="constant") for i in range(seen)) for w in first])
    hidden = np.maximum(hidden, 0)
    return np.stack([sum(correlate(hidden[i], w[i], mode="constant") for i in range(found)) for w in second])


def test_a_graph_of_somebody(tmp_path: Path) -> None:
    """Numbers over a peak, stacked as it is said, through a network that was computed elsewhere."""
    obs = make_scene(coarse=(24, 20), bands=3)
    path = onnx_network(tmp_path / "n.onnx", 4, 3)
    method = catalog.make(f"onnx:{path}", inputs="lms+pan", peak=1000.0).ready(obs)
    up = expand(obs).astype(np.float32)
    want = 1000 * by_hand(np.concatenate([up, obs["pan"].data]) / 1000, 4, 3)
    np.testing.assert_allclose(fuse_whole(method, obs), want, rtol=1e-4, atol=0.05)
    assert method.parameters["reach"] == REACH and method.parameters["inputs"] == "ms_up+pan"
    assert method.parameters["file_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    more = catalog.make(f"onnx:{path}", inputs="lms+pan", peak=1000.0, adds=True).ready(obs)
    np.testing.assert_allclose(fuse_whole(more, obs), want + up, rtol=1e-4, atol=0.05)
    assert pickle.loads(pickle.dumps(method)) == method


def test_a_program_of_somebody_runs_where_it_is_trusted(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    obs = make_scene(coarse=(24, 20), bands=3)
    graph, program = onnx_network(tmp_path / "n.onnx", 4, 3), script_network(tmp_path / "n.pt", 4, 3)
    with pytest.raises(MethodError, match="trust"):
        catalog.make(f"torchscript:{program}", inputs="ms_up+pan").ready(obs)
    trusted = catalog.make(f"torchscript:{program}", inputs="ms_up+pan", trust=True, peak=500.0).ready(obs)
    same = catalog.make(f"onnx:{graph}", inputs="ms_up+pan", peak=500.0).ready(obs)
    np.testing.assert_allclose(fuse_whole(trusted, obs), fuse_whole(same, obs), rtol=1e-4, atol=0.05)


def test_what_a_file_says_about_itself(tmp_path: Path) -> None:
    """Inputs, scaling, reach and the multiple of its sides; a field wins."""
    obs = make_scene(coarse=(24, 20), bands=3)
    told = {"inputs": "ms_up+pan", "scaling": "moments", "reach": 7, "multiple": 8, "adds": True}
    path = onnx_network(tmp_path / "n.onnx", 4, 3, told=told)
    found = catalog.make(f"onnx:{path}").ready(obs).parameters
    assert {key: found[key] for key in told} == told
    assert catalog.make(f"onnx:{path}", reach=5).ready(obs).parameters["reach"] == 5


def test_a_network_of_one_band_takes_each(tmp_path: Path) -> None:
    """And names of inputs say what goes in where nobody else does."""
    obs = make_scene(coarse=(24, 20), bands=3)
    path = onnx_network(tmp_path / "n.onnx", 1, 1, name="ms_up")
    method = catalog.make(f"onnx:{path}").ready(obs)
    up = expand(obs)
    want = np.concatenate([by_hand(up[b : b + 1], 1, 1) for b in range(3)])
    np.testing.assert_allclose(fuse_whole(method, obs), want, rtol=1e-4, atol=0.05)


@pytest.mark.parametrize("ratio,multiple", [(4, 0), (2, 16), (3, 4)])
def test_the_coarse_grid_and_blocks_tile_alike(ratio: int, multiple: int, tmp_path: Path) -> None:
    """A network that sees the cube on its own grid, and one whose sides are multiples of something."""
    pytest.importorskip("torch")
    obs = make_scene(ratio=ratio, coarse=(60, 50), bands=3)
    path = two_grids(tmp_path / "n.onnx", 3, ratio)
    method = catalog.make(f"onnx:{path}", inputs="ms, pan", multiple=multiple, scaling="moments").ready(obs)
    whole = fuse_whole(method, obs)
    assert np.isfinite(whole).all()
    np.testing.assert_allclose(fuse_array(method, ArrayScene(obs), 53).data, whole, rtol=1e-4, atol=1e-2)
    np.testing.assert_allclose(fuse_array(method, ArrayScene(obs), 97, threads=2).data, whole, rtol=1e-4, atol=1e-2)


def two_grids(path: Path, bands: int, ratio: int) -> Path:
    """Coarse bands through a convolution, enlarged by blocks, beside PAN."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    first, _ = weights(bands, bands)
    tensors = [numpy_helper.from_array(first, "w"), numpy_helper.from_array(np.float32([1, 1, ratio, ratio]), "r")]
    nodes = [
        helper.make_node("Conv", ["c", "w"], ["d"], pads=[2] * 4),
        helper.make_node("Resize", ["d", "", "r"], ["e"], mode="nearest"),
        helper.make_node("Add", ["e", "f"], ["out"]),
    ]
    inputs = [("c", bands, "y", "x"), ("f", 1, "Y", "X")]
    shown = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", c, y, x]) for n, c, y, x in inputs]
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", bands, "Y", "X"])
    graph = helper.make_graph(nodes, "net", shown, [out], tensors)
    onnx.save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path


def test_how_far_a_network_looks() -> None:
    """One that shifts, one that works in blocks, one that looks at everything."""

    def shifted(images: dict[str, np.ndarray]) -> np.ndarray:
        return np.roll(images["x"], 9, 3)

    def blocks(images: dict[str, np.ndarray]) -> np.ndarray:
        image = images["x"]
        n, c, height, width = image.shape
        mean = image.reshape(n, c, height // 8, 8, width // 8, 8).mean(axis=(3, 5))
        return mean.repeat(8, 2).repeat(8, 3)

    assert reach_of(shifted, [("x", 2, 1)]) == 9
    assert reach_of(blocks, [("x", 1, 1)], 8) == 7
    assert reach_of(lambda images: images["x"] + images["x"].mean(), [("x", 1, 1)]) is None


def test_what_does_not_fit_is_said(tmp_path: Path) -> None:
    obs = make_scene(coarse=(24, 20), bands=3)
    path = onnx_network(tmp_path / "n.onnx", 4, 3)

    def refused(words: str, name: str = f"onnx:{path}", **fields: Any) -> None:
        with pytest.raises(InputError, match=words):
            catalog.make(name, **fields).ready(obs)

    refused("without a file", "onnx")
    refused("no network", "onnx:nowhere.onnx")
    refused("inputs x of")
    refused("1 of lms", inputs="ms pan")
    refused("for 'nir'", inputs="nir")
    refused("of 3 bands", inputs="ms_up")
    refused("without a peak", inputs="ms_up+pan", scaling="peak")
    (tmp_path / "broken.onnx").write_bytes(b"no graph at all")
    refused("no ONNX|cannot be read", f"onnx:{tmp_path / 'broken.onnx'}")
    fixed = onnx_network(tmp_path / "f.onnx", 4, 3, side=64)
    refused("64 x 64", f"onnx:{fixed}", inputs="ms_up+pan")
    with pytest.raises(MethodError, match="no field 'file'"):
        catalog.make("gsa:n.onnx")
    with pytest.raises(MethodError, match=r"2\.5:1"):
        catalog.make(f"onnx:{path}", inputs="ms").ready(make_scene(ratio=2.5, bands=3))
    less = onnx_network(tmp_path / "less.onnx", 4, 2)
    with pytest.raises(MethodError, match="gives 2 bands"):
        fuse_whole(catalog.make(f"onnx:{less}", inputs="ms_up+pan").ready(obs), obs)
    coarse = onnx_network(tmp_path / "coarse.onnx", 3, 3)
    with pytest.raises(MethodError, match=r"ms at 4:1 for .*; expected 1:1"):
        catalog.make(f"onnx:{coarse}", inputs="ms", reach=3).ready(obs)


def test_a_network_for_one_ratio_takes_no_other(tmp_path: Path) -> None:
    """Whether the graph shows it or the file says it, before it is ready and after; nor other bands."""
    scenes = {ratio: make_scene(ratio=ratio, coarse=(24, 20), bands=3) for ratio in (2, 4)}
    shows = f"onnx:{two_grids(tmp_path / 'shows.onnx', 3, 2)}", {"inputs": "ms pan", "reach": 6}
    says = f"onnx:{onnx_network(tmp_path / 'says.onnx', 4, 3, told={'ratio': 2})}", {"inputs": "ms_up+pan", "reach": 3}
    for name, fields in (shows, says):
        method = catalog.make(name, **fields)
        with pytest.raises(MethodError, match=r"ms at 4:1 for .*; expected 2:1"):
            method.ready(scenes[4])
        ready = method.ready(scenes[2])
        ready.check(scenes[2], scenes[2].shape)
        with pytest.raises(MethodError, match=r"ms at 4:1 for .*; expected 2:1"):
            ready.check(scenes[4], scenes[4].shape)
        more = make_scene(ratio=2, coarse=(24, 20), bands=4)
        with pytest.raises(MethodError, match=r"[45] bands"):
            ready.check(more, more.shape)
    each = catalog.make(f"onnx:{onnx_network(tmp_path / 'each.onnx', 1, 1)}", inputs="ms_up", reach=3)
    with pytest.raises(MethodError, match="3 bands"):
        each.ready(make_scene(bands=1)).check(scenes[4], scenes[4].shape)
    free = catalog.make(f"onnx:{onnx_network(tmp_path / 'free.onnx', 4, 3)}", inputs="ms_up+pan", reach=3)
    free.ready(scenes[2]).check(scenes[4], scenes[4].shape)


def test_a_graph_that_names_other_files_is_refused(tmp_path: Path) -> None:
    import onnx

    path = onnx_network(tmp_path / "n.onnx", 4, 3)
    split = tmp_path / "split.onnx"
    onnx.save_model(onnx.load(path), split, save_as_external_data=True, location="numbers.bin", size_threshold=0)
    with pytest.raises(FileError, match="other files"):
        catalog.make(f"onnx:{split}", inputs="ms_up+pan").ready(make_scene(bands=3))


def test_it_is_not_taught(tmp_path: Path) -> None:
    scene = earthloom.load_sample()
    path = onnx_network(tmp_path / "n.onnx", 7, 6)
    with pytest.raises(MethodError, match="to be taught"):
        earthloom.pansharpen(scene.pan, scene.ms, method=f"onnx:{path}", inputs="ms_up+pan", adapt_steps=1)
    with pytest.raises(MethodError, match="nothing to train"):
        earthloom.train("pansharpening/onnx", data=tmp_path, output=tmp_path / "run")


def test_through_the_verb_refined_and_with_holes(tmp_path: Path) -> None:
    """Consistency and refinement are those of every method; what is missing stays missing and spreads nothing."""
    sample = earthloom.load_sample()
    pan, ms = sample.pan[:160, :160].copy(), sample.ms[:, :40, :40]
    path = onnx_network(tmp_path / "n.onnx", 7, 6)
    facts: dict[str, Any] = {}
    plain = earthloom.pansharpen(pan, ms, method=f"onnx:{path}", inputs="ms_up+pan", scaling="moments")
    refined = earthloom.pansharpen(
        pan, ms, method=f"onnx:{path}", inputs="ms_up+pan", scaling="moments", refine=5, facts=facts.update
    )  # fmt: skip
    assert facts["after_percent"] < facts["before_percent"]
    assert not np.allclose(plain, refined)
    pan[60:70, 60:70] = np.nan
    holed = earthloom.pansharpen(pan, ms, method=f"onnx:{path}", inputs="ms_up+pan", peak=255.0)
    assert np.isnan(holed[:, 60:70, 60:70]).all() and np.isfinite(np.delete(holed, range(60, 70), 1)).all()


def test_one_by_name_in_other_problems(tmp_path: Path) -> None:
    """Their own networks, tiled as the whole: the catalogue's contract says the rest."""
    from bench.device import scene

    for problem in ("sharpening", "superresolution"):
        obs = scene(problem, 96)
        method = network_in_a_file("onnx", obs, problem, tmp_path)
        whole = fuse_whole(method, obs)
        tiled = fuse_array(method, ArrayScene(replace(obs)), 40).data
        np.testing.assert_allclose(tiled, whole, atol=1e-5 * np.ptp(whole))
