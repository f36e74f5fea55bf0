"""Speckle of colour: how much the proportions of the bands jump from pixel to pixel."""

from __future__ import annotations

from earthloom.errors import InputError
from earthloom.metrics.checks import Image, Mask, Scalar, clean, namespace, root, scalar


def chroma_noise_percent(product: Image, *, valid: Mask | None = None) -> Scalar:
    """Root mean square of what the colour of a pixel differs from that of its eight neighbours, in percent.

    ``100 sqrt(mean_(b,p) (c_b(p) - mean_(q in N8(p)) c_b(q))^2)`` with ``c_b = F_b / mean_b F_b``, the proportions of
    the bands, which brightness does not change; numbers below 0, which interpolation leaves beside steps, count as 0.
    The truth has some; so has every product with details. Of two products that agree equally with MS and PAN, the one
    with less is speckled less: ERGAS and Q2n, which look at each band, do not see it.

    Parameters
    ----------
    product
        (band, y, x), F.
    valid
        Pixels that count, (y, x); one counts with all its neighbours, where the mean of the bands is positive.

    Returns
    -------
    Scalar
        0 for an image whose colours are smooth, or of one band.

    Raises
    ------
    InputError
        If no pixel counts.
    """
    xp = namespace(product=product)
    image = clean(xp, product, valid)
    image = xp.where(image > 0, image, xp.zeros_like(image))  # else a mean near 0 makes proportions of thousands
    mean = xp.mean(image, axis=0)
    known = mean > 0
    known = known if valid is None else known & valid
    colour = image / xp.where(known, mean, xp.ones_like(mean))
    height, width = mean.shape
    if height < 3 or width < 3:
        raise InputError(f"an image of {height} x {width}", "at least 3 x 3")
    around, counted = xp.zeros_like(colour[:, 1:-1, 1:-1]), known[1:-1, 1:-1]
    for y in range(3):
        for x in range(3):
            at = (slice(y, height - 2 + y), slice(x, width - 2 + x))
            counted = counted & known[at]
            if (y, x) != (1, 1):
                around = around + colour[:, at[0], at[1]] / 8
    jump = xp.where(counted, colour[:, 1:-1, 1:-1] - around, xp.zeros_like(around))
    number = int(xp.sum(xp.astype(counted, xp.int64)))
    if number == 0:
        raise InputError("no pixel with eight valid neighbours", "some")
    return scalar(100 * root(xp, xp.sum(jump * jump) / (number * image.shape[0])))
