"""aubench: measure how strongly a face moves. The core knows no plugin by name; see ``aubench.discovery``."""

from importlib.metadata import PackageNotFoundError, version

import pluggy

try:
    __version__ = version("aubench")
except PackageNotFoundError:  # a source tree that nobody installed
    __version__ = "0+unknown"

hookimpl = pluggy.HookimplMarker("aubench")
"""Marks a function of a plugin as the implementation of a hook of :mod:`aubench.hookspecs`."""

__all__ = ["__version__", "hookimpl"]
