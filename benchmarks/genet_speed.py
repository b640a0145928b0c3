"""The regressor against iterative optimisation, on the same frames in one run: speed by stage, and what it buys.

    python benchmarks/genet_speed.py [--frames 64] [--run runs/mine] [--set iterations=40] [--out speed.json]

Both go through the same frozen extractor, on one thread, on test frames of the synthetic benchmark; the method's paper
claims two orders of magnitude. Processor time is what others on the machine do not lengthen. Scores are of these frames
alone: ICC(3,1), MAE and PCC, mean over the AUs.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from aubench import discovery, metrics
from aubench.combination import SHIPPED, Combination
from aubench.compare.speed import BATCH, spread
from aubench.contracts import Dataset, Frames
from aubench.data.labels import locked, open_labels
from aubench.device import cpu_name
from aubench.parameters import AU_NAMES
from aubench.predict import stages


def scores(dataset: Dataset, frames: Frames, answer: np.ndarray) -> dict[str, float]:
    """Mean over AUs on these test frames."""
    test = dataset.frames("test")
    where = {key: row for row, key in enumerate(zip(test.subject, test.sequence, test.frame, strict=True))}
    rows = [where[key] for key in zip(frames.subject, frames.sequence, frames.frame, strict=True)]
    means = metrics.mean_over_aus(metrics.per_au(open_labels(dataset, "test")[rows], answer, dataset.aus))
    return {name: round(float(means[name]), 4) for name in ("icc31", "mae", "pcc")}


def measure(dataset: Dataset, model: Combination, wanted: int, options: dict[str, Any]) -> dict[str, Any]:
    """Speeds and scores of both; ``ratio`` of their times."""
    frames = spread(dataset.frames("test"), wanted)
    crops = list(frames.images)
    columns = [AU_NAMES.index(name) for name in dataset.aus]
    genet = discovery.build("estimator", "genet", {"aus": dataset.aus, **options})
    with locked():
        genet.fit(dataset.frames("train"), None, seed=0)
        genet.predict(spread(frames, 2))
        stages.regress(model, stages.extract(model, crops[:BATCH], BATCH).value)
        rounds = []
        for _ in range(3):
            features = stages.extract(model, crops, BATCH)
            answers = stages.regress(model, features.value)
            rounds.append((features, answers))
        searched = stages.timed(lambda: genet.predict(frames), len(frames))
    extract, regress = min(rounds, key=lambda both: sum(stage.seconds for stage in both))
    ours = regress.value.intensities()[:, columns].double().numpy()
    processor = 1000 * (extract.processor_s + regress.processor_s) / len(frames)
    theirs = 1000 * searched.processor_s / len(frames)
    return {
        "frames": len(frames),
        "regressor": {
            "ms": extract.ms + regress.ms, "extract_ms": extract.ms, "regress_ms": regress.ms,
            "processor_ms": processor, **scores(dataset, frames, ours),
        },
        "genet": {
            "ms": searched.ms, "processor_ms": theirs, "steps": genet.steps, **scores(dataset, frames, searched.value),
        },
        "ratio": searched.ms / (extract.ms + regress.ms),
        "processor_ratio": theirs / processor,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=64)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--set", action="append", default=[], metavar="OPTION=VALUE", help="options of genet")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    model = Combination.load(given.run) if given.run else Combination.load(SHIPPED, "regressor")
    options = {key: yaml.safe_load(value) for key, _, value in (text.partition("=") for text in given.set)}
    result = {
        "machine": f"{cpu_name()}, {given.threads} torch threads",
        "torch": torch.__version__,
        **measure(discovery.build("dataset", "synth"), model, given.frames, options),
    }
    text = json.dumps(result, indent=1, default=float)
    print(text)
    if given.out:
        given.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
