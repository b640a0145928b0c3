"""``aubench pretrain extractor``: a face parser learns from the engine's parsing maps, heavily randomised.

What the regressor will see are the parser's feature maps, so beside the parsing loss small heads, thrown away
afterwards, may read off each map of the trunk where the 68 landmarks of the *aligned* face lie. Their targets are
standardised per coordinate, so that two pixels of lid opening weigh as much as ten of jaw width, and are taken before
the random affine map, which the features thus learn to ignore.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from aubench.component import Config
from aubench.contracts import PARSING_CLASSES, Features
from aubench.landmarks import MIRRORED
from aubench.parameters import AU, AU_NAMES, POSE, au_index
from aubench_training import device as devices
from aubench_training.pretrain import preflight, publish
from aubench_training.pretrain.augment import augment
from aubench_training.pretrain.faces import MoreFaces, face_pools, pool_names
from aubench_training.pretrain.loop import Budget, Settings, epoch_rows, train
from aubench_training.pretrain.publish import Part, Request
from aubench_training.pretrain.quality import IGNORED, Confusion
from aubench_training.samples import Samples

GRID = 64
"""The parsing loss is taken on every n-th pixel in both directions, so many a side, with an offset that changes from
step to step. The logits have stride 8; the pixels between say little more, and cost most of a step."""


class ExtractorRecipe(Config):
    """Options of the pretraining, see ``pretrain-extractor.yaml``."""

    engine: Part = Part(name="bdfm")
    network: Part = Part(name="bisenet")
    photo: int = Field(12000, ge=1)
    game: int = Field(3000, ge=1)
    more: list[MoreFaces] = Field(default_factory=list)
    """Faces of further engines, among which the network must not lose its way."""
    start: str = "none"
    """Weights to go on from, as the network's own option ``weights`` has them; "none" for random numbers."""
    held_out: int = Field(500, ge=2)
    steps: int = Field(1600, ge=1)
    batch: int = Field(32, ge=2)
    rate: float = Field(0.002, gt=0)
    strength: float = 1.0
    """Of the randomisation; 0 trains on the engine's pictures as they are."""
    nuisance: float = 0.8
    """Of the unlabelled movements in photo style."""
    landmarks: float = 1.0
    """Weight of the landmark heads; 0 leaves them away."""
    parameters: float = 0.0
    """Weight of heads that read off pose and AU parameters of the drawn faces; 0 leaves them away."""


class AuxiliaryHeads(nn.Module):
    """One small reader per trunk map: 1x1 convolution to 16 channels, ReLU, linear to ``outputs`` numbers."""

    def __init__(self, maps: tuple[Tensor, ...], outputs: int) -> None:
        super().__init__()
        self.readers = nn.ModuleList()
        for m in maps:
            _, c, h, w = m.shape
            squeeze = nn.Conv2d(c, 16, 1)
            self.readers.append(nn.Sequential(squeeze, nn.ReLU(), nn.Flatten(), nn.Linear(16 * h * w, outputs)))

    def forward(self, maps: tuple[Tensor, ...]) -> list[Tensor]:
        return [reader(m) for reader, m in zip(self.readers, maps, strict=True)]


