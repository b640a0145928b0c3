"""What a run is made of, resolved: recipe, then preset, then the command line's options, then ``--set``.

A run is a pure function of this config, the installed plugins and weights, and the kind of machine.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError

from aubench import discovery, plain_yaml, plugin_files
from aubench.assignments import setting
from aubench.component import Config, Kind
from aubench.data.augment.batch import Augmentation
from aubench.errors import UserError, did_you_mean
from aubench.parameters import AU_NAMES

RECIPES = resources.files("aubench_training") / "recipes"
PRESETS = ("small", "paper")
_PARTS = ("extractor", "regressor", "renderer", "engine", "recogniser")


class Part(Config):
    """A plugin and its options."""

    name: str
    config: dict[str, Any] = Field(default_factory=dict)


class Additions(Config):
    """What a recipe adds to the paper. Each can be switched off by itself."""

    loopback_first: bool = False
    """Before the label-free losses, train R on faces the engine drew, whose parameters are known."""
    sampled_loopback: bool = False
    """Keep that loss on beside the label-free ones."""
    domain_standardisation: bool = False
    """Standardise R's inputs per channel and cell, drawn faces and photographs each with statistics of their own."""
    joint_standardisation: bool = False
    """The same statistics (those of photographs) for both; what is left when domains are not told apart."""
    feature_noise: bool = False
    """Noise on, and dropout of, R's inputs while it learns from sampled faces."""
    frozen_statistics: bool = False
    """R's batch statistics stay as the first phase left them while the label-free losses train."""


class MoreSampled(Config):
    """``count`` photo faces of a further engine: R learns their pose and AUs, while their identity numbers and brow
    styles, which mean other things there, teach it nothing."""

    engine: Part
    count: int = Field(ge=1)


class Sampled(Config):
    """Faces that the engine draws with known parameters."""

    count: int = Field(default=6000, ge=2)
    held_out: int = Field(default=500, ge=2)
    """Further faces, never trained on, for the agreement within the engine's own domain."""
    style: Literal["game", "photo", "both"] = "game"
    """The engine's one game look, its varied photo looks, or both. Photo faces take the statistics of photographs."""
    photo: float = Field(default=0.5, gt=0, lt=1)
    """Share of photo looks where the style is "both", of the faces as of every batch."""
    nuisance: float = Field(default=1.0, ge=0, le=1)
    """Strength of the movements of photo faces that no parameter describes, and of their misalignment."""
    sparse: float = Field(default=0.0, ge=0, le=1)
    """Share of the faces whose AUs are made as rare as in everyday video."""
    expressions: float = Field(default=0.0, ge=0, le=1)
    """Share of the faces whose AUs come together as in expressions, instead of each by itself."""
    most: int = Field(default=len(AU_NAMES), ge=1)
    """Faces with more AUs at once than this are passed over: engines also draw faces that no muscles could make, and R
    takes what it does not understand for one of these."""
    randomised: float = Field(default=0.0, ge=0, le=1)
    """Strength of what is done to the pictures of photo faces that R learns from: see :mod:`.randomised`."""
    more: list[MoreSampled] = Field(default_factory=list)
    """Faces of further engines beside them."""
    noise: float = Field(default=0.3, ge=0)
    """Standard deviation of the noise, in units of a standardised input's spread."""
    dropout: float = Field(default=0.1, ge=0, lt=1)
    """Share of the inputs that are set to their mean."""
    beside: float = Field(default=1.0, ge=0)
    """Weight of the sampled loopback beside the label-free losses, whose gradients are far smaller."""
    au: float = 8.0
    concordance: float = Field(default=0.0, ge=0)
    """Weight of 1 - CCC of the AUs, of sampled faces as of people, beside their error: answers spread as the truth."""
    pose: float = 2.0
    identity: float = 1.0
    brow: float = 0.02


class PeopleOf(Config):
    """``count`` people that one engine draws. The engine's option ``gap``, where it has one, moves them out of its
    identity space."""

    engine: Part
    count: int = Field(ge=1)


class People(Config):
    """Recordings of drawn people, for a regressor that reads departures from a person's calm frames."""

    sources: list[PeopleOf] = Field(default_factory=list)
    frames: int = Field(default=10, ge=5)
    """Frames of each person, four of them calm."""
    randomised: float = Field(default=0.4, ge=0, le=1)
    """Strength of what is done to their images."""
    contaminated: float = Field(default=0.2, ge=0, le=1)
    """Half of the neutrals hold up to this share of an expressive frame, as those found without labels do."""


