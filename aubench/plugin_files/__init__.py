"""Plugins in a file, for a quick try: ``--plugin path/to/file.py:Class``, nothing to package and nothing to install.

The class is offered as a plugin under a name made from its own (``MyExtractor``: ``my-extractor``). Its kind is read
off the contract that it fulfils, or off an attribute ``kind``; its options off the annotation of ``config``. Files are
named in ``$AUBENCH_PLUGINS`` (:mod:`aubench.discovery`), so that worker processes find them too, and are imported as
submodules of this package, so that objects of their classes can be pickled. A file may import its neighbours: its
folder is put at the end of ``sys.path``.

What a run used is recorded by file name, class and hash, and the file is copied into the run's folder
(:func:`used`, :func:`keep`). It is never run from there unasked (:func:`require`): a folder of results that somebody
sent must not be able to run code.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.machinery
import importlib.util
import inspect
import os
import re
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType, SimpleNamespace
from typing import Any

import pluggy

from aubench.component import KINDS, Component, Config, Kind
from aubench.errors import UserError, did_you_mean
from aubench.files import atomic_write_bytes, sha256_file

from .reading import config_of, kind_of, kinds_of

VARIABLE = "AUBENCH_PLUGINS"
FOLDER = "plugins"
"""Where in a run's folder the files lie that it was made with."""


@dataclass(frozen=True)
class FilePlugin:
    """A class in a file as a plugin. ``sha256`` is the file's when it was imported."""

    path: Path
    attribute: str
    card: Component
    sha256: str

    @property
    def entry(self) -> str:
        """As it is named in ``$AUBENCH_PLUGINS``."""
        return f"{self.path}:{self.attribute}"

    @property
    def title(self) -> str:
        """As it is told to people, and recorded in a run."""
        return f"{self.path.name}:{self.attribute}"


class Record(Config):
    """What a run remembers of a plugin in a file: ``plugin`` as "mine.py:MyExtractor", ``sha256`` of the file."""

    plugin: str
    sha256: str


# --- from the file to a card ------------------------------------------------------------------------------------------


def is_file(entry: str) -> bool:
    """Whether an entry of ``$AUBENCH_PLUGINS`` names a file, and not a module."""
    return _split(entry)[0].endswith(".py")


def load(entry: str) -> FilePlugin:
    """Import ``path/to/file.py:Class``; the class may be left out where the file holds only one that fits.

    Raises :class:`UserError`, one line, for a file or class that is not there, a file that cannot be imported, a
    class whose kind is not clear, and one that cannot be made from a config.
    """
    name, attribute = _split(entry)
    path = Path(os.path.abspath(Path(name).expanduser()))  # not resolve(): the name that was given is the one told
    if not path.is_file():
        what = "is a folder, not a file" if path.is_dir() else "no such file"
        raise UserError(f"--plugin {name}: {what}; give path/to/file.py:Class", code="file-missing")
    if not name.endswith(".py"):
        raise UserError(f"--plugin {name}: not a Python file; give path/to/file.py:Class", code="option-invalid")
    if "," in str(path):
        raise UserError(f"--plugin {path}: its path contains a comma; move or rename it", code="option-invalid")
    module, sha256 = _import(path)
    attribute = attribute or _only_class(module, path)
    found = getattr(module, attribute, None)
    if found is None:
        classes = [each.__name__ for each in _classes(module)]
        raise UserError(
            f"--plugin {path.name}: contains no class {attribute!r}. {did_you_mean(attribute, classes)}",
            code="name-unknown",
        )
    title = f"{path.name}:{attribute}"
    if not isinstance(found, type):
        raise UserError(f"--plugin {title}: is a {type(found).__name__}, not a class", code="plugin-invalid")
    kind = kind_of(found, title)
    config = config_of(found, module, title, kind)
    summary = next(iter((inspect.getdoc(found) or "").splitlines()), "").strip() or f"{attribute} of {path.name}"
    card = Component(
        kind,
        plugin_name(attribute),
        summary,
        f"{module.__name__}:{attribute}",
        config,
        assets=tuple(getattr(found, "assets", ())),
    )
    return FilePlugin(path, attribute, card, sha256)


def plugin_name(attribute: str) -> str:
    """``MyExtractor`` as ``my-extractor``, ``HOGMaps2`` as ``hog-maps2``."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", attribute.strip("_"))
    return words.replace("_", "-").lower()


def hooks(entry: str) -> object:
    """The class of an entry as :mod:`aubench.discovery` wants it: something with a hook that offers the card."""
    from aubench.discovery import HOOKS

    plugin = load(entry)
    hook = next(hook for hook, kind in HOOKS.items() if kind == plugin.card.kind)
    return SimpleNamespace(**{hook: pluggy.HookimplMarker("aubench")(lambda: [plugin.card])})


def _split(entry: str) -> tuple[str, str]:
    """``C:\\mine.py:Mine`` as file and class; the class is empty where none is named."""
    name, colon, attribute = entry.rpartition(":")
    return (name, attribute) if colon and attribute.isidentifier() and name.endswith(".py") else (entry, "")


def _module_name(path: Path) -> str:
    stem = re.sub(r"\W", "_", path.stem)
    return f"{__name__}.{stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"


def _import(path: Path) -> tuple[ModuleType, str]:
    """The module of a file, imported anew if the file was changed, and the hash of what was imported."""
    name, sha256 = _module_name(path), sha256_file(path)
    if _known.get(name, (path, sha256)) != (path, sha256):
        sys.modules.pop(name, None)
    _known[name] = (path, sha256)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # what it prints must not end up inside our JSON
            return importlib.import_module(name), sha256
    except (Exception, SystemExit) as error:
        lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
        line = error.lineno if isinstance(error, SyntaxError) and error.filename == str(path) else (lines or [None])[-1]
        text = " ".join(str(error).split())
        where = f"{path}:{line}" if line else str(path)
        raise UserError(
            f"--plugin {where}: cannot be imported: {type(error).__name__}: {text}", code="plugin-broken"
        ) from error


def _classes(module: ModuleType) -> list[type]:
    """Classes that the file itself defines."""
    own = (value for value in vars(module).values() if isinstance(value, type))
    return [each for each in own if each.__module__ == module.__name__]


def _only_class(module: ModuleType, path: Path) -> str:
    fitting = [each.__name__ for each in _classes(module) if kinds_of(each) or getattr(each, "kind", None) in KINDS]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise UserError(
            f"--plugin {path}: name the class: {', '.join(f'{path.name}:{name}' for name in fitting)}",
            code="name-ambiguous",
        )
    raise UserError(
        f"--plugin {path}: contains no class that implements a contract of aubench.contracts", code="plugin-invalid"
    )


# --- importing, in this process and in its workers --------------------------------------------------------------------

_known: dict[str, tuple[Path, str]] = {}
"""File and its hash by the name of its module: those that this process was told of."""


class _Finder:
    """Finds a file as a submodule of this package, also in a worker that unpickles an object of a class in it."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if not name.startswith(f"{__name__}."):
            return None
        file = _known[name][0] if name in _known else next((f for f in _named() if _module_name(f) == name), None)
        if file is None:
            return None
        if str(file.parent) not in sys.path:
            sys.path.append(str(file.parent))
        return importlib.util.spec_from_file_location(name, file, loader=_FromSource(name, str(file)))


