"""What the training loop asks of a job: batches, a loss, figures on held-out scenes, and a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from earthloom import metrics
from earthloom.training.loop.patches import MASK, TRUTH, Sample
from earthloom.types import Float

SMOOTH = 1e-3  # of the Charbonnier loss, in standard deviations
SURE = 0.05  # weight of what a network says about its own error
HIGHER = ("psnr", "ssim", "q2n", "uiqi", "scc", "cc", "hqnr", "qnr")  # figures of which more is better


@runtime_checkable
class Batches(Protocol):
    """Where batches come from; :class:`earthloom.training.loop.patches.Patches` is one."""

    def batch(self, step: int, batch: int, seed: int = 0, rank: int = 0, of: int = 1) -> dict[str, np.ndarray]:
        """Part ``rank`` of ``of`` of the batch of a step: a pure function of its arguments."""
        ...


@runtime_checkable
class Task(Protocol):
    """A job for :func:`earthloom.training.loop.loop.fit`."""

    @property
    def patches(self) -> Batches:
        """Where batches come from."""
        ...

    @property
    def figure(self) -> str:
        """The figure of :meth:`validate` that chooses the best weights."""
        ...

    def loss(self, module: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Terms of the loss, which are summed.

        Each is a mean over the patches of the batch: then the mean over processes is that of the whole batch.
        """
        ...

    def validate(self, module: nn.Module) -> dict[str, float]:
        """Figures of the network on held-out scenes; empty when there are none."""
        ...

    def beside(self) -> dict[str, float]:
        """The same figures without a network ("no fusion"); empty when there is nothing to compare with."""
        ...

    def picture(self) -> dict[str, np.ndarray]:
        """Images ``(band, y, x)`` of the last validation, such as input, product and truth; empty for none."""
        ...


def pixel_loss(product: Tensor, truth: Tensor, mask: Tensor | None = None, kind: str = "l1") -> Tensor:
    """Mean over patches of each patch's mean error over the pixels that its mask keeps.

    ``l1 |e|``, ``l2 e^2``, ``charbonnier sqrt(e^2 + s^2) - s`` with ``s = 0.001`` standard deviations. Patches count
    alike however many pixels they hold, so that parts of a batch average to the whole.
    """
    error = product - truth
    if kind == "l1":
        error = error.abs()
    elif kind == "l2":
        error = error * error
    else:
        error = (error * error + SMOOTH**2).sqrt() - SMOOTH
    if mask is None:
        return error.mean()
    kept = mask.sum(dim=(1, 2, 3)) * error.shape[1]
    return ((error * mask).sum(dim=(1, 2, 3)) / kept).mean()


def sureness(product: Tensor, truth: Tensor, scale: Tensor, mask: Tensor | None = None) -> Tensor:
    """How badly the scale b of a Laplace distribution fits the error e as it is, ``|e| / b + log b``.

    Weighted by the error itself, so that its size against the error does not depend on the units.
    """
    error = (product - truth).detach().abs()
    fit = error / scale + scale.log()
    if mask is None:
        return SURE * (error.mean() * fit.mean())
    kept = mask.sum(dim=(1, 2, 3)) * error.shape[1]
    fit, error = (((one * mask).sum(dim=(1, 2, 3)) / kept).mean() for one in (fit, error))
    return SURE * error * fit


@dataclass(frozen=True)
class Held:
    """A held-out scene.

    Parameters
    ----------
    name
        What to call it.
    truth
        Physical units; NaN where there is none.
    product
        What a network makes of the scene, in physical units.
    ratio
        For ERGAS.
    nothing
        The image without a network (interpolated, cloudy); None when there is none.
    peak
        Largest possible value, for PSNR; None takes the largest of the truth.
    """

    name: str
    truth: Float[np.ndarray, "band y x"]
    product: Callable[[nn.Module], np.ndarray]
    ratio: float = 1.0
    nothing: Float[np.ndarray, "band y x"] | None = None
    peak: float | None = None

    def figures(self, image: Float[np.ndarray, "band y x"]) -> dict[str, float]:
        """ERGAS, SAM, PSNR, RMSE and CC of an image, over the pixels that hold truth."""
        valid = np.isfinite(self.truth).all(axis=0)
        truth, image = (np.where(valid, one, 0).astype(np.float64) for one in (self.truth, image))
        if not np.isfinite(image).all():
            return dict.fromkeys(("ergas", "sam_deg", "psnr", "rmse", "cc"), float("nan"))
        found = {
            "ergas": metrics.ergas(image, truth, self.ratio, valid=valid),
            "sam_deg": metrics.sam_deg(image, truth, valid=valid),
            "psnr": metrics.psnr(image, truth, self.peak or float(truth[:, valid].max()), valid=valid),
            "rmse": metrics.rmse(image, truth, valid=valid),
            "cc": metrics.cc(image, truth, valid=valid),
        }
        return {name: float(value) for name, value in found.items()}


