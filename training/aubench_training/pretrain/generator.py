"""``aubench pretrain generator``: a differentiable renderer learns to imitate an engine's game style.

A generator can look right and still not draw an AU: a dimple is a few grey levels on a few pixels. So faces come in
pairs that differ in one AU, and beside the picture (L1, heavier on eyes, brows, nose and mouth) and its feature
maps the loss compares the *change* within each pair, relative to the size of that change. The gate is the gain:
how much of the engine's change each AU's drawing reproduces.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from rich.console import Console
from torch import Tensor, nn

from aubench import registry
from aubench.component import Config
from aubench.contracts import PARSING_CLASSES, Engine
from aubench.errors import UserError
from aubench.foreign import licences, notice
from aubench.parameters import AU, AU_NAMES, AU_SIZE, BASE_AU, BASE_POSE, POSE, FacialParameters
from aubench_training import device as devices
from aubench_training.pretrain import preflight, publish
from aubench_training.pretrain.loop import Budget, Settings, epoch_rows, train
from aubench_training.pretrain.perceptual import ExtractorMaps, Perceptual, Vgg16, perceptual_loss
from aubench_training.pretrain.publish import Part, Request, pool_seed
from aubench_training.pretrain.quality import Gain, au_gains, feature_distance, psnr, ssim
from aubench_training.samples import Samples, build_engine, engine_samples, random_inputs

FACIAL = ("l_brow", "r_brow", "l_eye", "r_eye", "nose", "mouth", "u_lip", "l_lip")
NEARLY_FRONTAL = 0.6
"""Share of faces whose pose is drawn from a third of the range."""
WEAK_GAIN = 0.5
"""Below this gain an AU is reported: what the generator does not draw cannot be learned through it."""


class GeneratorRecipe(Config):
    """Options of the pretraining, see ``pretrain-generator.yaml``."""

    engine: Part = Part(name="bdfm")
    network: Part = Part(name="neural")
    extractor: Part | None = Part(name="bisenet")
    """Whose maps the perceptual loss and the distance compare, unless VGG16 is given; none: no such loss."""
    start: str = "none"
    """Weights to go on from, as the network's own option ``weights`` has them; "none" for random numbers."""
    faces: int = Field(16000, ge=2)
    held_out: int = Field(500, ge=1)
    steps: int = Field(4000, ge=1)
    batch: int = Field(16, ge=2)
    rate: float = Field(0.001, gt=0)
    ema: float = 0.998
    facial: float = 4.0
    """Weight of pixels on brows, eyes, nose and mouth in the L1 loss; skin counts 1, the rest 0.5."""
    change: float = 3.0
    """Weight of the pairs' change; 0 leaves it away."""
    perceptual: float = 0.3
    perceptual_from: float = 0.8
    """Part of the training after which the perceptual loss joins: it costs as much as all else and only refines."""


