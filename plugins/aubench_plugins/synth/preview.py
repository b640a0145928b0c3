"""A picture of the data: strips of frames over their labels. ``python -m aubench_plugins.synth.preview OUT.png``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from aubench.contracts import Dataset, Split
from aubench.data.labels import open_labels
from aubench.discovery import build
from aubench.errors import UserError

SHOWN, WIDTH = 14, 15.0
"""Frames in a strip; width of the figure in inches."""


def sheet(data: Dataset, subjects: Sequence[str], path: Path) -> None:
    """One strip for each subject, of its first sequence, over the courses of its AUs. Raises ``UserError`` for an
    unknown subject."""
    figure, axes = plt.subplots(
        2 * len(subjects), 1, figsize=(WIDTH, 2.7 * len(subjects)), height_ratios=[WIDTH / SHOWN, 1.3] * len(subjects),
        sharex=True, layout="constrained",
    )  # fmt: skip
    for subject, above, below in zip(subjects, axes[::2], axes[1::2], strict=True):
        images, labels = _sequence(data, subject)
        chosen = np.linspace(0, len(images) - 1, SHOWN).round().astype(int)
        half = 0.5 * (len(images) - 1) / (SHOWN - 1)
        ends = (-half, len(images) - 1 + half)
        above.imshow(np.hstack(list(images[chosen])), extent=(*ends, 0, 1), aspect="auto")
        above.set_ylabel(subject)
        above.set_yticks([])
        for column, name in enumerate(data.aus):
            if labels[:, column].max() >= 0.5:
                below.plot(labels[:, column], label=name, color=plt.get_cmap("tab20")(column), linewidth=1.6)
        for row in chosen:
            below.axvline(row, color="0.9", linewidth=0.8, zorder=0)
        below.set(xlim=ends, ylim=(0, 5.4), ylabel="intensity", yticks=range(6))
        below.legend(ncols=14, fontsize=8, loc="upper center", frameon=False)
    axes[-1].set_xlabel("frame")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _sequence(data: Dataset, subject: str) -> tuple[np.ndarray, np.ndarray]:
    splits: tuple[Split, Split] = ("train", "test")
    for split in splits:
        frames = data.frames(split)
        rows = np.flatnonzero(frames.subject == subject)
        if len(rows):
            rows = rows[frames.sequence[rows] == frames.sequence[rows[0]]]
            return np.array(frames.images[rows[0] : rows[-1] + 1]), open_labels(data, split)[rows]
    raise UserError(f"data set {data.name!r} has no subject {subject!r}.", code="name-unknown")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--subjects", default="S001,S003,S013,S015")
    arguments = parser.parse_args()
    sheet(build("dataset", "synth"), arguments.subjects.split(","), arguments.out)


if __name__ == "__main__":
    main()
