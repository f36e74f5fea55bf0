"""`weights import`, and scenes in files sharpened by what it made of checkpoints of others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

torch = pytest.importorskip("torch")

from earthloom.nn.released import adwm, panbench  # noqa: E402
from earthloom.nn.released.dlpan import NETWORKS  # noqa: E402
from earthloom.weights import store as weights  # noqa: E402
from tests.e2e.conftest import Cli, grid, put  # noqa: E402


def refused(done, *words: str) -> None:
    assert done.code == 2 and len(done.err.strip().splitlines()) == 1
    assert all(word in done.err for word in words), done.err


def authors_file(path: Path, network: str = "pnn", bands: int = 4, seed: int = 0) -> Path:
    """As the toolbox saves one, with random weights."""
    torch.manual_seed(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(NETWORKS[network](bands).state_dict(), path)
    return path


def files(folder: Path, pan: np.ndarray, ms: np.ndarray) -> tuple[Path, Path]:
    return (
        put(folder / "pan.tif", pan.astype(np.uint16), grid(0.5), nodata=0),
        put(folder / "ms.tif", ms.astype(np.uint16), grid(2.0), nodata=0, descriptions=("nir", "red", "green", "blue")),
    )


@pytest.mark.parametrize("network", NETWORKS)
def test_imported_and_run_on_files(network: str, cli: Cli, tmp_path: Path) -> None:
    """Ragged sizes, holes, tiles of any size, bands in another order than the network's."""
    rng = np.random.default_rng(0)
    pan, ms = rng.integers(200, 900, (1, 150, 162)), rng.integers(200, 900, (4, 38, 41))
    pan[:, 70:80, 20:33], ms[:, 12, 30] = 0, 0
    files(tmp_path, pan, ms)
    done = cli(
        "weights", "import", authors_file(tmp_path / f"QB/{network}.pth", network), "-o", tmp_path / "w.safetensors"
    )
    assert (
        done.code == 0
        and "pansharpening/dlpan, 4 bands at 4:1, made for QuickBird-2" in done.out
        and "GPL-3" in done.out
    )
    images = []
    for tile in (64, 512):
        out = tmp_path / f"{tile}.tif"
        call = (
            "pansharpen",
            "--pan",
            tmp_path / "pan.tif",
            "--ms",
            tmp_path / "ms.tif",
            "-m",
            "dlpan",
            "--sensor",
            "quickbird",
        )
        done = cli(*call, "--weights", tmp_path / "w.safetensors", "--tile-size", tile, "-o", out)
        assert done.code == 0, done.err
        with rasterio.open(out) as product:
            images.append(product.read(masked=True))
            assert product.descriptions == ("nir", "red", "green", "blue")
    one, two = images
    np.testing.assert_array_equal(one.mask, two.mask)
    assert one.mask[:, 70:80, 20:33].all() and one.mask[:, 48:52, 120:124].all() and 0.97 < 1 - one.mask.mean() < 1
    assert np.abs(one.astype(int) - two.astype(int)).max() <= 1  # rounded


@pytest.mark.parametrize("source,network", [("panbench", "pannet"), ("panbench", "msdcnn"), ("adwm", "lgpnet")])
def test_other_sources_on_files(source: str, network: str, cli: Cli, tmp_path: Path) -> None:
    """Frames and statistics of the whole scene: tiles of any size are the same product."""
    rng, bands = np.random.default_rng(0), 4 if source == "panbench" else 8
    torch.manual_seed(0)
    state = (panbench.NETWORKS if source == "panbench" else adwm.NETWORKS)[network](bands).state_dict()
    held = {"state_dict": {f"net._orig_mod.{key}": value for key, value in state.items()}, "epoch": 3}
    torch.save(held, tmp_path / "theirs.ckpt")
    done = cli("weights", "import", tmp_path / "theirs.ckpt", "-o", tmp_path / "w.safetensors")
    assert done.code == 0 and f"-m {source}" in done.out
    pan = put(tmp_path / "pan.tif", rng.integers(100, 900, (1, 301, 290)).astype(np.uint16), grid(0.5), nodata=0)
    ms = put(tmp_path / "ms.tif", rng.integers(100, 900, (bands, 76, 73)).astype(np.uint16), grid(2.0), nodata=0)
    call = ("pansharpen", "--pan", pan, "--ms", ms, "-m", source, "--weights", tmp_path / "w.safetensors")
    images = []
    for tile in (128, 512):
        out, more = tmp_path / f"{tile}.tif", ("--peak", 1023, "--tile-size", tile, "--dtype", "float32")
        done = cli(*call, *more, "-o", out)
        assert done.code == 0, done.err
        with rasterio.open(out) as product:
            images.append(product.read())
    np.testing.assert_allclose(images[0], images[1], atol=0.1)
    assert np.isfinite(images[0]).all()
    done = cli(*call, "--adapt", "-o", tmp_path / "no.tif")
    refused(done, "to be taught")


