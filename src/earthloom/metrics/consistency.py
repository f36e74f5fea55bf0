"""Does a product agree with what was seen? The figures to trust when there is no ground truth."""

from __future__ import annotations

from typing import Any

from earthloom.metrics.checks import Image, ImagePair, Mask, Scalar, scalar
from earthloom.metrics.degrade import Compared, Gains, Numbers, observe, plain
from earthloom.metrics.reference import correlation, ergas, rmse, sam_deg
from earthloom.types import Convention, Observation


def consistency(
    product: Image,
    ms: Image,
    pan: Image | None = None,
    ratio: Numbers = 4,
    gains: Gains = 0.3,
    *,
    convention: Convention = "centre",
    offset: Numbers | None = None,
    valid: Mask | None = None,
) -> dict[str, Scalar]:
    """Agreement of a product with its inputs, from plain arrays; see :func:`consistency_of`.

    Parameters
    ----------
    product, ms, pan, ratio, gains, convention, offset, valid
        See :mod:`earthloom.metrics.noreference`. Without ``pan`` the figures about PAN are left out.

    Raises
    ------
    InputError
        For shapes that do not fit or values that are not finite.
    """
    shape = (int(product.shape[-2]), int(product.shape[-1]))
    given = None if pan is None else plain(pan)
    mask = None if valid is None else plain(valid)
    obs = observe(shape, plain(ms), given, ratio, gains, convention, offset, mask)
    return consistency_of(product, obs, valid=valid)


def consistency_of(product: Image, observation: Observation, *, valid: Mask | None = None) -> dict[str, Scalar]:
    """Agreement of a product with the MS and PAN it was made of.

    With ``r = D B product - MS``, the product as the MS sensor would have seen it (blur B by each band's MTF, sampling
    D) less what it saw; B, D as in :func:`earthloom.physics.forward.reduce`.

    Parameters
    ----------
    product
        (band, y, x) on the observation's grid.
    observation
        Views ``ms`` and, if there is one, ``pan``.
    valid
        Pixels of the product that count, (y, x). An MS pixel counts when 99.9 % of its blur's weight lies on valid
        pixels.

    Returns
    -------
    dict
        ``ergas`` (0 is best; divided by the ratio), ``sam_deg`` (0), ``rmse`` (0), ``bias`` = mean of ``r`` (0), then
        ``rmse_NAME`` and ``bias_NAME`` for each band, in the image's units; ``pan_detail_cc`` (1 is best): correlation,
        mean over bands, of ``product - U D B product`` with ``PAN - U D B PAN``, U the interpolation.

    Raises
    ------
    InputError
        For shapes that do not fit, values that are not finite, or no MS pixel that is wholly valid.

    References
    ----------
    Wald, Ranchin, Mangolini, PE&RS 63(6), 691-699, 1997 (first property of fused images).
    """
    seen = Compared(product, observation, valid)
    xp, view = seen.xp, observation["ms"]
    low, ms, whole = seen.reduced, seen.ms, seen.ms_valid
    ratio = (view.ratio[0] * view.ratio[1]) ** 0.5
    each, bias = rmse(low, ms, per_band=True, valid=whole), _bias(ImagePair(xp, low, ms, whole))
    figures: dict[str, Scalar] = {
        "ergas": ergas(low, ms, ratio, valid=whole),
        "sam_deg": sam_deg(low, ms, valid=whole),
        "rmse": rmse(low, ms, valid=whole),
        "bias": scalar(xp.mean(bias)),
    }
    for band, name in enumerate(band.name for band in view.bands):
        figures |= {f"rmse_{name}": scalar(each[band]), f"bias_{name}": scalar(bias[band])}
    if "pan" in observation.views:
        figures["pan_detail_cc"] = _pan_detail(seen)
    return figures


def _bias(images: ImagePair) -> Any:
    """Mean difference of each band."""
    total = 0.0
    for low, ms, _ in images.strips():
        total = total + images.xp.sum(low - ms, axis=(1, 2))
    return total / images.count


def _pan_detail(seen: Compared) -> Scalar:
    """Correlation of what the product and PAN hold beyond the MS sensor's resolution."""
    product = seen.product - seen.expanded(seen.reduced)
    pan = seen.pan - seen.expanded(seen.degraded(seen.pan))
    return scalar(seen.xp.mean(correlation(ImagePair(seen.xp, product, pan, seen.valid))))
