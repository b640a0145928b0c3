"""Numbers printed elsewhere: transcribed, never recomputed, and kept out of every ranking unless it is asked for.

``assets/published.csv`` holds the tables of the paper that this bench follows, with their source. What its cells say
about its means is checked here: a mean that does not follow from the cells beside it is flagged.
"""

from __future__ import annotations

import functools
from importlib.resources import files

import pandas as pd

from aubench.compare.schema import PrintedScores, PublishedRow

SOURCE = "Song et al., ACM Multimedia 2020 (arXiv 2008.08862)"
_ROUNDING = 0.005
"""Printed with two digits; a mean further than half a step from that of its cells was not made from them."""
METRICS = ("icc31", "mae")


@functools.cache
def table() -> pd.DataFrame:
    """Every printed number: ``table, method, labels, quoted, dataset, metric, au ("mean" for the average), value``."""
    with files("aubench.compare").joinpath("assets/published.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file, comment="#", dtype={"method": str, "au": str})


def rows(dataset: str) -> list[PublishedRow]:
    """The printed rows of a data set, in the paper's order."""
    here = table()[table()["dataset"] == dataset]
    out = []
    for method, part in here.groupby("method", sort=False):
        numbers: dict[str, dict[str, float | None]] = {}
        for row in part.sort_values("table").itertuples():
            numbers.setdefault(str(row.au), dict.fromkeys(METRICS, None)).setdefault(str(row.metric), None)
            numbers[str(row.au)][str(row.metric)] = float(str(row.value))
        mean = numbers.pop("mean")
        printed_in = [f"Table {number}" for number in sorted(set(part["table"]))]
        quoted = ", quoted there from its reference" if part["quoted"].any() else ""
        out.append(
            PublishedRow(
                name=str(method),
                label=f"printed in {' and '.join(printed_in)} of {SOURCE}{quoted}",
                printed_in=f"{' and '.join(printed_in)}{quoted}",
                kind="published",
                labels=str(part["labels"].iloc[0]),
                tables=sorted(int(t) for t in set(part["table"])),
                aus={au: PrintedScores(icc31=cell["icc31"], mae=cell["mae"]) for au, cell in sorted(numbers.items())},
                mean=PrintedScores(icc31=mean["icc31"], mae=mean["mae"]),
                flags=_flags(numbers, mean),
            )
        )
    return out


def _flags(cells: dict[str, dict[str, float | None]], mean: dict[str, float | None]) -> dict[str, str]:
    """Metric to a sentence, for each printed mean that its printed cells do not give."""
    flags = {}
    for metric in METRICS:
        values = [v for cell in cells.values() if (v := cell[metric]) is not None]
        printed = mean[metric]
        if values and printed is not None:
            own = sum(values) / len(values)
            if abs(own - printed) > _ROUNDING + 1e-9:
                flags[metric] = f"printed {printed:.2f}, but the mean of the printed cells is {own:.4f}"
    return flags


def doubtful() -> list[tuple[str, str, str, str]]:
    """All flagged means: (data set, method, metric, sentence)."""
    datasets = table()["dataset"].unique()
    return [(d, r.name, m, text) for d in datasets for r in rows(str(d)) for m, text in r.flags.items()]
