"""``synth``: video sequences of synthetic people with exact AU intensities, drawn on first use."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from aubench import hookimpl
from aubench.component import Component, Config


class SynthConfig(Config):
    """Which people are drawn, and how. Every field but ``workers`` is part of the identity of the data."""

    engines: ClassVar[tuple[str, ...]] = ("engine",)

    subjects: int = Field(default=27, ge=0, description="people; every third (S003, S006, ...) is a test subject")
    sequences: int = Field(default=3, ge=1, description="sequences of each person")
    frames_per_sequence: int = Field(default=80, ge=1)
    stride: int = Field(default=4, ge=1, description="of 25 frames a second, every stride-th is drawn")
    size: int = Field(default=128, ge=16, le=1024, description="side of the aligned crops, pixels")
    seed: int = Field(default=0, ge=0)
    engine: str = Field(default="bdfm", description="renderer plugin that draws the people")
    gap: float = Field(
        default=0.0, ge=0, le=1, description="how far people are outside the engine's identity space and AU shapes"
    )
    extra_subjects: int = Field(default=0, ge=0, description="training people more, for supervised ceilings")
    extra_frames: int = Field(default=16, ge=1, description="frames of each of them, spread over one sequence")
    workers: int | None = Field(default=None, ge=1, description="drawing processes; None: one for each core")


@hookimpl
def aubench_datasets() -> list[Component]:
    return [
        Component(
            "dataset",
            "synth",
            "synthetic people on video, 18 to train and 9 to test, exact intensities of 14 AUs",
            f"{__name__}.dataset:Synth",
            SynthConfig,
        )
    ]
