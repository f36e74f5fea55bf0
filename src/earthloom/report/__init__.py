"""What figures look like: tables, quicklooks, pages. Called, it is the verb of its name: ``earthloom.report(...)``."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _Reports(ModuleType):
    """This package, which shares its name with a verb.

    ``earthloom.report`` is the verb until a module of this package is imported, and this package from then on: who
    calls it must not notice.
    """

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """See :func:`earthloom.verbs.report.report`."""
        return import_module("earthloom.verbs.report").report(*arguments, **named)


sys.modules[__name__].__class__ = _Reports
