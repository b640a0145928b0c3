"""``aubench plugins new``: an installable package with a small plugin that works, and with tests that pass.

The templates lie in ``aubench/templates``: a folder for each kind, and ``common`` for what all have. They are plain
text with ``$name`` and the like (:class:`string.Template`), called ``.txt`` so that no tool takes them for source.
"""

from __future__ import annotations

import importlib.util
import keyword
import os
import re
import shutil
import string
import tempfile
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from aubench import __version__, discovery
from aubench.component import KINDS, Kind
from aubench.errors import UserError, did_you_mean
from aubench.hookspecs import API_VERSION

TEMPLATES: Traversable = resources.files("aubench") / "templates"
LONGEST = 40
_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")


@dataclass(frozen=True)
class _Words:
    """What a kind's templates say: one line for the card, and a command that uses the plugin."""

    summary: str
    use: str


_KINDS: dict[Kind, _Words] = {
    "renderer": _Words("a blurred face, nearly linear in its parameters", "aubench train --renderer $name --steps 300"),
    "extractor": _Words("three convolutions with fixed random weights", "aubench train --extractor $name --steps 300"),
    "regressor": _Words("one hidden layer on the pooled features", "aubench train --regressor $name --steps 300"),
    "loss": _Words("the drawn face looks like the picture from afar", "aubench train --losses ct,id,lp,pr,adv,$name"),
    "dataset": _Words(
        "a folder of aligned faces with a CSV file of labels",
        "aubench train --set 'datasets=[{name: $name, config: {root: DIR}}]'",
    ),
    "recogniser": _Words("a thumbnail through fixed random layers", "aubench train --recogniser $name --steps 300"),
    "estimator": _Words("labels of the training frames that look alike", "aubench compare --baselines $name,mean"),
}


def create(kind: str, name: str, out: Path | None = None) -> Path:
    """Write the package ``name`` with a plugin of that name, into ``out`` (default: a folder ``name`` here).

    Returns the folder. Raises :class:`UserError` for a kind that is none, a name that cannot be a package's, a plugin's
    and a module's, or is taken, and a folder that is there; then nothing is written.
    """
    if kind not in KINDS:
        raise UserError(
            f"plugins new {kind}: no such kind of plugin. {did_you_mean(kind, KINDS)}", code="option-invalid"
        )
    known = next(each for each in KINDS if each == kind)
    _check_name(known, name)
    folder = out if out is not None else Path(name)
    if folder.exists() or folder.is_symlink():
        raise UserError(
            f"{folder}: already exists; choose another name, or another folder with --out DIR", code="output-exists"
        )
    words = _words(known, name)
    files = {path: template.substitute(words) for path, template in _files(known, words["package"])}
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise UserError(
            f"{folder}: {folder.parent} is not a folder; choose another with --out DIR", code="output-unwritable"
        ) from None
    # Into a folder beside it first, which takes the name when it is whole.
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        for path, text in files.items():
            target = partial / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, "utf-8")
        partial.chmod(folder.parent.stat().st_mode & 0o777)
        os.rename(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def _check_name(kind: Kind, name: str) -> None:
    """One name for distribution, entry point, plugin and (with underscores) module: small letters, digits, - and _."""
    if not _NAME.fullmatch(name) or len(name) > LONGEST:
        better = re.sub(r"[^a-z0-9]+", "-", _apart(name).lower()).strip("-").lstrip("0123456789-")[:LONGEST]
        advice = f", as {better}" if better and _NAME.fullmatch(better) else ", as my-plugin"
        raise UserError(
            f"plugin name {name!r}: use at most {LONGEST} lower-case letters, digits and inner - or _, a letter "
            f"first{advice}",
            code="option-invalid",
        )
    package = name.replace("-", "_")
    if keyword.iskeyword(package):
        raise UserError(
            f"plugin name {name!r}: is a Python keyword; choose another, such as my-{name}", code="option-invalid"
        )
    if name in discovery.components(kind):
        raise UserError(
            f"plugin name {name!r}: {_an(kind)} of this name is installed; choose another, such as my-{name}",
            code="name-taken",
        )
    if any(name == loaded.entry for loaded in discovery.load_times()):
        raise UserError(
            f"plugin name {name!r}: an installed plugin has this entry point; choose another, such as my-{name}",
            code="name-taken",
        )
    if _importable(package):
        raise UserError(
            f"plugin name {name!r}: a module {package} can already be imported here; choose another, such as my-{name}",
            code="name-taken",
        )


def _importable(package: str) -> bool:
    try:
        found = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return False
    # A folder without __init__.py, as a half-removed package or one that happens to lie here, takes no name away.
    return found is not None and found.origin is not None


def _words(kind: Kind, name: str) -> dict[str, str]:
    release = re.match(r"(\d+\.\d+)\.", __version__)
    words = {
        "name": name,
        "package": name.replace("-", "_"),
        "Class": "".join(part.capitalize() for part in re.split("[-_]", name)),
        "kind": kind,
        "api": str(API_VERSION),
        "module": kind,
        "an": _an(kind),
        "article": _an(kind).partition(" ")[0].capitalize(),
        "protocol": kind.capitalize(),
        "summary": _KINDS[kind].summary,
        "requirement": f"aubench>={release[1]}" if release and release[1] != "0.0" else "aubench",
    }
    # The comment behind `plugins check NAME` starts where those of the other lines do.
    words["padding"] = " " * max(1, 38 - len(f"aubench plugins check {name}"))
    words["use"] = string.Template(_KINDS[kind].use).substitute(words)
    words["next"] = string.Template(_text(TEMPLATES / kind / "next.md.txt")).substitute(words).rstrip()
    return words


def _files(kind: Kind, package: str) -> list[tuple[str, string.Template]]:
    """Where each template goes."""
    common, own = TEMPLATES / "common", TEMPLATES / kind
    places = {
        "pyproject.toml": common / "pyproject.toml.txt",
        "README.md": common / "README.md.txt",
        ".gitignore": common / "gitignore.txt",
        f"{package}/__init__.py": own / "cards.py.txt",
        f"{package}/{kind}.py": own / "code.py.txt",
        f"tests/test_{package}.py": own / "test.py.txt",
    }
    return [*((path, string.Template(_text(t))) for path, t in places.items()),
            (f"{package}/py.typed", string.Template(""))]  # fmt: skip


def _text(template: Traversable) -> str:
    return template.read_text(encoding="utf-8")


def _apart(name: str) -> str:
    """``MyExtractor`` as ``My-Extractor``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name)


def _an(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
