"""A convolutional network trained on labels: the ceiling for what the training people, or many more, can teach."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import timm
import torch
import torch.nn.functional as F
from torch import Tensor

from aubench.contracts import Frames
from aubench.data.labels import open_labels
from aubench.discovery import build
from aubench.errors import UserError

from . import ExtraConfig, ResnetConfig
from .constant import mean_label, require_labels

Labels = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Part:
    """Frames and their labels (n, a); several parts train together without being copied into one array."""

    images: npt.NDArray[np.uint8]
    labels: Labels


class Resnet18:
    """timm's ``resnet18`` from random weights, all AUs from one head, Huber loss: plain absolute error on labels that
    are mostly zero collapses to zero."""

    supervised = True
    name = "resnet18"

    def __init__(self, config: ResnetConfig) -> None:
        self.aus = config.aus
        self._config = config
        self._network: torch.nn.Module | None = None

    def fit(self, frames: Frames, labels: Labels | None, *, seed: int) -> None:
        known = require_labels(self.name, labels, len(frames), self.aus)
        self._train([Part(frames.images, known)], seed)

    def predict(self, frames: Frames) -> Labels:
        if self._network is None:
            raise RuntimeError(f"{self.name}: fit before predict")
        self._network.eval()
        answers = []
        with torch.inference_mode(), _half():
            for start in range(0, len(frames), 128):
                batch = _pictures(frames.images[start : start + 128], self._config.size)
                # The mean over the picture and its mirror image: AUs here have no side.
                both = self._network(torch.cat([batch, batch.flip(3)])).float().view(2, len(batch), -1).mean(0)
                answers.append(both.double().numpy())
        intensities: Labels = np.clip(np.concatenate(answers), 0.0, 5.0)
        return intensities

    def weights(self) -> list[Tensor]:
        """Every number that a prediction needs."""
        return [] if self._network is None else list(self._network.state_dict().values())

    def _create(self) -> torch.nn.Module:
        """The network with random weights, its last layer called ``fc``."""
        network: torch.nn.Module = timm.create_model("resnet18", pretrained=False, num_classes=len(self.aus))
        return network

    def _train(self, parts: Sequence[Part], seed: int) -> None:
        config = self._config
        random = np.random.default_rng(seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network: Any = self._create()
        network.to(memory_format=torch.channels_last)
        with torch.no_grad():
            mean = mean_label(np.concatenate([part.labels for part in parts]))
            network.fc.bias.copy_(torch.from_numpy(np.nan_to_num(mean)))
        which = np.concatenate([np.full(len(part.labels), i) for i, part in enumerate(parts)])
        where = np.concatenate([np.arange(len(part.labels)) for part in parts])
        batch = min(config.batch, len(which))
        steps = config.epochs * (len(which) // batch)
        optimiser = torch.optim.AdamW(network.parameters(), lr=config.rate, weight_decay=0.02)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, config.rate, total_steps=steps, pct_start=0.2)
        network.train()
        for _ in range(config.epochs):
            order = random.permutation(len(which))
            for start in range(0, len(order) - batch + 1, batch):
                rows = order[start : start + batch]
                images = np.stack([parts[p].images[r] for p, r in zip(which[rows], where[rows], strict=True)])
                target = np.stack([parts[p].labels[r] for p, r in zip(which[rows], where[rows], strict=True)])
                pictures = _vary(_pictures(images, config.size), random)
                with _half():
                    answer = network(pictures)
                loss = _huber(answer.float(), torch.from_numpy(target).float())
                optimiser.zero_grad(set_to_none=True)
                torch.autograd.backward(loss)
                optimiser.step()
                schedule.step()
            if not math.isfinite(last := float(loss.detach())):
                raise RuntimeError(f"{self.name}: the loss is {last}; choose a smaller rate than {config.rate}")
        self._network = network


class Resnet18Extra(Resnet18):
    """With further people of a synthetic data set, whose labels cost nothing: identities, not frames, are what the
    training set lacks."""

    name = "resnet18-extra"

    def __init__(self, config: ExtraConfig) -> None:
        super().__init__(config)
        self._extra = config

    def fit(self, frames: Frames, labels: Labels | None, *, seed: int) -> None:
        known = require_labels(self.name, labels, len(frames), self.aus)
        # The main people are drawn already, and their test half must stay unseen: only extra ones are asked for.
        options = {"subjects": 0, "size": frames.images.shape[1], **self._extra.dataset_config}
        more = build("dataset", self._extra.dataset, options)
        if missing := [name for name in self.aus if name not in more.aus]:
            raise UserError(
                f"estimator {self.name!r}: data set {more.name!r} has no labels of {', '.join(missing)}.",
                code="labels-missing",
            )
        extra = open_labels(more, "train")[:, [more.aus.index(name) for name in self.aus]]
        self._train([Part(frames.images, known), Part(more.frames("train").images, extra)], seed)


def _half() -> torch.autocast:
    return torch.autocast("cpu", dtype=torch.bfloat16)


def _pictures(images: npt.NDArray[np.uint8], size: int) -> Tensor:
    """uint8 (n, h, w, 3) to (n, 3, size, size), about -2..2."""
    pictures = torch.from_numpy(np.array(images)).permute(0, 3, 1, 2).float() / 255.0
    if pictures.shape[-1] != size:
        pictures = F.interpolate(pictures, size=(size, size), mode="bilinear", align_corners=False, antialias=True)
    return ((pictures - 0.45) / 0.25).contiguous(memory_format=torch.channels_last)


def _vary(pictures: Tensor, random: np.random.Generator) -> Tensor:
    """Mirrored or not; a little shifted, turned and scaled; brighter or darker, of more or less contrast and colour."""
    count = len(pictures)
    mirror = np.where(random.random(count) < 0.5, -1.0, 1.0)
    angle, scale = random.normal(0, 0.06, count), np.exp(random.normal(0, 0.04, count))
    theta = np.zeros((count, 2, 3), dtype=np.float32)
    theta[:, 0, 0], theta[:, 0, 1] = mirror * np.cos(angle) / scale, -np.sin(angle) / scale
    theta[:, 1, 0], theta[:, 1, 1] = mirror * np.sin(angle) / scale, np.cos(angle) / scale
    theta[:, :, 2] = random.normal(0, 0.03, (count, 2))
    grid = F.affine_grid(torch.from_numpy(theta), list(pictures.shape), align_corners=False)
    moved = F.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
    gain = np.exp(random.normal(0, 0.2, (count, 1, 1, 1)) + random.normal(0, 0.06, (count, 3, 1, 1)))
    offset = random.normal(0, 0.25, (count, 1, 1, 1))
    changed = moved * torch.from_numpy(gain).float() + torch.from_numpy(offset).float()
    return changed.contiguous(memory_format=torch.channels_last)


def _huber(answer: Tensor, target: Tensor) -> Tensor:
    known = ~torch.isnan(target)
    return F.huber_loss(answer[known], target[known], delta=1.0)
