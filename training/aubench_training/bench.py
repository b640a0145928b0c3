"""What one run works with: networks, losses and their plans, batches, made from its config.

Nothing here reads a label; the trainer makes a bench, and trains on it, behind the locked door of
:mod:`aubench.data.labels`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from rich.console import Console
from torch import Tensor, nn

from aubench import discovery
from aubench.combination import SHIPPED, Choice, Combination, load_shipped
from aubench.contracts import Dataset, Features
from aubench.errors import UserError
from aubench.files import cache_folder
from aubench.metrics import icc_3_1
from aubench.parameters import FacialParameters
from aubench.plan import Plan, make_plan
from aubench.standardisation import Domain

from .additions import PEOPLE_LOOPBACK, SAMPLED_LOOPBACK, Disturbance, PeopleLoopback, SampledLoopback
from .beside import BATCH_WORDS, Beside
from .config import Phase, RunConfig
from .device import cast_weights, choose_device, choose_dtype, place
from .people import neutral_weights
from .pools import Pools
from .providers import TRAINED, Reading, standard_providers
from .sampler import batch_rows
from .samples import build_engine

IMITATIONS = 4096
"""At most so many faces are drawn for the statistics of the renderer's domain."""


@dataclass(frozen=True)
class Stage:
    """A phase of training with what it computes: ``start`` and ``stop`` are global steps."""

    name: str
    phase: Phase
    start: int
    stop: int
    plan: Plan
    weights: dict[str, float]
    frozen_statistics: bool


