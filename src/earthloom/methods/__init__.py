"""Fusion methods: one file is one method, and the folder is the registry.

``names("bandpass")`` lists the methods of a problem, ``summary`` says one line about one, ``find`` gives its class and
``make`` an object with its fields set, which every verb takes as ``method=``. ``problems()`` lists the problems.

Names are imported when first used, so that importing a method costs no registry.
"""

# pyright: reportUnsupportedDunderAll=false
__all__ = ["find", "make", "names", "problems", "summary"]


def __getattr__(name: str) -> object:
    """Import the public name from the catalogue when first asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.catalog"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
