"""``aubench pretrain landmark``: a face alignment network learns the engine's 68 points, heavily randomised.

The target of each point is a Gaussian of one cell, where the point lies *after* the random affine map; every hourglass
of the stack is asked for it. Points that the face hides or the crop cuts off are asked for as well: the engine knows
where they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from torch import Tensor, nn

from aubench.component import Config
from aubench.landmarks import PARTS, gaussians, nme
from aubench_training import device as devices
from aubench_training.pretrain import preflight, publish
from aubench_training.pretrain.augment import augment
from aubench_training.pretrain.faces import MoreFaces, face_pools, pool_names
from aubench_training.pretrain.loop import Budget, Settings, epoch_rows, train
from aubench_training.pretrain.publish import Part, Request
from aubench_training.samples import Samples

FAILED = 0.08
"""A face counts as failed from this mean error on, in distances of the outer eye corners."""


class LandmarkRecipe(Config):
    """Options of the pretraining, see ``pretrain-landmark.yaml``."""

    engine: Part = Part(name="bdfm")
    network: Part = Part(name="landmark")
    photo: int = Field(7000, ge=1)
    game: int = Field(1500, ge=1)
    more: list[MoreFaces] = Field(default_factory=list)
    """Faces of further engines, among which the network must not lose its way."""
    start: str = "none"
    """Weights to go on from, as the network's own option ``weights`` has them; "none" for random numbers."""
    held_out: int = Field(300, ge=1)
    steps: int = Field(6000, ge=1)
    batch: int = Field(16, ge=2)
    rate: float = Field(0.002, gt=0)
    strength: float = 1.0
    """Of the randomisation; 0 trains on the engine's pictures as they are."""
    nuisance: float = 0.8
    """Of the unlabelled movements in photo style."""
    spread: float = 1.0
    """Standard deviation of the targets, in cells of the heatmaps."""


class LandmarkLearner:
    """Learns heatmaps from pools of drawn faces. The network offers, as ``landmark`` does, ``prepare(image)``,
    ``forward(prepared)``: the heatmaps of every stack, and ``to_cells(points, height, width)``."""

    helpers: nn.Module = nn.Module()

    def __init__(self, network: Any, pools: list[Samples], recipe: LandmarkRecipe, seed: int, device: Any) -> None:
        self.network, self.pools, self.recipe, self.seed, self.device = network, pools, recipe, seed, device
        self.starts = np.cumsum([0, *(len(pool) for pool in pools)])

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Pictures (b, 3, h, w) and their points (b, 68, 2) in pixels."""
        rows = epoch_rows(int(self.starts[-1]), self.recipe.batch, step, self.seed)
        random = np.random.default_rng([self.seed, 3, step])
        which = np.searchsorted(self.starts, rows, side="right") - 1
        picked = [(self.pools[k], row - self.starts[k]) for k, row in zip(which, rows, strict=True)]
        images = np.stack([pool.images[row] for pool, row in picked])
        parsing = np.stack([pool.parsing[row] for pool, row in picked])
        points = np.stack([pool.landmarks[row] for pool, row in picked]).astype(np.float64)
        done = augment(images, parsing, random, self.recipe.strength)
        return done.image, torch.from_numpy(done.moved(points).astype(np.float32))

    def loss(self, batch: tuple[Tensor, Tensor], fraction: float) -> tuple[Tensor, Mapping[str, Tensor | float]]:
        image, points = (part.to(self.device, non_blocking=True) for part in batch)
        prepared = self.network.prepare(image.to(memory_format=torch.channels_last))
        stacks = self.network(prepared)
        cells = self.network.to_cells(points, image.shape[-2], image.shape[-1])
        target = gaussians(cells, stacks[-1].shape[-2], stacks[-1].shape[-1], self.recipe.spread)
        # Summed over the cells, so that the size of a map does not change the rate.
        errors = torch.stack([(heat.float() - target).square().sum((2, 3)).mean() for heat in stacks])
        return errors.mean(), {"last": errors[-1]}


@torch.no_grad()
def landmark_errors(network: Any, pool: Samples, device: torch.device, batch: int = 50) -> npt.NDArray[np.float64]:
    """Distance of each point to its truth in distances of the outer eye corners, (n, 68)."""
    found = []
    for start in range(0, len(pool), batch):
        image = torch.from_numpy(np.array(pool.images[start : start + batch])).permute(0, 3, 1, 2).float() / 255
        found.append(network.landmarks(image.to(device)).cpu().numpy())
    return nme(np.concatenate(found), np.asarray(pool.landmarks))


def summary(errors: npt.NDArray[np.float64]) -> dict[str, float]:
    """Mean error over faces and points, over those of each part, and the share of faces that failed."""
    parts = {name: float(errors[:, list(points)].mean()) for name, points in PARTS.items()}
    return {"all": float(errors.mean()), **parts, "failed": float((errors.mean(1) > FAILED).mean())}


def check_landmark(recipe: LandmarkRecipe, request: Request) -> None:
    """Raise ``UserError`` for what can be known to go wrong before a face is drawn."""
    engines = [recipe.engine, *(other.engine for other in recipe.more)]
    preflight.check(
        "extractor", recipe.network, engines, request, preflight.try_landmarks,
        needs=("prepare", "forward", "to_cells", "landmarks"), start=recipe.start,
    )  # fmt: skip


def pretrain_landmark(recipe: LandmarkRecipe, request: Request) -> dict[str, Any]:
    """Draw, train, measure, write. Returns the quality numbers."""
    device = devices.choose_device(request.device)
    check_landmark(recipe, request)
    pools, held_out = face_pools(recipe, request)
    devices.seed_everything(request.seed)
    card, network = publish.build_blank("extractor", recipe.network, start=recipe.start)
    learner = LandmarkLearner(network, pools, recipe, request.seed, device)
    budget = Budget(request.steps or (None if request.minutes else recipe.steps), request.minutes)
    outcome = train(
        learner,
        budget,
        Settings(rate=recipe.rate),
        request.out,
        title="landmark",
        seed=request.seed,
        device=device,
        resume=request.resume,
    )
    facts = {
        "steps": outcome.steps,
        "recipe": recipe.model_dump(mode="json"),
        **publish.started_from(network),
        **publish.pool_facts(
            **dict(zip(pool_names(recipe), pools, strict=True)), **{f"held_out_{k}": v for k, v in held_out.items()}
        ),
    }
    path = publish.save_weights(outcome.network, card, recipe.network, request, facts)
    # Measured on what the file holds, after rounding to half precision.
    _, measured = publish.build_trained("extractor", recipe.network, path)
    measured = devices.place(measured, device, frozen=True)
    rows = {style: summary(landmark_errors(measured, faces, device)) for style, faces in held_out.items()}
    quality: dict[str, Any] = {f"nme_{style}": row["all"] for style, row in rows.items()}
    quality |= {f"errors_{style}": row for style, row in rows.items()}
    table = [[name, *(row[name] for row in rows.values())] for name in ("all", *PARTS, "failed")]
    body = "\n\n".join(
        [
            f"Mean distance to the truth over the distance of the outer eye corners, on {recipe.held_out} held-out "
            f"identities of each style; *failed*: the share of faces above {FAILED}:",
            publish.markdown_table(["points", *rows], table),
        ]
    )
    speed = {"steps_per_second": round(outcome.speed, 3), "seconds": round(outcome.seconds, 1)}
    publish.finish(path, card, request, "Landmark network", quality, {**facts, **speed}, body)
    return quality
