"""How sure a score is, and whether two methods differ: bootstrap and permutation of whole subjects.

Frames of one subject are anything but independent, so that subjects are what is drawn or swapped, never frames. Every
metric of two judges follows from seven sums per subject and AU (:class:`SubjectSums`), so that a replicate is a product
of small matrices, however many frames there are. Two methods are compared on the same draws (paired).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from aubench.types import Array as Array

Metric = Literal["icc31", "icc21", "mae", "mse", "pcc", "ccc"]
DRAWS = 2000
_FLAT = 1e-12
"""A variance below this is rounding: intensities are of the order of 1."""
_N, _T, _P, _TT, _PP, _TP, _ABS = range(7)


@dataclass(frozen=True)
class SubjectSums:
    """Per subject and AU: pairs of truth and prediction, and their sums. ``cells`` is (s, a, 7): number of pairs, sums
    of t, p, t t, p p, t p and |t - p|, where t and p are both less the AU's mean truth, so that squares do not cancel
    and differences stay."""

    subjects: tuple[str, ...]
    cells: Array

    def total(self, times: Array) -> Array:
        """Sums over resamples: how often each subject is in them (r, s) to (r, a, 7)."""
        flat: Array = times @ self.cells.reshape(len(self.subjects), -1)
        return flat.reshape(len(times), *self.cells.shape[1:])


def subject_sums(truth: npt.ArrayLike, prediction: npt.ArrayLike, subjects: Sequence[str]) -> SubjectSums:
    """Sums of intensities (n, a), NaN where there is none; ``subjects`` (n,) says whose frame it is."""
    t, p = np.asarray(truth, np.float64), np.asarray(prediction, np.float64)
    if t.ndim != 2 or t.shape != p.shape or len(t) != len(subjects):
        raise ValueError(f"truth {t.shape}, prediction {p.shape} and {len(subjects)} subjects do not belong together")
    whose, index = np.unique(np.asarray(subjects), return_inverse=True)
    if len(index) and (np.diff(index) < 0).any():
        order = np.argsort(index, kind="stable")
        t, p, index = t[order], p[order], index[order]
    known = ~np.isnan(t)
    centre = np.where(known, t, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    ends = np.searchsorted(index, np.arange(len(whose) + 1))
    cells = np.empty((len(whose), t.shape[1], 7))
    for row, (start, end) in enumerate(pairwise(ends)):
        x, y = t[start:end] - centre, p[start:end] - centre
        missing = np.isnan(x) | np.isnan(y)
        x[missing] = y[missing] = 0.0
        cells[row, :, _N] = len(missing) - missing.sum(axis=0)
        cells[row, :, _T], cells[row, :, _P] = x.sum(axis=0), y.sum(axis=0)
        for term, (one, other) in ((_TT, (x, x)), (_PP, (y, y)), (_TP, (x, y))):
            cells[row, :, term] = np.einsum("ij,ij->j", one, other)
        cells[row, :, _ABS] = np.abs(x - y).sum(axis=0)
    return SubjectSums(tuple(map(str, whose)), cells)


def scores(total: Array, metric: Metric) -> Array:
    """A metric from sums (..., 7), NaN where it is undefined.

    As in :mod:`aubench.metrics`, but an agreement is also undefined where the truth is constant: such an AU has
    nothing to agree with, and stays out of means.
    """
    n, st, sp, stt, spp, stp = (total[..., k] for k in range(6))
    with np.errstate(invalid="ignore", divide="ignore"):
        if metric == "mae":
            return np.asarray(total[..., _ABS] / n)
        if metric == "mse":
            return np.asarray((stt + spp - 2 * stp) / n)
        var_t, var_p, cov = stt - st * st / n, spp - sp * sp / n, stp - st * sp / n
        flat = ~(var_p > _FLAT * n)
        if metric == "icc31":  # of two judges, (BMS - EMS) / (BMS + EMS)
            value = 2 * cov / (var_t + var_p)
        elif metric == "pcc":
            value = cov / np.sqrt(var_t * var_p)
        elif metric == "ccc":
            value = 2 * cov / (var_t + var_p + (st - sp) ** 2 / n)
        elif metric == "icc21":
            between, residual = (var_t + var_p + 2 * cov) / 2, (var_t + var_p - 2 * cov) / 2
            judges = (st - sp) ** 2 / (2 * n)  # sum of squares between two judges, one degree of freedom
            value = (between - residual) / (between + residual + 2 * ((n - 1) * judges - residual) / n)
        else:
            raise ValueError(f"no metric {metric!r} from sums")
        value = np.where(flat, 0.0, value)
        value = np.where((var_t > _FLAT * n) & (n >= 2), value, np.nan)
    return value


def mean_over_aus(values: Array) -> Array:
    """The mean over the last axis without NaN; NaN where nothing is left."""
    count = (~np.isnan(values)).sum(axis=-1)
    with np.errstate(invalid="ignore"):
        mean: Array = np.nansum(values, axis=-1) / np.where(count, count, np.nan)
    return mean


# --- bootstrap --------------------------------------------------------------------------------------------------------


def resamples(subjects: int, draws: int = DRAWS, seed: int = 0) -> Array:
    """How often each of the subjects is in each of ``draws`` resamples with replacement, (draws, subjects)."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(subjects, np.full(subjects, 1 / subjects), size=draws).astype(np.float64)


