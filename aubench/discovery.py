"""What is installed: entry points of the group ``aubench``, walked one by one, to cards.

Built-in plugins come through the same door as a stranger's. Bare pluggy lets one plugin that fails to import, or whose
hook raises, silence all others; so each plugin gets a manager of its own here, and whatever is wrong with it becomes a
row with a reason (:func:`listing`) while everything else goes on working. No plugin's code is imported before
:func:`build` asks for it: the modules that entry points name hold cards only.

Besides installed distributions, the modules and files (``mine.py:MyExtractor``, see :mod:`aubench.plugin_files`) named
in ``$AUBENCH_PLUGINS`` (separated by commas) are asked, for work in progress that nobody has installed yet.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.metadata
import inspect
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import pluggy
from pydantic import BaseModel, ValidationError

from aubench import contracts, hookspecs, plugin_files
from aubench.assets_lookup import NAME, Asset
from aubench.component import KINDS, Component, Config, Kind
from aubench.errors import UserError, did_you_mean

GROUP = "aubench"
VARIABLE = plugin_files.VARIABLE
HOOKS: dict[str, Kind] = {
    "aubench_renderers": "renderer",
    "aubench_extractors": "extractor",
    "aubench_regressors": "regressor",
    "aubench_losses": "loss",
    "aubench_datasets": "dataset",
    "aubench_recognisers": "recogniser",
    "aubench_estimators": "estimator",
}
PROTOCOLS: dict[Kind, type] = {
    "renderer": contracts.Renderer,
    "extractor": contracts.Extractor,
    "regressor": contracts.Regressor,
    "loss": contracts.Loss,
    "dataset": contracts.Dataset,
    "recogniser": contracts.Recogniser,
    "estimator": contracts.Estimator,
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]*")
_FACTORY = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


@dataclass(frozen=True)
class Row:
    """One line of ``aubench plugins list``: a component that works, or something broken and why.

    ``kind`` is ``"plugin"`` where a whole entry point is broken, so that nobody can know what it would have offered;
    ``name`` is then the entry point's.
    """

    kind: str
    name: str
    summary: str
    distribution: str
    version: str
    status: Literal["ok", "broken"] = "ok"
    error: str = ""

    def as_dict(self) -> dict[str, str]:
        """The machine's form, with exactly the keys of ``aubench plugins list --json``."""
        return asdict(self)


@dataclass(frozen=True)
class LoadTime:
    """Seconds that an entry point (or module, or file) took to be imported and to offer its cards."""

    entry: str
    distribution: str
    seconds: float


@dataclass(frozen=True)
class _Source:
    """Where cards may come from: an entry point, or a module of ``$AUBENCH_PLUGINS``."""

    name: str
    module: str
    distribution: str
    version: str
    load: Callable[[], object]

    def row(self, kind: str, name: str, summary: str = "", error: str = "") -> Row:
        return Row(kind, name, summary, self.distribution, self.version, "broken" if error else "ok", error)


@dataclass(frozen=True)
class _Catalogue:
    cards: Mapping[tuple[Kind, str], Component]
    rows: tuple[Row, ...]
    times: tuple[LoadTime, ...]


# --- asking the installed distributions -------------------------------------------------------------------------------


def _sources() -> Iterator[_Source]:
    """Every source in the order in which names are given away: ours, others by distribution, work in progress."""
    found = []
    for point in importlib.metadata.entry_points(group=GROUP):
        distribution = point.dist.name if point.dist is not None else ""
        version = point.dist.version if point.dist is not None else ""
        found.append(_Source(point.name, point.value, distribution, version, point.load))
    yield from sorted(found, key=lambda s: (s.distribution != "aubench", s.distribution, s.name))
    for module in filter(None, (part.strip() for part in os.environ.get(VARIABLE, "").split(","))):
        load = functools.partial(
            plugin_files.hooks if plugin_files.is_file(module) else importlib.import_module, module
        )
        yield _Source(module, module, f"${VARIABLE}", "", load)


