"""Does a method tell the frames in which an AU is there from the others? Area under the ROC curve, for any scale.

ICC and errors compare numbers with intensities, which a probability or evidence is not. The order of its answers can be
judged all the same: an AU occurs where its true intensity is at least a threshold, 2 (level B) as is common in the
literature, and the area is the probability that a frame with it scores above one without (Hanley and McNeil 1982).
It has a table of its own, and its own protocols: it says nothing of intensity.
"""

from __future__ import annotations

import statistics as plain_statistics
from collections.abc import Sequence
from typing import Required, TypedDict

from sklearn.metrics import roc_auc_score

from aubench.compare.protocol import describe, differences, fingerprint
from aubench.compare.schema import OccurrenceRow, OccurrenceScore, OccurrenceTable, ProtocolGroup, ScoringProtocol
from aubench.compare.scoring import MethodScores, ScoreMatrix
from aubench.errors import UserError
from aubench.parameters import INTENSITY_SCALE
from aubench.statistics import Array

THRESHOLD = 2.0
_DIGITS = 2
"""Areas that print alike share a rank."""


def auc(truth: Array, scores: Array, threshold: float = THRESHOLD) -> tuple[float | None, str]:
    """The area, ties counted half, and why it is undefined where it is None."""
    there = truth >= threshold
    if not len(there):
        return None, "undefined: no frame"
    if there.all() or not there.any():
        return None, f"undefined: {'every' if there.all() else 'no'} frame has it"
    return float(roc_auc_score(there, scores)), ""


def check(threshold: float) -> None:
    """Raises :class:`UserError` for a threshold that no intensity can reach, or all do."""
    if not 0 < threshold <= INTENSITY_SCALE:
        raise UserError(
            f"--occurrence {threshold:g}: an intensity above 0 and up to {INTENSITY_SCALE:g}, such as 2",
            code="option-invalid",
        )


def table(found: ScoreMatrix, threshold: float = THRESHOLD) -> OccurrenceTable:
    """Every method's areas on one data set. Constants have no order and are left out.

    Args:
        found: the data set's truth and the methods scored on it.
        threshold: the intensity, above 0 and up to 5, from which an AU counts as there.

    Returns:
        Rows in groups of one protocol, the group with most rows first, ranked within it.

    Raises:
        UserError: the threshold is off the scale (``option-invalid``).
    """
    check(threshold)
    groups: dict[str, list[tuple[OccurrenceRow, ScoringProtocol]]] = {}
    for scored in found.scored:
        protocol = _protocol(found, scored)
        row = _row(found, scored, threshold)
        row.protocol = fingerprint(protocol)
        groups.setdefault(row.protocol, []).append((row, protocol))
    order = sorted(groups.values(), key=lambda g: (-len(g), -g[0][1].cells))
    rows, described = [], []
    for number, group in enumerate(order):
        own = sorted((row for row, _ in group), key=lambda r: -(r.mean.auc or 0.0))
        letter = chr(ord("A") + number) if number < 26 else f"Z{number}"
        protocol = group[0][1]
        for row in own:
            row.group = letter
        _rank(own, found.aus)
        rows += own
        differs = differences(protocol, order[0][0][1]) if number else ""
        names = [row.name for row in own]
        described.append(ProtocolGroup(group=letter, hash=own[0].protocol, rows=names, differs=differs))
    known = found.values
    positives = {au: int((known[:, i] >= threshold).sum()) for i, au in enumerate(found.aus)}
    return OccurrenceTable(threshold=threshold, positives=positives, groups=described, rows=rows)


def _protocol(found: ScoreMatrix, scored: MethodScores) -> ScoringProtocol:
    # The scale does not matter to an order, so that unlike scales may meet here on the same frames.
    person = scored.method.person
    return describe(found.dataset, found.digest, found.subjects, found.aus, scored.mask, "intensity", person)


def _row(found: ScoreMatrix, scored: MethodScores, threshold: float) -> OccurrenceRow:
    cells: dict[str, OccurrenceScore] = {}
    by_seed: list[list[float]] = [[] for _ in scored.values]
    for i, au in enumerate(found.aus):
        kept = scored.mask[:, i]
        truth = found.values[kept, i]
        areas = [auc(truth, values[kept, i], threshold) for values in scored.values]
        note = areas[0][1] if kept.any() else "not predicted"
        cells[au] = OccurrenceScore(**_spread([area for area, _ in areas]), n=int(kept.sum()),
                                    positives=int((truth >= threshold).sum()), note=note)  # fmt: skip
        for defined, (area, _) in zip(by_seed, areas, strict=True):
            defined += [] if area is None else [area]
    left = [au for au in found.aus if cells[au].auc is None]
    means = [plain_statistics.mean(areas) if areas else None for areas in by_seed]
    note = f"without {', '.join(left)}" if left else ""
    method = scored.method
    return OccurrenceRow(
        name=method.name,
        label=method.label,
        kind=method.kind,
        scale=method.scale,
        labels=method.labels,
        mean=OccurrenceScore(**_spread(means), n=len(found.aus) - len(left), note=note),
        aus=cells,
        seeds=len(scored.values),
    )


class _Spread(TypedDict, total=False):
    auc: Required[float | None]
    auc_sd: float


def _spread(areas: Sequence[float | None]) -> _Spread:
    """The mean over the seeds, and the deviation where there are several; None where a seed has no area."""
    defined = [area for area in areas if area is not None]
    if len(defined) < len(areas) or not defined:
        return {"auc": None}
    mean = plain_statistics.mean(defined)
    return {"auc": mean} if len(defined) == 1 else {"auc": mean, "auc_sd": plain_statistics.stdev(defined)}


def _rank(rows: Sequence[OccurrenceRow], aus: Sequence[str]) -> None:
    """Mark best and second of every column, within a protocol."""
    for row in rows:
        row.marks = {}
    for column in (*aus, "mean"):
        cells = [(row, (row.mean if column == "mean" else row.aus[column]).auc) for row in rows]
        values = [(row, round(-value, _DIGITS)) for row, value in cells if value is not None]
        ranks = sorted({value for _, value in values})
        for row, value in values if len(values) > 1 else []:
            if (place := ranks.index(value) + 1) <= 2:
                row.marks[column] = place
