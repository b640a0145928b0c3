"""How much time the ridge baseline takes with the features that a run has computed already, and without, and whether it
says the same.

    python benchmarks/ridge_speed.py --samples 160 --train 120 --test 80

That run, one thread of a shared machine: 5.2 times as fast (56.7 s and 11.0 s), mean ICC(3,1) 0.553331 and 0.553333, no
AU changes by more than 0.00003. What is left is the reading of the test frames.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from aubench import discovery
from aubench.contracts import Frames
from aubench.data.labels import locked
from aubench.facs import ANNOTATED
from aubench.metrics import icc_3_1
from aubench.parameters import au_index
from aubench_training.cache import Pool, cached, compute_features


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=400, help="drawn faces to learn from; 4000 in a default run")
    parser.add_argument("--train", type=int, default=200, help="training frames; 4320 in a default run")
    parser.add_argument("--test", type=int, default=200, help="test frames; 2160 in a default run")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    engine, extractor = discovery.build("renderer", "bdfm"), discovery.build("extractor", "bisenet")
    counts = {"samples": options.samples, "train": options.train, "test": options.test}
    parameters = {name: engine.sample(count, seed) for seed, (name, count) in enumerate(counts.items())}
    images = {}
    for seed, (name, count) in enumerate(counts.items()):
        seeds = np.random.default_rng(seed).integers(0, 2**31, (2, count)).tolist()
        parts = [
            engine.draw(
                parameters[name][i : i + 50], style="photo", looks=seeds[0][i : i + 50], shots=seeds[1][i : i + 50]
            )
            for i in range(0, count, 50)
        ]
        whole = torch.cat([part.image for part in parts]).clamp(0, 1)
        images[name] = (whole * 255 + 0.5).to(torch.uint8).permute(0, 2, 3, 1).numpy()

    def frames(name: str) -> Frames:
        count, people = counts[name], np.array([f"P{i % 9}" for i in range(counts[name])])
        return Frames("drawn", images[name], people, np.full(count, "s"), np.arange(count))

    with tempfile.TemporaryDirectory() as folder:
        pools = {
            name: Pool([cached(
                compute_features(extractor), images[name], title=name, key={"images": name}, root=Path(folder),
                device=torch.device("cpu"),
            )])
            for name in ("samples", "train")
        }  # fmt: skip
        answers, found = {}, {}
        for how in ("reading pictures", "features of the run"):
            ridge: Any = discovery.build("estimator", "ridge", {"aus": ANNOTATED["synth"], "samples": options.samples})
            ridge.offer_drawn(images["samples"], parameters["samples"], "photo")
            if how != "reading pictures":
                ridge.offer_features(pools["train"].batches, {"photo": pools["samples"].batches})
            began = time.perf_counter()
            with locked():
                ridge.fit(frames("train"), None, seed=0)
                fitted = time.perf_counter()
                answers[how] = ridge.predict(frames("test"))
            found[how] = {"fit_s": round(fitted - began, 2), "predict_s": round(time.perf_counter() - fitted, 2)}
    columns = [au_index(name) for name in ANNOTATED["synth"]]
    truth = parameters["test"].intensities().numpy()[:, columns]
    scores = {
        how: [icc_3_1(truth[:, au], answer[:, au]) for au in range(len(columns))] for how, answer in answers.items()
    }
    first, second = (np.array(scores[how], float) for how in scores)
    whole_s = {how: sum(times.values()) for how, times in found.items()}
    found["times_faster"] = round(whole_s["reading pictures"] / whole_s["features of the run"], 2)
    found["mean_icc31"] = {how: round(float(np.nanmean(values)), 6) for how, values in scores.items()}
    found["largest_difference_of_an_au"] = float(np.nanmax(np.abs(first - second)))
    print(json.dumps(counts | found, indent=1))


if __name__ == "__main__":
    main()