def _reason(error: BaseException) -> str:
    """An exception as one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _fault(card: Component, hook: str, kind: Kind) -> str:
    """What is wrong with a card, or an empty string."""
    for field in ("kind", "name", "summary", "factory", "licence"):
        if not isinstance(value := getattr(card, field), str):
            return f"{field} is {value!r}, not a string"
    if card.kind not in KINDS:
        return f"unknown kind {card.kind!r}. {did_you_mean(card.kind, KINDS)}"
    if card.kind != kind:
        return f"kind is {card.kind!r}, but {hook} offers a {kind}"
    if not _NAME.fullmatch(card.name):
        return f"name {card.name!r} may hold letters, digits, '_', '-' and '.' only"
    if not card.summary.strip() or "\n" in card.summary:
        return "summary is not one line of text"
    if not _FACTORY.fullmatch(card.factory):
        return f"factory {card.factory!r} is not 'module:attribute'"
    if not (isinstance(card.config, type) and issubclass(card.config, Config)):
        return f"config {card.config!r} is not a subclass of aubench.component.Config"
    if not (isinstance(card.assets, tuple) and all(isinstance(asset, Asset) for asset in card.assets)):
        return f"assets {card.assets!r:.80} is not a tuple of aubench.assets_lookup.Asset"
    if wrong := [asset.name for asset in card.assets if not NAME.fullmatch(asset.name)]:
        return f"asset name {wrong[0]!r} may hold letters, digits and '_' only"
    return ""


def _api_fault(plugin: object, source: _Source) -> str:
    """What is wrong with the version of the plugin API that a module of cards says it was written for."""
    here = hookspecs.API_VERSION
    said = getattr(plugin, hookspecs.API_ATTRIBUTE, here)
    if not isinstance(said, int) or isinstance(said, bool):
        return f"says {hookspecs.API_ATTRIBUTE} = {said!r}, which is no whole number; this aubench has {here}"
    if said > here:
        return f"was written for plugin API {said}, this aubench has {here}; pip install --upgrade aubench"
    if said < here:
        remedy = "adapt it" if source.distribution == f"${VARIABLE}" else f"pip install --upgrade {source.distribution}"
        return f"was written for plugin API {said}, this aubench has {here}; {remedy}"
    return ""


def _offers(source: _Source) -> Iterator[Component | Row]:
    """Cards of one source, and a row for everything that is wrong with it."""
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    try:
        # What a plugin prints on import must not end up inside our JSON.
        with contextlib.redirect_stdout(sys.stderr):
            plugin = source.load()
        if fault := _api_fault(plugin, source):
            yield source.row("plugin", source.name, error=f"{source.module} {fault}")
            return
        manager.register(plugin, source.name)
        manager.check_pending()
    except (Exception, SystemExit) as error:
        yield source.row("plugin", source.name, error=f"{source.module}: {_reason(error)}")
        return
    offered = 0
    for hook, kind in HOOKS.items():
        for implementation in getattr(manager.hook, hook).get_hookimpls():
            offered += 1
            try:
                with contextlib.redirect_stdout(sys.stderr):
                    cards = implementation.function()
            except (Exception, SystemExit) as error:
                yield source.row("plugin", source.name, error=f"{hook} raised {_reason(error)}")
                continue
            if not isinstance(cards, list | tuple):
                yield source.row("plugin", source.name, error=f"{hook} returned {type(cards).__name__}, not a list")
                continue
            for card in cards:
                if not isinstance(card, Component):
                    fault = f"{hook} returned a list with {card!r:.80}, which is not a Component"
                    yield source.row("plugin", source.name, error=fault)
                elif fault := _fault(card, hook, kind):
                    yield source.row(kind, str(card.name), str(card.summary), error=fault)
                else:
                    yield card
    if not offered:
        yield source.row("plugin", source.name, error=f"{source.module} implements no hook of aubench")


@functools.cache
def _catalogue() -> _Catalogue:
    cards: dict[tuple[Kind, str], Component] = {}
    owners: dict[tuple[Kind, str], _Source] = {}
    points: dict[str, _Source] = {}
    modules: set[str] = set()
    rows: list[Row] = []
    times: list[LoadTime] = []
    for source in _sources():
        if source.distribution == f"${VARIABLE}" and source.module in modules:
            continue  # installed in the meantime: already heard
        modules.add(source.module)
        if first := points.get(source.name):
            error = f"entry point name already taken by {_place(first)}"
            rows.append(source.row("plugin", source.name, error=error))
            continue
        points[source.name] = source
        began = time.perf_counter()
        offers = list(_offers(source))
        times.append(LoadTime(source.name, source.distribution, time.perf_counter() - began))
        for offer in offers:
            if isinstance(offer, Row):
                rows.append(offer)
            elif owner := owners.get(key := (offer.kind, offer.name)):
                error = f"name already taken by {_place(owner)}"
                rows.append(source.row(offer.kind, offer.name, offer.summary, error))
            else:
                cards[key], owners[key] = offer, source
                rows.append(source.row(offer.kind, offer.name, offer.summary))
    order = (*KINDS, "plugin")
    rows.sort(key=lambda row: (order.index(row.kind), row.name, row.status != "ok"))
    return _Catalogue(cards, tuple(rows), tuple(times))


def _place(source: _Source) -> str:
    version = f" {source.version}" if source.version else ""
    return f"{source.module} ({source.distribution or 'no distribution'}{version})"


def forget() -> None:
    """Ask the entry points anew on the next call (they are asked once per process)."""
    _catalogue.cache_clear()


# --- answers ----------------------------------------------------------------------------------------------------------


def components(kind: Kind) -> dict[str, Component]:
    """Working components of one kind by name, sorted."""
    return {name: card for (k, name), card in sorted(_catalogue().cards.items()) if k == kind}


def assets() -> dict[str, Asset]:
    """The assets that working components declare, by name, sorted."""
    return {asset.name: asset for _, card in sorted(_catalogue().cards.items()) for asset in card.assets}


def listing() -> list[Row]:
    """Everything that is installed, broken plugins with their reason, by kind and name."""
    return list(_catalogue().rows)


def load_times() -> list[LoadTime]:
    """How long each entry point took, in the order in which they were asked."""
    return list(_catalogue().times)


def find(kind: Kind, name: str, also: Iterable[str] = ()) -> Component:
    """The card of a component; ``-`` and ``_`` in its name are alike. Raises :class:`UserError` with the reason if it
    is broken, else with the nearest names, those of ``also`` (variants of a registry) among them."""
    catalogue = _catalogue()
    if card := catalogue.cards.get((kind, name)):
        return card
    alike = [card for (k, n), card in catalogue.cards.items() if k == kind and same_name(n, name)]
    if len(alike) == 1:
        return alike[0]
    broken = [row for row in catalogue.rows if row.status == "broken"]
    for row in broken:
        # A plugin that failed as a whole is known by its entry point's name only: "loss_ct" for the loss "ct".
        known_as = (name,) if row.kind == kind else (name, f"{kind}_{name}") if row.kind == "plugin" else ()
        if any(same_name(row.name, each) for each in known_as):
            raise UserError(f"{kind} {name!r} is installed but broken: {row.error}", code="plugin-broken")
    text = f"no {kind} named {name!r}. {did_you_mean(name, [*components(kind), *also])}"
    if hidden := [row.name for row in broken if row.kind == "plugin"]:
        text += f" Broken plugins, see `aubench plugins list`: {', '.join(hidden)}."
    raise UserError(text, code="name-unknown")


def same_name(one: str, other: str) -> bool:
    """Whether two names of plugins differ in nothing but ``-`` and ``_``, which look-ups take for one another."""
    return one.replace("_", "-") == other.replace("_", "-")


def load_factory(component: Component) -> Callable[..., object]:
    """Import the code behind a card. Raises :class:`UserError` that names the factory if that fails."""
    module, _, attribute = component.factory.partition(":")
    try:
        found = functools.reduce(getattr, attribute.split("."), importlib.import_module(module))
    except (Exception, SystemExit) as error:
        raise UserError(
            f"{component.kind} {component.name!r}: cannot import its factory {component.factory}: {_reason(error)}",
            code="plugin-broken",
        ) from error
    if not callable(found):
        raise UserError(
            f"{component.kind} {component.name!r} breaks its contract: {component.factory} is not callable",
            code="plugin-invalid",
        )
    return found


def check_factories() -> list[Row]:
    """:func:`listing`, where a component whose code cannot be imported is broken too. Imports everything: slow."""
    rows = []
    for row in listing():
        if row.status == "ok":
            try:
                load_factory(_catalogue().cards[row.kind, row.name])  # type: ignore[index]
            except UserError as error:
                row = Row(row.kind, row.name, row.summary, row.distribution, row.version, "broken", str(error))
        rows.append(row)
    return rows


def configure(component: Component, config: Mapping[str, object] | BaseModel | None = None) -> Config:
    """Options of a component, checked. Raises :class:`UserError` that names plugin, key and value."""
    if isinstance(config, component.config):
        return config
    values = config.model_dump() if isinstance(config, BaseModel) else dict(config or {})
    try:
        return component.config.model_validate(values)
    except ValidationError as error:
        whose = f"{component.kind} {component.name!r}"
        raise UserError(f"{whose}: {explain(error, component.config)}", code="config-invalid") from error


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """The first complaint of pydantic as one line for a user, with the count of the others."""
    first, *others = error.errors(include_url=False)
    key = ".".join(map(str, first["loc"])) or "the options"
    if first["type"] == "extra_forbidden":
        known: Any = model.model_fields if len(first["loc"]) == 1 else ()
        text = f"unknown option {key!r}." + (f" {did_you_mean(key, known)}" if len(first["loc"]) == 1 else "")
    elif first["type"] == "missing":
        text = f"option {key!r} is required."
    else:
        text = f"option {key!r}: {first['msg']}, got {first['input']!r:.80}."
    return text + (f" ({len(others)} more)" if others else "")


def build(kind: Kind, name: str, config: Mapping[str, object] | BaseModel | None = None, **context: object) -> Any:
    """Make the component ``name``: ``factory(config, **context)``, checked against the protocol of its kind.

    ``config`` holds the options by name (or is an instance of the component's model); ``context`` is what
    :mod:`aubench.contracts` promises to the kind, as ``shapes=`` for a regressor. Raises :class:`UserError` for an
    unknown or broken name, an option that the component does not take, a factory that cannot be imported, and
    a result that breaks its contract. An error inside the factory passes through, with a note whose it is.
    """
    component = find(kind, name)
    options = configure(component, config)
    factory = load_factory(component)
    try:
        made = factory(options, **context)
    except UserError:
        raise
    except Exception as error:
        error.add_note(f"while building {kind} {name!r} ({component.factory})")
        raise
    # The class is asked first: a property is there whatever it would say, and must not be computed just to look.
    there = [member for member in members(PROTOCOLS[kind]) if hasattr(type(made), member) or hasattr(made, member)]
    if missing := [member for member in members(PROTOCOLS[kind]) if member not in there]:
        raise UserError(
            f"{kind} {name!r} breaks its contract: {component.factory} returned a {type(made).__name__} without "
            f"{', '.join(missing)} (see aubench.contracts.{PROTOCOLS[kind].__name__})",
            code="plugin-invalid",
        )
    return made


def members(protocol: type) -> list[str]:
    """Names of the methods and attributes that a protocol of :mod:`aubench.contracts` asks for.

    ``isinstance`` knows them too, but cannot say which one is missing, and from Python 3.12 on overlooks what
    ``nn.Module`` hands out through ``__getattr__``.
    """
    names: dict[str, None] = {}
    for base in reversed(protocol.__mro__):
        if base.__module__ != contracts.__name__:
            continue
        own = {**inspect.get_annotations(base), **{k: v for k, v in vars(base).items() if callable(v)}}
        names.update(dict.fromkeys(n for n in own if not n.startswith("_") or n == "__call__"))
    return list(names)
