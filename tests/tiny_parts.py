"""One tiny plugin of every kind that training needs, found through ``$AUBENCH_PLUGINS``. A face is 16 pixels wide and
its picture nearly linear in its parameters, so that a run takes seconds and its regressor has something to learn."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

from aubench import hookimpl
from aubench.component import Component, Config
from aubench.contracts import REGIONS, Drawn, Features, Frames
from aubench.data.labels import load_labels
from aubench.parameters import AU_NAMES, AU_SIZE, BROW_SIZE, IDENTITY_SIZE, SIZE, FacialParameters

SIDE = 16
AUS = ("AU01", "AU04", "AU12", "AU25")
DIGEST = "tiny-1"


def _fixed(*shape: int, seed: int, scale: float = 1.0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * scale


class TinyRenderer(nn.Module):
    """Picture = sigmoid of a fixed random map of the parameters. Engine and generator in one."""

    differentiable = True
    size = SIDE

    def __init__(self, config: Config) -> None:
        super().__init__()
        weights = _fixed(SIZE, 3 * SIDE * SIDE, seed=1, scale=0.05)
        weights[2:25] *= 8.0
        self.register_buffer("weights", weights)

    def draw(self, parameters, *, style="game", looks=None, shots=None, nuisance=None) -> Drawn:
        image = torch.sigmoid((parameters.vector() - 0.5) @ self.weights).reshape(-1, 3, SIDE, SIDE)
        if style == "photo":
            image = image * 0.8 + 0.1
        b = len(parameters)
        return Drawn(image, torch.zeros(b, SIDE, SIDE, dtype=torch.int64), torch.zeros(b, 68, 2))

    def sample(self, count: int, seed: int) -> FacialParameters:
        dice = np.random.default_rng(seed)
        brow = np.eye(BROW_SIZE)[dice.integers(0, BROW_SIZE, count)]
        au = dice.random((count, AU_SIZE)) * (dice.random((count, AU_SIZE)) < 0.3)
        parts = [dice.random((count, 2)), au, dice.random((count, IDENTITY_SIZE)), brow]
        return FacialParameters(*(torch.from_numpy(part.astype(np.float32)) for part in parts))


class TinyExtractor(nn.Module):
    def __init__(self, config: Config) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 4, 4)
        with torch.no_grad():
            self.conv.weight.copy_(_fixed(6, 3, 4, 4, seed=2, scale=0.3))
            self.conv.bias.zero_()

    def features(self, image: torch.Tensor) -> Features:
        out = self.conv(image)
        return Features(out, {name: out * (i + 1) / 5 for i, name in enumerate(REGIONS)})


class TinyRecogniser(nn.Module):
    def __init__(self, config: Config) -> None:
        super().__init__()
        self.register_buffer("weights", _fixed(3 * SIDE * SIDE, 8, seed=3))

    def embed(self, image: torch.Tensor) -> torch.Tensor:
        return image.flatten(1) @ self.weights


class TinyRegressorConfig(Config):
    step_s: float = 0.0
    """Seconds to sleep in every forward pass in training, for tests that kill a run."""


class TinyRegressor(nn.Module):
    def __init__(self, config: TinyRegressorConfig, shapes) -> None:
        super().__init__()
        self.step_s = config.step_s
        inputs = int(np.prod(shapes.fused)) + sum(int(np.prod(s)) for s in shapes.maps.values())
        self.body = nn.Sequential(nn.Linear(inputs, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.1))
        self.head = nn.Linear(64, SIZE)

    def forward(self, features: Features) -> FacialParameters:
        if self.training:
            time.sleep(self.step_s)
        flat = torch.cat([features.fused.flatten(1), *(m.flatten(1) for m in features.maps.values())], dim=1)
        out = self.head(self.body(flat)).float()
        y = FacialParameters.from_vector(torch.sigmoid(out))
        return FacialParameters(y.pose, y.au, y.identity, torch.softmax(out[:, -BROW_SIZE:], dim=1))


class TinyDatasetConfig(Config):
    name: str = "tiny"
    seed: int = 7
    peek: bool = False
    """Try to read the labels while frames are asked for, as a cheating data set would."""


class TinyDataset:
    """Twelve people, four frames each, in a folder of ``$TINY_DATA`` (or in memory); every third is a test subject."""

    aus = AUS

    def __init__(self, config: TinyDatasetConfig) -> None:
        self.config, self.name = config, config.name
        self.digest = f"tiny-{config.seed}"
        self.engine = TinyRenderer(Config())

    def _people(self, split: str) -> list[int]:
        return [p for p in range(12) if (p % 3 == 2) == (split == "test")]

    def _parameters(self, split: str) -> FacialParameters:
        everyone = self.engine.sample(48, self.config.seed)
        return everyone[torch.tensor([p * 4 + f for p in self._people(split) for f in range(4)])]

    def frames(self, split: str) -> Frames:
        if self.config.peek:
            self.read_labels(split)
        people = self._people(split)
        with torch.no_grad():
            image = self.engine.draw(self._parameters(split), style="photo").image
        images = (image.permute(0, 2, 3, 1) * 255).round().to(torch.uint8).numpy()
        subject = np.array([f"P{p:02d}" for p in people for _ in range(4)])
        frame = np.array([f for _ in people for f in range(4)], dtype=np.int64)
        return Frames(self.name, images, subject, np.full(len(frame), "s1"), frame)

    def read_labels(self, split: str) -> np.ndarray:
        columns = [AU_NAMES.index(name) for name in AUS]
        labels = self._parameters(split).au.numpy()[:, columns].astype(np.float64) * 5
        folder = os.environ.get("TINY_DATA")
        if folder is None:
            return labels
        path = Path(folder) / f"{split}.aulabels.npy"
        if not path.exists():
            np.save(path, labels)
        return load_labels(path)


class TinyEstimatorConfig(Config):
    supervised: bool = False


class TinyEstimator:
    """Predicts one everywhere, and writes down whether it was given labels."""

    aus = AUS

    def __init__(self, config: TinyEstimatorConfig) -> None:
        self.supervised = config.supervised

    def fit(self, frames: Frames, labels, *, seed: int) -> None:
        if path := os.environ.get("TINY_NOTES"):
            Path(path).write_text(json.dumps({"labels": labels is not None}))

    def predict(self, frames: Frames) -> np.ndarray:
        return np.ones((len(frames), len(AUS)))


@hookimpl
def aubench_renderers() -> list[Component]:
    return [Component("renderer", "tiny", "random linear pictures", f"{__name__}:TinyRenderer")]


@hookimpl
def aubench_extractors() -> list[Component]:
    return [Component("extractor", "tiny", "one convolution", f"{__name__}:TinyExtractor")]


@hookimpl
def aubench_recognisers() -> list[Component]:
    return [Component("recogniser", "tiny", "one matrix", f"{__name__}:TinyRecogniser")]


@hookimpl
def aubench_regressors() -> list[Component]:
    return [Component("regressor", "tiny", "two layers", f"{__name__}:TinyRegressor", TinyRegressorConfig)]


@hookimpl
def aubench_datasets() -> list[Component]:
    return [Component("dataset", "tiny", "twelve people", f"{__name__}:TinyDataset", TinyDatasetConfig)]


@hookimpl
def aubench_estimators() -> list[Component]:
    return [Component("estimator", "tiny", "always one", f"{__name__}:TinyEstimator", TinyEstimatorConfig)]