def test_the_sensor_is_told_or_named_by_the_file(cli: Cli, tmp_path: Path) -> None:
    path = authors_file(tmp_path / "WV3/pnn.pth", "pnn", 8)
    assert cli("weights", "import", path, "-o", tmp_path / "a.safetensors").code == 0
    assert cli("weights", "import", path, "--sensor", "worldview2", "-o", tmp_path / "b.safetensors").code == 0
    one, two = weights.read_header(tmp_path / "a.safetensors"), weights.read_header(tmp_path / "b.safetensors")
    assert (one.sensor, two.sensor) == ("WorldView-3", "WorldView-2")
    assert one.centres_nm[0] == 427.4 and one.bands == two.bands and one.centres_nm != two.centres_nm
    refused(
        cli("weights", "import", path, "--sensor", "quickbird", "-o", tmp_path / "c.safetensors"), "QuickBird-2", "8"
    )
    refused(cli("weights", "import", path, "-o", tmp_path / "a.safetensors"), "exists")
    assert weights.read_header(path).sensor is None  # the file itself does not tell


def test_without_output_it_lands_in_the_current_folder(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = authors_file(tmp_path / "QB/drpnn.pth", "drpnn")
    monkeypatch.chdir(tmp_path)
    assert cli("weights", "import", path).code == 0
    header = weights.read_header(tmp_path / "drpnn.safetensors")
    assert header.fields == {"network": "drpnn"} and "GPL-3" in header.card["licence"]


def test_weights_of_another_network_say_which_method_runs_them(cli: Cli, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pan, ms = files(tmp_path, rng.integers(200, 900, (1, 64, 64)), rng.integers(200, 900, (4, 16, 16)))
    path = authors_file(tmp_path / "x/pnn.pth")
    call = ("pansharpen", "--pan", pan, "--ms", ms, "-m", "pnn", "-o", tmp_path / "o.tif", "--weights", path)
    refused(cli(*call), "pansharpening/dlpan", "the method dlpan")


# Files that are no checkpoint


class Evil:
    """What runs when a pickle is read carelessly."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("kind", ["a whole model", "beside the tensors", "within the training", "text", "cut"])
def test_nothing_that_a_file_holds_is_run(kind: str, cli: Cli, tmp_path: Path) -> None:
    path, evil = tmp_path / "pnn.pth", tmp_path / "evil"
    state = NETWORKS["pnn"](4).state_dict()
    whole: object = {
        "a whole model": Evil(evil), "beside the tensors": {**state, "x": Evil(evil)},
        "within the training": {"state_dict": state, "callbacks": [Evil(evil), {"a": Evil(evil)}]},
    }.get(kind, state)  # fmt: skip
    torch.save(whole, path)
    if kind == "text":
        path.write_text("no zip")
    if kind == "cut":
        path.write_bytes(path.read_bytes()[:5000])
    done = cli("weights", "import", path, "-o", tmp_path / "w.safetensors")
    assert not evil.exists()
    if kind == "within the training":
        assert done.code == 0
        for name, value in weights.read(tmp_path / "w.safetensors")[1].items():
            np.testing.assert_array_equal(value, state[name].numpy())
    else:
        refused(done, "pnn.pth", "not run")


def test_tensors_that_lie_about_their_size(cli: Cli, tmp_path: Path) -> None:
    """Views beyond the numbers of a file, or of one number a thousand times over, are no weights."""
    one = torch.zeros(1)
    torch.save({"conv1.weight": one.expand(1 << 40)}, tmp_path / "big.pth")
    refused(cli("weights", "import", tmp_path / "big.pth", "-o", tmp_path / "w.safetensors"), "big.pth")


@pytest.mark.parametrize("kind", [torch.float64, torch.float16, torch.bfloat16])
def test_other_kinds_of_numbers(kind: Any, tmp_path: Path) -> None:
    state = {key: value.to(kind) for key, value in NETWORKS["dicnn"](4).state_dict().items()}
    torch.save(state, tmp_path / "d.pth")
    for name, value in weights.read(tmp_path / "d.pth")[1].items():
        assert value.dtype == np.float32
        np.testing.assert_array_equal(value, state[name].float().numpy())
