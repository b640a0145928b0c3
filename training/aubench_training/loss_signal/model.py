"""What is measured, as written to ``loss-signal.json``."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

FORMAT = 1
Reach = Literal["no path", "zero", "yes"]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OfParameter(_Record):
    """One loss and one parameter of the answer."""

    rms: float = Field(description="root mean square over frames of the gradient, unweighted")
    correlation: float | None = Field(
        description="Pearson's, over frames, of the negative gradient with truth less answer; null without truth, "
        "without a gradient, or where the error does not vary"
    )
    agreement: float | None = Field(
        description="share of the counted frames where the negative gradient has the sign of the error; a gradient of "
        "zero has none"
    )
    counted: int = Field(description="frames whose error is above the threshold")


class OfGroup(_Record):
    """One loss and one part of the answer: pose, au, identity or brow."""

    reach: Reach = Field(
        description="'no path': the loss does not depend on this part, by construction; 'zero': it does, yet the "
        "gradient is zero on every frame; 'yes': it is not"
    )
    rms: float = Field(description="root mean square over frames and numbers of the gradient, unweighted")
    share: float | None = Field(
        description="weight times rms, over that of the sampled loopback with its weight; null where that is zero or "
        "not known"
    )


class Mean(_Record):
    """Mean over the labelled AUs that have a value."""

    correlation: float | None
    low: float | None = Field(description="2.5 % of the means over resampled people")
    high: float | None = Field(description="97.5 %")
    agreement: float | None


class OfLoss(_Record):
    """One loss on one data set."""

    weight: float
    groups: dict[str, OfGroup]
    parameters: dict[str, OfParameter] = Field(description="yaw, pitch and the 23 AUs")
    mean: Mean
    through: list[str] = Field(
        description="words made by the regressor that the loss rests on; only the gradient at 'parameters' is measured"
    )


class OfDataset(_Record):
    """All losses on one data set."""

    name: str
    digest: str
    frames: int
    people: int
    aus: list[str] = Field(description="AUs with a label and a parameter")
    error_rms: dict[str, float | None] = Field(description="root mean square of truth less answer, by parameter")
    losses: dict[str, OfLoss]


class LossSignal(_Record):
    """A whole measurement. Parameters are in [0, 1]; five intensities are about one."""

    kind: Literal["loss-signal"] = "loss-signal"
    format: int = FORMAT
    aubench: str
    commit: str | None
    machine: str
    command: str
    seconds: float
    model: str = Field(description="'shipped', or the run folder")
    at: Literal["raw", "person"] = Field(
        description="answers to each frame by itself, or against each person's calm frames"
    )
    persons: int = Field(description="people that were read against calm frames")
    seed: int
    frames: int = Field(description="largest number of frames per data set")
    batch: int
    threshold: float = Field(description="errors up to this say nothing about signs")
    loopback_engine: str = Field(description="engine that drew the faces of the sampled loopback")
    loopback_faces: int
    loopback_weight: float = Field(description="of the sampled loopback beside the label-free losses")
    loopback: dict[str, float | None] = Field(
        description="root mean square of its gradient by part of the answer, unweighted; null where the engine's "
        "numbers are not those of the regressor"
    )
    datasets: list[OfDataset]