class Copies(Config):
    """Augmented copies of the training frames, beside them: heads turned, expressions warped. No label follows a warp,
    so baselines never see them."""

    count: int = Field(default=0, ge=0)
    """Copies of every frame."""
    options: Augmentation = Augmentation()


class Warps(Config):
    """Warped copies of the training frames that losses compare with the frames themselves (words ``warped_*``)."""

    count: int = Field(default=1, ge=1)
    """Copies of every frame; a step takes one of them."""
    options: Augmentation = Augmentation(pose=False)


class Phase(Config):
    """One stretch of training with its own cosine schedule."""

    steps: int = Field(ge=0)
    batch: int = Field(ge=1)
    sampled_batch: int = Field(default=0, ge=0)
    learning_rate: float = Field(gt=0)
    fresh: bool = False
    """Start from the averaged weights of the phase before, with a new optimiser and a new average, instead of going on
    with all three."""


class RunConfig(Config):
    """Everything that decides a run."""

    recipe: str
    preset: Literal["small", "paper"] = "small"
    extractor: Part
    regressor: Part
    renderer: Part
    engine: Part
    recogniser: Part | None
    losses: dict[str, float]
    """Weight of each loss."""
    loss_options: dict[str, dict[str, Any]] = Field(default_factory=dict)
    datasets: list[Part] = Field(min_length=1)
    additions: Additions
    sampled: Sampled = Sampled()
    loopback: Phase
    label_free: Phase
    person: Phase = Phase(steps=0, batch=160, learning_rate=1e-3)
    """Last, the network that reads departures learns from :attr:`people`; ``batch`` counts frames."""
    people: People = People()
    start: str | None = None
    """A run folder, or "shipped": statistics and weights of its regressor to start from, where both have them."""
    frames: int | None = Field(default=None, ge=2)
    """At most so many training frames of each data set, evenly spread; all by default."""
    copies: Copies = Copies()
    warps: Warps = Warps()
    seed: int = Field(default=0, ge=0)
    device: str = "auto"
    precision: Literal["auto", "bf16", "fp16", "fp32"] = "auto"
    weight_decay: float = Field(1e-4, ge=0)
    ema: float = Field(default=0.995, ge=0, lt=1)
    clip: float = Field(default=1.0, gt=0)
    """Largest norm of the gradient; longer ones are cut to it."""
    bad_steps: int = Field(default=50, ge=0)
    """So many steps without a finite gradient are passed over; one more ends the run."""
    checkpoint_every: int = Field(default=200, ge=1)
    baselines: list[str] = Field(default_factory=list)
    """Estimators scored beside the run on the same test frames."""
    plugins: list[plugin_files.Record] = Field(default_factory=list)
    """Which of the above came from files (``--plugin``); filled in, and compared when the run goes on."""

    @property
    def steps(self) -> int:
        first = self.loopback.steps if self.additions.loopback_first else 0
        return first + self.label_free.steps + self.person.steps


def resolve(
    recipe: str = "default",
    *,
    preset: str | None = None,
    options: Mapping[str, Any] | None = None,
    assignments: Sequence[str] = (),
) -> RunConfig:
    """The config of a run. ``options`` are entries of the config that the command line gave, ``assignments`` its
    ``--set key.of.entry=value``. Raises ``UserError`` for unknown names and values that do not fit."""
    values = load_recipe(recipe)
    if preset is not None and preset not in PRESETS:
        raise UserError(f"--preset {preset}: no such preset. {did_you_mean(preset, PRESETS)}", code="name-unknown")
    values["preset"] = preset or values.get("preset", "small")
    if values["preset"] not in PRESETS:
        raise UserError(
            f"{recipe}: preset: {values['preset']!r:.80} is neither {' nor '.join(PRESETS)}", code="config-invalid"
        )
    named = _weights(values)
    merge(values, _presets()[values["preset"]]["entries"])
    merge(values, options or {})
    _size(values, preset_options(values["preset"]))
    assign(values, assignments)
    made = check(values)
    _refuse_small_weights(values, named)
    return made


def _presets() -> dict[str, Any]:
    return _yaml(RECIPES / "presets.yaml", "presets.yaml")