class _FromSource(importlib.machinery.SourceFileLoader):
    """Compiles the file as it is: a cached compilation is known by size and seconds, which an edit may leave alike."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def _named() -> Iterator[Path]:
    for entry in os.environ.get(VARIABLE, "").split(","):
        if is_file(entry.strip()):
            yield Path(os.path.abspath(Path(_split(entry.strip())[0]).expanduser()))


sys.meta_path.append(_Finder)


# --- one call of the command line -------------------------------------------------------------------------------------


def use(entries: Iterable[str]) -> list[FilePlugin]:
    """Offer the classes of these files from now on, in this process and those that it starts.

    Raises :class:`UserError` as :func:`load` does, and for a name that an installed plugin of the kind has.
    """
    from aubench import discovery

    plugins = []
    for entry in entries:
        plugin = load(entry)
        listed = [part for part in os.environ.get(VARIABLE, "").split(",") if part.strip()]
        for other in _named():
            if other.name == plugin.path.name and other != plugin.path:
                raise UserError(
                    f"--plugin {plugin.path}: {other} has the same name; rename one of them", code="name-taken"
                )
        if plugin.entry not in listed:
            os.environ[VARIABLE] = ",".join([*listed, plugin.entry])
            discovery.forget()
        card = discovery.find(plugin.card.kind, plugin.card.name)
        if card.factory != plugin.card.factory:
            raise UserError(
                f"--plugin {plugin.title}: a {card.kind} named {card.name!r} is already installed; rename the class",
                code="name-taken",
            )
        plugins.append(plugin)
    return plugins


# --- what a run remembers ---------------------------------------------------------------------------------------------


def used(parts: Iterable[tuple[Kind, str]]) -> list[FilePlugin]:
    """Which of the components, given by kind and name, come from files."""
    from aubench import discovery

    found: dict[str, FilePlugin] = {}
    for kind, name in parts:
        card = discovery.find(kind, name)
        if card.factory.startswith(f"{__name__}."):
            plugin = next(p for p in map(load, _entries()) if p.card.factory == card.factory)
            found[plugin.title] = plugin
    return list(found.values())


def records(plugins: Iterable[FilePlugin]) -> list[Record]:
    """What is written down of them."""
    return [Record(plugin=plugin.title, sha256=plugin.sha256) for plugin in plugins]


def keep(plugins: Iterable[FilePlugin], folder: Path) -> None:
    """Copy their files into ``<folder>/plugins``."""
    for plugin in plugins:
        content = plugin.path.read_bytes()
        if hashlib.sha256(content).hexdigest() != plugin.sha256:
            raise UserError(
                f"--plugin {plugin.path}: has changed since this command started; run it again", code="file-altered"
            )
        atomic_write_bytes(folder / FOLDER / plugin.path.name, content)


def require(recorded: Iterable[Record | dict[str, Any]], folder: Path | None) -> None:
    """See that what a run was made with is offered, byte for byte. Raises :class:`UserError` with the option that does
    it: the file is not taken from the folder unasked, since importing it runs it."""
    here = {plugin.title: plugin for plugin in map(load, _entries())}
    for record in recorded:
        wanted = record if isinstance(record, Record) else Record.model_validate(record)
        plugin = here.get(wanted.plugin)
        if plugin is not None and plugin.sha256 == wanted.sha256:
            continue
        name = _split(wanted.plugin)[0]
        copy = folder / FOLDER / name if folder is not None else Path(name)
        remedy = f"add --plugin {folder / FOLDER / wanted.plugin if folder is not None else wanted.plugin}"
        if copy.is_file() and sha256_file(copy) == wanted.sha256:
            remedy += " (the run's own copy of it), if you trust its code"
        else:
            remedy += f" with the file whose sha256 is {wanted.sha256}"
        whose = f"{folder}: made" if folder is not None else "made"
        what = f"{plugin.path} is not the same file any more" if plugin is not None else "it is not installed"
        raise UserError(f"{whose} with the plugin {wanted.plugin}; {what}: {remedy}", code="run-mismatch")


def _entries() -> list[str]:
    return [part.strip() for part in os.environ.get(VARIABLE, "").split(",") if is_file(part.strip())]
