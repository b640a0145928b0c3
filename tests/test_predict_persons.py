"""Readings against each person's neutral: whose frames make it, what is read with it, what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from refusals import refused
from test_person import Toy, frames

from aubench.parameters import AU, AU_NAMES, BASE_AU, SIZE
from aubench.person import person_of
from aubench.predict import neutral, persons
from aubench.predict.gathered import Gathered
from aubench.predict.readings import NOBODY, Readings

COUNT = len(AU_NAMES)


class ToyModel:
    """A model that reads persons, as far as :mod:`aubench.predict.persons` asks."""

    regressor = Toy()
    person_digest = "toy"


MODEL = cast(Any, ToyModel())


def readings(entries: np.ndarray, face: list[int] | None = None) -> Readings:
    """One row for each entry, read alone as if the entry were the AUs."""
    n = len(entries)
    faces = np.array(face or [0] * n)
    parameters = np.full((n, SIZE), 0.5, np.float32)
    parameters[:, AU] = entries.clip(0, 1)
    parameters[faces == NOBODY] = np.nan
    return Readings(
        np.arange(1, n + 1), np.arange(n) / 25, faces, np.full(n, 0.99), np.zeros((n, 5, 2)), np.zeros((n, 4)),
        parameters, [""] * n, entries=entries,
    )  # fmt: skip


def test_calm_frames_are_found_and_read_against() -> None:
    entries, au, _ = frames(20, 40)
    read = readings(entries)
    found = persons.find_persons(read, neutral.parse("auto"), MODEL, "clip.mp4", None)
    person = found[0]
    assert person is not None
    assert person.source == "clip.mp4"
    done = persons.relative(read, found, MODEL)
    assert np.abs(done.parameters[:, AU] - au).max() < 0.03 < np.abs(read.parameters[:, AU] - au).max()
    assert np.array_equal(done.parameters[:, :2], read.parameters[:, :2])  # pose stays


def test_each_face_has_its_own_neutral_and_nobody_has_none() -> None:
    one, au_one, _ = frames(20, 40, seed=1)
    other, au_other, _ = frames(20, 40, seed=2)
    rows = np.concatenate([one, other, np.full((2, COUNT), np.nan, np.float32)])
    read = readings(rows, [0] * 60 + [1] * 60 + [NOBODY] * 2)
    found = persons.find_persons(read, neutral.parse("auto"), MODEL, "", None)
    assert sorted(found) == [0, 1]
    done = persons.relative(read, found, MODEL).parameters[:, AU]
    assert np.abs(done[:120] - np.concatenate([au_one, au_other])).max() < 0.03
    assert np.isnan(done[120:]).all()


def test_running_persons_are_kept_apart() -> None:
    one, au_one, _ = frames(40, 20, seed=1)
    other, au_other, _ = frames(40, 20, seed=2)
    rows = np.stack([one, other], axis=1).reshape(120, COUNT)
    read, found = persons.running(readings(rows, [0, 1] * 60), MODEL, "clip.mp4")
    assert found[0] is not None
    assert found[1] is not None
    got = read.parameters[:, AU]
    assert np.abs(got[60::2] - au_one[30:]).max() < 0.04
    assert np.abs(got[61::2] - au_other[30:]).max() < 0.04


def test_a_face_without_calm_frames_is_read_alone() -> None:
    rng = np.random.default_rng(0)
    read = readings(rng.uniform(0.4, 0.8, (30, COUNT)).astype(np.float32))
    found = persons.find_persons(read, neutral.parse("auto"), MODEL, "", None)
    assert found == {0: None}
    assert np.array_equal(persons.relative(read, found, MODEL).parameters, read.parameters)
    assert "no calm" in persons.described(neutral.parse("auto"), found)["persons"]["0"]
    with refused("no-face", "p.json"):
        persons.the_person(found, Path("p.json"))


@pytest.mark.parametrize(("text", "rows"), [("first", slice(0, 5)), ("7", slice(6, 7))])
def test_a_neutral_that_is_named_is_taken(text: str, rows: slice) -> None:
    entries, _, _ = frames(20, 40)
    found = persons.find_persons(readings(entries), neutral.parse(text), MODEL, "", None)
    person = found[0]
    assert person is not None
    assert np.allclose(person.neutral, entries[rows].mean(axis=0), atol=1e-6)
    assert person.confidence == 1.0


def test_one_person_is_not_taken_for_several_faces() -> None:
    entries, _, _ = frames(20, 40)
    read = readings(entries, [0, 1] * 30)
    given = person_of(entries[:3], "toy")
    with refused("person-ambiguous", "2 faces"):
        persons.find_persons(read, neutral.Neutral("person", path=Path("P01.json")), MODEL, "", given)
    both = persons.find_persons(read, neutral.parse("auto"), MODEL, "", None)
    with refused("person-ambiguous", "p.json"):
        persons.the_person(both, Path("p.json"))


def test_a_person_of_another_length_is_refused() -> None:
    entries, _, _ = frames(20, 40)
    short, path = person_of(entries[:3, :5], "toy"), Path("P01.json")
    with refused("file-damaged", "P01.json", "5"):
        persons.find_persons(readings(entries), neutral.Neutral("person", path=path), MODEL, "", short)


def test_doubtful_calm_frames_are_said() -> None:
    rng = np.random.default_rng(0)
    moving = rng.uniform(0.05, 0.25, (40, COUNT)).astype(np.float32)
    found = persons.find_persons(readings(moving), neutral.parse("auto"), MODEL, "", None)
    assert found[0] is not None
    assert 0 < found[0].confidence < 0.5
    assert "face 0" in persons.remarks(found)[0]
    assert persons.remarks({0: person_of(moving, "toy")}) == []


def test_a_frame_without_the_face_is_refused() -> None:
    entries, _, _ = frames(20, 40)
    with refused("frame-missing", "61"):
        persons.find_persons(readings(entries), neutral.parse("61"), MODEL, "", None)


def test_a_model_that_reads_no_persons_is_refused_where_nothing_else_will_do() -> None:
    for text in ("none", "median", "first", "3"):
        assert persons.entry_size(object(), neutral.parse(text), False) == 0
    with refused("plugin-unsupported", "--neutral auto"):
        persons.entry_size(object(), neutral.parse("auto"), False)
    with refused("plugin-unsupported", "--save-person"):
        persons.entry_size(object(), neutral.parse("first"), True)


def test_entries_are_gathered_beside_parameters() -> None:
    gathered = Gathered(full=False, entries=4)
    for frame in (1, 2, 3):
        if frame == 2:
            gathered.nobody(frame, 0.0, None)
        else:
            gathered.face(frame, 0.0, 0, 0.9, np.zeros((5, 2)), np.zeros(4), None)
    gathered.read(np.hstack([np.full((2, SIZE), 0.5), [[1, 2, 3, 4], [5, 6, 7, 8]]]).astype(np.float32))
    done = gathered.readings()
    assert done.entries is not None
    assert np.array_equal(done.entries[[0, 2]], [[1, 2, 3, 4], [5, 6, 7, 8]])
    assert np.isnan(done.entries[1]).all()
    assert done.parameters.shape == (3, 25)
    assert Gathered(full=False).readings().entries is None


def test_turned_heads_make_no_neutral() -> None:
    entries, _, offset = frames(20, 40)
    read = readings(entries)
    turned = read.parameters.copy()
    turned[:15, 0] = 1.0
    spoilt = entries.copy()
    spoilt[:15] = 0.0
    found = persons.find_persons(
        replace(read, parameters=turned, entries=spoilt), neutral.parse("auto"), MODEL, "", None
    )
    assert found[0] is not None
    assert np.abs(found[0].neutral - (BASE_AU + offset)).max() < 0.06
    assert torch.isfinite(torch.from_numpy(found[0].neutral)).all()
