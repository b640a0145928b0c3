"""The models behind ``report.json``: what a run scored, and how it was made."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field, JsonValue

from aubench.result_model import ResultModel
from aubench.scores import ScoredRow, ScoreTable

FORMAT: Literal[1] = 1


class WeightsUsed(ResultModel):
    """One file of weights in the frozen networks of a run."""

    network: str = ""
    """Which network holds it, such as "extractor"."""
    weights: str = ""
    """Name of the file."""
    licence: str = ""
    origin: str = ""
    """Where it comes from: a command or an address."""


class SplitUsed(ResultModel):
    """The split of a data set's subjects. Of very many subjects, only the number is told, in words."""

    name: str
    note: str = ""
    train: list[str] | str = Field(default_factory=list)
    test: list[str] | str = Field(default_factory=list)
    left_out: list[str] | str = Field(default_factory=list)
    """Subjects in neither part."""
    absent: list[str] | str = Field(default_factory=list)
    """Subjects that the split names and the data set does not have."""
    sha256: str
    """Hash of the data set's name and the subjects of both parts, 64 hexadecimal digits."""


class DataSetUsed(ResultModel):
    """What a run notes of a prepared data set; further entries say how its crops were made."""

    model_config = ConfigDict(extra="allow")

    split: SplitUsed | None = None


class TrainingFacts(ResultModel):
    """How the training went; further entries are measurements of the recipe."""

    model_config = ConfigDict(extra="allow")

    steps: int | None = None
    """Optimiser steps of all phases."""
    resumed_at: int | None = None
    """Step at which the last process took the run up; None where it ran through."""
    passed_over: int | None = None
    """Steps without an update, since their gradient was not finite."""
    steps_per_s: dict[str, float] = Field(default_factory=dict)
    """Steps a second, by phase."""
    train_s: float | None = None
    """Wall time of the training in seconds."""
    peak_memory_mib: dict[str, int | float] = Field(default_factory=dict)
    """Peak memory in MiB, of the process and of the GPU."""
    in_domain_icc31: float | None = None
    """Mean ICC(3,1) on held-out faces that the engine drew, -1 to 1."""


class Report(ResultModel):
    """The report of a run. Entries beside the fields are facts that whoever wrote it added.

    Example:
        >>> report = Report.model_validate({"seed": 3, "datasets": {}, "rows": {}})
        >>> report.seed, report.datasets
        (3, {})
    """

    model_config = ConfigDict(extra="allow")

    format: Literal[1] = 1
    """Version of this form; reports without it are of version 1 too."""
    datasets: dict[str, ScoreTable] = Field(default_factory=dict)
    """The headline, raw predictions, by data set; empty where no data set has labels of test frames."""
    rows: dict[str, ScoredRow] = Field(default_factory=dict)
    """Every way of predicting by name; the first is ``raw``."""
    command: str | list[str] | None = None
    recipe: str | None = None
    preset: str | None = None
    losses: dict[str, int | float] = Field(default_factory=dict)
    """Weight by loss."""
    additions: list[str] = Field(default_factory=list)
    """Additions to the paper's method that were on."""
    seed: int | None = None
    commit: str | None = None
    data: dict[str, str] = Field(default_factory=dict)
    """Digest by data set."""
    training_frames: dict[str, int] = Field(default_factory=dict)
    """How many frames the label-free losses saw, by data set."""
    data_sets: dict[str, DataSetUsed] = Field(default_factory=dict)
    """Split and making of each prepared data set."""
    leakage: dict[str, list[str]] = Field(default_factory=dict)
    """People who are in train and test at once, each with the places ("train of synth"); not set where nobody is."""
    machine: str | dict[str, JsonValue] | None = None
    training: TrainingFacts | None = None
    halved_batch: list[str] = Field(default_factory=list)
    """Phases that ran with half the batch, since memory did not suffice."""
    weights: list[WeightsUsed] = Field(default_factory=list)
    predict_frames_per_s: float | None = None
    """Test frames read in a second, features included, on the run's device."""
    wall_s: float | None = None
    """Wall time of the whole run in seconds."""
