"""The comparison of methods on data sets: rows in groups of one protocol, ranked, tested in pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from aubench.compare import occurrence, published
from aubench.compare.baselines import CONSTANTS, constant
from aubench.compare.method import Member, Method
from aubench.compare.pairwise_tests import compare_pairs
from aubench.compare.protocol import differences
from aubench.compare.runs import Run
from aubench.compare.schema import (
    FORMAT,
    Comparison,
    ComparisonOptions,
    DatasetComparison,
    MethodRow,
    ProtocolGroup,
    PublishedRow,
    ReportedRow,
)
from aubench.compare.scoring import (
    SHOWN,
    FrameCounts,
    MethodScores,
    ScoreMatrix,
    finish,
    people,
    row,
    score_matrix,
    seed_mean,
)
from aubench.errors import UserError, did_you_mean
from aubench.statistics import Array, bootstrap, interval, mean_over_aus, resamples

_DIGITS = 2
"""Scores that print alike share a rank."""


@dataclass(frozen=True)
class Settings:
    """``common_aus``, ``common_frames``: score on what all methods have, instead of each on its own;
    ``rank_published``: let printed numbers take part in best and second; ``constants``: which constants to show;
    ``occurs_from``: the intensity from which an AU counts as there, for the areas under the ROC curve."""

    common_aus: bool = False
    common_frames: bool = False
    rank_published: bool = False
    show_published: bool = True
    constants: tuple[str, ...] = ("zero", "mean")
    occurs_from: float = occurrence.THRESHOLD
    draws: int = 10_000
    seed: int = 0


@dataclass(frozen=True)
class Truth:
    """Labels of a data set's test frames; ``digest`` is equal for equal ones."""

    table: pd.DataFrame
    digest: str


def truth_of_runs(runs: Sequence[Run], dataset: str) -> Truth:
    """What the runs agree on. Raises :class:`UserError` where they do not."""
    here = [run for run in runs if run.holds(dataset)]
    for run in here[1:]:
        if run.digest(dataset) != here[0].digest(dataset):
            raise UserError(
                f"{here[0].folder} and {run.folder} hold different test frames or labels of {dataset!r}, so that "
                "their scores cannot be compared; choose others with --runs",
                code="run-mismatch",
            )
    return Truth(here[0].truth, here[0].digest(dataset))


def alike(runs: Sequence[Run], datasets: Sequence[str]) -> tuple[list[Run], list[Run]]:
    """Runs whose truth is that of the last one which holds the data set, on every data set; and the others."""
    last = {d: run.digest(d) for run in runs for d in datasets if run.holds(d)}
    odd = [run for run in runs if any(run.holds(d) and run.digest(d) != last[d] for d in datasets)]
    return [run for run in runs if run not in odd], odd


def compare(
    methods: Sequence[Method],
    truths: Mapping[str, Truth],
    settings: Settings | None = None,
    reported: Mapping[str, Sequence[ReportedRow]] | None = None,
) -> tuple[Comparison, dict[str, ScoreMatrix]]:
    """Score every method on every data set that it holds.

    Args:
        methods: what is compared, each with a table of predictions per seed.
        truths: the labels of the test frames, by data set.
        settings: what is scored, shown and ranked.
        reported: rows of which only scores are left, by data set.

    Returns:
        What ``comparison.json`` holds, and by data set the frames (values and masks) that figures are drawn from.

    Raises:
        UserError: a name is there twice (``name-taken``), or no method holds a data set (``nothing-to-compare``).
    """
    settings = settings or Settings()
    names = [method.name for method in methods]
    taken = [*settings.constants]
    for name in names:
        if names.count(name) > 1 or name in taken:
            raise UserError(
                f"two rows would be called {name!r}; name the sources of --predictions otherwise", code="name-taken"
            )
    known = {str(d) for method in methods for member in method.members for d in member.table["dataset"].unique()}
    out: dict[str, DatasetComparison] = {}
    matrices: dict[str, ScoreMatrix] = {}
    for dataset, truth in truths.items():
        here = [method for method in methods if method.holds(dataset)]
        if methods and not here:
            raise UserError(
                f"nothing holds predictions for data set {dataset!r}. {did_you_mean(dataset, known)}",
                code="nothing-to-compare",
            )
        found = score_matrix(
            dataset, truth.table, truth.digest, here,
            common_aus=settings.common_aus, common_frames=settings.common_frames,
        )  # fmt: skip
        matrices[dataset] = found
        out[dataset] = _dataset(found, settings, (reported or {}).get(dataset, ()))
    options = ComparisonOptions(
        missing_aus="intersection" if settings.common_aus else "nan",
        missing_frames="intersection" if settings.common_frames else "nan",
        draws=settings.draws,
        seed=settings.seed,
        published_ranked=settings.rank_published,
        occurs_from=settings.occurs_from,
    )
    return Comparison(format=FORMAT, options=options, datasets=out), matrices


