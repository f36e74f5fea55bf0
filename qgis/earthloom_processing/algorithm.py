"""A command of Earthloom as an algorithm: its fields as parameters, a run as a process, its lines as feedback."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
    QgsProcessingUtils,
    QgsRasterLayer,
)
from qgis.PyQt.QtGui import QIcon

from .mapping import MORE, MappingError, Parameter, argv_of, manual_of, parameters_of, source_of
from .running import Event, ProgramError, run

MORE_LABEL = "More flags, as they are typed, such as the fields of a method: --window 2 --published"
OVERWRITE = "overwrite"  # QGIS asks before it writes over a file; the program need not ask again
WRITTEN = ("raster_out", "file_out", "folder_out")


def _number(kind: Any) -> Callable[[Parameter], QgsProcessingParameterDefinition]:
    return lambda one: QgsProcessingParameterNumber(one.name, one.label, kind, one.default, not one.required)


def _file(behaviour: Any) -> Callable[[Parameter], QgsProcessingParameterDefinition]:
    return lambda one: QgsProcessingParameterFile(one.name, one.label, behaviour, "", None, not one.required)


def _choice(one: Parameter) -> QgsProcessingParameterDefinition:
    return QgsProcessingParameterEnum(
        one.name, one.label, list(one.choices), False, one.default, not one.required or one.default is None, True
    )


def _text(one: Parameter) -> QgsProcessingParameterDefinition:
    default = None if one.default in (None, []) else str(one.default)
    return QgsProcessingParameterString(one.name, one.label, default, False, not one.required)


def _images(one: Parameter) -> QgsProcessingParameterDefinition:
    return QgsProcessingParameterMultipleLayers(one.name, one.label, QgsProcessing.TypeRaster, None, not one.required)


def _file_out(one: Parameter) -> QgsProcessingParameterDefinition:
    kinds = f"*{one.suffix}"
    return QgsProcessingParameterFileDestination(one.name, one.label, kinds, None, not one.required, one.required)


MAKERS: Mapping[str, Callable[[Parameter], QgsProcessingParameterDefinition]] = {
    "image": lambda one: QgsProcessingParameterRasterLayer(one.name, one.label, None, not one.required),
    "images": _images,
    "text": _text,
    "texts": _text,
    "choice": _choice,
    "integer": _number(QgsProcessingParameterNumber.Integer),
    "number": _number(QgsProcessingParameterNumber.Double),
    "switch": lambda one: QgsProcessingParameterBoolean(one.name, one.label, bool(one.default), True),
    "file": _file(QgsProcessingParameterFile.File),
    "folder": _file(QgsProcessingParameterFile.Folder),
    "raster_out": lambda one: QgsProcessingParameterRasterDestination(
        one.name, one.label, None, not one.required, one.required
    ),
    "file_out": _file_out,
    "folder_out": lambda one: QgsProcessingParameterFolderDestination(
        one.name, one.label, None, not one.required, True
    ),
}  # fmt: skip


class CommandAlgorithm(QgsProcessingAlgorithm):
    """A command.

    Parameters
    ----------
    program
        Path of Earthloom's program.
    command
        As the program describes it.
    """

    def __init__(self, program: str, command: Mapping[str, Any]) -> None:
        super().__init__()
        self.program, self.command = program, command

    def createInstance(self) -> CommandAlgorithm:
        """Another one."""
        return CommandAlgorithm(self.program, self.command)

    def name(self) -> str:
        """Its name in scripts."""
        return self.command["name"].replace(" ", "_")

    def displayName(self) -> str:
        """Its name in the toolbox."""
        return self.command["name"].capitalize()

    def group(self) -> str:
        """Where it stands in the toolbox."""
        return self.command["group"]

    def groupId(self) -> str:
        """Where it stands, in scripts."""
        return self.command["group"].lower()

    def shortDescription(self) -> str:
        """One line."""
        return self.command["summary"]

    def shortHelpString(self) -> str:
        """The program's own help."""
        return manual_of(self.command)

    def icon(self) -> QIcon:
        """Its picture."""
        return QIcon(str(Path(__file__).with_name("icon.svg")))

    def initAlgorithm(self, configuration: Any = None) -> None:
        """The parameters, as the program describes its flags."""
        for one in parameters_of(self.command):
            made = MAKERS[one.kind](one)
            if one.name == OVERWRITE:
                made.setDefaultValue(True)
            self._add(made, one.help, one.advanced)
        self._add(QgsProcessingParameterString(MORE, MORE_LABEL, None, False, True), "", True)

    def _add(self, made: QgsProcessingParameterDefinition, told: str, advanced: bool) -> None:
        """A parameter, with its help."""
        made.setHelp(told)
        if advanced:
            made.setFlags(made.flags() | QgsProcessingParameterDefinition.FlagAdvanced)
        self.addParameter(made)

    def checkParameterValues(self, parameters: dict[str, Any], context: Any) -> Any:
        """Whether they make a command: folders and archives of agencies are images here, which QGIS would refuse."""
        typed = [one.name for one in parameters_of(self.command) if one.kind == "image"]
        paths = {name for name in typed if isinstance(value := parameters.get(name), str) and Path(value).exists()}
        if not paths:
            return super().checkParameterValues(parameters, context)
        try:
            argv_of(self.command, parameters)
        except MappingError as wrong:
            return False, str(wrong)
        return True, ""

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Run the program, with its progress, until it ends or is cancelled.

        Raises
        ------
        QgsProcessingException
            With the program's own line.
        """
        fields = parameters_of(self.command)
        try:
            values = {one.name: self._value(one, parameters, context) for one in fields}
            if OVERWRITE in values and OVERWRITE not in parameters:
                values[OVERWRITE] = True
            values[MORE] = self.parameterAsString(parameters, MORE, context)
            argv = argv_of(self.command, values)
            feedback.pushCommandInfo(shlex.join(["earthloom", *argv]))
            journal = any(flag["name"] == "log_json" for flag in self.command["flags"])
            whole = run(self.program, argv, Teller(feedback), feedback.isCanceled, journal)
        except (MappingError, ProgramError) as wrong:
            raise QgsProcessingException(str(wrong)) from wrong
        if not whole:
            return {}
        return {one.name: values[one.name] for one in fields if one.kind in WRITTEN and values[one.name]}

    def _value(self, one: Parameter, parameters: dict[str, Any], context: QgsProcessingContext) -> Any:
        """What is given for a field; nothing where it is left empty."""
        given = parameters.get(one.name)
        if one.kind == "image":
            return _source(given, context)
        if one.kind == "images":
            return [_source(each, context) for each in (given if isinstance(given, (list, tuple)) else [given]) if each]
        if one.kind == "raster_out":
            return self.parameterAsOutputLayer(parameters, one.name, context) if given else None
        if one.kind in WRITTEN:
            return self.parameterAsFileOutput(parameters, one.name, context) if given else None
        if given is None and one.kind != "switch":
            return None
        read = {
            "switch": self.parameterAsBoolean, "integer": self.parameterAsInt, "number": self.parameterAsDouble,
            "choice": self.parameterAsEnumString,
        }.get(one.kind, self.parameterAsString)  # fmt: skip
        return read(parameters, one.name, context)


def _source(given: Any, context: QgsProcessingContext) -> str | None:
    """The file of a layer, or of its name or id; a path as it is.

    Raises
    ------
    MappingError
        If it is no file.
    """
    if not given:
        return None
    layer = given if isinstance(given, QgsRasterLayer) else None
    if layer is None and not Path(str(given)).exists():
        layer = QgsProcessingUtils.mapLayerFromString(str(given), context)
    if layer is None:
        return str(given)
    return source_of(layer.providerType(), layer.source(), layer.name())


class Teller:
    """Shows what the program tells: the bar is that of the stage that is named."""

    def __init__(self, feedback: QgsProcessingFeedback) -> None:
        self.feedback, self.stage = feedback, ""

    def __call__(self, event: Event) -> None:
        """One event."""
        if event.kind == "progress":
            if event.text != self.stage:
                self.stage = event.text
                self.feedback.setProgressText(event.text)
            if event.percent is not None:
                self.feedback.setProgress(event.percent)
        elif event.kind == "warning":
            self.feedback.pushWarning(event.text)
        elif event.kind in ("message", "text"):
            self.feedback.pushInfo(event.text)
