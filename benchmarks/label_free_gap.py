"""What label-free training brings to people outside the engine's identity space: each loss from the shipped regressor.

    AUBENCH_ASSET_ICT=DIR python benchmarks/label_free_gap.py --out reports/label-free-gap [--data-seeds 3,4,5]

For each data seed, people are drawn by `ict` at a gap (data set ``synth``): the frames of two thirds of them train,
without labels, the others are the test. Every row goes on from the shipped regressor (recipe `real-faces`) with a
fresh optimiser, all for the same number of steps; where "beside" is above 0, drawn faces with known parameters train
beside the losses with that weight. Scores, means over 14 AUs: ICC(3,1) and MAE on the test people and on the people
whose frames were trained on, and ICC(3,1) on drawn faces; "moved" is the relative distance of the AU weights. Every
finished run is kept in ``runs.json``, and a repeated command goes on with what is missing. Data seed 1 is for
development, others are for reports.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from rich.console import Console

from aubench.contracts import Features
from aubench.data.labels import locked, open_labels
from aubench.files import atomic_write_text
from aubench.metrics import icc_3_1
from aubench.parameters import FacialParameters, au_index
from aubench_training.bench import Bench
from aubench_training.cache import Pool, cached, compute_features
from aubench_training.config import RunConfig, resolve
from aubench_training.loop import fit
from aubench_training.trainer import describe_environment

Array = npt.NDArray[np.floating[Any]]
FIVE = {"ct": 1.0, "id": 0.1, "lp": 0.1, "pr": 0.03, "adv": 0.1}
NEW = {"departures": 1.0, "equivariance": 1.0, "sequence": 0.3, "teacher": 0.5}
PEOPLE = {"subjects": 12, "sequences": 2, "frames_per_sequence": 30, "stride": 10}
START = "start"
ROWS: dict[str, tuple[dict[str, float], float]] = {
    START: ({}, 0.0),
    **{name: ({name: weight}, 0.0) for name, weight in NEW.items()},
    "all five": (FIVE, 0.0),
    "all five and the new": (FIVE | NEW, 0.0),
    "drawn faces only": ({}, 1.0),
    **{f"{name}, beside {beside:g}": ({name: NEW[name]}, beside) for name in NEW for beside in (0.1, 1.0)},
    **{f"all five, beside {beside:g}": (FIVE, beside) for beside in (0.1, 1.0)},
    **{f"all five and the new, beside {beside:g}": (FIVE | NEW, beside) for beside in (0.1, 1.0)},
}
"""Losses with their weights, and the weight of the drawn faces beside them."""
METRICS = {
    "icc31": "ICC(3,1)", "mae": "MAE", "seen_icc31": "ICC(3,1), people trained on", "seen_mae": "MAE, the same",
    "in_domain_icc31": "ICC(3,1), drawn faces", "moved": "moved",
}  # fmt: skip


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--out", type=Path, required=True)
    ask.add_argument("--data-seeds", default="3,4,5")
    ask.add_argument("--seeds", default="0", help="of the training")
    ask.add_argument("--rows", default="", help="names of rows, separated by semicolons; all by default")
    ask.add_argument("--gap", type=float, default=1.0)
    ask.add_argument("--people", type=json.loads, default=PEOPLE, help="further options of synth, as JSON")
    ask.add_argument("--steps", type=int, default=100)
    ask.add_argument("--batch", type=int, default=8)
    ask.add_argument("--rate", type=float, default=5e-4)
    ask.add_argument("--faces", type=int, default=8000, help="drawn faces, of `ict` alone")
    given = ask.parse_args()
    chosen = [name.strip() for name in given.rows.split(";")] if given.rows else list(ROWS)
    given.out.mkdir(parents=True, exist_ok=True)
    kept = given.out / "runs.json"
    settings = {
        name: value for name, value in vars(given).items() if name not in ("out", "data_seeds", "seeds", "rows")
    }
    facts: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {"settings": settings, "runs": []}
    if facts["settings"] != settings:
        raise SystemExit(f"{kept}: holds runs of other settings ({facts['settings']}); choose another --out")
    pairs = [(int(data), int(seed)) for data in given.data_seeds.split(",") for seed in given.seeds.split(",")]
    for name in chosen:
        for data, seed in pairs:
            done = [run["seed"] for run in facts["runs"] if (run["row"], run["data_seed"]) == (name, data)]
            if seed in done or (name == START and done):  # the start does not depend on the seed
                continue
            facts["runs"].append({"row": name, "data_seed": data, "seed": seed, **one(name, data, seed, given)})
            facts["environment"] = describe_environment()
            atomic_write_text(kept, json.dumps(facts, indent=1) + "\n")
            atomic_write_text(given.out / "label-free-gap.md", table(facts["runs"]))
    print(table(facts["runs"]))


def config_of(name: str, data: int, seed: int, given: argparse.Namespace) -> RunConfig:
    losses, beside = ROWS[name]
    options = {"engine": "ict", "size": 192, "gap": given.gap, "seed": data, **given.people}
    steps = 0 if name == START else given.steps
    return resolve(
        "real-faces",
        options={
            "start": "shipped",
            "seed": seed,
            "losses": losses,
            "datasets": [{"name": "synth", "config": options}],
            "label_free": {
                "steps": steps,
                "batch": given.batch,
                "sampled_batch": 32,
                "learning_rate": given.rate,
                "fresh": True,
            },
            "sampled": {"count": given.faces, "held_out": 100, "more": [], "beside": beside},
            "additions": {"loopback_first": False, "sampled_loopback": beside > 0},
        },
    )


def one(name: str, data: int, seed: int, given: argparse.Namespace) -> dict[str, Any]:
    """Train a row and score it; labels are opened afterwards."""
    began = time.monotonic()
    torch.manual_seed(0)
    bench = Bench(config_of(name, data, seed, given), Console(quiet=True))
    with tempfile.TemporaryDirectory() as folder, locked():
        training = fit(bench, Path(folder), tensorboard=False)
        test = bench.datasets[0].frames("test").images
        reading = cached(
            compute_features(bench.combination.extractor), test, title="features of test frames",
            key={"network": bench.combination.extractor_digest, "images": bench.datasets[0].digest, "split": "test"},
            root=bench.cache, device=bench.device,
        )  # fmt: skip
        read = {"test": read_pool(bench, Pool([reading])), "train": read_pool(bench, bench.pools.photo)}
    scores = {}
    for split, values in read.items():
        prefix = "seen_" if split == "train" else ""
        truth = open_labels(bench.datasets[0], split)  # type: ignore[arg-type]
        columns = values[:, [au_index(au) for au in bench.datasets[0].aus]]
        each = [icc_3_1(truth[:, k], columns[:, k]) for k in range(truth.shape[1])]
        scores[f"{prefix}icc31"] = round(float(np.nanmean(each)), 4)
        scores[f"{prefix}mae"] = round(float(np.abs(truth - columns).mean()), 4)
        scores[f"{prefix}mae_of_zero"] = round(float(truth.mean()), 4)
        scores[f"{prefix}aus"] = {
            au: round(float(value), 3) for au, value in zip(bench.datasets[0].aus, each, strict=True)
        }
    result = {
        **scores,
        "in_domain_icc31": training["in_domain_photo_icc31"],
        "moved": training.get("label_free_au_weights_moved", 0.0),
        "train_s": training["train_s"],
        "wall_s": round(time.monotonic() - began, 1),
    }
    print(name, data, seed, {key: value for key, value in result.items() if not key.endswith("aus")}, flush=True)
    return result


@torch.inference_mode()
def read_pool(bench: Bench, pool: Pool) -> Array:
    """Intensities (n, 23) read off cached features."""
    parts: Sequence[Features] = list(pool.batches())
    return FacialParameters.cat([bench.combination.regress(part, "photo") for part in parts]).intensities().numpy()


def table(runs: Sequence[dict[str, Any]]) -> str:
    """Mean over seeds, and the difference to the start, paired by seed, with its smallest and largest value."""
    start = {run["data_seed"]: run for run in runs if run["row"] == START}
    lines = [
        "| row | runs | " + " | ".join(METRICS.values()) + " | difference of ICC(3,1) to the start (least, most) |",
        "|---|---:|" + "---:|" * (len(METRICS) + 1),
    ]
    for name in ROWS:
        mine = [run for run in runs if run["row"] == name]
        if not mine:
            continue
        means = [f"{np.mean([run[metric] for run in mine]):.3f}" for metric in METRICS]
        pairs = [(run, start.get(run["data_seed"])) for run in mine]
        change = [run["icc31"] - before["icc31"] for run, before in pairs if before is not None]
        told = f"{np.mean(change):+.3f} ({min(change):+.3f}, {max(change):+.3f})" if change and name != START else ""
        lines.append(f"| {name} | {len(mine)} | {' | '.join(means)} | {told} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
