"""The models behind ``comparison.json``: a :class:`Comparison` holds a :class:`DatasetComparison` per data set.

Scores are :class:`aubench.scores.MetricScores`; the parts are in ``rows``, ``protocol``, and (occurrence and speed)
``supplement``.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from aubench.compare.schema.protocol import Kind, Labels, ProtocolGroup, Ranks, ScoringProtocol
from aubench.compare.schema.rows import (
    MethodFacts,
    MethodRow,
    PrintedScores,
    PublishedRow,
    ReportedRow,
    Row,
    SeedScores,
)
from aubench.compare.schema.supplement import (
    DatasetSpeed,
    MethodSpeed,
    NotMeasured,
    OccurrenceRow,
    OccurrenceScore,
    OccurrenceTable,
)
from aubench.result_model import Interval, ResultModel

__all__ = [
    "FORMAT", "Comparison", "ComparisonOptions", "DatasetComparison", "DatasetSpeed", "Kind", "Labels", "MethodFacts",
    "MethodRow", "MethodSpeed", "NotMeasured", "OccurrenceRow", "OccurrenceScore", "OccurrenceTable", "PairScores",
    "PairTest", "PairTests", "PrintedScores", "ProtocolGroup", "PublishedRow", "Ranks", "ReportedRow", "Row",
    "ScoringProtocol", "SeedScores",
]  # fmt: skip

FORMAT: Literal[2] = 2
MissingCells = Literal["nan", "intersection"]


class PairScores(ResultModel):
    """Two methods in one metric: a less b."""

    difference: float | None
    """Of the mean scores, in the unit of the metric."""
    interval: Interval | None
    """95 % interval of the difference: paired bootstrap over subjects."""
    p: float | None
    """Permutation of whole subjects, 0 to 1."""
    d: float | None
    """Cohen's d of the subjects' own differences."""
    d_subjects: int
    """Subjects that d rests on."""
    p_holm: float | None = None
    """p after Holm's correction for all pairs."""


class PairTest(ResultModel):
    """Two methods on the frames that both have read."""

    a: str
    b: str
    frames: int
    subjects: int
    aus: list[str]
    icc31: PairScores
    mae: PairScores

    def scores(self, metric: str) -> PairScores:
        """The entry of a metric, ``icc31`` or ``mae``."""
        return self.icc31 if metric == "icc31" else self.mae


class PairTests(ResultModel):
    """Every pair of methods that can be compared."""

    draws: int
    """Swaps of subjects that were drawn at most."""
    exact: bool
    """Whether all swaps were tried."""
    smallest_p: float | None
    """The smallest p-value that this number of people allows; None without a pair of methods."""
    pairs: list[PairTest]


class DatasetComparison(ResultModel):
    """All rows on one data set."""

    truth: str
    """Digest of the labels, 16 hexadecimal digits."""
    aus: list[str]
    """Annotated AUs that are scored."""
    frames: int
    subjects: int
    best: str
    """Name of the first row of the first group."""
    groups: list[ProtocolGroup]
    """One for each protocol, the one with most rows first."""
    rows: list[MethodRow]
    """In groups, best first, constants last."""
    tests: PairTests
    occurrence: OccurrenceTable
    reported: list[ReportedRow]
    published: list[PublishedRow]
    speed: DatasetSpeed | None = None
    """Not set where speed was not asked for."""


class ComparisonOptions(ResultModel):
    """How the comparison was made."""

    missing_aus: MissingCells
    missing_frames: MissingCells
    draws: int
    """Resamples of the subjects."""
    seed: int
    published_ranked: bool
    occurs_from: float = 2.0
    """Intensity, above 0 and up to 5, from which an AU counts as there."""


class Comparison(ResultModel):
    """Methods side by side: what ``comparison.json`` holds, and every other output is made from."""

    command: str = ""
    date: str = ""
    environment: dict[str, str] = Field(default_factory=dict)
    """Versions and platform that the comparison ran on."""
    format: Literal[2] = 2
    """Version of this form."""
    options: ComparisonOptions
    datasets: dict[str, DatasetComparison]