def _dataset(found: ScoreMatrix, settings: Settings, reported: Sequence[ReportedRow]) -> DatasetComparison:
    times = resamples(len(set(found.subjects.tolist())), settings.draws, settings.seed)
    groups: dict[str, list[MethodScores]] = {}
    for scored in found.scored:
        groups.setdefault(scored.hash, []).append(scored)
    order = sorted(groups.values(), key=lambda g: (-g[0].comparable, -len(g), -g[0].protocol.cells))
    alone = not order
    if alone:  # constants alone, on every cell of the truth
        order = [[_whole(found)]]
    rows, described = [], []
    for number, group in enumerate(order):
        letter = _letter(number)
        own = _constants(found, group[0], settings, times) if alone else _group(found, group, settings, times)
        for entry in own:
            entry.group = letter
        rows += own
        protocol = group[0].protocol
        differs = differences(protocol, order[0][0].protocol) if number else ""
        names = [entry.name for entry in own]
        described.append(
            ProtocolGroup(group=letter, hash=group[0].hash, protocol=protocol, rows=names, differs=differs)
        )
    printed = published.rows(found.dataset) if settings.show_published else []
    for number in range(len(order)):
        ranked = [r for r in rows if r.group == _letter(number)]
        _rank(ranked, printed if settings.rank_published and number == 0 else [], found.aus)
    return DatasetComparison(
        truth=found.digest,
        aus=found.aus,
        frames=len(found.truth),
        subjects=int(found.truth["subject"].nunique()),
        best=rows[0].name,
        groups=described,
        rows=rows,
        tests=compare_pairs(found, times, settings.draws),
        occurrence=occurrence.table(found, settings.occurs_from),
        reported=list(reported),
        published=printed,
    )


def _letter(number: int) -> str:
    return chr(ord("A") + number) if number < 26 else f"Z{number}"


def _group(found: ScoreMatrix, group: Sequence[MethodScores], settings: Settings, times: Array) -> list[MethodRow]:
    """The rows of one protocol, best first, then the constants on the same cells."""
    pairs = [(row(found, scored, times), scored) for scored in group]
    pairs.sort(key=lambda pair: -(icc if (icc := pair[0].mean.icc31) is not None else -2.0))
    if group[0].comparable:
        best = _samples(pairs[0][1], times)
        for entry, scored in pairs[1:]:
            both = min(people(found, scored.mask), people(found, pairs[0][1].mask))
            entry.behind = interval(_samples(scored, times, 2) - best, people=both)
        return [*(entry for entry, _ in pairs), *_constants(found, group[0], settings, times)]
    return [entry for entry, _ in pairs]


def _constants(found: ScoreMatrix, like: MethodScores, settings: Settings, times: Array) -> list[MethodRow]:
    """A row for each of the constants asked for, on the cells of ``like``."""
    return [row(found, constant(found, like, how, settings.seed), times) for how in settings.constants]


def _whole(found: ScoreMatrix) -> MethodScores:
    """What answers every cell of the truth; it stands in for methods where there are none."""
    method = Method("truth", "", "constant", [Member("truth", pd.DataFrame())])
    return finish(found, MethodScores(method, [found.values], np.ones(found.values.shape, bool), FrameCounts()))


def _samples(scored: MethodScores, times: Array, seed: int = 1) -> Array:
    return seed_mean([mean_over_aus(bootstrap(one, "icc31", times)) for one in scored.sums], seed)


def _rank(rows: Sequence[MethodRow], printed: Sequence[PublishedRow], aus: Sequence[str]) -> None:
    """Mark best and second of every column. What looks at the test labels cannot win."""
    entries: list[MethodRow | PublishedRow] = [*rows, *printed]
    for entry in entries:
        entry.marks = {metric: {} for metric in SHOWN}
    able = [entry for entry in entries if entry.labels != "oracle"]
    for metric in SHOWN:
        sign = -1.0 if metric == "icc31" else 1.0
        # A constant has no agreement by definition, but may well have the smallest error: that is worth seeing.
        ranked = [e for e in able if e.kind != "constant" or metric == "mae"]
        for column in (*aus, "mean"):
            cells = [(e, e.mean if column == "mean" else e.aus.get(column)) for e in ranked]
            values = [
                (e, round(sign * score, _DIGITS)) for e, c in cells if c and (score := c.value(metric)) is not None
            ]
            ranks = sorted({value for _, value in values})
            for entry, value in values if len(values) > 1 else []:
                place = int(np.searchsorted(ranks, value)) + 1
                if place <= 2:
                    entry.marks[metric][column] = place


def constants_known(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Baselines that need nothing but the truth, and the others."""
    return [n for n in names if n in CONSTANTS], [n for n in names if n not in CONSTANTS]
