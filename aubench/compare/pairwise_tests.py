"""Do two methods differ? Every pair on the frames that both have read, corrected for the number of pairs (Holm).

The test swaps the two methods' answers for whole subjects (:func:`aubench.statistics.permutation_p`); the interval of
the difference is a paired bootstrap over subjects; the effect size is Cohen's d of the subjects' own differences.
Constants are no methods: a pair with one would only make every other test harder to pass.
"""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import numpy.typing as npt

from aubench import statistics
from aubench.compare.schema import PairScores, PairTest, PairTests
from aubench.compare.scoring import MethodScores, ScoreMatrix, seed_mean
from aubench.statistics import Array, Metric, SubjectSums

TESTED: tuple[Metric, ...] = ("icc31", "mae")


def compare_pairs(found: ScoreMatrix, times: Array, draws: int) -> PairTests:
    """Test every pair of methods of a data set.

    Args:
        found: the data set's truth and the methods scored on it.
        times: how often each subject is in each resample, (r, s).
        draws: largest number of swaps of subjects; all of them if there are fewer.

    Returns:
        A test of each pair that has a frame in common.
    """
    methods = [s for s in found.scored if s.comparable and s.method.kind != "constant"]
    pairs = []
    exact, smallest = True, None
    for a, b in combinations(methods, 2):
        mask = a.mask & b.mask
        frames = int(mask.any(axis=1).sum())
        if not frames:
            continue
        sums = _on(found, a, mask), _on(found, b, mask)
        there = sums[0][0].cells[..., 0].sum(axis=1) > 0
        subjects = int(there.sum())
        patterns, exact = statistics.swaps(subjects, draws)
        smallest = max(smallest or 0.0, 1 / len(patterns))
        swapped = [_of(one, there) for one in sums[0]], [_of(one, there) for one in sums[1]]
        scores: dict[str, PairScores] = {}
        for metric in TESTED:
            difference, p = statistics.permutation_p(*swapped, metric, patterns)
            effect, rests_on = statistics.cohens_dz(*sums, metric)
            samples = [
                seed_mean([statistics.mean_over_aus(statistics.bootstrap(one, metric, times)) for one in side], seed)
                for seed, side in enumerate(sums, 1)
            ]
            scores[metric] = PairScores(
                difference=_none(difference),
                interval=statistics.interval(samples[0] - samples[1], people=subjects),
                p=_none(p),
                d=_none(effect),
                d_subjects=rests_on,
            )
        aus = [au for au, column in zip(found.aus, mask.T, strict=True) if column.any()]
        pairs.append(
            PairTest(a=a.method.name, b=b.method.name, frames=frames, subjects=subjects, aus=aus,
                     icc31=scores["icc31"], mae=scores["mae"])
        )  # fmt: skip
    for metric in TESTED:
        found_p = {
            str(i): math.nan if (p_value := pair.scores(metric).p) is None else p_value for i, pair in enumerate(pairs)
        }
        for i, corrected in statistics.holm(found_p).items():
            pairs[int(i)].scores(metric).p_holm = _none(corrected)
    return PairTests(draws=draws, exact=exact, smallest_p=smallest, pairs=pairs)


def _on(found: ScoreMatrix, scored: MethodScores, mask: npt.NDArray[np.bool_]) -> list[SubjectSums]:
    """The sums of a method on the frames of the pair."""
    if np.array_equal(mask, scored.mask):
        return scored.sums
    values = [np.where(mask, v, np.nan) for v in scored.values]
    return [statistics.subject_sums(found.values, v, found.subjects.tolist()) for v in values]


def _of(sums: SubjectSums, there: npt.NDArray[np.bool_]) -> SubjectSums:
    """Without the people who have no such frame: to swap them changes nothing."""
    names = tuple(name for name, kept in zip(sums.subjects, there, strict=True) if kept)
    return SubjectSums(names, sums.cells[there])


def _none(value: float) -> float | None:
    return None if math.isnan(value) else value
