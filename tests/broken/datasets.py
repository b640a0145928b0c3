"""A sound data set of noise, and broken ones."""

from __future__ import annotations

import tempfile
import uuid
from pathlib import Path

import numpy as np

from aubench import hookimpl
from aubench.component import Component, Config
from aubench.contracts import Frames
from aubench.data.labels import LABEL_SUFFIX, load_labels
from broken import cards

_FOLDER = tempfile.TemporaryDirectory(prefix="noise-")
"""Where the labels are written."""


class Options(Config):
    """No options."""


class Sound:
    """noise"""

    Options = Options
    breaks = ""
    name, aus, digest = "noise", ("AU01", "AU12"), "noise-1"
    people = {"train": ("P1", "P2"), "test": ("P3",)}  # noqa: RUF012
    dtype = np.uint8
    highest = 5

    def __init__(self, config: Options) -> None:
        self.folder = Path(_FOLDER.name)

    def frames(self, split: str) -> Frames:
        subject = np.repeat(np.array(self.people[split], np.str_), 4)
        n = len(subject)
        images = np.random.default_rng(len(split)).integers(0, 255, (n, 8, 8, 3)).astype(self.dtype)
        return Frames(self.name, images, subject, np.full(n, "s", np.str_), np.arange(n, dtype=np.int64) % 4)

    def read_labels(self, split: str) -> np.ndarray:
        path = self.folder / f"{split}-{self.highest}-{len(self.people[split])}{LABEL_SUFFIX}"
        if not path.exists():
            labels = np.random.default_rng(0).integers(0, self.highest + 1, (4 * len(self.people[split]), 2))
            labels[:1] = self.highest
            np.save(path, labels.astype(np.float64))
        return load_labels(path)


class Names(Sound):
    """AUs by other names"""

    breaks = "says what it is"
    aus = ("AU1", "AU12")


class Floats(Sound):
    """images of floats"""

    breaks = "frames fit together"
    dtype = np.float32


class Twice(Sound):
    """frame numbers that come twice"""

    breaks = "frames fit together"

    def frames(self, split: str) -> Frames:
        made = super().frames(split)
        return Frames(made.dataset, made.images, made.subject, made.sequence, made.frame // 2)


class Nobody(Sound):
    """no frames"""

    breaks = "somebody trains"
    people = {"train": (), "test": ()}  # noqa: RUF012


class Leaks(Sound):
    """one person on both sides"""

    breaks = "nobody is in train and test"
    people = {"train": ("P1", "P2"), "test": ("P2",)}  # noqa: RUF012


class NewDigest(Sound):
    """another digest every time"""

    breaks = "digest tells the content"

    def __init__(self, config: Options) -> None:
        super().__init__(config)
        self.digest = uuid.uuid4().hex


class Six(Sound):
    """labels up to six"""

    breaks = "labels fit the frames"
    highest = 6


class Keeps(Sound):
    """keeps the labels that it has read"""

    breaks = "door keeps labels in"

    def read_labels(self, split: str) -> np.ndarray:
        if not hasattr(self, split):
            setattr(self, split, super().read_labels(split))
        return getattr(self, split).copy()


class Peeks(Sound):
    """looks at the labels when frames are asked for"""

    breaks = "door keeps labels in"

    def frames(self, split: str) -> Frames:
        if self.folder.is_dir():
            self.read_labels(split)
        return super().frames(split)


class TwoSizes(Sound):
    """larger pictures to test on"""

    breaks = "pictures have one size"

    def frames(self, split: str) -> Frames:
        made = super().frames(split)
        images = np.repeat(np.repeat(made.images, 2, 1), 2, 2) if split == "test" else made.images
        return Frames(made.dataset, images, made.subject, made.sequence, made.frame)


class Untrue(Sound):
    """pictures of another size than it says"""

    breaks = "pictures have one size"

    def frames(self, split: str) -> Frames:
        made = super().frames(split)
        return Frames(made.dataset, Shrinks(made.images), made.subject, made.sequence, made.frame)


class Shrinks:
    """An array whose pictures, read one by one, are smaller than its shape says."""

    def __init__(self, images: np.ndarray) -> None:
        self.images, self.shape, self.dtype = images, images.shape, images.dtype

    def __getitem__(self, index) -> np.ndarray:
        return self.images[index][:-1, :-1] if isinstance(index, int) else self.images[index]

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return self.images


class HandsOut(Sound):
    """gives everybody the same array of labels"""

    breaks = "labels are the callers own"
    _given: dict[str, np.ndarray] = {}  # noqa: RUF012

    def read_labels(self, split: str) -> np.ndarray:
        labels = super().read_labels(split)
        return self._given.setdefault(split, labels)


@hookimpl
def aubench_datasets() -> list[Component]:
    return cards("dataset", Sound)