def preset_options(preset: str) -> dict[str, dict[str, Any]]:
    """The options that a preset gives plugins, by their names."""
    options: dict[str, dict[str, Any]] = _presets()[preset]["plugins"]
    return options


def check(values: Mapping[str, Any], folder: Path | None = None) -> RunConfig:
    """Validate entries and plugin names. ``folder``: the run's, if it has one already."""
    try:
        config = RunConfig.model_validate(values)
    except ValidationError as error:
        raise UserError(f"run config: {discovery.explain(error, RunConfig)}", code="config-invalid") from None
    plugin_files.require(config.plugins, folder)
    for kind, part in _parts(config):
        discovery.configure(discovery.find(kind, part.name), part.config)
    for name, options in config.loss_options.items():
        discovery.configure(discovery.find("loss", name), options)
    for name in config.losses:
        discovery.find("loss", name)
    for name in config.baselines:
        discovery.find("estimator", name)
    return config.model_copy(update={"plugins": plugin_files.records(files_used(config))})


def files_used(config: RunConfig) -> list[plugin_files.FilePlugin]:
    """The plugins of a run that come from files."""
    names: list[tuple[Kind, str]] = [(kind, part.name) for kind, part in _parts(config)]
    names += [("loss", name) for name in (*config.losses, *config.loss_options)]
    return plugin_files.used([*names, *(("estimator", name) for name in config.baselines)])


def _parts(config: RunConfig) -> list[tuple[Kind, Part]]:
    parts: list[tuple[Kind, Part]] = [
        ("extractor", config.extractor),
        ("regressor", config.regressor),
        ("renderer", config.renderer),
        ("renderer", config.engine),
        *(("renderer", other.engine) for other in config.sampled.more),
        *(("renderer", source.engine) for source in config.people.sources),
    ]
    if config.recogniser is not None:
        parts.append(("recogniser", config.recogniser))
    return parts + [("dataset", part) for part in config.datasets]


def recipes() -> list[str]:
    """Names of the built-in recipes."""
    names = (path.name.removesuffix(".yaml") for path in RECIPES.iterdir() if path.name.endswith(".yaml"))
    return sorted(name for name in names if name != "presets" and not name.startswith("pretrain-"))


def load_recipe(recipe: str) -> dict[str, Any]:
    """Entries of a built-in recipe by name, or of a YAML file by path."""
    if recipe in recipes():
        return _yaml(RECIPES / f"{recipe}.yaml", recipe) | {"recipe": recipe}
    path = Path(recipe)
    if path.suffix in (".yaml", ".yml") or path.is_file():
        if not path.is_file():
            raise UserError(f"--recipe {recipe}: no such file.", code="file-missing")
        return {"recipe": path.stem} | _with_parts(_yaml(path, recipe), recipe)
    raise UserError(
        f"--recipe {recipe}: neither a built-in recipe nor a YAML file. {did_you_mean(recipe, recipes())}",
        code="name-unknown",
    )


def _with_parts(values: dict[str, Any], name: str) -> dict[str, Any]:
    """The entries of a recipe, whose plugins have the form that options are laid over; the rest :func:`check` judges.
    Raises ``UserError`` naming the entry."""
    parts = {key: values[key] for key in _PARTS if values.get(key) is not None}
    listed = values.get("datasets", [])
    if not isinstance(listed, list) or not isinstance(values.get("losses", {}), dict):
        key = "losses" if isinstance(listed, list) else "datasets"
        form = "a list of data sets" if key == "datasets" else "a mapping of loss to weight"
        raise UserError(f"{name}: {key}: {values[key]!r:.80} is not {form}", code="config-invalid")
    parts |= {f"datasets.{index}": part for index, part in enumerate(listed)}
    for key, part in parts.items():
        try:
            Part.model_validate(part)
        except ValidationError as error:
            raise UserError(f"{name}: {key}: {discovery.explain(error, Part)}", code="config-invalid") from None
    return values


def load_config(path: Path) -> RunConfig:
    """The resolved config in a run folder."""
    if not path.is_file():
        raise UserError(f"{path}: no such file; is its folder one of `aubench train`?", code="run-missing")
    return check(_yaml(path, str(path)), path.parent)