def imitation_vectors(engine: Engine, count: int, seed: int) -> npt.NDArray[np.float32]:
    """Faces to imitate (count, 269), two by two: the second differs from the first in one AU, by at least 0.4.

    First faces are the engine's own samples, most of them turned towards the front, where nearly all faces of the data
    sets look and a change is easiest to see; in every other pair the first face is made nearly emotionless, so that AUs
    are also seen alone. AUs take turns, so that each has equally many pairs.
    """
    random = np.random.default_rng([seed, 0x6E11])
    first = engine.sample((count + 1) // 2, seed).vector().numpy().astype(np.float32)
    near = random.random(len(first)) < NEARLY_FRONTAL
    first[near, POSE] = BASE_POSE + 0.35 * (first[near, POSE] - BASE_POSE)
    au = first[:, AU]
    calm = np.arange(len(first)) % 2 == 1
    au[calm] = BASE_AU + (random.random((int(calm.sum()), AU_SIZE)) < 0.1) * (au[calm] - BASE_AU)
    second = first.copy()
    turn = (np.arange(len(first)) // 2) % AU_SIZE
    rows = np.arange(len(first))
    old = first[rows, AU.start + turn]
    step = random.uniform(0.4, 1.0, len(first))
    up = np.minimum(1.0, old + step)
    down = np.maximum(0.0, old - step)
    second[rows, AU.start + turn] = np.where(up - old >= old - down, up, down)
    return np.stack([first, second], axis=1).reshape(-1, first.shape[1])[:count]


class ImitationLearner:
    """Learns pictures and changes from a pool whose faces come in pairs."""

    def __init__(self, network: Any, pool: Samples, recipe: GeneratorRecipe, seed: int, device: torch.device) -> None:
        self.network, self.pool, self.recipe, self.seed, self.device = network, pool, recipe, seed, device
        self.helpers: nn.Module = nn.Module()
        self.perceptual: Perceptual | None = None
        self.make_perceptual: Callable[[], Perceptual | None] = lambda: None
        weights = np.full(256, 0.5, dtype=np.float32)
        weights[PARSING_CLASSES.index("skin")] = 1.0
        weights[[PARSING_CLASSES.index(name) for name in FACIAL]] = recipe.facial
        self.pixel_weights = weights

    def batch(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        pairs = epoch_rows(len(self.pool) // 2, self.recipe.batch // 2, step, self.seed)
        rows = np.stack([2 * pairs, 2 * pairs + 1]).reshape(-1)
        vectors = torch.from_numpy(self.pool.vectors[rows])
        images = torch.from_numpy(self.pool.images[rows])
        weight = torch.from_numpy(self.pixel_weights[self.pool.parsing[rows]])[:, None]
        return vectors, images, weight

    def loss(
        self, batch: tuple[Tensor, Tensor, Tensor], fraction: float
    ) -> tuple[Tensor, Mapping[str, Tensor | float]]:
        vectors, images, weight = (part.to(self.device, non_blocking=True) for part in batch)
        truth = images.permute(0, 3, 1, 2).float() / 255
        drawn = self.network(vectors)
        weight = weight / weight.mean()
        error = (drawn - truth) * weight
        total = error.abs().mean()
        numbers: dict[str, Tensor | float] = {"l1": (drawn.detach() - truth).abs().mean()}
        if self.recipe.change > 0:
            change = change_loss(drawn, truth)
            total = total + 0.02 * self.recipe.change * change
            numbers["change"] = change
        if self.recipe.perceptual > 0 and fraction >= self.recipe.perceptual_from:
            # Made when it joins, so that the extractor may be trained beside the first part of this training.
            self.perceptual = self.perceptual or self.make_perceptual()
        if self.perceptual is not None:
            with torch.no_grad():
                theirs = self.perceptual(truth)
            likeness = perceptual_loss(self.perceptual(drawn), theirs)
            total = total + 0.1 * self.recipe.perceptual * likeness
            numbers["perceptual"] = likeness
        return total, numbers


def change_loss(drawn: Tensor, truth: Tensor) -> Tensor:
    """``|d_g - d_e| / |d_e|`` of the pairs (the first half of the batch and the second), squared norms, averaged: 1 for
    a generator that draws no change, whatever the AU's size."""
    half = len(drawn) // 2
    mine, theirs = (x[half:] - x[:half] for x in (drawn, truth))
    size = theirs.square().flatten(1).sum(1)
    off = (mine - theirs).square().flatten(1).sum(1)
    # A change below the rounding of 8-bit pictures says nothing; it must not be divided by.
    floor = 2e-6 * theirs[0].numel()
    return (off / (size + floor)).mean()


@torch.no_grad()
def draw_all(network: Any, vectors: npt.NDArray[np.float32], device: torch.device, batch: int = 50) -> Tensor:
    parts = [network(torch.from_numpy(vectors[i : i + batch]).to(device)).cpu() for i in range(0, len(vectors), batch)]
    return torch.cat(parts).float()


@torch.no_grad()
def likeness(
    network: Any, pool: Samples, perceptual: Perceptual | None, device: torch.device, batch: int = 50
) -> dict[str, float]:
    """PSNR, SSIM and feature distance on held-out faces."""
    sums: dict[str, list[float]] = {"psnr": [], "ssim": [], "l1": []}
    for start in range(0, len(pool), batch):
        rows = slice(start, start + batch)
        truth = torch.from_numpy(np.array(pool.images[rows])).permute(0, 3, 1, 2).float() / 255
        drawn = draw_all(network, pool.vectors[rows], device)
        sums["psnr"] += psnr(drawn, truth).tolist()
        sums["ssim"] += ssim(drawn, truth).tolist()
        sums["l1"] += (drawn - truth).abs().flatten(1).mean(1).tolist()
        if perceptual is not None:
            distance = feature_distance(perceptual(drawn.to(device)), perceptual(truth.to(device)))
            sums.setdefault("feature_distance", []).extend(distance.tolist())
    return {name: float(np.mean(values)) for name, values in sums.items()}


def gain_faces(engine: Engine, seed: int, count: int = 8) -> FacialParameters:
    """The base face and ``count`` frontal faces of random identities."""
    random = engine.sample(count, seed)
    base = FacialParameters.base(count)
    frontal = FacialParameters(base.pose, base.au, random.identity, random.brow)
    return FacialParameters.cat([FacialParameters.base(), frontal])


def weak_aus(gains: Mapping[str, Gain]) -> list[str]:
    """AUs whose change the generator reproduces by less than :data:`WEAK_GAIN`."""
    return [name for name, gain in gains.items() if gain.gain < WEAK_GAIN]


def make_perceptual(recipe: GeneratorRecipe, vgg: Path | None, device: torch.device) -> Perceptual | None:
    """VGG16 where its weights are given, else the recipe's trained extractor. Raises ``UserError`` where its weights
    are not there, or do not fit."""
    if vgg is not None:
        return devices.place(Vgg16(vgg), device, frozen=True)
    if recipe.extractor is None:
        return None
    from aubench import discovery

    try:
        extractor = discovery.build("extractor", recipe.extractor.name, recipe.extractor.config)
    except UserError as error:
        raise UserError(
            f"the extractor whose maps are compared: {error} (train it first, with the same preset, or name other "
            "weights with --set extractor.config.weights=FILE)",
            code=error.code,
        ) from error
    return ExtractorMaps(devices.place(extractor, device, frozen=True), recipe.extractor.name)


def network_of(perceptual: Perceptual | None) -> object:
    """The network whose maps are compared."""
    return perceptual.extractor if isinstance(perceptual, ExtractorMaps) else perceptual


def check_generator(recipe: GeneratorRecipe, request: Request) -> None:
    """Raise ``UserError`` for what can be known to go wrong before a face is drawn."""
    preflight.check(
        "renderer", recipe.network, [recipe.engine], request, preflight.try_generator,
        needs=("forward", "draw"), start=recipe.start,
    )  # fmt: skip


def pretrain_generator(recipe: GeneratorRecipe, request: Request, *, vgg: Path | None = None) -> dict[str, Any]:
    """Draw, train, measure, write. Returns the quality numbers; ``weak_aus`` names the AUs that it draws badly."""
    device = devices.choose_device(request.device)
    check_generator(recipe, request)
    # Licences are told before weights are used, and what is missing before a face is drawn.
    used = licences([("perceptual loss", network_of(make_perceptual(recipe, vgg, device)))], registry.load())
    for line in notice(used):
        Console(stderr=True).print(line, highlight=False)
    engine = build_engine(recipe.engine.name, recipe.engine.config)

    def pool(purpose: str, count: int) -> Samples:
        seed = pool_seed(request.seed, f"generator {purpose}")
        vectors = imitation_vectors(engine, count, seed)
        return engine_samples(
            recipe.engine.name,
            recipe.engine.config,
            count,
            seed,
            "game",
            request.cache,
            inputs=random_inputs(vectors, seed, looks="one"),
            workers=request.workers,
        )

    faces, held_out = pool("train", recipe.faces), pool("held-out", recipe.held_out)
    devices.seed_everything(request.seed)
    card, network = publish.build_blank("renderer", recipe.network, start=recipe.start)
    learner = ImitationLearner(network, faces, recipe, request.seed, device)
    learner.make_perceptual = functools.partial(make_perceptual, recipe, vgg, device)
    budget = Budget(request.steps or (None if request.minutes else recipe.steps), request.minutes)
    settings = Settings(rate=recipe.rate, ema=recipe.ema, weight_decay=0.0, channels_last=False)
    outcome = train(
        learner,
        budget,
        settings,
        request.out,
        title="generator",
        seed=request.seed,
        device=device,
        resume=request.resume,
    )
    compared = learner.perceptual or learner.make_perceptual()
    facts = {
        "steps": outcome.steps,
        "recipe": recipe.model_dump(mode="json"),
        "perceptual_maps": compared.name if compared else "none",
        "perceptual_licence": "; ".join(f"{row['weights']}: {row['licence']}" for row in used) or "none",
        **publish.pool_facts(train=faces, held_out=held_out),
    }
    path = publish.save_weights(outcome.network, card, recipe.network, request, facts)
    _, measured = publish.build_trained("renderer", recipe.network, path)
    measured = devices.place(measured, device, frozen=True)
    numbers = likeness(measured, held_out, compared, device)
    at = gain_faces(engine, pool_seed(request.seed, "generator gain"))

    def draw(parameters: FacialParameters) -> Tensor:
        with torch.no_grad():
            image: Tensor = measured.draw(parameters.to(device)).image
        return image.cpu()

    gains = au_gains(draw, engine, at)
    weak = weak_aus(gains)
    quality: dict[str, Any] = {
        **numbers,
        "mean_gain": float(np.mean([g.gain for g in gains.values()])),
        "least_gain": min(g.gain for g in gains.values()),
        "gains": {
            name: {"gain": g.gain, "correlation": g.correlation, "change": g.change} for name, g in gains.items()
        },
        "weak_aus": weak,
    }
    table = [[name, gains[name].gain, gains[name].correlation, 255 * gains[name].change] for name in AU_NAMES]
    body = "\n\n".join(
        [
            f"On {recipe.held_out} held-out faces: PSNR {numbers['psnr']:.2f} dB, SSIM {numbers['ssim']:.4f}, "
            + f"L1 {numbers['l1']:.4f}"
            + (f", feature distance {numbers['feature_distance']:.4f}." if "feature_distance" in numbers else "."),
            "Per AU, from emotionless to full on the base face and 8 random identities: gain (share of the engine's "
            "change that is redrawn), correlation of the changes, and the engine's mean change in grey levels of 255:",
            publish.markdown_table(["AU", "gain", "correlation", "change"], table),
            f"Gain below {WEAK_GAIN}: {', '.join(weak) or 'none'}.",
        ]
    )
    speed = {"steps_per_second": round(outcome.speed, 3), "seconds": round(outcome.seconds, 1)}
    publish.finish(path, card, request, "Generator", quality, {**facts, **speed}, body)
    return quality
