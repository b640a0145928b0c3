"""A comparison as tables: the paper's form as a grid that every output shows alike, and tidy rows for CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aubench.compare import speed_table
from aubench.compare.schema import Comparison, DatasetComparison, MethodRow, OccurrenceRow, Row
from aubench.spreadsheet import safe

METRICS = {"icc31": "ICC(3,1)", "mae": "MAE"}
MEAN = "mean"
OCCURRENCE = (
    "Area under the ROC curve of each method's numbers for the AU's occurrence (true intensity of {:g} or more). "
    "It judges the order of answers alone, so that probabilities may take part; it is no agreement in intensity, and "
    "in no ranking but its own. Half is chance; undefined where all frames are of one kind."
)
_TIDY = ("icc31", "icc21", "mae", "mse", "pcc", "ccc")
_HEAD = ("dataset", "group", "protocol", "method", "kind", "scale", "labels", "metric", "au", "value", "sd", "low",
         "high", "n", "rank", "note")  # fmt: skip


_LONGEST_HEAD = 1 << 10


@dataclass(frozen=True)
class Cell:
    """A score as printed. ``mark``: 1 best, 2 second, 0 neither; ``group`` where it is not the first's; ``flag``: what
    is wrong with a printed number."""

    text: str
    mark: int = 0
    group: str = ""
    flag: str = ""
    value: float | None = None


@dataclass(frozen=True)
class Line:
    name: str
    kind: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Grid:
    """The paper's Table 1: data sets side by side, an AU a column and the average last; a block of lines per metric."""

    columns: tuple[tuple[str, str], ...]
    """(data set, AU or "mean")."""
    blocks: dict[str, list[Line]]

    @property
    def datasets(self) -> list[str]:
        return list(dict.fromkeys(dataset for dataset, _ in self.columns))

    def width(self, dataset: str) -> int:
        return sum(1 for d, _ in self.columns if d == dataset)


def short(value: float | None, digits: int = 2) -> str:
    """As the paper prints it: 0.61 as .61; a dash where there is none."""
    if value is None:
        return "–"
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def names(comparison: Comparison) -> list[tuple[str, str]]:
    """(name, kind) of every row on any data set: methods, then constants, then what only scores are left of, then
    printed ones."""
    datasets = comparison.datasets.values()
    methods = [entry for here in datasets for entry in here.rows]
    entries: list[Row] = [entry for entry in methods if entry.kind != "constant"]
    entries += [entry for entry in methods if entry.kind == "constant"]
    entries += [entry for here in datasets for entry in here.reported]
    entries += [entry for here in datasets for entry in here.published]
    found: dict[str, str] = {}
    for entry in entries:
        found.setdefault(_key(entry), entry.kind)
    return list(found.items())


def _key(entry: Row) -> str:
    """What a row is called: a constant of a later group belongs to that group, a printed row is marked as such."""
    if entry.kind == "constant" and entry.group != "A":
        return f"{entry.name} ({entry.group})"
    return f"{entry.name} [printed]" if entry.kind == "published" else entry.name


def every_row(here: DatasetComparison) -> list[Row]:
    """Methods and constants, then what only scores are left of, then printed rows."""
    return [*here.rows, *here.reported, *here.published]


def grid(comparison: Comparison, *, per_au: bool = True) -> Grid:
    """Per AU (Table 1), or the averages alone (Tables 2 and 3)."""
    datasets = comparison.datasets
    columns: list[tuple[str, str]] = []
    for dataset, here in datasets.items():
        columns += [(dataset, au) for au in here.aus] if per_au else []
        columns.append((dataset, MEAN))
    rows = {dataset: {_key(entry): entry for entry in every_row(here)} for dataset, here in datasets.items()}
    blocks: dict[str, list[Line]] = {}
    for metric in METRICS:
        lines = []
        for name, kind in names(comparison):
            if kind == "constant" and name.endswith(")"):  # of a later group: in the tables of means only
                continue
            cells = tuple(_cell(rows[dataset].get(name), metric, column) for dataset, column in columns)
            if any(cell.value is not None for cell in cells):
                lines.append(Line(name, kind, cells))
        blocks[metric] = lines
    return Grid(tuple(columns), blocks)


