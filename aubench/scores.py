"""From truth and predictions to the numbers of ``report.json``: a row per way of predicting, a table per data set."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import pandas as pd
from pydantic import Field

from aubench import metrics
from aubench.result_model import Interval, ResultModel
from aubench.results import KEYS, aligned, au_columns, calibrate_per_subject

Constant = Literal["zero", "mean"]
MetricName = Literal["icc31", "icc21", "mae", "mse", "pcc", "ccc"]
LABELS = {
    "raw": "raw predictions",
    "calibrated": "calibrated per subject, from its unlabelled test frames",
    "person": "read against each subject's own calm frames, found among the unlabelled test frames",
    "zero": "constant zero",
    "mean": "constant mean of the test labels (an oracle)",
}
"""What the rows are that a report has of itself, in words; ``person`` only where the regressor reads persons."""


class MetricScores(ResultModel):
    """The scores of one AU, or their means over the AUs of a data set.

    A score is None where it is undefined (see :mod:`aubench.metrics`) or means nothing on the scale of the predictions.
    """

    icc31: float | None
    """ICC(3,1), consistency, -1 to 1; higher is better."""
    icc31_sd: float | None = None
    """Standard deviation over the seeds (n - 1), not set for one seed; so are the next."""
    icc21: float | None
    """ICC(2,1), absolute agreement, -1 to 1; higher is better."""
    icc21_sd: float | None = None
    mae: float | None
    """Mean absolute error in intensity steps, 0 to 5; lower is better."""
    mae_sd: float | None = None
    mse: float | None = None
    """Mean squared error in squared intensity steps, 0 to 25; lower is better."""
    mse_sd: float | None = None
    pcc: float | None
    """Pearson's correlation, -1 to 1; higher is better."""
    pcc_sd: float | None = None
    ccc: float | None = None
    """Lin's concordance correlation, -1 to 1; higher is better."""
    ccc_sd: float | None = None
    n: int = 0
    """Number of frames that the scores rest on; of means, number of AUs."""
    note: str = ""
    """Why a score is undefined or degenerate; empty where none is."""
    icc31_interval: Interval | None = None
    """95 % interval of ``icc31`` from a bootstrap over subjects. Not set where none was asked for, None for too few."""
    mae_interval: Interval | None = None
    """95 % interval of ``mae``."""

    def value(self, metric: str) -> float | None:
        """A score by the name of its metric; None where it is undefined."""
        found: float | None = getattr(self, metric)
        return found

    def deviation(self, metric: str) -> float | None:
        """The standard deviation of a score over the seeds; None for one seed."""
        found: float | None = getattr(self, f"{metric}_sd")
        return found

    def interval(self, metric: str) -> Interval | None:
        """The interval of a score; None where there is none."""
        found: Interval | None = getattr(self, f"{metric}_interval", None)
        return found


class ScoreTable(ResultModel):
    """The scores of one way of predicting on one data set, all frames pooled."""

    aus: dict[str, MetricScores]
    """Scores by the name of the AU, such as "AU12"; annotated AUs only."""
    mean: MetricScores
    """Means over the AUs."""
    frames: int = 0
    """Test frames of the truth."""
    scored: int = 0
    """Frames with a valid prediction of at least one AU."""
    invalid: int = 0
    """Frames whose prediction is marked as not valid."""
    missing: int = 0
    """Frames without a prediction."""
    surplus: int = 0
    """Predictions of frames that the truth does not have."""
    subjects: int = 0
    """People in the truth."""
    sequences: int = 0
    """Recordings in the truth."""


class ScoredRow(ResultModel):
    """One way of predicting, such as raw predictions or a baseline."""

    label: str
    """What it is, in words."""
    datasets: dict[str, ScoreTable] = Field(default_factory=dict)
    """Scores by data set."""
    failed: dict[str, str] = Field(default_factory=dict)
    """Data set to the reason for which there are no predictions."""


class Scores(ResultModel):
    """Everything that was scored on the test frames of a run."""

    datasets: dict[str, ScoreTable] = Field(default_factory=dict)
    """The headline: the row ``raw`` by data set."""
    rows: dict[str, ScoredRow] = Field(default_factory=dict)
    """All rows by name: ``raw``, ``calibrated``, ``person``, baselines, ``zero``, ``mean``."""


def score(
    truth: pd.DataFrame,
    predictions: pd.DataFrame,
    extra: Mapping[str, pd.DataFrame] | None = None,
    person: pd.DataFrame | None = None,
) -> Scores:
    """Score tables of predictions against one of truth: the scored part of ``report.json``.

    Args:
        truth: the labels, a row per test frame: ``dataset, subject, sequence, frame`` and intensities 0 to 5 by AU.
        predictions: intensities for the same frames, see :mod:`aubench.results`.
        extra: further predictions of these frames, by the name of their row.
        person: the same run's predictions against each subject's calm frames, where it reads persons.

    Returns:
        The rows raw, calibrated, person where it is given, those of ``extra``, zero and mean.

    Raises:
        ValueError: a name in ``extra`` is that of a row which every report has.
        UserError: no frame is both in the truth and in a table.
    """
    for name in extra or {}:
        if name in LABELS:
            raise ValueError(f"{name!r} is the name of a row that every report has")
    tables = {
        "raw": predictions,
        "calibrated": calibrate_per_subject(predictions),
        **({} if person is None else {"person": person}),
        **(extra or {}),
        "zero": constant(truth, "zero"),
        "mean": constant(truth, "mean"),
    }
    rows = {
        name: ScoredRow(label=LABELS.get(name, name), datasets=by_dataset(truth, t, partial=name in (extra or {})))
        for name, t in tables.items()
    }
    return Scores(datasets=rows["raw"].datasets, rows=rows)


def by_dataset(truth: pd.DataFrame, predictions: pd.DataFrame, *, partial: bool = False) -> dict[str, ScoreTable]:
    """The scores of every data set in ``truth``; if ``partial``, of those with predictions. AUs that a data set does
    not annotate are left out."""
    tables = {}
    for name, part in truth.groupby("dataset", sort=True):
        annotated = [au for au in au_columns(part) if part[au].notna().any()]
        part = part[[c for c in part.columns if c not in au_columns(part) or c in annotated]]
        own = predictions[predictions["dataset"] == name]
        if partial and own.empty:
            continue
        values, counts = aligned(part, own)
        scores = metrics.per_au(part[annotated].to_numpy(float), values[annotated].to_numpy(float), annotated)
        tables[str(name)] = ScoreTable(
            aus={au: metric_scores(s) for au, s in scores.items()},
            mean=metric_scores(metrics.mean_over_aus(scores)),
            **counts,
            subjects=int(part["subject"].nunique()),
            sequences=int(part.groupby(["subject", "sequence"]).ngroups),
        )
    return tables


def constant(truth: pd.DataFrame, how: Constant) -> pd.DataFrame:
    """Predictions that give every frame of a data set the same intensities."""
    out = truth[list(KEYS)].copy()
    for au in au_columns(truth):
        out[au] = 0.0 if how == "zero" else truth.groupby("dataset")[au].transform("mean")
    return out


def metric_scores(scores: Mapping[str, metrics.Score], refused: tuple[str, ...] = ()) -> MetricScores:
    """The scores of one AU (or the means) with None for what is undefined or ``refused``, the reasons in one note."""
    notes = dict.fromkeys(s.note for s in scores.values() if s.note)
    plain: dict[str, Any] = {k: None if math.isnan(s) or k in refused else float(s) for k, s in scores.items()}
    return MetricScores(**plain, n=scores["mae"].n, note="; ".join(notes))
