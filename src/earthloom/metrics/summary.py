"""The rows of a table: all indices with a reference, with the protocol's cut of the border, and all without."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from earthloom.errors import InputError
from earthloom.metrics.blocks import NoBlocksError
from earthloom.metrics.checks import Image, Mask, Number, Scalar
from earthloom.metrics.degrade import Compared
from earthloom.metrics.distortions import BLOCK, d_rho, d_sr
from earthloom.metrics.hypercomplex import q2n
from earthloom.metrics.noreference import d_lambda_k_of, d_lambda_of, d_s_of
from earthloom.metrics.reference import cc, ergas, psnr, rmse, sam_deg
from earthloom.metrics.structure import scc, ssim, uiqi
from earthloom.types import Observation


def cut_border(image: Any, dim_cut: int = 21) -> Any:
    """The MATLAB protocol's cut, ``image(dim_cut : end - dim_cut)``: ``dim_cut - 1`` pixels before, ``dim_cut`` behind.

    A frame of 256 pixels keeps 215 with ``dim_cut`` 21. 0 cuts nothing. Works on (..., y, x).

    Raises
    ------
    InputError
        If nothing is left.
    """
    if dim_cut == 0:
        return image
    if dim_cut < 0 or min(image.shape[-2:]) < 2 * dim_cut:
        raise InputError(f"a cut of {dim_cut} from {tuple(image.shape[-2:])} pixels", "less than half the image")
    return image[..., dim_cut - 1 : -dim_cut, dim_cut - 1 : -dim_cut]


def with_reference(
    product: Image,
    reference: Image,
    ratio: Number = 4,
    *,
    peak: Number | None = None,
    dim_cut: int = 0,
    round_dn: bool | None = None,
    valid: Mask | None = None,
) -> dict[str, Scalar]:
    """All indices of one product against a reference, for the rows of a table.

    Parameters
    ----------
    product, reference
        (band, y, x), in digital numbers if Q2n is to follow the protocol.
    ratio
        Coarse over fine pixel size, for ERGAS.
    peak
        Largest possible value; without it ``psnr`` and ``ssim`` are left out.
    dim_cut
        Border of the protocol (21 at ratio 4); see :func:`cut_border`.
    round_dn
        See :func:`earthloom.metrics.q2n`.
    valid
        Pixels that count, (y, x).

    Returns
    -------
    dict
        ``q2n, uiqi, sam_deg, ergas, scc, cc, rmse`` (``scc`` the Sobel variant), and ``psnr`` (global), ``ssim``
        (Gaussian) with a peak. Indices of windows are absent where no window fits or none is free of invalid pixels.

    Raises
    ------
    InputError
        For shapes that differ or values that are not finite.
    """
    product, reference = cut_border(product, dim_cut), cut_border(reference, dim_cut)
    valid = None if valid is None else cut_border(valid, dim_cut)
    images = (product, reference)
    wanted: dict[str, Callable[[], Scalar]] = {
        "q2n": lambda: q2n(*images, round_dn=round_dn, valid=valid),
        "uiqi": lambda: uiqi(*images, valid=valid),
        "sam_deg": lambda: sam_deg(*images, valid=valid),
        "ergas": lambda: ergas(*images, ratio, valid=valid),
        "scc": lambda: scc(*images, valid=valid),
        "cc": lambda: cc(*images, valid=valid),
        "rmse": lambda: rmse(*images, valid=valid),
    }
    if peak is not None:
        wanted["psnr"] = lambda: psnr(*images, peak, valid=valid)
        wanted["ssim"] = lambda: ssim(*images, peak, valid=valid)
    figures = {}
    for name, index in wanted.items():
        with suppress(NoBlocksError):
            figures[name] = index()
    return figures


def without_reference(
    product: Image,
    observation: Observation,
    *,
    block: int = BLOCK,
    round_dn: bool | None = None,
    valid: Mask | None = None,
) -> dict[str, Scalar]:
    """All indices without a reference of one product, the shared work done once.

    Parameters
    ----------
    product
        (band, y, x) on the observation's grid.
    observation
        Views ``ms`` and ``pan`` with their masks, places and MTF gains, and the convention;
        :func:`earthloom.metrics.observe` makes one of plain arrays.
    block, round_dn
        See :func:`d_s` and :func:`earthloom.metrics.q2n`.
    valid
        Pixels of the product that count, (y, x); pixels that PAN or MS did not see never count.

    Returns
    -------
    dict
        ``d_lambda, d_lambda_k, d_lambda_k_khan, d_s, d_sr, d_rho, qnr, hqnr, rqnr``; the toolbox variants where the
        name does not say otherwise. ``d_lambda`` and ``qnr`` are absent for products of one band,
        ``d_lambda_k_khan`` and ``rqnr`` where no block of MS pixels is free of invalid ones.

    Raises
    ------
    InputError
        For shapes that do not fit, values that are not finite, or no block left.
    """
    seen = Compared(product, observation, valid)
    window = max(round(max(observation["ms"].ratio)), 2)
    figures = {"d_lambda": d_lambda_of(seen, "toolbox", block, 1)} if product.shape[0] > 1 else {}
    figures |= {
        "d_lambda_k": d_lambda_k_of(seen, "toolbox", block, round_dn),
        "d_s": d_s_of(seen, "toolbox", block, 1),
        "d_sr": d_sr(seen.product, seen.pan, valid=seen.valid),
        "d_rho": d_rho(seen.product, seen.pan, window=window, valid=seen.valid),
    }
    if "d_lambda" in figures:
        figures["qnr"] = (1 - figures["d_lambda"]) * (1 - figures["d_s"])
    figures["hqnr"] = (1 - figures["d_lambda_k"]) * (1 - figures["d_s"])
    with suppress(NoBlocksError):
        figures["d_lambda_k_khan"] = d_lambda_k_of(seen, "khan", block, round_dn)
        figures["rqnr"] = (1 - figures["d_lambda_k_khan"]) * (1 - figures["d_sr"])
    return figures
