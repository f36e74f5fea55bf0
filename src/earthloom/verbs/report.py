"""`earthloom.report`: a page about a product, a folder of products, or a training run, as one file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from earthloom.engine.options import Run
from earthloom.errors import FileError, InputError
from earthloom.raster.steady import paths_in
from earthloom.raster.write.place import require_beside
from earthloom.report.html.folder import folder_page
from earthloom.report.html.page import require_jinja
from earthloom.report.html.product import Beside, product_page
from earthloom.verbs.telling import OF_FOLDER, PAGE, written


def report(
    product: str | Path,
    output: str | Path | None = None,
    *,
    look_in: str | Path | Sequence[str | Path] = (),
    reference: str | Path | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a page about a product: what was done, what it looks like, how good it is, and where to look.

    The page is one file that asks nothing of any network: pictures of the inputs and of the product at one stretch,
    details where the product differs most from no fusion and where it agrees least with what was seen, figures with
    what they mean, maps, how the inputs lie on each other, and the command that makes the product again. It rests on
    what the product says about itself and on its inputs where they still lie; what has gone is named, and the rest
    goes on.

    Parameters
    ----------
    product
        A product of ours; a folder of products of a series or a batch; or the folder of a training run.
    output
        The page to write (default: NAME.html beside the product; report.html in the folder).
    look_in
        Folders where the inputs may lie, beside that of the product and the current one.
    reference
        The truth on the same grid: beside it the product is judged and shown.
    overwrite
        Replace an existing page.

    Returns
    -------
    Path
        Of the page.

    Raises
    ------
    FileError
        If there is no such product, or something stands where the page goes.
    InputError
        If it is no product of ours, or the page would replace it or an input; if Jinja is not installed.

    Examples
    --------
    >>> import earthloom
    >>> earthloom.report("sharp.tif", "sharp.html", look_in="scenes")  # doctest: +SKIP
    """
    require_jinja()
    path = Path(product)
    if not path.exists():
        raise FileError(f"{path} does not exist", "a product, or a folder of products")
    folders = [look_in] if isinstance(look_in, (str, Path)) else list(look_in)
    for folder in folders:
        if not Path(folder).is_dir():
            raise FileError(f"{folder} is no folder", "one where inputs of the product lie")
    folder = path.is_dir() and path.suffix.lower() != ".zarr"
    place = Path(output) if output is not None else path / OF_FOLDER if folder else path.with_suffix(PAGE)
    require_beside(place, "the report", PAGE, paths_in(None if folder else product, reference), overwrite)
    if folder:
        if reference is not None:
            raise InputError("a reference for a folder", "one for a product")
        return written(place, folder_page(path))
    return written(place, product_page(path, Beside(folders, reference), Run()))
