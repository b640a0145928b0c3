"""The report of a run: ``report.json`` for machines, ``report.md`` for people, both functions of the result tables."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from aubench.files import atomic_write_text
from aubench.report.markdown import run_page
from aubench.report.schema import FORMAT, Report
from aubench.results import PERSON, PREDICTIONS, TRUTH, read_predictions, read_truth
from aubench.scores import ScoredRow, score

REPORT, PAGE, FIGURE = "report.json", "report.md", "figure.png"


def write_report(
    run_dir: str | os.PathLike[str],
    *,
    extra: Mapping[str, str | os.PathLike[str] | pd.DataFrame] | None = None,
    failed: Mapping[str, Mapping[str, str]] | None = None,
    facts: Mapping[str, object] | None = None,
) -> Report:
    """Score ``predictions.csv`` against ``truth.csv`` in a run folder; write ``report.json`` and ``report.md`` there.

    ``predictions_person.csv``, where there is one, makes a row of its own.

    Args:
        run_dir: the run folder. A ``figure.png`` in it (input beside rendered faces) is shown on the page.
        extra: predictions of others on the same frames, by row name: tables or CSV files (baselines, ceilings).
        failed: why there are no predictions of a row, by row name and data set: such a row has an entry ``failed``.
        facts: what else to record, at the top level of ``report.json`` as it stands: ``command``, ``config``,
            ``seed``, ``commit``, ``machine``, ``wall_s``, ... Anything that JSON can hold.

    Returns:
        What ``report.json`` holds: the facts beside the scores of :func:`aubench.scores.score`.

    Raises:
        UserError: a table is missing or wrong.
        ValueError: a fact has the name of an entry that the scores have.
    """
    folder = Path(run_dir)
    person = read_predictions(folder / PERSON) if (folder / PERSON).is_file() else None
    others = {n: t if isinstance(t, pd.DataFrame) else read_predictions(t) for n, t in (extra or {}).items()}
    scored = score(read_truth(folder / TRUTH), read_predictions(folder / PREDICTIONS), others, person)
    for name, reasons in (failed or {}).items():
        row = scored.rows.setdefault(name, ScoredRow(label=name, datasets={}))
        row.failed = dict(reasons)
    if taken := sorted({"format", "datasets", "rows"} & set(facts or {})):
        raise ValueError(f"facts may not be called {', '.join(taken)}")
    known: dict[str, Any] = {key: _jsonable(value) for key, value in (facts or {}).items()}
    return _write(folder, Report(format=FORMAT, datasets=scored.datasets, rows=scored.rows, **known))


def write_unscored_report(run_dir: str | os.PathLike[str], *, facts: Mapping[str, object] | None = None) -> Report:
    """The report of a run none of whose data sets has labels: facts as in :func:`write_report`, and no score."""
    known: dict[str, Any] = {key: _jsonable(value) for key, value in (facts or {}).items()}
    return _write(Path(run_dir), Report(format=FORMAT, datasets={}, rows={}, **known))


def _write(folder: Path, report: Report) -> Report:
    atomic_write_text(folder / REPORT, report.to_json())
    figure = FIGURE if (folder / FIGURE).is_file() else None
    atomic_write_text(folder / PAGE, run_page(folder.resolve().name, report, figure))
    return report


def _jsonable(value: Any) -> Any:
    """Paths as text, NaN and infinity as None, tuples as lists, keys as text; numpy's numbers as Python's."""
    if isinstance(value, Mapping):
        return {str(key): _jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_jsonable(item) for item in value]
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
