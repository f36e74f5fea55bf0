"""What is written about a product when it is whole, beside it: a page, and a quicklook for eyes."""

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


@dataclass(frozen=True)
class Telling:
    """What a run was asked to tell about its product.

    Parameters
    ----------
    page
        Where the page goes; None: none is wanted.
    display
        Whether a quicklook is.
    run
        How to run.
    """

    page: Path | None
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
            return cls(None, False, run)
        if product is None or product.suffix.lower() not in GEOTIFF:
            raise InputError(f"`{asked}` without a GeoTIFF", "an output such as product.tif")
        page, files = page_for(run, product.with_suffix(PAGE)), list(inputs)
        if page is not None:
            require_jinja()
            require_beside(page, "the report", PAGE, files, run.overwrite)
        if run.display:
            require_other(display_of(product), files, opened=False)
            require_place(display_of(product), run.overwrite)
        return cls(page, run.display, run)

    def __call__(self, product: Path, prepared: Prepared, record: Record) -> None:
        """Tell of a product that is whole: what goes wrong here is said, and takes nothing from it."""
        if self.page is None and not self.display:
            return
        self.run.progress("telling", 0, 1)
        try:
            if self.display:
                write_displays([product], overwrite=True)
            if self.page is not None:
                from earthloom.report.html.product import Beside, product_page

                beside = Beside(record=record, prepared=prepared)
                self.run.fact(report=str(written(self.page, product_page(product, beside, self.run))))
        except EarthloomError as wrong:
            warn(f"{product} is whole; what was to be told about it is not: {wrong}")
        self.run.progress("telling", 1, 1)


def wanted(run: Run) -> str:
    """The option that asks for something to be told; "" where none does."""
    return "report" if run.report else "display" if run.display else ""


def page_for(run: Run, usual: Path) -> Path | None:
    """Where the page goes that a run asks for."""
    if not run.report:
        return None
    return usual if run.report is True or str(run.report) == "auto" else Path(run.report)


def require_nothing_to_tell(run: Run, job: str) -> None:
    """Refuse a page or a quicklook of what makes no product.

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
    page = page_for(run, folder / OF_FOLDER)
    if page is None:
        return
    require_jinja()
    if page.parent != folder or page.exists():
        require_beside(page, "the report", PAGE, inputs, run.overwrite or page.name == OF_FOLDER)


def tell_folder(run: Run, folder: Path, products: Sequence[Path]) -> None:
    """A page about a folder, and quicklooks of its products with one stretch for all."""
    if not wanted(run) or not products:
        return
    try:
        if run.display:
            write_displays(products, overwrite=True)
        page = page_for(run, folder / OF_FOLDER)
        if page is not None:
            from earthloom.report.html.folder import folder_page

            run.fact(report=str(written(page, folder_page(folder))))
    except EarthloomError as wrong:
        warn(f"the products in {folder} are whole; what was to be told about them is not: {wrong}")


def written(place: Path, page: Page) -> Path:
    """A page as a file, whole or not at all."""
    return write_whole(place, rendered(page).encode())
