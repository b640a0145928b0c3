"""``registry.yaml``: what a bench asks for. Named variants of plugins, provenance of foreign weights, matrices of runs.

Entry points say what is installed and cards what each thing is, so the file holds no import path, no summary and no
default; removing it never hides a plugin. It is a file of the project, not of the package: the one given, else
``$AUBENCH_REGISTRY``, else the first on the way up from the working directory, else this bench's own, which the wheel
carries.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from aubench import discovery, plain_yaml
from aubench.component import Kind
from aubench.errors import UserError, code_of_errno, did_you_mean
from aubench.files import plain_name, sha256_file
from aubench.trusted import distrust

FILE = "registry.yaml"
VARIABLE = "AUBENCH_REGISTRY"
_HERE = Path(__file__).resolve().parent
OWN = (_HERE / "assets" / FILE, _HERE.parent / FILE)
"""This bench's own registry: in an installed package (``setup.py`` puts it there), and in a source tree."""
SECTIONS: dict[Kind, str] = {
    "renderer": "renderers",
    "extractor": "extractors",
    "regressor": "regressors",
    "loss": "losses",
    "dataset": "datasets",
    "recogniser": "recognisers",
    "estimator": "estimators",
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _plain(name: str) -> str:
    if not plain_name(name):
        raise ValueError("should be a plain file name of at most 128 characters, with no folder and no dot in front")
    return name


Name = Annotated[str, AfterValidator(_plain)]
"""What becomes the name of a file or folder, and must not lead out of where that is put."""


class Variant(_Strict):
    """A plugin with options, under a name of its own."""

    use: str
    config: dict[str, Any] = Field(default_factory=dict)


class Weights(_Strict):
    """Where a file of weights that others made comes from. ``size`` in bytes and ``sha256`` where they are known.

    ``network``: what it belongs to, as "extractor bisenet-public" (kind, and plugin or variant) or "backbone vgg16";
    ``leave_out``: how the names of tensors begin that the file has and the network has no use for.
    """

    file: Name
    url: str = Field(pattern="(?i)^https?://")
    licence: str
    fits: str
    size: int | None = Field(default=None, gt=0)
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    network: str | None = None
    leave_out: list[str] = Field(default_factory=list)


class Matrix(_Strict):
    """Runs that belong together: every combination of the listed choices. An empty list leaves it to the recipe."""

    recipe: list[str] = Field(default_factory=list)
    extractor: list[str] = Field(default_factory=list)
    regressor: list[str] = Field(default_factory=list)
    renderer: list[str] = Field(default_factory=list)
    losses: list[list[str]] = Field(default_factory=list)
    datasets: list[list[str]] = Field(default_factory=list)
    seeds: list[int] = Field(default_factory=lambda: [0])

    @field_validator("recipe", "extractor", "regressor", "renderer", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value


class _File(_Strict):
    version: Literal[1]
    renderers: dict[str, Variant] = Field(default_factory=dict)
    extractors: dict[str, Variant] = Field(default_factory=dict)
    regressors: dict[str, Variant] = Field(default_factory=dict)
    losses: dict[str, Variant] = Field(default_factory=dict)
    datasets: dict[str, Variant] = Field(default_factory=dict)
    recognisers: dict[str, Variant] = Field(default_factory=dict)
    estimators: dict[str, Variant] = Field(default_factory=dict)
    weights: dict[Name, Weights] = Field(default_factory=dict)
    matrices: dict[Name, Matrix] = Field(default_factory=dict)


@dataclass(frozen=True)
class Registry:
    """A registry that was read: ``path`` is None for the empty one, ``lines`` gives the line of every entry."""

    path: Path | None = None
    content: _File = field(default_factory=lambda: _File(version=1))
    lines: Mapping[tuple[str, ...], int] = field(default_factory=dict)

    def where(self, *entry: object) -> str:
        """An entry for a message: file, line and YAML path."""
        return _where(self.path, self.lines, tuple(map(str, entry)))

    def variants(self, kind: Kind) -> dict[str, Variant]:
        """The named variants of one kind."""
        found: dict[str, Variant] = getattr(self.content, SECTIONS[kind])
        return found

    def resolve(self, kind: Kind, name: str) -> tuple[str, dict[str, Any]]:
        """``name`` as plugin and options: a variant of this file, an installed plugin with no options, or
        ``<plugin>:<value>`` for one whose options name a main one (:attr:`aubench.component.Config.argument`).

        Raises :class:`UserError` for a name that is neither, and for a variant that asks for a plugin or options
        that are not there.
        """
        variant = self.variants(kind).get(name)
        if variant is None:
            plugin, colon, value = name.partition(":")
            card = discovery.find(kind, plugin, also=self.variants(kind))
            if colon and not (card.config.argument and value):
                raise UserError(
                    f"{kind} {name!r}: {plugin} takes no ':value'; write {plugin} without it", code="name-unknown"
                )
            return card.name, {card.config.argument: value} if colon else {}
        entry = (SECTIONS[kind], name)
        if name in discovery.components(kind):
            raise UserError(
                f"{self.where(*entry)}: a {kind} plugin already has this name; rename the variant",
                code="registry-invalid",
            )
        try:
            component = discovery.find(kind, variant.use)
        except UserError as error:
            raise UserError(f"{self.where(*entry, 'use')}: {error}", code=error.code) from error
        try:
            discovery.configure(component, variant.config)
        except UserError as error:
            raise UserError(f"{self.where(*entry, 'config')}: {error}", code=error.code) from error
        return variant.use, dict(variant.config)

    def part(self, kind: Kind, name: str) -> dict[str, Any]:
        """:meth:`resolve` as an entry of a run's config."""
        plugin, config = self.resolve(kind, name)
        return {"name": plugin, "config": config}

    def losses(self, entries: Iterable[str]) -> tuple[list[str], dict[str, Any]]:
        """``name=weight`` entries with plugins for variants, and the options of those variants."""
        plugins, options = [], {}
        for entry in entries:
            name, equals, weight = entry.partition("=")
            part = self.part("loss", name.strip())
            plugins.append(part["name"] + equals + weight)
            if part["config"]:
                options[part["name"]] = part["config"]
        return plugins, options

    def matrix(self, name: str) -> Matrix:
        """A matrix by name. Raises :class:`UserError` with the nearest names."""
        if name not in self.content.matrices:
            raise UserError(
                f"no matrix named {name!r}. {did_you_mean(name, self.content.matrices)}", code="name-unknown"
            )
        return self.content.matrices[name]

    def commands(self, name: str) -> Iterator[list[str]]:
        """The runs of a matrix, each as the arguments of ``aubench``; run folders are ``runs/<matrix>-<number>``."""
        matrix = self.matrix(name)
        choices: list[list[list[str]]] = [[["--seed", str(seed)] for seed in matrix.seeds]]
        for key in (*_SINGLE, *_JOINED):
            values = getattr(matrix, key)
            options = [[f"--{key}", value if isinstance(value, str) else ",".join(value)] for value in values]
            choices.insert(-1, options or [[]])  # the seed last: it changes fastest
        for number, chosen in enumerate(product(*choices)):
            words = [word for option in chosen for word in option]
            yield ["train", *words, "--out", f"runs/{name}-{number:02d}"]

    def check(self) -> list[str]:
        """What is wrong, one line each; empty if every variant and matrix can be had."""
        faults = []
        for kind, section in SECTIONS.items():
            for name in self.variants(kind):
                faults += self._fault(kind, name)
            for title, matrix in self.content.matrices.items():
                names = getattr(matrix, kind if kind in _SINGLE else section, [])
                for each in dict.fromkeys(n for group in names for n in ([group] if isinstance(group, str) else group)):
                    faults += self._fault(kind, each.partition("=")[0], "matrices", title)
        return faults

    def _fault(self, kind: Kind, name: str, *entry: str) -> list[str]:
        try:
            self.resolve(kind, name)
        except UserError as error:
            return [f"{self.where(*entry)}: {error}" if entry else str(error)]
        return []

    def unused(self) -> list[str]:
        """Installed plugins that no variant uses, as "kind name": for information, they can be used all the same."""
        return [
            f"{kind} {name}"
            for kind in SECTIONS
            for name in discovery.components(kind)
            if all(variant.use != name for variant in self.variants(kind).values())
        ]

    def identify(self, path: Path) -> tuple[str, Weights]:
        """Which entry of ``weights`` a file is, by its hash. Raises :class:`UserError` if it is none of them."""
        try:
            sha256, size = sha256_file(path), path.stat().st_size
        except OSError as error:
            raise UserError(
                f"{path}: cannot be read: {error.strerror or error}", code=code_of_errno(error.errno, "file-unreadable")
            ) from error
        for name, weights in self.content.weights.items():
            if weights.sha256 == sha256:
                return name, weights
        text = f"{path}: {size} bytes, sha256 {sha256}: not among the weights of {self.path or 'any registry'}"
        for name, weights in self.content.weights.items():
            if weights.file == path.name and weights.sha256 is not None:
                expected = f", {weights.size} bytes" if weights.size else ""
                text += f"; {name}, a file of this name, has sha256 {weights.sha256}{expected}"
            elif weights.file == path.name:
                text += f"; {name} is a file of this name, but its hash is not on record"
        raise UserError(text, code="file-altered")


_SINGLE = ("recipe", "extractor", "regressor", "renderer")
_JOINED = ("losses", "datasets")


def locate(path: str | os.PathLike[str] | None = None) -> Path | None:
    """The registry that is meant: ``path``, ``$AUBENCH_REGISTRY``, the nearest on the way up, or this bench's own; None
    if there is none. Raises :class:`UserError` if one was named and is not there, and if the nearest is one that other
    users may have written (:func:`aubench.trusted.distrust`)."""
    for given, source in ((path, "--registry"), (os.environ.get(VARIABLE), f"${VARIABLE}")):
        if given:
            if not Path(given).is_file():
                raise UserError(f"{given}: no such registry file ({source})", code="file-missing")
            return Path(given)
    here = Path.cwd()
    found = next((folder / FILE for folder in (here, *here.parents) if (folder / FILE).is_file()), None)
    own = next((file for file in OWN if file.is_file()), None)
    if found is None or (own is not None and found.samefile(own)):
        return own
    if why := distrust(found):
        raise UserError(
            f"{found}: not used, because {why}; if it is yours, change its permissions or give --registry {found}",
            code="registry-untrusted",
        )
    return found


def announced(path: str | os.PathLike[str] | None = None) -> Registry:
    """:func:`load`, for commands that download or write what the registry says: a line on stderr names the file, unless
    it is this bench's own."""
    found = load(path)
    if found.path is not None and not any(own.is_file() and own.samefile(found.path) for own in OWN):
        print(f"registry: {found.path.absolute()}", file=sys.stderr)
    return found


def load(path: str | os.PathLike[str] | None = None) -> Registry:
    """Read the registry that :func:`locate` finds, or the empty one. Raises :class:`UserError` naming file, line and
    entry for anything that is wrong with its form; whether the plugins are there, :meth:`Registry.check` says."""
    file = locate(path)
    if file is None:
        return Registry()
    values, lines = plain_yaml.read_with_lines(file, code="registry-invalid")
    if not isinstance(values, dict | None):
        raise UserError(f"{file}: not a mapping of entries such as `version: 1`", code="registry-invalid")
    try:
        return Registry(file, _File.model_validate(values or {}), lines)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        entry = tuple(map(str, first["loc"]))
        raise UserError(f"{_where(file, lines, entry)}: {_complaint(error, entry)}", code="registry-invalid") from error


def resolve(kind: Kind, name: str, path: str | os.PathLike[str] | None = None) -> tuple[str, dict[str, Any]]:
    """:meth:`Registry.resolve` of the registry that :func:`load` finds."""
    return load(path).resolve(kind, name)


def _where(file: Path | None, lines: Mapping[tuple[str, ...], int], entry: tuple[str, ...]) -> str:
    place = next((lines[entry[:i]] for i in range(len(entry), -1, -1) if entry[:i] in lines), None)
    return f"{file or 'registry'}{f':{place}' if place else ''}" + (f": {'.'.join(entry)}" if entry else "")


def _complaint(error: ValidationError, entry: tuple[str, ...]) -> str:
    """What pydantic found, in the words of a registry."""
    first = error.errors(include_url=False)[0]
    if first["type"] == "extra_forbidden":
        inner: dict[str, type[BaseModel]] = {"weights": Weights, "matrices": Matrix}
        model = _File if len(entry) == 1 else inner.get(entry[0], Variant)
        return f"unknown entry. {did_you_mean(entry[-1], model.model_fields)}"
    if first["type"] == "missing":
        return "is required"
    return f"{first['msg']}, got {first['input']!r:.80}"
