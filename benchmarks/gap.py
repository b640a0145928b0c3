"""How well AUs are read of people further and further outside the engines' identity spaces, with and without their calm
frames.

    AUBENCH_ASSET_ICT=DIR python benchmarks/gap.py --out reports/gap [--seed 2] [--run runs/mine]

Draws 12 people of 60 frames for each engine and gap (data set ``synth`` with ``gap``), and reads every frame by itself
(raw), against each person's calm frames found in all 60 unlabelled frames (person), found in 10 of them, and found
among the frames up to each one, in their order (running). Prints
ICC(3,1) and MAE, means over the 14 AUs, beside the MAE of constant zero; the mean reading of frames in which nothing
moves; and the slope of readings over labels. Writes ``gap.json``, ``gap.md``, ``gap.png`` and ``calibration.png`` (for
each AU, the mean reading of frames with a label near 0, 1, ... 5) into the folder. Seed 1 is for development, other
seeds are for reports.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from aubench.combination import Combination, load_shipped
from aubench.contracts import Dataset, Frames
from aubench.data.labels import open_labels
from aubench.discovery import build
from aubench.metrics import icc_3_1
from aubench.parameters import au_index
from aubench.parameters import intensity as intensities
from aubench.person import RunningPerson, find_person, read_aus

Array = npt.NDArray[np.floating[Any]]
PEOPLE = {"subjects": 12, "sequences": 2, "frames_per_sequence": 30, "stride": 10}
ROWS = ("raw", "person", "person, 10 frames", "person, running")
QUIET = 0.1
"""A frame in which no label is above this one is at rest."""


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--out", type=Path, required=True)
    ask.add_argument("--run", type=Path)
    ask.add_argument("--seed", type=int, default=2)
    ask.add_argument("--engines", default="bdfm,ict")
    ask.add_argument("--gaps", default="0,0.25,0.5,0.75,1")
    given = ask.parse_args()
    model = Combination.load(given.run) if given.run else load_shipped()
    results: list[dict[str, Any]] = []
    lines = [
        "| engine | gap | MAE of zero | read | ICC(3,1) | MAE | at rest | slope |",
        "|---|---:|---:|---|---:|---:|---:|---:|",
    ]
    print("\n".join(lines))
    for engine in given.engines.split(","):
        for gap in map(float, given.gaps.split(",")):
            options = {"engine": engine, "size": model.size, "gap": gap, "seed": given.seed, **PEOPLE}
            for row, scores in evaluate(model, build("dataset", "synth", options)).items():
                results.append({"engine": engine, "gap": gap, "row": row, **scores})
                lines.append(
                    f"| {engine} | {gap:g} | {scores['mae_of_zero']:.3f} | {row} | {scores['icc31']:.3f} | "
                    f"{scores['mae']:.3f} | {scores['at_rest']:.2f} | {scores['slope']:.2f} |"
                )
                print(lines[-1], flush=True)
    given.out.mkdir(parents=True, exist_ok=True)
    facts = {"seed": given.seed, "model": str(given.run or "shipped"), "people": PEOPLE, "results": results}
    (given.out / "gap.json").write_text(json.dumps(facts, indent=1) + "\n")
    (given.out / "gap.md").write_text("\n".join(lines) + "\n")
    draw(results, given.out / "gap.png")
    draw_calibration(results, given.out / "calibration.png")


def evaluate(model: Combination, data: Dataset) -> dict[str, dict[str, Any]]:
    """Scores of each of :data:`ROWS`, over all people of the data set."""
    frames = [data.frames(split) for split in ("train", "test")]
    truth = np.concatenate([open_labels(data, split) for split in ("train", "test")])
    subject = np.concatenate([part.subject for part in frames])
    columns = [au_index(name) for name in data.aus]
    out = {}
    for row, read in readings(model, frames, subject).items():
        values = read[:, columns]
        quiet = (truth < QUIET).all(axis=1)
        out[row] = {
            "icc31": float(np.nanmean([icc_3_1(truth[:, k], values[:, k]) for k in range(truth.shape[1])])),
            "mae": float(np.abs(truth - values).mean()),
            "mae_of_zero": float(truth.mean()),
            "at_rest": float(values[quiet].mean()),
            "slope": float(np.mean([np.polyfit(truth[:, k], values[:, k], 1)[0] for k in range(truth.shape[1])])),
            "aus": {name: float(icc_3_1(truth[:, k], values[:, k])) for k, name in enumerate(data.aus)},
            "slopes": {name: float(np.polyfit(truth[:, k], values[:, k], 1)[0]) for k, name in enumerate(data.aus)},
            "levels": {name: levels(truth[:, k], values[:, k]) for k, name in enumerate(data.aus)},
        }
    return out


def levels(truth: Array, read: Array) -> list[list[float]]:
    """For the frames whose label rounds to 0, 1, ... 5: mean label, mean reading, number of frames; none left empty."""
    rounded = truth.round()
    bins = [rounded == level for level in range(6)]
    return [[float(truth[b].mean()), float(read[b].mean()), int(b.sum())] for b in bins if b.any()]


def readings(model: Combination, frames: list[Frames], subject: npt.NDArray[np.str_]) -> dict[str, Array]:
    """Intensities (n, 23) in each of the ways of :data:`ROWS`; raw only of a model that does not read persons."""
    if not model.reads_persons:
        return {"raw": np.concatenate([model.predict(part.images).intensities().numpy() for part in frames])}
    parts = [model.predict_entries(part.images) for part in frames]
    raw = np.concatenate([answer.intensities().numpy() for answer, _ in parts])
    entries = np.concatenate([entry for _, entry in parts])
    out = {row: raw.copy() for row in ROWS}
    for name in np.unique(subject):
        rows = np.flatnonzero(subject == name)
        few = rows[np.linspace(0, len(rows) - 1, 10).round().astype(int)]
        for row, some in (("person", rows), ("person, 10 frames", few)):
            person = find_person(model.regressor, entries[some], raw[some], "")
            if person is not None:
                out[row][rows] = intensities(read_aus(model.regressor, entries[rows], person.neutral))
        so_far = RunningPerson(model.regressor)
        for row_number in rows:
            pose = np.zeros(2, np.float32)  # every frame is trusted alike, as above
            read = so_far.read(entries[row_number], raw[row_number], pose, 1.0)
            if read is not None:
                out["person, running"][row_number] = intensities(read)
    return out


def draw(results: list[dict[str, Any]], path: Path) -> None:
    """ICC against gap, a panel for each engine."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    engines = list(dict.fromkeys(r["engine"] for r in results))
    figure, axes = plt.subplots(1, len(engines), figsize=(4.5 * len(engines), 3.4), sharey=True, squeeze=False)
    for axis, engine in zip(axes[0], engines, strict=True):
        for row in ROWS:
            points = [(r["gap"], r["icc31"]) for r in results if r["engine"] == engine and r["row"] == row]
            if points:
                axis.plot(*zip(*points, strict=True), marker="o", label=row)
        axis.set(title=f"people drawn by {engine}", xlabel="gap", ylim=(0, 1))
        axis.grid(alpha=0.3)
    axes[0][0].set_ylabel("ICC(3,1), mean of 14 AUs")
    axes[0][0].legend(frameon=False, loc="lower left")
    figure.tight_layout()
    figure.savefig(path, dpi=130)


def draw_calibration(results: list[dict[str, Any]], path: Path) -> None:
    """Mean reading against label, a panel for each AU, over all engines and gaps."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    names = list(results[0]["levels"])
    columns = 5
    figure, axes = plt.subplots(-(-len(names) // columns), columns, figsize=(11, 7), sharex=True, sharey=True)
    for axis, name in zip(axes.flat, names, strict=False):
        axis.plot([0, 5], [0, 5], color="0.7", linewidth=1, label="label")
        for row in ("raw", "person"):
            bins = [level for r in results if r["row"] == row for level in r["levels"][name]]
            points = []
            for level in range(6):
                here = np.array([b for b in bins if round(b[0]) == level])
                if len(here):
                    points.append(np.average(here[:, :2], axis=0, weights=here[:, 2]))
            if points:
                axis.plot(*zip(*points, strict=True), marker="o", markersize=3, label=row)
        axis.set(title=name, xlim=(0, 5), ylim=(0, 5))
        axis.grid(alpha=0.3)
    for axis in list(axes.flat)[len(names) :]:
        axis.axis("off")
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, loc="lower right")
    figure.supxlabel("label (intensity)")
    figure.supylabel("mean reading (intensity)")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
