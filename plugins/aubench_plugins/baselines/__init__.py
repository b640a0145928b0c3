"""Rows that every report needs beside a method: predicting nothing, a linear reading of the features, ceilings."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from aubench import hookimpl
from aubench.component import Component, Config

DISFA_AND_BP4D = (
    "AU01", "AU02", "AU04", "AU05", "AU06", "AU09", "AU10", "AU12", "AU14", "AU15", "AU17", "AU20", "AU25", "AU26",
)  # fmt: skip


class BaselineConfig(Config):
    """``aus``: what to predict, in the order of the data set's labels."""

    aus: tuple[str, ...] = DISFA_AND_BP4D


class FeaturesConfig(BaselineConfig):
    """A linear reading of a frozen extractor's maps."""

    extractor: str = "bisenet"
    extractor_config: dict[str, object] = Field(default={})
    columns: int = Field(default=3000, ge=1, description="numbers kept of each region's map, those that vary most")


class RidgeConfig(FeaturesConfig):
    """Trained on faces that an engine draws, so that no label is needed."""

    engine: str = "bdfm"
    engine_config: dict[str, object] = Field(default={})
    style: Literal["game", "photo"] = Field(default="photo", description="look of the drawn faces")
    samples: int = Field(default=4000, ge=10, description="drawn faces")


class ResnetConfig(BaselineConfig):
    """A ResNet18 from random weights (nothing is downloaded), trained on labels."""

    size: int = Field(default=96, ge=32, le=512, description="side of the network's input, pixels")
    epochs: int = Field(default=6, ge=1)
    batch: int = Field(default=48, ge=2)
    rate: float = Field(default=2e-3, gt=0)


class CnnConfig(ResnetConfig):
    """Three convolutions and a hidden layer, trained on labels."""

    size: int = Field(default=48, ge=32, le=128, description="side of the network's input, pixels")
    hidden: int = Field(default=512, ge=8, description="width of the hidden layer")
    epochs: int = Field(default=12, ge=1)
    rate: float = Field(default=1e-3, gt=0)


class ExtraConfig(ResnetConfig):
    """The same with further synthetic people from ``dataset``, which must know ``extra_subjects``."""

    epochs: int = Field(default=3, ge=1)
    dataset: str = "synth"
    dataset_config: dict[str, object] = Field(default={"extra_subjects": 400, "extra_frames": 16})


@hookimpl
def aubench_estimators() -> list[Component]:
    return [
        Component("estimator", "zero", "always predicts 0", f"{__name__}.constant:Zero", BaselineConfig),
        Component("estimator", "mean", "always predicts the mean label", f"{__name__}.constant:Mean", BaselineConfig),
        Component(
            "estimator",
            "shuffle",
            "a random training label for every AU: the right distribution, nothing seen",
            f"{__name__}.constant:Shuffle",
            BaselineConfig,
        ),
        Component(
            "estimator",
            "cnn",
            "the three-layer network of Gudi et al. (2015), fitted to the training labels",
            f"{__name__}.cnn:Cnn",
            CnnConfig,
        ),
        Component(
            "estimator",
            "ridge",
            "ridge regression on frozen features, fitted to faces drawn by an engine (no labels)",
            f"{__name__}.linear:Ridge",
            RidgeConfig,
        ),
        Component(
            "estimator",
            "supervised-features",
            "ridge regression on frozen features, fitted to the training labels",
            f"{__name__}.linear:SupervisedFeatures",
            FeaturesConfig,
        ),
        Component(
            "estimator",
            "resnet18",
            "ResNet18 from random weights, fitted to the training labels (ceiling)",
            f"{__name__}.resnet:Resnet18",
            ResnetConfig,
        ),
        Component(
            "estimator",
            "resnet18-extra",
            "ResNet18 fitted to the training labels and to hundreds of further synthetic people (ceiling)",
            f"{__name__}.resnet:Resnet18Extra",
            ExtraConfig,
        ),
    ]
