"""The version of the package, for all that stands below its face."""

__version__ = "0.1.0"
