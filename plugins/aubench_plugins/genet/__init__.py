"""The estimator ``genet``: facial parameters found by iterative optimisation, image by image."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from aubench import hookimpl
from aubench.component import Component, Config
from aubench.parameters import AU_NAMES

AUS = tuple(name for name in AU_NAMES if name[2:].isdigit())


class GenetConfig(Config):
    """``genet:10`` on the command line asks for every tenth frame.

    The defaults were chosen on frames of training people of the synthetic benchmark; see ``docs/compare.md``.
    """

    argument: ClassVar[str] = "every"

    aus: tuple[str, ...] = AUS
    every: int = Field(
        default=1, ge=1, description="search for every n-th frame of each video only; others get no answer"
    )
    iterations: int = Field(default=40, ge=1, description="steps of a frame's search at most")
    rate: float = Field(
        default=0.3, gt=0, description="first step size, on the unbounded scale; falls along half a cosine"
    )
    looks: float = Field(
        default=0.1, gt=0, description="step of identity and brow style, as a share of that of pose and AUs"
    )
    tolerance: float = Field(default=0.002, ge=0, description="a smaller relative gain than this counts as none")
    patience: int = Field(default=10, ge=1, description="a frame's search stops after so many steps without a gain")
    starts: int = Field(default=1, ge=1, description="searches per frame: from the base face, then from random faces")
    batch: int = Field(default=32, ge=1, description="searches that are under way at once")
    losses: dict[str, float] = Field(default={"ct": 1.0, "pr": 0.1}, description="loss plugins and their weights")
    loss_options: dict[str, dict[str, object]] = Field(default={})
    fused: bool = Field(default=True, description="hand f_gb to the losses as one more map beside the attended ones")
    standardise: bool = Field(default=False, description="compare features by their departures from each domain's mean")
    samples: int = Field(default=512, ge=2, description="frames, and drawn faces, for the statistics of both domains")
    renderer: str = "neural"
    renderer_config: dict[str, object] = Field(default={})
    extractor: str = "bisenet"
    extractor_config: dict[str, object] = Field(default={})
    engine: str = Field(default="bdfm", description="whose random faces the statistics and further starts are of")
    engine_config: dict[str, object] = Field(default={})
    device: str = "cpu"
    precision: Literal["auto", "bf16", "fp16", "fp32"] = "auto"


@hookimpl
def aubench_estimators() -> list[Component]:
    return [
        Component(
            "estimator",
            "genet",
            "iterative optimisation of each image's facial parameters (GENet, Song et al. 2020; no labels)",
            f"{__name__}.estimator:Genet",
            GenetConfig,
        )
    ]