def bootstrap(sums: SubjectSums, metric: Metric, times: Array) -> Array:
    """A metric of every AU in every resample, (draws, a)."""
    return scores(sums.total(times), metric)


def bootstrap_icc(
    truth: npt.ArrayLike, prediction: npt.ArrayLike, subjects: Sequence[str], seed: int = 0, draws: int = DRAWS
) -> Array:
    """Mean ICC(3,1) over AUs in each of ``draws`` resamples of the subjects, (draws,).

    An AU whose truth does not vary in a resample is left out of its mean; a resample without any AU is NaN.
    Equal subjects, seed and draws give the same resamples, whatever the predictions: subtract two results to
    compare two methods on the same frames.
    """
    sums = subject_sums(truth, prediction, subjects)
    return mean_over_aus(bootstrap(sums, "icc31", resamples(len(sums.subjects), draws, seed)))


MIN_PEOPLE = 5
"""A bootstrap over fewer people has no width worth printing: over one it has none at all."""


def interval(samples: npt.ArrayLike, level: float = 0.95, *, people: int | None = None) -> tuple[float, float] | None:
    """The middle ``level`` of the samples, or None where none is defined, and where they rest on fewer than
    :data:`MIN_PEOPLE` ``people`` (None: not a bootstrap over people)."""
    if people is not None and people < MIN_PEOPLE:
        return None
    defined = np.asarray(samples, np.float64)
    defined = defined[~np.isnan(defined)]
    if not len(defined):
        return None
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


# --- do two methods differ? -------------------------------------------------------------------------------------------


def swaps(subjects: int, draws: int = DRAWS, seed: int = 0) -> tuple[Array, bool]:
    """For which subjects two methods change places, (r, subjects) of 0 and 1; row 0 swaps nobody. All patterns (True)
    where there are no more than ``draws``: half of the ``2^s``, as the other half only turns the sign around."""
    if 2 ** (subjects - 1) <= draws:
        patterns = np.arange(2 ** (subjects - 1))[:, None] >> np.arange(subjects) & 1
        return patterns.astype(np.float64), True
    drawn = np.random.default_rng(seed).integers(0, 2, size=(draws + 1, subjects)).astype(np.float64)
    drawn[0] = 0.0
    return drawn, False


def permutation_p(
    ours: Sequence[SubjectSums], theirs: Sequence[SubjectSums], metric: Metric, patterns: Array
) -> tuple[float, float]:
    """Difference of the mean score of two methods on the same frames, and how often chance alone makes one as large.

    If the methods were equally good, every subject's predictions could as well have come from the other one. Each
    pattern of :func:`swaps` exchanges the two for some subjects and scores all frames again; the two-sided p is the
    share of patterns (the identity among them) whose difference is at least as large. A method of several seeds is
    several sums; the difference is then the mean over all pairs of a seed of one and a seed of the other. (Fisher's
    permutation test, exact where all patterns are there.)
    """
    differences = np.zeros(len(patterns))
    for one in ours:
        for other in theirs:
            moved = SubjectSums(one.subjects, other.cells - one.cells).total(patterns)
            both = one.cells.sum(axis=0) + moved, other.cells.sum(axis=0) - moved
            differences += mean_over_aus(scores(both[0], metric)) - mean_over_aus(scores(both[1], metric))
    differences /= len(ours) * len(theirs)
    size = abs(differences[0])
    if np.isnan(size):
        return float("nan"), float("nan")
    return float(differences[0]), float(np.mean(np.abs(differences) >= size - 1e-12))


def cohens_dz(ours: Sequence[SubjectSums], theirs: Sequence[SubjectSums], metric: Metric) -> tuple[float, int]:
    """Mean over spread of the subjects' own differences (each scored on its own frames, AUs that vary in it), and how
    many subjects have one. NaN for fewer than two, or no spread. (Cohen 1988, d for paired samples.)"""
    own = [np.mean([mean_over_aus(scores(s.cells, metric)) for s in side], axis=0) for side in (ours, theirs)]
    differences = own[0] - own[1]
    differences = differences[~np.isnan(differences)]
    if len(differences) < 2 or not (spread := float(differences.std(ddof=1))) > _FLAT:
        return float("nan"), len(differences)
    return float(differences.mean() / spread), len(differences)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """p values that hold for all of them together (Holm 1979, step-down), never below their own; NaN stays NaN."""
    defined = sorted((p, name) for name, p in p_values.items() if not np.isnan(p))
    corrected, highest = {name: float("nan") for name in p_values}, 0.0
    for rank, (p, name) in enumerate(defined):
        highest = max(highest, min(1.0, p * (len(defined) - rank)))
        corrected[name] = highest
    return corrected
