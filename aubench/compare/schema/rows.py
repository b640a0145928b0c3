"""The rows of a comparison: methods scored here, scores that a report kept, and numbers printed elsewhere."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, JsonValue

from aubench.compare.formats import Scale
from aubench.compare.schema.protocol import Kind, Labels, Ranks
from aubench.compare.schema.supplement import MethodSpeed, NotMeasured
from aubench.result_model import Interval, ResultModel
from aubench.scores import MetricScores, ScoreTable


class SeedScores(ResultModel):
    """One seed of a method: where it is from, and its means over the AUs."""

    name: str
    folder: str | None
    seed: int | None
    icc31: float | None
    mae: float | None


class MethodFacts(ResultModel):
    """What is known of a method beside its scores; what is not known is not set."""

    licence: str = "–"
    frames_per_s: float | None = None
    """Frames a second as noted elsewhere, not measured for the comparison."""
    speed_noted: str = "elsewhere"
    """Where and when ``frames_per_s`` was noted."""
    megabytes: float | None = None
    """Size of the weights in MB (10^6 bytes)."""
    parameters: int | None = None
    """How many numbers the weights hold."""
    size_of: str = ""
    """What the size is of, where it is not the whole."""
    environment: dict[str, JsonValue] = Field(default_factory=dict)
    """Versions and machine of the run."""
    figure: str | None = None
    """Path of a picture: test frames above, faces drawn from the answers below."""


class MethodRow(ResultModel):
    """One method on one data set, scored here."""

    name: str
    label: str
    """What it is, in words."""
    kind: Kind
    scale: Scale
    """What the method's own numbers are."""
    rescale: float | None
    """The factor that brings its probabilities to 0..5, as the user stated; None where nothing was stated."""
    labels: Labels
    """Which AU labels it learnt from."""
    overlap: str
    """What of this data set the method has seen in training, in words."""
    mean: MetricScores
    """Means over the AUs."""
    aus: dict[str, MetricScores]
    """Scores by AU."""
    missing_aus: list[str]
    """Annotated AUs that it does not predict."""
    frames: int
    """Test frames of the truth."""
    scored: int
    """Frames on which at least one AU is scored."""
    invalid: int
    """Frames whose prediction is marked as not valid."""
    missing: int
    """Frames without a prediction."""
    surplus: int
    """Predictions of frames that the truth does not have."""
    missing_at: list[str]
    """Recordings with missing frames, in words, the largest gaps first."""
    not_annotated: list[str]
    """AUs that it predicts and the data set does not annotate."""
    subjects: int
    """People with a scored frame."""
    sequences: int
    """Recordings with a scored frame."""
    protocol: str
    """Fingerprint of the protocol."""
    notes: list[str]
    """What had to be done to its table, and what else a reader should know."""
    facts: MethodFacts
    seeds: list[SeedScores]
    """Each training seed; the scores above are their means."""
    folder: str | None = None
    """Folder of the run, for a run with one seed."""
    interval: Interval | None = None
    """95 % interval of the mean ICC(3,1): bootstrap over subjects, and over seeds where there are several."""
    mae_interval: Interval | None = None
    """95 % interval of the mean MAE."""
    interval_note: str = ""
    """Why there is no interval."""
    behind: Interval | None = None
    """95 % interval of the paired difference of the mean ICC(3,1) to the best row of its protocol. Not set for the best
    itself and for constants; None where the people are too few."""
    group: str = ""
    """Letter of its protocol's group."""
    marks: dict[str, Ranks] = Field(default_factory=dict)
    """Ranks by metric, ``icc31`` and ``mae``."""
    speed: MethodSpeed | NotMeasured | None = None
    """Not set where speed was not asked for."""
    flags: ClassVar[dict[str, str]] = {}

    @property
    def has_gap(self) -> bool:
        """Whether the row is compared with the best row of its protocol."""
        return "behind" in self.model_fields_set


class _Unranked(ResultModel):
    """What tables ask of every row, as it is for one of which only scores are known."""

    group: ClassVar[str] = ""
    scale: ClassVar[Scale] = "intensity"
    protocol: ClassVar[str] = ""
    interval: ClassVar[Interval | None] = None
    mae_interval: ClassVar[Interval | None] = None
    interval_note: ClassVar[str] = ""
    behind: ClassVar[Interval | None] = None
    has_gap: ClassVar[bool] = False
    seeds: ClassVar[list[SeedScores]] = []
    facts: ClassVar[MethodFacts] = MethodFacts()
    speed: ClassVar[MethodSpeed | NotMeasured | None] = None


class ReportedRow(_Unranked):
    """A row of a run's ``report.json`` whose predictions were not kept: shown, and never ranked."""

    name: str
    kind: Literal["reported"]
    label: str
    aus: dict[str, MetricScores]
    mean: MetricScores
    frames: int = 0
    scored: int = 0
    invalid: int = 0
    missing: int = 0
    surplus: int = 0
    subjects: int = 0
    sequences: int = 0
    labels: ClassVar[str] = ""
    marks: ClassVar[dict[str, Ranks]] = {}
    flags: ClassVar[dict[str, str]] = {}

    @classmethod
    def of(cls, name: str, label: str, table: ScoreTable) -> ReportedRow:
        """The row of a report as one of a comparison."""
        return cls(name=name, kind="reported", label=label, **dict(table))


class PrintedScores(ResultModel):
    """Scores of an AU, or their means, as printed with two digits; None where nothing is printed."""

    icc31: float | None
    mae: float | None
    n: ClassVar[None] = None
    note: ClassVar[str] = ""

    def value(self, metric: str) -> float | None:
        """A score by the name of its metric; None where it is not printed."""
        found: float | None = getattr(self, metric, None)
        return found

    def deviation(self, metric: str) -> None:
        """None: the paper prints no spread."""

    def interval(self, metric: str) -> None:
        """None: the paper prints no interval."""


class PublishedRow(_Unranked):
    """Numbers printed elsewhere, on a protocol that cannot be checked."""

    name: str
    label: str
    printed_in: str
    """Numbers of the tables, in words."""
    kind: Literal["published"]
    labels: str
    """Which AU labels the method learnt from."""
    tables: list[int]
    aus: dict[str, PrintedScores]
    mean: PrintedScores
    flags: dict[str, str]
    """Metric to a sentence, for each printed mean that its printed cells do not give."""
    marks: dict[str, Ranks] = Field(default_factory=dict)
    """Ranks by metric, where printed rows are ranked too."""


Row = MethodRow | ReportedRow | PublishedRow
