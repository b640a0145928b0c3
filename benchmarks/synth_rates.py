"""How often each AU is seen in ``synth``, as a Markdown table. Draws nothing: the schedule alone decides.

python benchmarks/synth_rates.py
"""

from __future__ import annotations

import numpy as np

from aubench_plugins.synth import SynthConfig
from aubench_plugins.synth.schedule import AUS, make


def main() -> None:
    schedule = make(SynthConfig())
    labels, test = schedule.labels(), ~schedule.train
    print("| AU | ≥ 1 | ≥ 2 | ≥ 3 | ≥ 4 | test frames ≥ 1 | test subjects | highest in test |")
    print("|---|---|---|---|---|---|---|---|")
    for column, name in enumerate(AUS):
        values = labels[:, column]
        shares = " | ".join(f"{np.mean(values >= least):.1%}" for least in (1, 2, 3, 4))
        seen = test & (values >= 1)
        people = len(set(schedule.subject[seen]))
        print(f"| {name} | {shares} | {seen.sum()} | {people} | {values[test].max():.1f} |")
    print()
    print(f"{len(schedule)} frames; exactly 0: {np.mean(labels == 0):.1%} of all labels; mean {labels.mean():.3f}")
    print(f"frames in which no labelled AU reaches 1: {np.mean(labels.max(axis=1) < 1):.1%}")
    print(f"digest of the schedule: {schedule.digest()}")


if __name__ == "__main__":
    main()
