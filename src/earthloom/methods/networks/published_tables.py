"""UNet-LUT as its authors published it: their checkpoint, their histogram, their tables, their correction."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from earthloom.errors import FileError, MethodError
from earthloom.methods.base import Method, Wrapper
from earthloom.methods.networks.placement import on_device
from earthloom.ops.histogram import Bins, Histogram
from earthloom.ops.moments import Stats
from earthloom.types import Float, Observation

if TYPE_CHECKING:
    from earthloom.nn.unet_lut import PublishedNet

BANDS = 4
WHOLE = 1e-2  # what scaling there and back may leave behind the point
UNIT = 10000  # numbers for a reflectance of 1 in the authors' data


@dataclass(frozen=True)
class PublishedLut(Wrapper):
    """The authors' network with their weights. One table for the scene, from its pixels above 0, as they tested it."""

    inner: Method
    path: str
    unit: float

    rounds: ClassVar[int] = 1  # type: ignore[assignment]

    @property
    def bins(self) -> Bins:
        """256 on ``[0, band's largest]``; the authors do not publish how theirs were made."""
        from earthloom.nn.unet_lut import PUBLISHED_BINS, PUBLISHED_MAX

        return Bins(np.zeros(BANDS), np.array(PUBLISHED_MAX, float), PUBLISHED_BINS)

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Counts of what lies above 0 and up to the largest number, band by band."""
        rows, cols = obs.core_window.slices
        source = obs["source"]
        numbers = self._numbers(source.data[:, rows, cols][:, source.valid[rows, cols]])
        counts = []
        for band, (values, most) in enumerate(zip(numbers, self.bins.high, strict=True)):
            one = Bins(self.bins.low[band : band + 1], self.bins.high[band : band + 1], self.bins.count)
            counts.append(Histogram.of(values[(values > 0) & (values <= most)][None], one).counts)
        return Stats(histogram=Histogram(self.bins, np.concatenate(counts)))

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """The network on one tile."""
        import torch

        counts = stats["histogram"].counts.astype(np.float32)
        histogram = torch.from_numpy(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-12))
        image = torch.from_numpy(np.ascontiguousarray(self._numbers(obs["source"].data), np.float32))
        module = on_device(_module(self.path, Path(self.path).stat().st_mtime_ns))
        device = next(module.parameters()).device
        with torch.inference_mode():
            found, _ = module(image[None].to(device), histogram[None].to(device))
        unit = self.unit
        return (found[0].cpu().numpy() * (unit / UNIT)).astype(obs["source"].data.dtype)

    def _numbers(self, image: np.ndarray) -> np.ndarray:
        """Reflectance x 10000; whole numbers stay whole, since the network cuts what is behind the point."""
        if self.unit == UNIT:
            return image
        numbers = image * (UNIT / self.unit)
        whole = np.rint(numbers)
        return np.where(np.abs(numbers - whole) < WHOLE, whole, numbers)

    def ready(self, obs: Observation) -> PublishedLut:
        """As it is."""
        return self

    @property
    def told(self) -> str:
        """Whose weights."""
        return f"{self.card.name} as published, with the checkpoint {Path(self.path).name}"

    @property
    def parameters(self) -> dict[str, Any]:
        """Fields, and whose weights."""
        return {**self.inner.parameters, "weights": Path(self.path).name}


def published(network: Method, weights: str | None, unit: float, obs: Observation) -> PublishedLut:
    """The authors' network with a checkpoint of theirs.

    Raises
    ------
    MethodError
        Without a checkpoint (none were published), or for other than four bands.
    """
    if len(obs["source"].bands) != BANDS or len(obs["target"].bands) != BANDS:
        raise MethodError(
            f"{network.card.name} as published, from {len(obs['source'].bands)} to {len(obs['target'].bands)} bands",
            "blue, green, red and NIR of both", "leave out the variant: ours takes any bands",
        )  # fmt: skip
    if weights is None:
        raise MethodError(
            f"{network.card.name} as published without weights", "a checkpoint of its authors (epochs_195.pth)",
            "they published none; leave out the variant for ours",
        )  # fmt: skip
    path = Path(weights)
    if not path.is_file():
        raise FileError(f"no file {path}", "a checkpoint of the authors' training")
    _module(str(path), path.stat().st_mtime_ns)
    return PublishedLut(network, str(path), unit)


@lru_cache(maxsize=2)
def _module(path: str, changed: int) -> PublishedNet:
    """The network of a checkpoint; nothing that it holds is run."""
    import torch

    from earthloom.nn.unet_lut import PublishedNet, renamed

    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
        state = held.get("model_state", held)
        module = PublishedNet()
        module.load_state_dict(renamed(state))
    except Exception as wrong:  # pickle's, zip's and torch's errors have no common parent
        reason = str(wrong).splitlines()[0] if str(wrong) else type(wrong).__name__
        raise FileError(
            f"{Path(path).name} is no checkpoint of UNet-LUT ({reason})",
            "{'model_state', 'optimizer_state'} of tensors",
        ) from wrong
    return module.eval()
