"""A data set plugin made of a reader: the contract of :class:`aubench.contracts.Dataset`, read from a prepared store.

Building one reads nothing; frames, labels and the digest open the store, which ``aubench data prepare`` has made.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from aubench.contracts import Dataset, Frames, Split
from aubench.data import ready
from aubench.data.frame_store import FrameStore, default_parent, find_store
from aubench.data.labels import protect
from aubench.data.prepared import PreparedConfig
from aubench.data.records import Reader
from aubench.data.splits import Resolved, leakage, resolve
from aubench.errors import UserError


class PreparedDataset:
    """Frames of a store, split by subject. A plugin's factory returns one, of its config and its reader.

    A reader with splits of its own names their file in an attribute ``splits`` (a :class:`pathlib.Path`).
    """

    def __init__(self, config: PreparedConfig, reader: Reader) -> None:
        self.config, self.reader = config, reader
        self.name, self.aus, self.people = reader.name, tuple(reader.aus), reader.people

    @cached_property
    def store(self) -> FrameStore:
        """The prepared frames. Raises ``UserError`` that says how to prepare them."""
        config = self.config
        parent = Path(config.store) if config.store else default_parent()
        store = find_store(
            self.name,
            parent,
            size=config.size,
            align=config.align,
            options=self.reader.options(),
            root=config.root,
            settings=own_settings(config),
        )
        for card in store.card.recordings:
            protect(store.folder / card.folder / "labels")
        for path in getattr(self.reader, "label_places", lambda root: ())(Path(store.card.root)):
            protect(path)
        return store

    @cached_property
    def split(self) -> Resolved:
        """Who trains and who tests. Raises ``UserError`` for a split that is not known or not clean."""
        subjects = {card.subject for card in self.store.card.recordings}
        own = getattr(self.reader, "splits", None)
        name = self.config.split
        if name == "default" and not scorable(self):
            name = "train"
        return resolve(self.name, name, subjects, own=own, force=self.config.allow_leakage)

    @property
    def digest(self) -> str:
        return f"{self.store.card.digest[:32]}{self.split.digest[:32]}"

    def frames(self, split: Split) -> Frames:
        """Frames of a split, lazily decoded (see :class:`aubench.data.crops.CropStack`); opens no label file."""
        at = self.recordings(split)
        cards = [self.store.card.recordings[i] for i in at]
        rows = [card.rows for card in cards]
        images: Any = self.store.stack(at)
        return Frames(
            self.name,
            images,
            np.repeat(np.array([card.subject for card in cards], np.str_), rows),
            np.repeat(np.array([card.sequence for card in cards], np.str_), rows),
            np.asarray(self.store.entries(at, "frame"), np.int64),
        )

    def read_labels(self, split: Split) -> npt.NDArray[np.float64]:
        """Intensities (n, a), NaN where missing, or present without a value. Behind the door."""
        return self.store.values(self.recordings(split)).astype(np.float64)

    def read_states(self, split: Split) -> npt.NDArray[np.uint8]:
        """:class:`aubench.data.records.State` of every label (n, a). Behind the same door."""
        return self.store.states(self.recordings(split))

    def landmarks(self, split: Split) -> npt.NDArray[np.float32]:
        """68 iBUG points (n, 68, 2) in pixels of the crops, NaN where the data set gives none."""
        return self.store.landmarks(self.recordings(split))

    def recordings(self, split: Split) -> npt.NDArray[np.int64]:
        """Numbers of the recordings of a split, in the store's order."""
        subjects = set(self.split.train if split == "train" else self.split.test)
        return np.array([i for i, c in enumerate(self.store.card.recordings) if c.subject in subjects], np.int64)

    def persons(self, split: Split) -> set[str]:
        """People of a split, by names that data sets with the same people share."""
        return {f"{self.people}:{subject}" for subject in (self.split.train if split == "train" else self.split.test)}

    def report(self) -> dict[str, Any]:
        """What a report says of the data: the split with its hash, and how the crops were made."""
        card = self.store.card
        sources: dict[str, int] = {}
        for recording in card.recordings:
            for source, count in recording.sources.items():
                sources[source] = sources.get(source, 0) + count
        lost = sum(sum(recording.lost.values()) for recording in card.recordings)
        return {
            "split": self.split.report(),
            "frames": card.rows,
            "lost_frames": lost,
            "points_from": {source: count for source, count in sources.items() if count},
            **ready.facts(self.store),
            **({"options": card.options} if card.options else {}),
        }

    def verify(self) -> None:
        """Compare every byte with what was written; raises ``UserError`` with the first fault and their number."""
        if faults := self.store.verify():
            raise UserError(
                f"{faults[0]} ({len(faults)} faults in all; see `aubench data verify {self.name}`)", code="file-damaged"
            )


def own_settings(config: PreparedConfig) -> dict[str, Any]:
    """The options that a plugin adds to those of every prepared data set (camera, masks), where they are not the
    default ones: what ``aubench data prepare`` must be told with ``--set``."""
    values = config.model_dump(mode="json", exclude_defaults=True)
    return {key: value for key, value in values.items() if key not in PreparedConfig.model_fields}


@runtime_checkable
class Peopled(Protocol):
    """A data set that knows its people across data sets."""

    name: str

    def persons(self, split: Split) -> set[str]: ...


def scorable(dataset: object) -> bool:
    """Whether it may have AU labels: all may, but a store that was prepared from files without any."""
    return not isinstance(dataset, PreparedDataset) or dataset.store.card.coded != 0


def checked_facts(datasets: Sequence[Dataset]) -> dict[str, Any]:
    """What a report says of the data sets of a run: splits with their hashes, and people in train and test at once.

    Raises ``UserError`` for such people, unless an option ``allow_leakage`` lets them, and where nobody trains, or
    nobody tests though there are labels.
    """
    allowed = any(getattr(getattr(d, "config", None), "allow_leakage", False) for d in datasets)
    leaked = refuse_leakage(datasets, allowed=allowed)
    sides: tuple[Split, Split] = ("train", "test")
    for side in sides:
        if side == "test" and not any(map(scorable, datasets)):
            break  # nothing to score, whoever tests
        if not any(len(dataset.frames(side)) for dataset in datasets):
            names = ", ".join(dataset.name for dataset in datasets)
            raise UserError(
                f"data sets {names}: no subject is in {side}; choose another split with --split NAME=SPLIT",
                code="split-invalid",
            )
    if sum(len(dataset.frames("train")) for dataset in datasets) < 2:
        raise UserError(
            f"data sets {', '.join(d.name for d in datasets)}: only one training frame; at least two are needed",
            code="dataset-incomplete",
        )
    reports = {dataset.name: dataset.report() for dataset in datasets if isinstance(dataset, PreparedDataset)}
    return {**({"data_sets": reports} if reports else {}), **({"leakage": leaked} if leaked else {})}


def refuse_leakage(datasets: Iterable[object], *, allowed: bool = False) -> dict[str, list[str]]:
    """People in train and test at once, within or across the data sets, by person. Raises ``UserError`` where there are
    any, unless ``allowed``; data sets that do not know their people are taken on trust."""
    known = [dataset for dataset in datasets if isinstance(dataset, Peopled)]
    found = leakage({dataset.name: (dataset.persons("train"), dataset.persons("test")) for dataset in known})
    if found and not allowed:
        person, places = next(iter(found.items()))
        raise UserError(
            f"{len(found)} people are in train and test at once, such as {person} ({', '.join(places)}); choose other "
            "splits with --split DATASET=NAME, or give --allow-leakage, which marks the report",
            code="split-invalid",
        )
    return found
