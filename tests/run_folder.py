"""Finished runs for tests, made of noise."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from aubench import results

AUS = ["AU01", "AU04", "AU12"]


def make_run(folder: Path, noise: float, seed: int = 0, config: dict | None = None, age: float = 0.0) -> Path:
    """A run folder of nine subjects whose predictions miss the truth by ``noise``."""
    truth = pd.DataFrame({"dataset": "synth", "subject": np.repeat([f"S{i:02d}" for i in range(9)], 30),
                          "sequence": "a", "frame": np.tile(np.arange(30), 9)})  # fmt: skip
    true = np.clip(np.random.default_rng(99).normal(0, 2, (270, 3)), 0, 5)
    truth[AUS] = true
    predictions = truth.copy()
    predictions[AUS] = np.clip(true + np.random.default_rng(seed).normal(0, noise, true.shape), 0, 5)
    predictions["valid"] = True
    folder.mkdir(parents=True)
    results.write_table(folder / "truth.csv", truth)
    results.write_table(folder / "predictions.csv", predictions)
    if config is not None:
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
    if age:
        stamp = (folder / "predictions.csv").stat().st_mtime - age
        os.utime(folder / "predictions.csv", (stamp, stamp))
    return folder
