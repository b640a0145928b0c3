"""The bootstrap over subjects on a table of DISFA's size, against a loop that scores resampled frames.

    python benchmarks/bootstrap_speed.py [--draws 10000] [--loop 2] [--frames 130814] [--subjects 27] [--aus 12]

Both score the same resamples in one run. The loop is pingouin's ``intraclass_corr`` where it is installed, and our own
``icc_3_1`` on the resampled frames in any case; it does ``--loop`` resamples, and its time is scaled to ``--draws``.
Prints one JSON object; leaves with 1 if the results differ by more than 1e-9.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from aubench.metrics import icc_3_1
from aubench.statistics import bootstrap, interval, mean_over_aus, resamples, subject_sums

Array = npt.NDArray[np.float64]


def table(frames: int, subjects: int, aus: int) -> tuple[Array, Array, npt.NDArray[np.str_]]:
    """Truth of whole steps that is mostly 0, as DISFA's, and predictions that follow it."""
    rng = np.random.default_rng(0)
    truth = np.clip(np.round(rng.normal(-1.0, 1.6, (frames, aus))), 0, 5)
    prediction = np.clip(truth * 0.6 + rng.normal(0.2, 0.7, truth.shape), 0, 5)
    whose = np.sort(rng.integers(0, subjects, frames))
    return truth, prediction, np.array([f"SN{i:03d}" for i in whose])


def by_pingouin() -> Callable[[Array, Array], float] | None:
    try:
        import pandas as pd
        import pingouin
    except ImportError:
        return None

    def icc(truth: Array, prediction: Array) -> float:
        n = len(truth)
        rows = pd.DataFrame({"frame": np.tile(np.arange(n), 2), "judge": np.repeat(["t", "p"], n),
                             "score": np.concatenate([truth, prediction])})  # fmt: skip
        found = pingouin.intraclass_corr(rows, targets="frame", raters="judge", ratings="score")
        value = found.loc[found["Type"].isin(["ICC3", "ICC(C,1)"]), "ICC"]
        return float(value.iloc[0])

    return icc


def loop(
    icc: Callable[[Array, Array], float], truth: Array, prediction: Array, rows: list[Array], times: Array
) -> Array:
    found = np.empty((len(times), truth.shape[1]))
    for draw, counts in enumerate(times):
        frames = np.concatenate([np.tile(r, int(c)) for r, c in zip(rows, counts, strict=True)])
        for au in range(truth.shape[1]):
            found[draw, au] = icc(truth[frames, au], prediction[frames, au])
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in (("draws", 10_000), ("loop", 2), ("frames", 130_814), ("subjects", 27), ("aus", 12)):
        parser.add_argument(f"--{name}", type=int, default=value)
    arguments = parser.parse_args()
    truth, prediction, subjects = table(arguments.frames, arguments.subjects, arguments.aus)

    def ours() -> tuple[float, Array, Array]:
        began = time.perf_counter()
        sums = subject_sums(truth, prediction, subjects.tolist())
        times = resamples(len(sums.subjects), arguments.draws)
        samples = bootstrap(sums, "icc31", times)
        interval(mean_over_aus(samples))
        return time.perf_counter() - began, samples, times

    seconds, samples, times = min((ours() for _ in range(3)), key=lambda one: one[0])
    out: dict[str, object] = {"cores": os.cpu_count(), **vars(arguments), "seconds": round(seconds, 3)}
    rows = [np.flatnonzero(subjects == name) for name in np.unique(subjects)]
    equal = True
    for name, icc in (("pingouin", by_pingouin()), ("icc_3_1", icc_3_1)):
        if icc is None:
            continue
        began = time.perf_counter()
        found = loop(icc, truth, prediction, rows, times[: arguments.loop])
        scaled = (time.perf_counter() - began) / arguments.loop * arguments.draws
        apart = float(np.abs(found - samples[: arguments.loop]).max())
        equal &= apart < 1e-9
        out[name] = {"seconds_scaled": round(scaled, 1), "ratio": round(scaled / seconds), "largest_difference": apart}
    print(json.dumps({**out, "equal": equal}, indent=1))
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
