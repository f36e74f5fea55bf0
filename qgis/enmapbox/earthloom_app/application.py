"""The entry in the menu, and the algorithms behind it."""

from __future__ import annotations

from functools import partial
from typing import Any

from earthloom_processing.provider import ICON, NAME, algorithms
from earthloom_processing.running import ProgramError
from enmapbox.gui.applications import EnMAPBoxApplication
from qgis.core import Qgis, QgsMessageLog
from qgis.PyQt.QtGui import QIcon

OFFERED = ("superresolve", "sharpen")  # what concerns imaging spectroscopy


class EarthloomApplication(EnMAPBoxApplication):
    """Two verbs of Earthloom."""

    def __init__(self, enmapBox: Any, parent: Any = None) -> None:
        super().__init__(enmapBox, parent=parent)
        self.name, self.version, self.licence = NAME, "0.1.0", "Apache-2.0"
        try:
            self._algorithms = algorithms(OFFERED)
        except ProgramError as wrong:
            QgsMessageLog.logMessage(str(wrong), NAME, Qgis.Warning)
            self._algorithms = []

    def icon(self) -> QIcon:
        """Its picture."""
        return QIcon(str(ICON))

    def menu(self, appMenu: Any) -> Any:
        """An entry for each verb, which opens its window."""
        menu = appMenu.addMenu(self.icon(), NAME)
        for one in self._algorithms:
            action = menu.addAction(one.shortDescription().rstrip("."))
            action.triggered.connect(partial(self._open, one))
        return menu

    def _open(self, algorithm: Any, *clicked: Any) -> None:
        """The window of an algorithm."""
        self.enmapbox.showProcessingAlgorithmDialog(algorithm)

    def processingAlgorithms(self) -> list[Any]:
        """The same, for its toolbox."""
        return [one.createInstance() for one in self._algorithms]
