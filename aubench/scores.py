"""From truth and predictions to the numbers of ``report.json``: a row per way of predicting, a table per data set."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import pandas as pd

from aubench import metrics
from aubench.results import KEYS, aligned, au_columns, calibrate_per_subject

Constant = Literal["zero", "mean"]
LABELS = {
    "raw": "raw predictions",
    "calibrated": "calibrated per subject, from its unlabelled test frames",
    "person": "read against each subject's own calm frames, found among the unlabelled test frames",
    "zero": "constant zero",
    "mean": "constant mean of the test labels (an oracle)",
}
"""What the rows are that a report has of itself, in words; ``person`` only where the regressor reads persons."""


def score(
    truth: pd.DataFrame,
    predictions: pd.DataFrame,
    extra: Mapping[str, pd.DataFrame] | None = None,
    person: pd.DataFrame | None = None,
) -> dict[str, Any]:
    """The scored part of ``report.json``.

    ``{"datasets": {dataset: table}, "rows": {row: {"label":, "datasets": {dataset: table}}}}``, where ``datasets`` is
    the headline, the raw predictions again, and a table is ``{"aus": {"AU01": {"icc31":, "icc21":, "mae":,
    "mse":, "pcc":, "ccc":, "n":, "note":}}, "mean": {...}, "frames":, "subjects":, "sequences":, "scored":,
    "invalid":, "missing":, "surplus":}``. A number that is not defined is None, and the note says why. Rows: raw,
    calibrated, person where that is given (the same run's person-relative predictions), those of ``extra`` under their
    names, zero and mean.
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
        name: {"label": LABELS.get(name, name), "datasets": by_dataset(truth, t, partial=name in (extra or {}))}
        for name, t in tables.items()
    }
    return {"datasets": rows["raw"]["datasets"], "rows": rows}


def by_dataset(truth: pd.DataFrame, predictions: pd.DataFrame, *, partial: bool = False) -> dict[str, Any]:
    """The table of every data set in ``truth``; if ``partial``, of those with predictions. AUs that a data set does not
    annotate are left out."""
    tables = {}
    for name, part in truth.groupby("dataset", sort=True):
        annotated = [au for au in au_columns(part) if part[au].notna().any()]
        part = part[[c for c in part.columns if c not in au_columns(part) or c in annotated]]
        own = predictions[predictions["dataset"] == name]
        if partial and own.empty:
            continue
        values, counts = aligned(part, own)
        scores = metrics.per_au(part[annotated].to_numpy(float), values[annotated].to_numpy(float), annotated)
        tables[str(name)] = {
            "aus": {au: _plain(s) for au, s in scores.items()},
            "mean": _plain(metrics.mean_over_aus(scores)),
            **counts,
            "subjects": int(part["subject"].nunique()),
            "sequences": int(part.groupby(["subject", "sequence"]).ngroups),
        }
    return tables


def constant(truth: pd.DataFrame, how: Constant) -> pd.DataFrame:
    """Predictions that give every frame of a data set the same intensities."""
    out = truth[list(KEYS)].copy()
    for au in au_columns(truth):
        out[au] = 0.0 if how == "zero" else truth.groupby("dataset")[au].transform("mean")
    return out


def _plain(scores: Mapping[str, metrics.Score]) -> dict[str, float | int | str | None]:
    """Scores of one AU (or the means) for JSON: None for what is undefined, with the reasons in one note."""
    notes = dict.fromkeys(s.note for s in scores.values() if s.note)
    plain: dict[str, float | int | str | None] = {k: None if math.isnan(s) else float(s) for k, s in scores.items()}
    return {**plain, "n": scores["mae"].n, "note": "; ".join(notes)}
