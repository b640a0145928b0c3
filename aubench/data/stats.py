"""What the labels of a data set look like: intensities per AU, what is missing, who shows what, what goes together.

Reads labels through the door (:func:`aubench.data.labels.open_labels`), so never during unsupervised training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from aubench.contracts import Dataset, Split
from aubench.data.labels import open_labels
from aubench.data.records import State
from aubench.facs import ACTION_UNITS

LEVELS = 6
"""Intensities 0 to 5; a continuous one counts for the nearest, halves for the higher."""
Part = Literal["train", "test", "all"]
_NAMES = {unit.key: unit.name for unit in ACTION_UNITS}


@dataclass(frozen=True)
class AuStatistics:
    """One AU. ``levels`` (6,) counts frames by intensity; ``missing`` frames are not coded, in ``unmeasured`` ones it
    is known to be there, not how strongly; ``zero`` of level 0 are exactly 0. ``mean`` and ``highest`` are of known
    intensities, ``None`` where there is none. ``subjects`` show it at least at the threshold."""

    au: str
    levels: tuple[int, ...]
    missing: int
    unmeasured: int
    zero: int
    mean: float | None
    highest: float | None
    subjects: int

    @property
    def coded(self) -> int:
        """Frames whose intensity is known."""
        return sum(self.levels)

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": _NAMES.get(self.au, ""),
            "coded": self.coded,
            "missing": self.missing,
            "present_without_intensity": self.unmeasured,
            "levels": list(self.levels),
            "exactly_zero": self.zero,
            "mean": self.mean,
            "highest": self.highest,
            "subjects": self.subjects,
        }


@dataclass(frozen=True)
class LabelStatistics:
    """A data set or one of its splits. ``together`` (a, a): frames in which both AUs are present, that is at least at
    ``threshold``; ``asked`` (a, a): frames in which the row's is present and the column's is coded."""

    dataset: str
    part: Part
    digest: str
    frames: int
    subjects: int
    sequences: int
    threshold: float
    aus: tuple[AuStatistics, ...]
    together: npt.NDArray[np.int64]
    asked: npt.NDArray[np.int64]

    def given(self) -> npt.NDArray[np.float64]:
        """Share (a, a) of the frames with the row's AU in which the column's is present, too; NaN where there is no
        such frame."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(self.asked > 0, self.together / self.asked, np.nan)

    def strongest(self, most: int = 5) -> list[tuple[str, str, float]]:
        """The pairs of AUs with the largest share of common frames among those that show either, largest first."""
        pairs = []
        for i, first in enumerate(self.aus):
            for j, second in enumerate(self.aus[:i]):
                # Only frames in which both are coded count: asked[i, j] of them show the first, asked[j, i] the second.
                either = int(self.asked[i, j] + self.asked[j, i] - self.together[i, j])
                if self.together[i, j]:
                    pairs.append((second.au, first.au, float(self.together[i, j] / either)))
        return sorted(pairs, key=lambda pair: -pair[2])[:most]

    def as_dict(self) -> dict[str, Any]:
        """For JSON; undefined numbers are ``None``."""
        given = self.given()
        return {
            "dataset": self.dataset,
            "split": self.part,
            "digest": self.digest,
            "frames": self.frames,
            "subjects": self.subjects,
            "sequences": self.sequences,
            "threshold": self.threshold,
            "aus": {each.au: each.as_dict() for each in self.aus},
            "co_occurrence": {
                "aus": [each.au for each in self.aus],
                "together": self.together.tolist(),
                "asked": self.asked.tolist(),
                "given_row": [[None if np.isnan(v) else round(float(v), 6) for v in row] for row in given],
            },
        }


def describe(
    labels: npt.NDArray[np.floating],
    states: npt.NDArray[np.integer] | None,
    subjects: npt.NDArray[np.str_],
    sequences: npt.NDArray[np.str_],
    aus: tuple[str, ...],
    *,
    threshold: float = 1.0,
    dataset: str = "",
    part: Part = "all",
    digest: str = "",
) -> LabelStatistics:
    """Statistics of intensities (n, a), NaN where not known, with their ``states`` (n, a) of
    :class:`aubench.data.records.State` (``None``: NaN means missing), of frames of ``subjects`` and ``sequences`` (n,).

    An AU that is there without an intensity counts as present up to a threshold of 1, and as not coded above. Raises
    ``ValueError`` for arrays that do not fit together.
    """
    values = np.asarray(labels, np.float64)
    known = ~np.isnan(values)
    codes = np.where(known, State.VALUE, State.MISSING) if states is None else np.asarray(states)
    shape = (len(subjects), len(aus))
    if values.shape != shape or codes.shape != shape or len(sequences) != len(subjects):
        raise ValueError(f"labels {values.shape}, states {codes.shape}, {len(subjects)} subjects and {len(aus)} AUs")
    if np.any(known != (codes == State.VALUE)):
        raise ValueError("labels must be NaN where, and only where, the state is not VALUE")
    unmeasured = codes == State.PRESENT
    told = known | (unmeasured if threshold <= 1 else False)
    present = np.where(known, np.nan_to_num(values) >= threshold, unmeasured & told)
    each = []
    for column, au in enumerate(aus):
        mine = values[known[:, column], column]
        levels = np.bincount(np.floor(mine + 0.5).astype(np.int64), minlength=LEVELS)
        each.append(
            AuStatistics(
                au,
                tuple(int(count) for count in levels),
                int((codes[:, column] == State.MISSING).sum()),
                int(unmeasured[:, column].sum()),
                int((mine == 0).sum()),
                round(float(mine.mean()), 6) if mine.size else None,
                round(float(mine.max()), 6) if mine.size else None,
                len(np.unique(subjects[present[:, column]])),
            )
        )
    counts = present.astype(np.float64)
    return LabelStatistics(
        dataset,
        part,
        digest,
        len(subjects),
        len(np.unique(subjects)),
        len({*zip(subjects.tolist(), sequences.tolist(), strict=True)}),
        threshold,
        tuple(each),
        np.rint(counts.T @ counts).astype(np.int64),
        np.rint(counts.T @ told.astype(np.float64)).astype(np.int64),
    )


def of_dataset(dataset: Dataset, part: Part = "all", *, threshold: float = 1.0) -> LabelStatistics:
    """Statistics of a data set, or of one of its splits. Raises :class:`aubench.data.labels.LabelsLocked` behind a
    locked door, ``UserError`` for labels that do not fit."""
    splits: tuple[Split, ...] = ("train", "test") if part == "all" else (part,)
    labels, states, subjects, sequences = [], [], [], []
    for split in splits:
        values = open_labels(dataset, split)
        labels.append(values)
        states.append(_states(dataset, split, values))
        frames = dataset.frames(split)
        subjects.append(frames.subject)
        sequences.append(frames.sequence)
    return describe(
        np.concatenate(labels),
        np.concatenate(states),
        np.concatenate(subjects),
        np.concatenate(sequences),
        tuple(dataset.aus),
        threshold=threshold,
        dataset=dataset.name,
        part=part,
        digest=dataset.digest,
    )


def _states(dataset: Dataset, split: Split, values: npt.NDArray[np.float64]) -> npt.NDArray[np.integer]:
    """States of a data set that tells them, as those made of a reader do; of others NaN is missing."""
    if (read := getattr(dataset, "read_states", None)) is not None:
        return np.asarray(read(split), np.uint8)
    return np.where(np.isnan(values), State.MISSING, State.VALUE).astype(np.uint8)
