"""The provider: it asks the program what commands there are, and offers each as an algorithm."""

from __future__ import annotations

from pathlib import Path

from processing.core.ProcessingConfig import ProcessingConfig, Setting
from qgis.core import Qgis, QgsApplication, QgsMessageLog, QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from .algorithm import CommandAlgorithm
from .mapping import offered
from .running import ProgramError, described, find_program

NAME, SETTING = "Earthloom", "EARTHLOOM_PROGRAM"
ICON = Path(__file__).with_name("icon.svg")


def algorithms(names: tuple[str, ...] = ()) -> list[CommandAlgorithm]:
    """An algorithm for every command of the program, or for those that are named.

    Raises
    ------
    ProgramError
        If the program is not there, or does not say what it has.
    """
    told = str(ProcessingConfig.getSetting(SETTING) or "") if SETTING in ProcessingConfig.settings else ""
    program = find_program(told)
    found = offered(described(program, Path(QgsApplication.qgisSettingsDirPath())))
    return [CommandAlgorithm(program, one) for name, one in found.items() if not names or name in names]


class Provider(QgsProcessingProvider):
    """The verbs of Earthloom under Processing."""

    def id(self) -> str:
        """Its name in scripts."""
        return "earthloom"

    def name(self) -> str:
        """Its name in the toolbox."""
        return NAME

    def icon(self) -> QIcon:
        """Its picture."""
        return QIcon(str(ICON))

    def load(self) -> bool:
        """Begin: the setting that names the program, and the algorithms."""
        ProcessingConfig.settingIcons[NAME] = self.icon()
        ProcessingConfig.addSetting(Setting(NAME, SETTING, "Program (nothing: earthloom, as a terminal finds it)", ""))
        ProcessingConfig.readSettings()
        self.refreshAlgorithms()
        return True

    def unload(self) -> None:
        """End."""
        ProcessingConfig.removeSetting(SETTING)

    def loadAlgorithms(self) -> None:
        """The algorithms of the program that is there; a line in the log where it is not."""
        try:
            found = algorithms()
        except ProgramError as wrong:
            QgsMessageLog.logMessage(str(wrong), NAME, Qgis.Warning)
            return
        for one in found:
            self.addAlgorithm(one)


class Plugin:
    """The plugin, which is its provider alone."""

    def __init__(self) -> None:
        self.provider: Provider | None = None

    def initProcessing(self) -> None:
        """Begin without a window, as qgis_process does."""
        self.provider = Provider()
        QgsApplication.processingRegistry().addProvider(self.provider)

    def initGui(self) -> None:
        """Begin with one."""
        self.initProcessing()

    def unload(self) -> None:
        """End."""
        if self.provider is not None:
            QgsApplication.processingRegistry().removeProvider(self.provider)
