"""Sums per subject against the metrics themselves, resampling, permutation of subjects, Holm."""

from __future__ import annotations

import numpy as np
import pytest

from aubench import metrics, statistics
from aubench.statistics import SubjectSums, subject_sums
from aubench.types import Array


def table(seed: int = 0, frames: int = 300, noise: float = 1.0) -> tuple[Array, Array, list[str]]:
    rng = np.random.default_rng(seed)
    truth = np.clip(rng.normal(0, 2, (frames, 2)), 0, 5)
    prediction = np.clip(truth + rng.normal(0.3, noise, truth.shape), 0, 5)
    return truth, prediction, [f"S{i % 6}" for i in range(frames)]


@pytest.mark.parametrize("metric", list(metrics.METRICS))
def test_sums_give_every_metric(metric: str) -> None:
    truth, prediction, subjects = table()
    prediction[::7, 0] = np.nan
    truth[5, 1] = np.nan
    total = subject_sums(truth, prediction, subjects).cells.sum(axis=0)
    expected = [metrics.METRICS[metric](truth[:, i], prediction[:, i]) for i in range(2)]
    assert statistics.scores(total, metric) == pytest.approx(expected, abs=1e-12)  # type: ignore[arg-type]


def test_a_resample_scores_as_its_frames_do() -> None:
    truth, prediction, subjects = table()
    sums = subject_sums(truth, prediction, subjects)
    times = statistics.resamples(6, draws=5, seed=3)
    assert times.sum(axis=1).tolist() == [6] * 5
    samples = statistics.bootstrap(sums, "icc31", times)
    for draw, counts in enumerate(times):
        rows = np.concatenate([
            np.tile(np.flatnonzero(np.array(subjects) == name), int(count))
            for name, count in zip(sums.subjects, counts, strict=True)
        ])  # fmt: skip
        for au in range(2):
            assert samples[draw, au] == pytest.approx(metrics.icc_3_1(truth[rows, au], prediction[rows, au]), abs=1e-12)


def test_constants_follow_the_rules_of_the_metrics() -> None:
    truth, prediction, subjects = table()
    truth[:, 0], prediction[:, 1] = 0.1, 2.0
    total = subject_sums(truth, prediction, subjects).cells.sum(axis=0)
    for metric in ("icc31", "icc21", "pcc", "ccc"):
        constant_truth, constant_prediction = statistics.scores(total, metric)
        assert np.isnan(constant_truth), "nothing to agree with: stays out of means"
        assert constant_prediction == 0
    nothing = subject_sums(truth, np.full_like(truth, np.nan), subjects).cells.sum(axis=0)
    assert np.isnan(statistics.scores(nothing, "mae")).all()


def test_shapes_that_do_not_belong_together_are_refused() -> None:
    truth, prediction, subjects = table()
    with pytest.raises(ValueError, match="do not belong together"):
        subject_sums(truth, prediction, subjects[:-1])


def test_all_swaps_or_random_ones() -> None:
    patterns, exact = statistics.swaps(5, draws=100)
    assert exact
    assert patterns.shape == (16, 5)
    assert len(np.unique(patterns, axis=0)) == 16
    assert not patterns[0].any()
    patterns, exact = statistics.swaps(27, draws=50)
    assert not exact
    assert patterns.shape == (51, 27)
    assert not patterns[0].any()


def test_permutation_finds_a_difference_and_does_not_invent_one() -> None:
    truth, good, subjects = table(noise=0.3)
    bad = np.clip(truth + np.random.default_rng(9).normal(0, 2.0, truth.shape), 0, 5)
    alike = np.clip(truth + np.random.default_rng(5).normal(0.3, 0.3, truth.shape), 0, 5)
    sums = [[subject_sums(truth, p, subjects)] for p in (good, bad, alike)]
    patterns, _ = statistics.swaps(6, draws=1000)
    difference, p = statistics.permutation_p(sums[0], sums[1], "icc31", patterns)
    expected = [np.mean([metrics.icc_3_1(truth[:, i], x[:, i]) for i in range(2)]) for x in (good, bad)]
    assert difference == pytest.approx(expected[0] - expected[1])
    assert p == pytest.approx(1 / 32), "the smallest that six people allow"
    _, p = statistics.permutation_p(sums[0], sums[2], "icc31", patterns)
    assert p > 0.05
    difference, p = statistics.permutation_p(sums[0], sums[0], "mae", patterns)
    assert (difference, p) == (0.0, 1.0)


def test_permutation_is_honest_when_nothing_differs() -> None:
    # Two methods of equal worth: p below 0.1 must not come more often than in a tenth of the cases, or so.
    found = []
    for seed in range(60):
        truth, one, subjects = table(seed, frames=60)
        other = np.clip(truth + np.random.default_rng(1000 + seed).normal(0.3, 1.0, truth.shape), 0, 5)
        sums = [[subject_sums(truth, p, subjects)] for p in (one, other)]
        found.append(statistics.permutation_p(*sums, "icc31", statistics.swaps(6)[0])[1])
    assert np.mean(np.array(found) < 0.1) < 0.22


def test_seeds_are_compared_in_all_pairs() -> None:
    truth, one, subjects = table(noise=0.5)
    others = [np.clip(truth + np.random.default_rng(s).normal(0, 1.5, truth.shape), 0, 5) for s in range(3)]
    sums = [subject_sums(truth, p, subjects) for p in (one, *others)]
    patterns, _ = statistics.swaps(6)
    difference, _ = statistics.permutation_p(sums[:1], sums[1:], "mae", patterns)
    scores = [float(statistics.scores(s.cells.sum(axis=0), "mae").mean()) for s in sums]
    assert difference == pytest.approx(scores[0] - np.mean(scores[1:]))


def test_effect_size_is_of_the_subjects_own_differences() -> None:
    cells = np.zeros((3, 1, 7))
    cells[..., 0] = 10
    ours, theirs = cells.copy(), cells.copy()
    ours[:, 0, 6], theirs[:, 0, 6] = (10, 12, 14), (5, 6, 10)
    names = ("a", "b", "c")
    d, subjects = statistics.cohens_dz([SubjectSums(names, ours)], [SubjectSums(names, theirs)], "mae")
    gaps = np.array([0.5, 0.6, 0.4])
    assert (d, subjects) == (pytest.approx(gaps.mean() / gaps.std(ddof=1)), 3)
    d, _ = statistics.cohens_dz([SubjectSums(names, ours)], [SubjectSums(names, ours)], "mae")
    assert np.isnan(d)


def test_holm_steps_down() -> None:
    corrected = statistics.holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005, "e": float("nan")})
    assert [round(corrected[k], 4) for k in "abcd"] == [0.03, 0.06, 0.06, 0.02]
    assert np.isnan(corrected["e"])
    assert statistics.holm({"a": 0.9, "b": 0.8})["a"] == 1.0
