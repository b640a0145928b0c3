"""The data set as the rest of aubench sees it: frames, memory-mapped, and labels behind the door."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from aubench.contracts import Frames, Split
from aubench.data.labels import load_labels, protect
from aubench.data.store import Manifest, open_store, verify
from aubench.errors import UserError

from . import SynthConfig
from .build import INDEX, LABELS, TRUTH, ensure
from .schedule import AUS
from .worker import FRAMES


@dataclass(frozen=True)
class _Index:
    subject: npt.NDArray[np.str_]
    sequence: npt.NDArray[np.str_]
    frame: npt.NDArray[np.int64]


class Synth:
    """Synthetic people on video. Drawn when frames, labels or the digest are first asked for.

    The rows of a store are ordered by split, so that both splits are views of the memory-mapped file.
    """

    name = "synth"
    aus: tuple[str, ...] = AUS

    def __init__(self, config: SynthConfig) -> None:
        if config.subjects == 0 and config.extra_subjects == 0:
            raise UserError(
                "data set 'synth': subjects and extra_subjects are both 0, so there is nobody to render.",
                code="config-invalid",
            )
        self.config = config

    @cached_property
    def folder(self) -> Path:
        """Where the data lie; makes them on first use."""
        folder = ensure(self.config)
        protect(folder / "labels")
        return folder

    @cached_property
    def manifest(self) -> Manifest:
        return open_store(self.folder)

    @cached_property
    def digest(self) -> str:
        return self.manifest.digest

    def frames(self, split: Split) -> Frames:
        """Frames of a split; never opens a label file."""
        rows = self._rows(split)
        images = np.load(self.folder / FRAMES, mmap_mode="r", allow_pickle=False)[rows]
        index = self._index
        return Frames(self.name, images, index.subject[rows], index.sequence[rows], index.frame[rows])

    def read_labels(self, split: Split) -> npt.NDArray[np.float64]:
        """Intensities (n, 14) in 0..5. Raises ``LabelsLocked`` behind a locked door."""
        return self._behind_the_door(LABELS)[self._rows(split)].astype(np.float64)

    def read_parameters(self, split: Split) -> npt.NDArray[np.float64]:
        """What was drawn (n, 2 + 23 + 9): pose, AU and nuisance parameters. Behind the same door as the labels."""
        return self._behind_the_door(TRUTH)[self._rows(split)].astype(np.float64)

    def verify(self) -> None:
        """Compare every byte with the manifest; raises ``UserError`` naming a damaged file."""
        verify(self.folder)

    def _behind_the_door(self, name: str) -> npt.NDArray[Any]:
        return load_labels(self.folder / name)

    def _rows(self, split: Split) -> slice:
        train = int(self.manifest.facts["train_rows"])
        return slice(0, train) if split == "train" else slice(train, len(self._index.frame))

    @cached_property
    def _index(self) -> _Index:
        with open(self.folder / INDEX, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return _Index(
            np.array([row["subject"] for row in rows]),
            np.array([row["sequence"] for row in rows]),
            np.array([int(row["frame"]) for row in rows], dtype=np.int64),
        )