def hold(
    sample: Sample,
    name: str = "",
    mean: np.ndarray | float = 0.0,
    std: np.ndarray | float = 1.0,
    ratio: float = 1.0,
    multiple: int = 1,
    peak: float | None = None,
) -> Held:
    """A held-out scene of normalised arrays like those that patches are cut from.

    ``mean`` and ``std``, one number or one a band, bring truth, base and product back to physical units. Sides are cut
    to multiples of ``multiple``.
    """
    height, width = (n // multiple * multiple for n in sample[TRUTH].shape[1:])
    inputs = {}
    for key, image in sample.items():
        ratio_here = sample[TRUTH].shape[1] // image.shape[1]
        inputs[key] = np.ascontiguousarray(image[:, : height // ratio_here, : width // ratio_here], np.float32)
    truth = inputs.pop(TRUTH)
    shape = (-1, 1, 1)
    mean, std = np.asarray(mean, np.float32).reshape(shape), np.asarray(std, np.float32).reshape(shape)

    def product(module: nn.Module) -> np.ndarray:
        return whole(module, inputs)[: len(truth)] * std + mean

    base = inputs.get("base")
    nothing = base * std + mean if base is not None and base.shape == truth.shape else None
    return Held(name, truth * std + mean, product, ratio, nothing, peak)


def whole(module: nn.Module, inputs: Mapping[str, Float[np.ndarray, "_ _ _"]]) -> Float[np.ndarray, "band y x"]:
    """A whole scene through a network."""
    device = next(module.parameters()).device
    tensors = {name: torch.from_numpy(image)[None].to(device) for name, image in inputs.items()}
    with torch.inference_mode():
        return module(**tensors)[0].float().cpu().contiguous().numpy()


@dataclass
class Supervised:
    """Inputs and truth: the job of every network that learns from pairs.

    Parameters
    ----------
    patches
        Where batches come from.
    held
        Held-out scenes.
    kind
        ``l1``, ``l2`` or ``charbonnier``.
    figure
        Which figure chooses the best weights.
    """

    patches: Batches
    held: Sequence[Held] = ()
    kind: str = "l1"
    figure: str = "ergas"
    _panels: dict[str, np.ndarray] = field(default_factory=dict, init=False, repr=False)

    def loss(self, module: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The error of the pixels; of a network that also says how sure it is, what that deserves."""
        inputs = {name: image for name, image in batch.items() if name not in (TRUTH, MASK)}
        truth, mask = batch[TRUTH], batch.get(MASK)
        product, *scales = module(**inputs).split(truth.shape[1], 1)
        terms = {self.kind: pixel_loss(product, truth, mask, self.kind)}
        return terms | ({"sure": sureness(product, truth, scales[0], mask)} if scales else {})

    def validate(self, module: nn.Module) -> dict[str, float]:
        """Figures averaged over the held-out scenes."""
        rows = []
        for scene in self.held:
            product = scene.product(module)
            rows.append(scene.figures(product))
            if scene is self.held[0]:
                panels = {} if scene.nothing is None else {"input": scene.nothing}
                self._panels = {**panels, "product": product, "truth": scene.truth}
        return _mean(rows)

    def beside(self) -> dict[str, float]:
        """Figures of the images without a network."""
        return self._beside

    @cached_property
    def _beside(self) -> dict[str, float]:
        nothings = [scene.nothing for scene in self.held]
        if any(nothing is None for nothing in nothings):
            return {}
        return _mean([scene.figures(scene.nothing) for scene in self.held if scene.nothing is not None])

    def picture(self) -> dict[str, np.ndarray]:
        """Input, product and truth of the first held-out scene."""
        return self._panels


def _mean(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Average figure by figure."""
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]} if rows else {}


def better(figure: str, new: float, old: float) -> bool:
    """Whether a figure improved; what is not finite never does."""
    if not np.isfinite(new):
        return False
    return new > old if figure in HIGHER else new < old