def dump(config: RunConfig) -> str:
    """A config as YAML that :func:`load_config` reads back equal."""
    values = config.model_dump(mode="json")
    if not config.plugins:
        del values["plugins"]
    return str(yaml.safe_dump(values, sort_keys=False))


def merge(values: dict[str, Any], over: Mapping[str, Any]) -> None:
    """Lay ``over`` on ``values``, dict into dict. A part of another name (another plugin) replaces the whole, since
    the options of the old plugin mean nothing to it; ``losses`` are replaced whole as well."""
    for key, value in over.items():
        mine = values.get(key)
        renamed = isinstance(value, Mapping) and isinstance(mine, Mapping) and (
            "name" in value and value["name"] != mine.get("name")
        )  # fmt: skip
        if isinstance(value, Mapping) and isinstance(mine, dict) and not renamed and key != "losses":
            merge(mine, value)
        else:
            values[key] = dict(value) if isinstance(value, Mapping) else value


def assign(values: dict[str, Any], assignments: Iterable[str]) -> None:
    """Lay ``key.of.entry=value`` texts on ``values``. Raises ``UserError`` for another form."""
    for assignment in assignments:
        merge(values, _assignment(assignment))


def loss_weights(names: Sequence[str], recipe: Mapping[str, float]) -> dict[str, float]:
    """Weights of the chosen losses: ``ct`` takes the recipe's weight, ``ct=0.5`` the one given, a loss that the recipe
    does not know 1."""
    weights: dict[str, float] = {}
    for entry in names:
        name, _, weight = (text.strip() for text in entry.partition("="))
        discovery.find("loss", name)
        if name in weights:
            raise UserError(f"--losses: {name} is named twice.", code="option-invalid")
        try:
            weights[name] = float(weight) if weight else float(recipe.get(name, 1.0))
        except (ValueError, TypeError):
            raise UserError(f"--losses {entry}: the weight is not a number.", code="option-invalid") from None
    return weights


def _size(values: dict[str, Any], options: Mapping[str, Mapping[str, Any]]) -> None:
    """Give the plugins that a preset knows its options, under those that were given by name."""
    parts = [values.get(kind) for kind in _PARTS]
    for part in [*parts, *values.get("datasets", [])]:
        if isinstance(part, dict) and part.get("name") in options:
            part["config"] = {**options[part["name"]], **part.get("config", {})}


def _weights(values: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
    """The weights that entries name, by entry and plugin."""
    parts = {kind: values.get(kind) for kind in ("extractor", "renderer", "recogniser")}
    return {
        (kind, part.get("name", "")): part["config"]["weights"]
        for kind, part in parts.items()
        if isinstance(part, dict) and isinstance(part.get("config"), dict) and "weights" in part["config"]
    }


def _refuse_small_weights(values: Mapping[str, Any], named: Mapping[tuple[str, str], Any]) -> None:
    """A recipe that names the weights of a network of the small size does not go with a preset of another size."""
    options, chosen = preset_options(values["preset"]), _weights(values)
    for (kind, name), weights in named.items():
        if "weights" in options.get(name, {}) and chosen.get((kind, name)) == weights:
            raise UserError(
                f"--preset {values['preset']}: recipe {values['recipe']} names weights of its own for {kind} {name!r} "
                f"({weights}), which are of the small size; leave --preset out, or give others with --set "
                f"{kind}.config.weights=FILE",
                code="option-conflict",
            )


def _assignment(text: str) -> dict[str, Any]:
    key, entry = setting(text, "label_free.steps=500")
    for name in reversed(key.split(".")):
        entry = {name: entry}
    return dict(entry)


def _yaml(source: Any, name: str) -> dict[str, Any]:
    values = plain_yaml.read(source, name)
    if not isinstance(values, dict):
        raise UserError(f"{name}: holds no entries (key: value).", code="config-invalid")
    return values


def differences(mine: RunConfig, theirs: RunConfig) -> list[str]:
    """Names of the entries in which two configs differ, dotted."""
    found: list[str] = []

    def walk(a: Any, b: Any, path: tuple[str, ...]) -> None:
        if isinstance(a, dict) and isinstance(b, dict):
            for key in functools.reduce(operator.or_, ({**a}, {**b})):
                walk(a.get(key), b.get(key), (*path, str(key)))
        elif a != b:
            found.append(".".join(path))

    walk(mine.model_dump(mode="json"), theirs.model_dump(mode="json"), ())
    return found
