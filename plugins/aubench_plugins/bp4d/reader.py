"""BP4D as recordings: one for each subject and task, codes joined to images by the number in their names."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from aubench.data.dataset import PreparedDataset
from aubench.data.join import Problems, au_name, gaps, joined
from aubench.data.landmarks import POINTS49
from aubench.data.layout import listed, packed, presumed, ranges, wrong_root
from aubench.data.records import Images, LandmarkSource, Recording, Scan, State

from . import Bp4dConfig
from .layout import (
    IMAGE_FOLDERS,
    INTENSITY_AUS,
    INTENSITY_FOLDERS,
    MISSING,
    OCCURRENCE_AUS,
    Key,
    Tree,
    find,
    images_of,
    read_intensity,
    read_occurrence,
)
from .points import read_all
from .tracking import lost

SUBJECTS = tuple([f"F{n:03d}" for n in range(1, 24)] + [f"M{n:03d}" for n in range(1, 19)])
TASKS = tuple(f"T{n}" for n in range(1, 9))


class Bp4dReader:
    """Reads BP4D's folder. Image 2440 is frame 2439: BP4D counts from 1."""

    name = "bp4d"
    people = "bp4d"

    def __init__(self, config: Bp4dConfig) -> None:
        self.config = config
        self.numbers = tuple(sorted({*INTENSITY_AUS, *(OCCURRENCE_AUS if config.occurrence else ())}))
        self.aus = tuple(au_name(number) for number in self.numbers)

    def options(self) -> Mapping[str, Any]:
        return self.config.model_dump(include={"frames", "occurrence", "tracking_lost", "landmark_order"})

    def label_places(self, root: Path) -> list[Path]:
        """The folders of intensities and occurrences."""
        tree = find(root)
        return [folder for folder in (tree.intensity, tree.occurrence) if folder is not None]

    def scan(self, root: Path) -> Scan:
        tree = find(root)
        if tree.images is None or (tree.intensity is None and self.config.frames == "coded"):
            lacking = []
            if tree.images is None:
                lacking.append(f"folder of images ({listed(names[0] for names in IMAGE_FOLDERS.values())})")
            if tree.intensity is None:
                lacking.append(f"folder of intensities ({listed(INTENSITY_FOLDERS[:2])})")
            raise wrong_root(root, "BP4D", lacking, "the folder that holds both")
        problems = Problems()
        problems.paths(tree.faults)
        if tree.intensity is None:
            problems.warning(root, f"no intensities: looked for {listed(INTENSITY_FOLDERS)}")
        self._who_is_there(tree, tree.images, problems)
        recordings = []
        for key in sorted(tree.sequences.keys() | tree.intensities.keys()):
            found = self._recording(tree, key, problems)
            if found is not None:
                recordings.append(found)
        return Scan(tuple(recordings), problems.done(), {"release": tree.release})

    @staticmethod
    def _who_is_there(tree: Tree, images: Path, problems: Problems) -> None:
        subjects = {subject for subject, _ in tree.sequences}
        archives = packed(images)
        if lacking := [subject for subject in SUBJECTS if subject not in subjects]:
            hint = f"; still packed: {listed(path.name for path in archives)}" if archives else ""
            problems.warning(images, f"{len(lacking)} of the 41 subjects are missing: {listed(lacking, 41)}{hint}")
        for subject in sorted(subjects):
            tasks = [task for task in TASKS if (subject, task) not in tree.sequences]
            if tasks:
                problems.warning(images / subject, f"subject {subject} lacks {listed(tasks)}")

    def _recording(self, tree: Tree, key: Key, problems: Problems) -> Recording | None:
        sequence = "_".join(key)
        folder = tree.sequences.get(key)
        if folder is None:
            where = next(iter(tree.intensities[key].values()))
            problems.error(where, f"codes of {sequence}, but no folder of its images; left out", recording=sequence)
            return None
        images, faults = images_of(folder)
        problems.paths(faults, sequence)
        if 0 in images:
            problems.warning(images.pop(0), "image 0: BP4D starts at 1; skipped", recording=sequence)
        if not images:
            problems.error(folder, "holds no images", recording=sequence)
            return None
        rows = tuple(sorted(images))
        codes, coded = self._codes(tree, key, problems)
        if lacking := coded - images.keys():
            problems.error(folder, f"{len(lacking)} coded frames have no image: {ranges(lacking)}", recording=sequence)
            images |= {number: presumed(folder, number, images) for number in lacking}
        wanted = coded if self.config.frames == "coded" else set(images)
        masked = lost(*key) & wanted
        if masked and self.config.tracking_lost == "drop":
            problems.note(folder, f"{len(masked)} frames without landmarks are left out", recording=sequence)
            wanted -= masked
        if not wanted:
            problems.error(folder, "no image of this sequence is coded; left out", recording=sequence)
            return None
        frames = np.array(sorted(number - 1 for number in wanted), np.int64)
        values, states = joined(frames, [codes.get(au, {}) for au in self.numbers], {MISSING, _PRESENT})
        for column, au in enumerate(self.numbers):
            there = [frame for frame, code in codes.get(au, {}).items() if code == _PRESENT]
            states[np.isin(frames, there), column] = State.PRESENT
        landmarks = None
        if key in tree.points:
            arguments = tuple(frames.tolist()), rows, self.config.landmark_order == "images", sequence
            landmarks = LandmarkSource(POINTS49, partial(read_all, tree.points[key], *arguments))
        media = Images(tuple(images[frame + 1] for frame in frames.tolist()))
        return Recording(key[0], sequence, media, frames, values, states, landmarks, facts={"task": key[1]})

    def _codes(self, tree: Tree, key: Key, problems: Problems) -> tuple[dict[int, dict[int, int]], set[int]]:
        """Codes by AU and frame counted from 0; and the image numbers that are coded at all."""
        sequence = "_".join(key)
        paths = tree.intensities.get(key, {})
        if tree.intensity is not None and (lacking := [au_name(au) for au in INTENSITY_AUS if au not in paths]):
            problems.error(tree.intensity, f"{sequence} has no intensities of {listed(lacking)}", recording=sequence)
        by_number: dict[int, dict[int, int]] = {}
        coded: set[int] = set()
        for au, path in sorted(paths.items()):
            read = read_intensity(path)
            problems.faults(path, read.faults, sequence)
            by_number[au] = read.codes
            coded |= read.codes.keys()
            if not read.faults and (holes := gaps(read.codes)):
                problems.warning(path, f"the coded part has gaps: no line for frame {holes}", recording=sequence)
        for au, path in sorted(paths.items()):
            if short := coded - by_number[au].keys():
                problems.warning(
                    path,
                    f"{len(short)} frames coded for other AUs are not coded for this one: {ranges(short)}",
                    None,
                    sequence,
                )
        if self.config.occurrence:
            if key in tree.occurrences:
                read_all_aus = read_occurrence(tree.occurrences[key])
                problems.faults(tree.occurrences[key], read_all_aus.faults, sequence)
                for au, codes in read_all_aus.codes.items():
                    # Where an intensity is known, it says more.
                    known = by_number.setdefault(au, {})
                    for number, code in codes.items():
                        if known.get(number, MISSING) == MISSING and code != MISSING:
                            known[number] = _PRESENT if code else 0
                    coded |= codes.keys()
            else:
                problems.warning(tree.occurrence or tree.images or Path(), f"{sequence} has no occurrence codes")
        return {au: {number - 1: code for number, code in codes.items()} for au, codes in by_number.items()}, coded


def dataset(config: Bp4dConfig) -> PreparedDataset:
    """The factory of the card."""
    return PreparedDataset(config, Bp4dReader(config))


_PRESENT = 10
"""A code of our own, beside BP4D's 0..5 and 9: there, intensity not coded."""