class ParsingLearner:
    """Learns parsing (and landmarks) from pools of drawn faces. The network offers, as ``bisenet`` does,
    ``prepare(image)``, ``heads(prepared)``: logits (any strides) and trunk maps, and ``window(height, width)``: the
    rows and columns that it looks at."""

    def __init__(self, network: Any, pools: list[Samples], recipe: ExtractorRecipe, seed: int, device: Any) -> None:
        self.network, self.recipe, self.seed, self.device = network, recipe, seed, device
        self.pools = pools
        self.starts = np.cumsum([0, *(len(pool) for pool in pools)])
        self.size = pools[0].images.shape[1]
        self.class_weights = class_weights(pools).to(device)
        targets = np.concatenate([self._plain_targets(pool, slice(None)) for pool in pools])
        # A coordinate that hardly moves in the pool would weigh without bounds; mirrored, it may lie elsewhere.
        least = np.concatenate([np.full(136, self.size / 512), np.full(25, 0.01)])
        self.mean, self.spread = targets.mean(0), np.maximum(targets.std(0), least)
        self.wanted = np.concatenate([np.full(136, recipe.landmarks / 136), np.full(25, recipe.parameters / 25)])
        with torch.no_grad():
            network.eval()
            _, maps = network.heads(network.prepare(torch.zeros(1, 3, self.size, self.size)))
        self.seen = network.window(self.size, self.size)
        self.helpers: nn.Module = AuxiliaryHeads(maps, 161) if self.wanted.any() else nn.Module()

    def batch(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        rows = epoch_rows(int(self.starts[-1]), self.recipe.batch, step, self.seed)
        random = np.random.default_rng([self.seed, 1, step])
        which = np.searchsorted(self.starts, rows, side="right") - 1
        picked = [(self.pools[k], row - self.starts[k]) for k, row in zip(which, rows, strict=True)]
        images = np.stack([pool.images[row] for pool, row in picked])
        parsing = np.stack([pool.parsing[row] for pool, row in picked])
        done = augment(images, parsing, random, self.recipe.strength)
        targets = np.concatenate([self._plain_targets(pool, slice(row, row + 1)) for pool, row in picked])
        mirror = done.flipped.numpy()
        targets[mirror] = mirrored(targets[mirror], self.size)
        standard = torch.from_numpy(((targets - self.mean) / self.spread).astype(np.float32))
        return done.image, done.parsing, standard

    def loss(
        self, batch: tuple[Tensor, Tensor, Tensor], fraction: float
    ) -> tuple[Tensor, Mapping[str, Tensor | float]]:
        image, parsing, targets = (part.to(self.device, non_blocking=True) for part in batch)
        image = image.to(memory_format=torch.channels_last)
        logits, maps = self.network.heads(self.network.prepare(image))
        parsing = parsing[:, *self.seen]
        height, width = parsing.shape[1:]
        stride = max(1, self.size // GRID)
        offset = int(torch.randint(stride, (1,)))
        losses = []
        for index, one in enumerate(logits):
            every = stride if index == 0 else 2 * stride  # the heads that only help are asked on half the grid
            labels = parsing[:, offset::every, offset::every]
            places = range(offset, height, every), range(offset, width, every)
            losses.append(parsing_loss(one, labels, places, (height, width), self.class_weights))
        total = losses[0] + 0.5 * sum(losses[1:], torch.zeros((), device=image.device))
        numbers: dict[str, Tensor | float] = {"parsing": losses[0]}
        if len(list(self.helpers.parameters())):
            weight = torch.from_numpy(self.wanted).float().to(image.device)
            reads = [F.smooth_l1_loss(read.float(), targets, reduction="none") for read in self.helpers(maps)]
            auxiliary = torch.stack([(read * weight).sum(1).mean() for read in reads]).mean()
            total = total + auxiliary
            numbers["auxiliary"] = auxiliary
        return total, numbers

    @staticmethod
    def _plain_targets(pool: Samples, rows: slice) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Landmarks, then pose and AUs, (n, 161)."""
        points = np.asarray(pool.landmarks[rows], dtype=np.float64).reshape(-1, 136)
        vectors = pool.vectors[rows].astype(np.float64)
        return np.concatenate([points, vectors[:, POSE], vectors[:, AU]], axis=1)


def mirrored(targets: np.ndarray[Any, Any], size: int) -> np.ndarray[Any, Any]:
    """Targets (n, 161) of the mirrored picture: points change sides, the head turns the other way, the jaw too."""
    out = targets.copy()
    points = targets[:, :136].reshape(-1, 68, 2)[:, list(MIRRORED)]
    out[:, :136] = np.stack([size - 1 - points[..., 0], points[..., 1]], axis=-1).reshape(-1, 136)
    out[:, 136] = 1 - targets[:, 136]
    left, right = 138 + au_index("AU30L"), 138 + au_index("AU30R")
    out[:, [left, right]] = targets[:, [right, left]]
    return out


def class_weights(pools: list[Samples], faces: int = 400) -> Tensor:
    """Square root of how much rarer a class is than the median one, within [0.5, 4]; 1 for a class never seen."""
    counts = np.zeros(len(PARSING_CLASSES))
    for pool in pools:
        counts += np.bincount(pool.parsing[:faces].reshape(-1), minlength=len(counts))[: len(counts)]
    share = counts / counts.sum()
    median = np.median(share[share > 0])
    safe = np.where(share > 0, share, median)
    return torch.from_numpy(np.sqrt(median / safe).clip(0.5, 4.0)).float()


def parsing_loss(
    logits: Tensor, labels: Tensor, places: tuple[range, range], size: tuple[int, int], weights: Tensor
) -> Tensor:
    """Weighted cross-entropy at the rows and columns ``places`` of a picture of ``size``, of logits upsampled
    bilinearly, corners aligned.

    The upsampling is two small matrix products that make only the pixels asked for.
    """
    rows = upsampling_rows(logits.shape[-2], size[0], places[0]).to(logits.device)
    columns = upsampling_rows(logits.shape[-1], size[1], places[1]).to(logits.device)
    with torch.autocast(logits.device.type, enabled=False):
        fine = rows @ logits.float() @ columns.T
        return F.cross_entropy(fine, labels, weights, ignore_index=IGNORED)


def upsampling_rows(cells: int, size: int, places: range) -> Tensor:
    """(len(places), cells): weights of the cells at pixels ``places`` of a line of ``size``, corners aligned."""
    position = torch.tensor(list(places), dtype=torch.float32) * (cells - 1) / max(size - 1, 1)
    return (1 - (position[:, None] - torch.arange(cells)).abs()).clamp_min(0)


@torch.no_grad()
def parsing_quality(network: Any, pool: Samples, device: torch.device, batch: int = 50) -> Confusion:
    """Confusion of the parser on drawn faces, at the pictures' own size, where the network looks."""
    confusion = Confusion()
    rows, columns = network.window(*pool.images.shape[1:3])
    for start in range(0, len(pool), batch):
        image = torch.from_numpy(np.array(pool.images[start : start + batch])).permute(0, 3, 1, 2).float() / 255
        predicted = network.parse(image.to(device)).argmax(1).cpu()
        truth = torch.from_numpy(pool.parsing[start : start + batch].astype(np.int64))
        confusion.add(truth[:, rows, columns], predicted[:, rows, columns])
    return confusion


@torch.no_grad()
def feature_rows(network: Any, pool: Samples, device: torch.device, batch: int = 50, cells: int = 12) -> Tensor:
    """The five attended maps of every face as one row, maps finer than ``cells`` a side pooled to that, standardised
    over the pool (each domain has its own statistics)."""
    rows = []
    for start in range(0, len(pool), batch):
        image = torch.from_numpy(np.array(pool.images[start : start + batch])).permute(0, 3, 1, 2).float() / 255
        features: Features = network.features(image.to(device))
        small = [F.adaptive_avg_pool2d(m, min(cells, m.shape[-1])).flatten(1) for m in features.maps.values()]
        rows.append(torch.cat(small, 1).float().cpu())
    joined = torch.cat(rows)
    return (joined - joined.mean(0)) / (joined.std(0) + 1e-3)


def au_probe(network: Any, learned: Samples, tested: Mapping[str, Samples], device: torch.device) -> dict[str, Any]:
    """How much of the AUs a linear reader finds in the frozen maps: ridge regression learned on game faces, its
    correlation with the truth on held-out faces, per AU."""
    x = feature_rows(network, learned, device).double()
    y = torch.from_numpy(learned.vectors[:, AU].astype(np.float64))
    gram = x @ x.T
    ridge = 0.3 * gram.diagonal().mean() * torch.eye(len(x), dtype=torch.float64)
    dual = torch.linalg.solve(gram + ridge, y - y.mean(0))
    out: dict[str, Any] = {}
    for name, pool in tested.items():
        read = feature_rows(network, pool, device).double() @ (x.T @ dual)
        truth = torch.from_numpy(pool.vectors[:, AU].astype(np.float64))
        pairs = zip(read.T.numpy(), truth.T.numpy(), strict=True)
        values = [float(np.corrcoef(a, b)[0, 1]) if b.std() > 0 else float("nan") for a, b in pairs]
        out[name] = {"mean": float(np.nanmean(values)), **dict(zip(AU_NAMES, values, strict=True))}
    return out


def check_extractor(recipe: ExtractorRecipe, request: Request) -> None:
    """Raise ``UserError`` for what can be known to go wrong before a face is drawn."""
    engines = [recipe.engine, *(other.engine for other in recipe.more)]
    preflight.check(
        "extractor", recipe.network, engines, request, preflight.try_parser,
        needs=("prepare", "heads", "window", "parse", "features"), start=recipe.start,
    )  # fmt: skip


def pretrain_extractor(recipe: ExtractorRecipe, request: Request) -> dict[str, Any]:
    """Draw, train, measure, write. Returns the quality numbers."""
    device = devices.choose_device(request.device)
    check_extractor(recipe, request)
    pools, held_out = face_pools(recipe, request)
    devices.seed_everything(request.seed)
    card, network = publish.build_blank("extractor", recipe.network, start=recipe.start)
    learner = ParsingLearner(network, pools, recipe, request.seed, device)
    budget = Budget(request.steps or (None if request.minutes else recipe.steps), request.minutes)
    settings = Settings(rate=recipe.rate)
    outcome = train(
        learner,
        budget,
        settings,
        request.out,
        title="extractor",
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
    confusions = {style: parsing_quality(measured, faces, device) for style, faces in held_out.items()}
    probe = au_probe(measured, pools[1].first(2000), held_out, device)
    quality: dict[str, Any] = {f"miou_{style}": c.mean_iou() for style, c in confusions.items()}
    quality |= {f"iou_{s}": dict(zip(PARSING_CLASSES, c.iou().tolist(), strict=True)) for s, c in confusions.items()}
    quality |= {f"au_probe_{style}": values for style, values in probe.items()}
    speed = {"steps_per_second": round(outcome.speed, 3), "seconds": round(outcome.seconds, 1)}
    table = [[name, *(quality[f"iou_{style}"][name] for style in held_out)] for name in PARSING_CLASSES]
    table.append(["**mean**", *(quality[f"miou_{style}"] for style in held_out)])
    probes = [[name, *(values[name] for values in probe.values())] for name in (*AU_NAMES, "mean")]
    body = "\n\n".join(
        [
            f"Intersection over union on {recipe.held_out} held-out identities of each style, in the part of the crop "
            "that the network looks at:",
            publish.markdown_table(["class", *held_out], table),
            "Correlation of AUs read linearly off the frozen maps (ridge learned on game faces) with the truth:",
            publish.markdown_table(["AU", *probe], probes),
        ]
    )
    publish.finish(path, card, request, "Extractor", quality, {**facts, **speed}, body)
    return quality