class Bench:
    """``combination`` is what is trained, ``stages`` the phases with their plans, ``pools`` what is cached on disk."""

    def __init__(self, config: RunConfig, console: Console, *, cache: Path | None = None) -> None:
        self.config, self.console, self.cache = config, console, cache or cache_folder()
        self.device = choose_device(config.device)
        self.dtype = choose_dtype(self.device, config.precision)
        self._disturb = Disturbance(config.sampled.noise, config.sampled.dropout)
        self.losses: dict[str, Any] = {
            name: discovery.build("loss", name, config.loss_options.get(name)) for name in config.losses
        }
        self.datasets: list[Dataset] = [discovery.build("dataset", p.name, p.config) for p in config.datasets]
        chosen = (config.extractor, config.regressor, config.renderer)
        extractor, regressor, renderer = (Choice(p.name, p.config) for p in chosen)
        self.engine = build_engine(config.engine.name, config.engine.config)
        if not hasattr(self.engine, "sample"):
            raise UserError(
                f"engine {config.engine.name!r} has no faces to sample: it is a renderer, but no engine.",
                code="plugin-unsupported",
            )
        self.combination = Combination(extractor, regressor, size=self.engine.size, seed=config.seed, renderer=renderer)
        place(self.combination.extractor, self.device, frozen=True)  # type: ignore[type-var]
        self.combination.to(self.device)
        self._others: dict[str, nn.Module] = dict.fromkeys(("start", "teacher"), self.combination.regressor)
        if config.start is not None:
            start_from(self.combination, config.start)
        if config.person.steps:
            _require_people(config, self.combination)
        self.pools = Pools(
            config, self.combination, self.engine, self.datasets, self.recogniser, self.device, self.cache, console
        )
        # Plans before pools: a combination that cannot work says so before anything is computed.
        self.stages = self._stages()
        self.words = {word for stage in self.stages for word in stage.plan.given}
        made = {step.name for stage in self.stages for step in stage.plan.steps}
        if any(word.endswith("_drawn") or word == "drawn" for word in made):
            self.renderer()
        if self.words & {"embedding"} or any(word.endswith("embedding") for word in made):
            self.recogniser()

    # --- networks -----------------------------------------------------------------------------------------------------

    # The plans run under autocast, on copies with their weights cast once; caches and predictions use the originals.

    @functools.cached_property
    def _extractor_cast(self) -> Any:
        return cast_weights(self.combination.extractor, self.dtype)  # type: ignore[type-var]

    @functools.cached_property
    def _renderer_cast(self) -> Any:
        return cast_weights(self._renderer, self.dtype)

    @functools.cached_property
    def _recogniser_cast(self) -> Any:
        return cast_weights(self._recogniser, self.dtype)

    @functools.cached_property
    def _renderer(self) -> Any:
        part = self.config.renderer
        made = discovery.build("renderer", part.name, part.config)
        if not made.differentiable:
            raise UserError(
                f"renderer {part.name!r} passes no gradients on; train with one that does, as `neural`.",
                code="plugin-unsupported",
            )
        return place(made, self.device, frozen=True)

    @functools.cached_property
    def _recogniser(self) -> Any:
        part = self.config.recogniser
        assert part is not None  # the plan has no embeddings without one
        return place(discovery.build("recogniser", part.name, part.config), self.device, frozen=True)

    def renderer(self) -> Any:
        return self._renderer

    def recogniser(self) -> Any:
        return self._recogniser

    def regress(self, features: Features, domain: Domain) -> FacialParameters:
        """R on raw features. Batch statistics are those of photographs, on which R is used: while it trains, drawn
        faces use their own batch's but leave the running ones alone."""
        if domain == "photo":
            answer: FacialParameters = self.combination.regress(features, domain)
            return answer
        with _statistics_untouched(self.combination.regressor):
            answer = self.combination.regress(features, domain)
        return answer

    def regress_sampled(self, features: Features) -> FacialParameters:
        """R on features of engine samples, which come standardised."""
        if self.config.additions.feature_noise:
            features = self._disturb(features)
        answer: FacialParameters = self.combination.regressor(features)
        return answer

    def regress_people(self, features: Features, neutral: Tensor) -> Tensor:
        """AUs (b, 23) of frames of people beside their neutral. ``neutral`` (b, b): of which frames each one's neutral
        is made; features come standardised."""
        if self.config.additions.feature_noise:
            features = self._disturb(features)
        entry = self.combination.regressor.entry(features)
        answer: Tensor = self.combination.regressor.aus(entry, neutral.to(entry.dtype) @ entry)
        return answer

    def regress_otherwise(self, features: Features, reading: Reading) -> FacialParameters:
        """R on frames: under a disturbance, or, without a gradient, the average of its weights or R as it began."""
        if reading == "disturbed":
            disturbed = self._disturb(self.combination.standardiser(features, "photo"))
            answer: FacialParameters = self.combination.regressor(disturbed)
            return answer
        with torch.no_grad():
            answer = self.combination.regress(features, "photo", self._others[reading])
        return answer

    def begin_label_free(self, start: nn.Module, teacher: nn.Module) -> None:
        """Say who ``start`` and ``teacher`` are in words, before the first label-free batch; R itself until then."""
        self._others = {"start": start, "teacher": teacher}

    # --- plans --------------------------------------------------------------------------------------------------------

    def _stages(self) -> list[Stage]:
        config = self.config
        sampled: dict[str, Callable[..., Tensor]] = {SAMPLED_LOOPBACK: SampledLoopback(config.sampled)}
        stages: list[Stage] = []
        start = 0
        if config.additions.loopback_first and config.loopback.steps:
            plan = self.plan(sampled)
            start = config.loopback.steps
            stages.append(Stage("loopback", config.loopback, 0, start, plan, {SAMPLED_LOOPBACK: 1.0}, False))
        if config.label_free.steps:
            both = config.additions.sampled_loopback
            plan = self.plan({**self.losses, **(sampled if both else {})})
            weights = {**config.losses, SAMPLED_LOOPBACK: config.sampled.beside}
            frozen = config.additions.frozen_statistics and bool(stages)
            stop = start + config.label_free.steps
            stages.append(Stage("label_free", config.label_free, start, stop, plan, weights, frozen))
            start = stop
        if config.person.steps:
            plan = self.plan({PEOPLE_LOOPBACK: PeopleLoopback(config.sampled)})
            stop = start + config.person.steps
            stages.append(Stage("person", config.person, start, stop, plan, {PEOPLE_LOOPBACK: 1.0}, True))
        return stages

    def plan(self, losses: Mapping[str, Callable[..., Tensor]], answers: Iterable[str] = ()) -> Plan:
        """What ``losses`` need, made by this run's networks. ``answers``: words that the caller adds to each batch
        instead of having them made, such as "parameters"."""
        recogniser = (lambda: self._recogniser_cast) if self.config.recogniser is not None else None
        words = standard_providers(
            lambda: self._extractor_cast,
            lambda: self._renderer_cast,
            recogniser,
            self.regress,
            self.regress_sampled,
            self.regress_people,
            self.regress_otherwise,
        )
        given = ["image", "features", *(["embedding"] if recogniser else []), "sampled_parameters", "sampled_features"]
        given += ["people_aus", "people_features", "people_neutral", *BATCH_WORDS]
        return make_plan(losses, words, [*given, *answers], trained=TRAINED)

    @functools.cached_property
    def beside(self) -> Beside:
        def read(features: Features) -> FacialParameters:
            return self.regress_otherwise(features, "start")

        return Beside(self.pools, self.config.seed, self.device, read)

    def require_frames(self) -> None:
        """Raises ``UserError`` where no training frame has what the losses compare it with."""
        if wanted := self.words & set(BATCH_WORDS):
            self.beside.usable(wanted)

    # --- data ---------------------------------------------------------------------------------------------------------

    def fit_statistics(self) -> None:
        """Statistics of R's inputs, per domain or shared; those of the model that the run starts from are kept."""
        if self.config.start is not None:
            return
        additions, standardiser = self.config.additions, self.combination.standardiser
        if additions.domain_standardisation or additions.joint_standardisation:
            standardiser.fit("photo", self.pools.photo.batches(stop=self.pools.original_count, device=self.device))
        if additions.domain_standardisation:
            game = [drawn.pool for drawn in self.pools.sampled if drawn.domain == "drawn"]
            standardiser.fit("drawn", game[0].batches(device=self.device) if game else self._imitations())
        elif additions.joint_standardisation:
            standardiser.copy_domain("photo", "drawn")

    @torch.no_grad()
    def _imitations(self) -> Iterator[Features]:
        """Features of what the renderer draws, for statistics of its domain where the engine drew none in that look."""
        parameters = self.pools.sampled[0].samples.parameters()[:IMITATIONS]
        for start in range(0, len(parameters), 64):
            image = self.renderer().draw(parameters[start : start + 64].to(self.device)).image
            yield self.combination.extractor.features(image)

    def rows(self, stage: Stage, step: int) -> npt.NDArray[np.int64]:
        """Which training frames a step sees, by their place in all data sets laid end to end."""
        seed, done, size = self.config.seed, step - stage.start, stage.phase.batch
        if wanted := set(stage.plan.given) & set(BATCH_WORDS):
            usable = self.beside.usable(wanted)
            return usable[batch_rows(seed, 0, done, size, len(usable))]
        return batch_rows(seed, 0, done, size, self.pools.frame_count)

    def batch(self, stage: Stage, step: int) -> dict[str, Any]:
        """What the plan of ``stage`` needs for a step: a function of the seed and the step, so that a resumed run goes
        on with the very same batches."""
        wanted, seed, done = set(stage.plan.given), self.config.seed, step - stage.start
        batch: dict[str, Any] = {}
        if wanted & {"image", "features", "embedding", *BATCH_WORDS}:
            rows = self.rows(stage, step)
            if wanted & set(BATCH_WORDS):
                batch |= self.beside.batch(wanted, rows, done)
            if "features" in wanted:
                batch["features"] = self.pools.photo.features(rows, self.device)
            if "embedding" in wanted:
                batch["embedding"] = self.pools.embeddings.take(rows, self.device)["embedding"]
            if "image" in wanted:
                batch["image"] = self.pools.images(rows)
        if wanted & {"sampled_features", "sampled_parameters"}:
            size = stage.phase.sampled_batch or stage.phase.batch
            parameters, features = [], []
            for stream, drawn in enumerate(self.pools.sampled, 1):
                part = max(1, round(drawn.source.share * size))
                rows = drawn.usable[batch_rows(seed, stream, done, part, len(drawn.usable))]
                parameters.append(drawn.parameters(rows).to(self.device))
                read = drawn.pool.features(rows, self.device)
                with torch.no_grad():
                    features.append(self.combination.standardiser(read, drawn.domain))
            batch["sampled_parameters"] = FacialParameters.cat(parameters)
            batch["sampled_features"] = Features.cat(features)
        if wanted & {"people_aus", "people_features", "people_neutral"}:
            batch |= self._people(done, stage.phase.batch)
        return batch

    def _people(self, step: int, size: int) -> dict[str, Any]:
        """All frames of a few people, ``size`` in all, about."""
        seed, frames, asked = self.config.seed, self.config.people.frames, self.config.people
        starts = np.concatenate([[0], np.cumsum([len(drawn.samples) // frames for drawn in self.pools.people])])
        persons = batch_rows(seed, 3, step, max(1, round(size / frames)), int(starts[-1]))
        parts, aus = [], []
        for drawn, first, after in zip(self.pools.people, starts, starts[1:], strict=False):
            own = persons[(persons >= first) & (persons < after)] - first
            if len(own):
                rows = (own[:, None] * frames + np.arange(frames)).reshape(-1)
                aus.append(drawn.samples.parameters(rows).au)
                parts.append(self.combination.standardiser(drawn.pool.features(rows, self.device), drawn.domain))
        rng = np.random.default_rng([seed, 0x9E1, step])
        weights = torch.from_numpy(neutral_weights(frames, len(persons), asked.contaminated, rng))
        return {
            "people_aus": torch.cat(aus).to(self.device),
            "people_features": Features.cat(parts),
            "people_neutral": torch.block_diag(*weights).to(self.device),  # type: ignore[no-untyped-call]
        }

    @torch.inference_mode()
    def in_domain(self, regressor: nn.Module) -> dict[str, float]:
        """ICC(3,1) and MAE, mean over the 23 AUs, of R on held-out engine samples, per style: no label of a data set is
        in it."""
        scores: dict[str, float] = {}
        for drawn in self.pools.held_out:
            read = [
                self.combination.regress(f, drawn.domain, regressor) for f in drawn.pool.batches(device=self.device)
            ]
            answer = FacialParameters.cat(read).intensities().float().cpu().numpy()
            truth = drawn.samples.parameters().intensities().numpy()
            agreement = [icc_3_1(truth[:, au], answer[:, au]) for au in range(truth.shape[1])]
            name = "in_domain" if drawn is self.pools.held_out[0] else "in_domain_photo"
            if not drawn.source.own:
                name = f"in_domain_{drawn.source.engine.name}"
            scores[f"{name}/icc31"] = float(np.nanmean(agreement))
            scores[f"{name}/mae"] = float(np.abs(truth - answer).mean())
        return scores


def start_weights(start: str) -> Path:
    """The file of weights that ``start`` of a run's config names: a run folder's, or the shipped one."""
    return SHIPPED / "regressor.safetensors" if start == "shipped" else Path(start) / "model.safetensors"


def start_from(combination: Combination, start: str) -> None:
    """Give ``combination`` the statistics and the weights of another model's regressor: a run folder, or "shipped".

    Networks that the other one does not have keep their first weights. Raises ``UserError`` for a model with another
    extractor, and for networks of other shapes.
    """
    other = load_shipped() if start == "shipped" else Combination.load(Path(start))
    if other.extractor_digest != combination.extractor_digest:
        raise UserError(
            f"start {start}: learnt with another extractor ({other.extractor_choice.name}, hash "
            f"{other.extractor_digest[:12]}); choose that one, or start from nothing",
            code="model-invalid",
        )
    mine, theirs = combination.learned.state_dict(), other.learned.state_dict()
    unfit = [name for name, tensor in theirs.items() if name in mine and mine[name].shape != tensor.shape]
    if unfit:
        raise UserError(
            f"start {start}: {unfit[0]} has the shape {tuple(theirs[unfit[0]].shape)} there and "
            f"{tuple(mine[unfit[0]].shape)} here; use that run's regressor options",
            code="weights-mismatch",
        )
    combination.learned.load_state_dict({name: t for name, t in theirs.items() if name in mine}, strict=False)


def _require_people(config: RunConfig, combination: Combination) -> None:
    if not combination.reads_persons:
        raise UserError(
            f"person.steps {config.person.steps}: regressor {config.regressor.name!r} does not read persons; use "
            "--set regressor.config.person=24 with fpr, or --set person.steps=0",
            code="plugin-unsupported",
        )
    if not config.people.sources:
        raise UserError(
            f"person.steps {config.person.steps}: people.sources is empty, so there is nobody to learn from",
            code="config-invalid",
        )


class _statistics_untouched:
    """Within it, batch normalisation in training mode leaves its running statistics as they are."""

    def __init__(self, network: nn.Module) -> None:
        self.norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]

    def __enter__(self) -> None:
        self.momenta = [m.momentum for m in self.norms]
        for norm in self.norms:
            norm.momentum = 0.0

    def __exit__(self, *_: object) -> None:
        for norm, momentum in zip(self.norms, self.momenta, strict=True):
            norm.momentum = momentum
