"""One job by one program, in a process of its own: python -m bench.speed.child JOB WHO FOLDER SIDE

Prints the seconds of the quickest of three calls: what is left of the whole process are imports and loading.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.results import RAW

CALLS_MADE = 3
RANGE, RATIO = 1000.0, 4  # of the numbers; of the pixel sizes, for ERGAS


def _ours(index: str) -> Callable[..., Any]:
    """An index of ours, by its name."""

    def call(product: np.ndarray, truth: np.ndarray) -> Any:
        import earthloom

        more = {"ergas": {"ratio": RATIO}, "psnr": {"peak": RANGE}, "ssim": {"peak": RANGE}}.get(index, {})
        return getattr(earthloom.metrics, index)(product, truth, **more)

    return call


def _sewar(index: str) -> Callable[..., Any]:
    """The same of sewar, which takes bands last."""

    def call(product: np.ndarray, truth: np.ndarray) -> Any:
        from sewar import full_ref

        seen = [np.ascontiguousarray(image.transpose(1, 2, 0)) for image in (truth, product)]
        more = {"psnr": {"MAX": RANGE}, "ssim": {"MAX": RANGE}}.get(index, {})
        return getattr(full_ref, index)(*seen, **more)

    return call


def _torchmetrics(index: str) -> Callable[..., Any]:
    """The same of torchmetrics."""

    def call(product: np.ndarray, truth: np.ndarray) -> Any:
        import torch

        sys.path.append(str(RAW / "peers"))
        from torchmetrics.functional import image

        found, wanted = (torch.from_numpy(one)[None] for one in (product, truth))
        more = {"error_relative_global_dimensionless_synthesis": {"ratio": RATIO}}.get(index, {})
        more |= {"data_range": RANGE} if index.startswith(("peak", "structural")) else {}
        return getattr(image, index)(found, wanted, **more)

    return call


def _match_ours(source: np.ndarray, target: np.ndarray) -> Any:
    import earthloom

    four = "gaofen1_wfv"  # bands need a name; the formula looks at none
    return earthloom.align(source, target=target, method="cdf_match", source_sensor=four, target_sensor=four)


def _match_skimage(source: np.ndarray, target: np.ndarray) -> Any:
    from skimage.exposure import match_histograms

    return match_histograms(source, target, channel_axis=0)


CALLS: dict[tuple[str, str], Callable[..., Any]] = {
    ("histogram matching", "Earthloom"): _match_ours, ("histogram matching", "skimage"): _match_skimage,
    **{(name, "Earthloom"): _ours(name) for name in ("ergas", "sam_deg", "ssim", "uiqi", "psnr")},
    ("ergas", "sewar"): _sewar("ergas"), ("sam_deg", "sewar"): _sewar("sam"), ("ssim", "sewar"): _sewar("ssim"),
    ("uiqi", "sewar"): _sewar("uqi"), ("psnr", "sewar"): _sewar("psnr"),
    ("ergas", "torchmetrics"): _torchmetrics("error_relative_global_dimensionless_synthesis"),
    ("sam_deg", "torchmetrics"): _torchmetrics("spectral_angle_mapper"),
    ("ssim", "torchmetrics"): _torchmetrics("structural_similarity_index_measure"),
    ("uiqi", "torchmetrics"): _torchmetrics("universal_image_quality_index"),
    ("psnr", "torchmetrics"): _torchmetrics("peak_signal_noise_ratio"),
}  # fmt: skip


def network(name: str, who: str, folder: Path, side: int) -> Callable[[], Any]:
    """A tile through a network, one thread."""
    rng = np.random.default_rng(0)
    if name == "cf2n":
        images = {n: rng.normal(size=(1, c, side, side)).astype(np.float32) for n, c in (("guide", 1), ("base", 4))}
    else:
        images = {"hs": rng.random((1, 31, side, side), np.float32)}
    if who == "onnxruntime":
        from earthloom.methods.networks.engines import OnnxFile

        engine = OnnxFile.of(str(folder / f"{name}.onnx"))
        return lambda: engine(images)
    import torch

    from earthloom.methods import catalog
    from earthloom.methods.networks.cubes import details
    from earthloom.methods.networks.modules import module_of
    from earthloom.weights.store import read_header

    torch.set_num_threads(1)
    problem, weights = {
        "cf2n": ("pansharpening", "generic_4to1"), "coarsr": ("superresolution", "cubes_2to1"),
    }[name]  # fmt: skip
    module = module_of(catalog.find(name, problem), read_header(weights).path, 0)
    if name == "cf2n":
        from earthloom.methods.networks.forward import run

        return lambda: run(module, {key: image[0] for key, image in images.items()})
    return lambda: list(details(module, images["hs"][0], None, (2 * side, 2 * side), "float32", False))


def main() -> None:
    """The job, and its seconds."""
    job, who, folder, side = sys.argv[1:]
    place = Path(folder)
    if job in ("cf2n", "coarsr"):
        call = network(job, who, place, int(side))
    else:
        names = ("source", "target") if job == "histogram matching" else ("product", "truth")
        images = [np.load(place / f"{name}.npy") for name in names]

        def call() -> Any:
            return CALLS[job, who](*images)

    seconds = []
    for _ in range(CALLS_MADE):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    print(min(seconds))


if __name__ == "__main__":
    main()
