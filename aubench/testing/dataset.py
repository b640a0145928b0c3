"""The suite of data sets: :class:`aubench.contracts.Dataset`."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import numpy as np
import torch

from aubench.component import Kind
from aubench.contracts import Frames, Split
from aubench.data.labels import HIGHEST, LabelsLocked, locked, open_labels
from aubench.errors import UserError

from .base import Suite
from .promise import expect, skip
from .values import Answers

_SPLITS: tuple[Split, Split] = ("train", "test")
_AU = re.compile(r"AU\d\d[LR]?")
_LOOKED_AT = 8
"""Pictures of a split that are read; a data set may hold hundreds of thousands."""


class DatasetSuite(Suite):
    """Frames, and labels behind a door: ``class TestMine(DatasetSuite): plugin = "mine"``, and a ``config`` under which
    there are data. Without any, the checks on them are skipped with what the data set says."""

    kind: ClassVar[Kind] = "dataset"
    batch: ClassVar[int] = _LOOKED_AT

    def example(self, seed: int = 0) -> Split:
        """The split to ask for. Skips where there are no data."""
        split = _SPLITS[seed % 2]
        self._frames(split)
        return split

    @staticmethod
    def answer(made: Any, example: Any) -> Answers:
        """Some pictures of a split, and all numbers of its frames."""
        found: Frames = made.frames(example)
        at = np.linspace(0, len(found) - 1, min(_LOOKED_AT, len(found))).astype(int)
        pictures = np.stack([np.asarray(found.images[int(i)]) for i in at]) if len(at) else np.zeros((0,), np.uint8)
        subjects = np.unique(found.subject, return_inverse=True)[1]
        return {
            "images": torch.from_numpy(pictures.copy()),
            "frame": torch.from_numpy(np.array(found.frame)),
            "subject": torch.from_numpy(np.array(subjects)),
        }

    def _frames(self, split: Split) -> Frames:
        try:
            return self.built.frames(split)  # type: ignore[no-any-return]
        except UserError as error:
            skip(f"no data here: {' '.join(str(error).split())}")

    def _both(self) -> dict[Split, Frames]:
        return {split: self._frames(split) for split in _SPLITS}

    # --- checks -------------------------------------------------------------------------------------------------------

    def test_says_what_it_is(self) -> None:
        """A name, the AUs of its labels (AU01, AU12, ...), each once; none where it has no intensities."""
        made = self.built
        expect(isinstance(made.name, str) and bool(made.name), f"name is {made.name!r}, not a text")
        expect(isinstance(made.aus, tuple), f"aus is {made.aus!r}, not a tuple of names")
        unknown = [au for au in made.aus if not (isinstance(au, str) and _AU.fullmatch(au))]
        expect(not unknown, f"aus holds {', '.join(map(str, unknown))}; write AU01, AU12 or AU30L")
        expect(len(set(made.aus)) == len(made.aus), f"aus names an AU twice: {', '.join(made.aus)}")

    def test_frames_fit_together(self) -> None:
        """uint8 RGB (n, h, w, 3); a subject, a sequence and a frame number for each."""
        for split, frames in self._both().items():
            expect(
                isinstance(frames, Frames), f"frames returned a {type(frames).__name__}, not aubench.contracts.Frames"
            )
            n = len(frames)
            shape, dtype = tuple(frames.images.shape), np.dtype(frames.images.dtype)
            fits = len(shape) == 4 and shape[0] == n and shape[3] == 3 and shape[1] == shape[2]
            expect(fits, f"images of {split} are {shape} for {n} frames, not ({n}, side, side, 3)")
            expect(dtype == np.uint8, f"images of {split} are {dtype}, not uint8")
            for name in ("subject", "sequence"):
                values = getattr(frames, name)
                expect(values.shape == (n,) and values.dtype.kind == "U", f"{name} of {split} is not {n} strings")
            numbers = frames.frame.shape == (n,) and frames.frame.dtype.kind == "i"
            expect(numbers, f"frame of {split} is not {n} whole numbers")
            expect(n == 0 or int(frames.frame.min()) >= 0, f"frame numbers of {split} are below 0")
            keys = set(zip(frames.subject.tolist(), frames.sequence.tolist(), frames.frame.tolist(), strict=True))
            expect(len(keys) == n, f"{n - len(keys)} frames of {split} have subject, sequence and number of another")

    def test_pictures_have_one_size(self) -> None:
        """That which ``images.shape`` says, in train and in test, whichever frame is read."""
        sizes: dict[tuple[int, ...], str] = {}
        for split, frames in self._both().items():
            if not len(frames):
                continue
            told = tuple(frames.images.shape[1:])
            sizes.setdefault(told, split)
            for i in np.linspace(0, len(frames) - 1, min(_LOOKED_AT, len(frames))).astype(int):
                read = np.asarray(frames.images[int(i)]).shape
                expect(read == told, f"picture {i} of {split} is {read}, but images.shape says {told}")
        expect(len(sizes) < 2, f"pictures of train and test have unlike sizes: {', '.join(map(str, sizes))}")

    def test_somebody_trains(self) -> None:
        counts = {split: len(frames) for split, frames in self._both().items()}
        expect(any(counts.values()), "there are no frames in train and none in test")

    def test_nobody_is_in_train_and_test(self) -> None:
        """Splits are by subject."""
        both = self._both()
        shared = sorted(set(both["train"].subject.tolist()) & set(both["test"].subject.tolist()))
        expect(not shared, f"{len(shared)} subjects are in train and in test, as {shared[:1]}")

    def test_digest_tells_the_content(self) -> None:
        """A text, the same for the same data."""
        self._both()
        digest = self.built.digest
        expect(isinstance(digest, str) and len(digest) >= 6, f"digest is {digest!r}, not a hash of the content")
        again = self.fresh().digest
        expect(digest == again, f"built twice, it has digests {digest[:12]} and {again[:12]}")

    def test_labels_fit_the_frames(self) -> None:
        """(n, a) in 0..5, NaN where not annotated, in the order of frames and AUs."""
        for split, frames in self._both().items():
            labels = np.asarray(self.built.read_labels(split))
            wanted = (len(frames), len(self.built.aus))
            expect(labels.shape == wanted, f"labels of {split} are {labels.shape}, but frames and AUs make {wanted}")
            known = labels[~np.isnan(labels)]
            inside = bool(((known >= 0) & (known <= HIGHEST)).all())
            expect(inside, f"labels of {split} lie outside 0..5; write NaN where a frame is not annotated")
            open_labels(self.built, split)

    def test_labels_are_the_callers_own(self) -> None:
        """Writing into labels that were given changes neither the next ones nor the frames."""
        self._both()
        for split in _SPLITS:
            labels = np.asarray(self.built.read_labels(split))
            before = labels.copy()
            if labels.size and labels.flags.writeable:
                labels += 1
            again = np.asarray(self.built.read_labels(split))
            same = np.array_equal(before, again, equal_nan=True)
            expect(same, f"labels of {split} change when those that were given before are written to; return a copy")

    def test_door_keeps_labels_in(self) -> None:
        """Behind the locked door of unsupervised training, frames are given and labels are not, by any way."""
        self._both()
        made = self.fresh()
        with locked():
            for split in _SPLITS:
                try:
                    made.frames(split)
                except LabelsLocked as error:
                    expect(False, f"frames of {split} opens labels: {error}")
            _ = made.digest
        for warmed in (False, True):
            if warmed:
                made.read_labels("train")
            with locked():
                for split in _SPLITS:
                    if not len(made.frames(split)):
                        continue
                    try:
                        made.read_labels(split)
                    except LabelsLocked:
                        continue
                    expect(
                        False,
                        f"read_labels({split!r}) gives labels behind the locked door"
                        f"{', kept from before it was locked' if warmed else ''}; read them with "
                        "aubench.data.labels.load_labels at every call",
                    )