def without_empty(whole: Grid) -> Grid:
    """The same without AUs of which no row has a score; averages stay."""
    lines = [line for block in whole.blocks.values() for line in block]
    kept = [
        i
        for i, (_, au) in enumerate(whole.columns)
        if au == MEAN or any(line.cells[i].value is not None for line in lines)
    ]
    blocks = {
        metric: [replace(line, cells=tuple(line.cells[i] for i in kept)) for line in block]
        for metric, block in whole.blocks.items()
    }
    return Grid(tuple(whole.columns[i] for i in kept), blocks)


def _cell(entry: Row | None, metric: str, column: str) -> Cell:
    if entry is None:
        return Cell("–")
    scores = entry.mean if column == MEAN else entry.aus.get(column)
    value = scores.value(metric) if scores else None
    mark = entry.marks.get(metric, {}).get(column, 0)
    group = "" if value is None or entry.group == "A" else entry.group
    flag = entry.flags.get(metric, "") if column == MEAN else ""
    return Cell(short(value), mark, group, flag, value)


def tidy(comparison: Comparison) -> str:
    """Every number on a line of its own, as CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_HEAD)
    for dataset, here in comparison.datasets.items():
        lines = [line for entry in every_row(here) for line in _tidy(dataset, entry)]
        lines += [line for area in here.occurrence.rows for line in _tidy_occurrence(dataset, area)]
        lines += [line for entry in here.rows for line in _tidy_speed(dataset, entry, here)]
        writer.writerows([safe(cell) for cell in line] for line in lines)
    return out.getvalue()


def is_tidy(path: Path) -> bool:
    """Whether a file begins as :func:`tidy` does."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.readline(_LONGEST_HEAD).rstrip("\n") == ",".join(_HEAD)
    except (OSError, ValueError):
        return False


def _tidy(dataset: str, entry: Row) -> Iterator[Sequence[Any]]:
    fixed = (dataset, entry.group, entry.protocol, entry.name, entry.kind, entry.scale, entry.labels)
    whole = {"icc31": entry.interval, "mae": entry.mae_interval}
    for au, cell in (*entry.aus.items(), (MEAN, entry.mean)):
        for metric in _TIDY:
            if metric not in type(cell).model_fields:
                continue
            low, high = (whole.get(metric) if au == MEAN else cell.interval(metric)) or ("", "")
            rank = entry.marks.get(metric, {}).get(au, "")
            note = entry.flags.get(metric, "") if au == MEAN else ""
            value, spread = cell.value(metric), cell.deviation(metric)
            yield (
                *fixed, metric, au, _digits(value), _digits(spread), _digits(low), _digits(high),
                "" if cell.n is None else cell.n, rank, note or cell.note,
            )  # fmt: skip


def _digits(value: float | str | None) -> str:
    """Six significant digits; empty where there is none."""
    return "" if value is None or isinstance(value, str) else f"{value:.6g}"


def _tidy_occurrence(dataset: str, entry: OccurrenceRow) -> Iterator[Sequence[Any]]:
    """Areas; their group and protocol are those of the table of occurrence."""
    fixed = (dataset, entry.group, entry.protocol, entry.name, entry.kind, entry.scale, entry.labels)
    for au, cell in (*entry.aus.items(), (MEAN, entry.mean)):
        value, more = _digits(cell.auc), _digits(cell.auc_sd)
        yield (*fixed, "auc", au, value, more, "", "", cell.n, entry.marks.get(au, ""), cell.note)


def _tidy_speed(dataset: str, entry: MethodRow, here: DatasetComparison) -> Iterator[Sequence[Any]]:
    if entry.kind == "constant":
        return
    one = speed_table.line(entry, here)
    fixed = (dataset, entry.group, entry.protocol, entry.name, entry.kind, entry.scale, entry.labels)
    note = "; ".join(filter(None, ("measured in this run" if one.measured else "", one.note)))
    values = {"ms_per_image": one.ms, "images_per_s": one.images_per_s,
              **{f"ms_{stage}": one.stages.get(stage) for stage in speed_table.STAGES},
              "parameters": one.parameters, "megabytes": one.megabytes}  # fmt: skip
    for metric, value in values.items():
        if value is not None:
            measured = here.speed if one.measured and metric not in ("parameters", "megabytes") else None
            yield (*fixed, metric, "", f"{value:.6g}", "", "", "", measured.frames if measured else "", "", note)
