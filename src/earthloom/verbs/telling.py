"""What is written about a product when it is whole, beside it: a page, a preview, and a quicklook for eyes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from earthloom.atomic import write_whole
from earthloom.engine.options import Run
from earthloom.engine.prepared import Prepared
from earthloom.errors import EarthloomError, InputError, warn
from earthloom.raster.write.place import GEOTIFF, require_beside, require_other, require_place
from earthloom.report.display import display_of, write_displays
from earthloom.report.html.page import rendered, require_jinja
from earthloom.report.html.parts import Page
from earthloom.report.record import Record

PAGE, OF_FOLDER = ".html", "report.html"
PREVIEW, OF_PREVIEW = ".png", "_preview.png"


@dataclass(frozen=True)
class Telling:
    """What a run was asked to tell about its product.

    Parameters
    ----------
    page, preview
        Where they go; None: none is wanted.
    display
        Whether a quicklook is.
    run
        How to run.
    """

    page: Path | None
    preview: Path | None
    display: bool
    run: Run

    @classmethod
    def of(cls, run: Run, product: Path | None, inputs: Iterable[str] = ()) -> Telling:
        """Refuse, before anything is read, places where something stands.

        Parameters
        ----------
        product
            The GeoTIFF that will be written; None where there will be none.
        inputs
            Files that must not be replaced.

        Raises
        ------
        EarthloomError
            If there is no product to tell of, or something is in the way.
        """
        asked = wanted(run)
        if not asked:
            return cls(None, None, False, run)
        if product is None or product.suffix.lower() not in GEOTIFF:
            raise InputError(f"`{asked}` without a GeoTIFF", "an output such as product.tif")
        page, files = page_for(run, product.with_suffix(PAGE)), list(inputs)
        preview = preview_for(run, product)
        if page is not None:
            require_jinja()
            require_beside(page, "the report", PAGE, files, run.overwrite)
        require_beside(preview, "the preview", PREVIEW, files, run.overwrite)
        if run.display:
            require_other(display_of(product), files, opened=False)
            require_place(display_of(product), run.overwrite)
        return cls(page, preview, run.display, run)

    def __call__(self, product: Path, prepared: Prepared, record: Record) -> None:
        """Tell of a product that is whole: what goes wrong here is said, and takes nothing from it."""
        if self.page is None and self.preview is None and not self.display:
            return
        self.run.progress("telling", 0, 1)
        try:
            if self.display:
                write_displays([product], overwrite=True)
            if self.preview is not None:
                from earthloom.report.plots.product import write_preview

                self.run.fact(preview=str(write_preview(self.preview, product, prepared, record)))
            if self.page is not None:
                from earthloom.report.html.product import Beside, product_page

                beside = Beside(record=record, prepared=prepared)
                self.run.fact(report=str(written(self.page, product_page(product, beside, self.run))))
        except EarthloomError as wrong:
            warn(f"{product} is whole; what was to be told about it is not: {wrong}")
        self.run.progress("telling", 1, 1)


def wanted(run: Run) -> str:
    """The option that asks for something to be told; "" where none does."""
    return next((name for name in ("report", "preview", "display") if getattr(run, name)), "")


def page_for(run: Run, usual: Path) -> Path | None:
    """Where the page goes that a run asks for."""
    return _place(run.report, usual)


def preview_for(run: Run, product: Path) -> Path | None:
    """Where the preview of a product goes that a run asks for."""
    return _place(run.preview, product.with_name(f"{product.stem}{OF_PREVIEW}"))


def _place(asked: str | Path | bool | None, usual: Path) -> Path | None:
    """Where something goes: where it usually does, if no name was given."""
    if not asked:
        return None
    return usual if isinstance(asked, bool) or str(asked) == "auto" else Path(asked)


def require_nothing_to_tell(run: Run, job: str) -> None:
    """Refuse a page or a picture of what makes no product.

    Raises
    ------
    InputError
        If one is asked for.
    """
    if asked := wanted(run):
        raise InputError(f"`{asked}` of {job}", "a job that writes a product")


def require_folder_pages(run: Run, folder: Path, inputs: Iterable[str | Path] = ()) -> None:
    """Refuse a page of a folder where something else stands; an earlier one of the same folder is replaced.

    Raises
    ------
    EarthloomError
        If something is in the way.
    """
    if _place(run.preview, folder) not in (None, folder):
        raise InputError(f"the preview {run.preview} of several products", "`preview` alone", "each has its own")
    page = page_for(run, folder / OF_FOLDER)
    if page is None:
        return
    require_jinja()
    if page.parent != folder or page.exists():
        require_beside(page, "the report", PAGE, inputs, run.overwrite or page.name == OF_FOLDER)


def tell_folder(run: Run, folder: Path, products: Sequence[Path]) -> None:
    """A page about a folder, previews, and quicklooks of its products with one stretch for all."""
    if not wanted(run) or not products:
        return
    try:
        if run.display:
            write_displays(products, overwrite=True)
        if run.preview:
            from earthloom.report.plots.product import write_preview

            for product in products:
                write_preview(product.with_name(f"{product.stem}{OF_PREVIEW}"), product)
        page = page_for(run, folder / OF_FOLDER)
        if page is not None:
            from earthloom.report.html.folder import folder_page

            run.fact(report=str(written(page, folder_page(folder))))
    except EarthloomError as wrong:
        warn(f"the products in {folder} are whole; what was to be told about them is not: {wrong}")


def written(place: Path, page: Page) -> Path:
    """A page as a file, whole or not at all."""
    return write_whole(place, rendered(page).encode())
