"""Readings against each person's own neutral, where the model can: at the level of features, before AUs are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from aubench.errors import UserError
from aubench.parameters import AU
from aubench.person import UNSURE, Person, RunningPerson, find_person, person_of, read_aus, trust
from aubench.predict.neutral import FIRST, Neutral, row_of
from aubench.predict.readings import Readings


class PersonModel(Protocol):
    """What is asked of a model here; :class:`aubench.combination.Combination` has it."""

    regressor: Any

    @property
    def person_digest(self) -> str: ...


Persons = dict[int, Person | None]
"""The person of each face, by its number; None where no calm frame was found."""


def entry_size(model: object, neutral: Neutral, person_wanted: bool) -> int:
    """How many numbers of each face are needed to read it against its person's neutral.

    Args:
        model: What reads the faces.
        neutral: Where the neutral is; ``median`` and ``none`` need no entries.
        person_wanted: Whether the person is to be saved.

    Returns:
        0 where the neutral is not used, or taken off the readings instead.

    Raises:
        UserError: ``plugin-unsupported`` where only a model that reads persons will do, and this one does not.
    """
    if neutral.kind in ("none", "median") and not person_wanted:
        return 0
    if size := int(getattr(model, "entry_size", 0)):
        return size
    only = {"auto": "--neutral auto", "running": "--neutral running", "person": "--person"}
    if needed := only.get(neutral.kind, "--save-person" if person_wanted else ""):
        raise UserError(
            f"{needed}: the regressor of this model has no person stage; use the shipped model, train one with "
            "`aubench train --recipe person`, or use --neutral first or median",
            code="plugin-unsupported",
        )
    return 0


def find_persons(
    readings: Readings, neutral: Neutral, model: PersonModel, source: str, given: Person | None
) -> Persons:
    """The person of every face in ``readings``, from where ``neutral`` says; ``given``: of a picture or a file.

    Raises :class:`UserError` for a frame without the face, and for one person but several faces.
    """
    faces = [int(face) for face in np.unique(readings.face[readings.success])]
    if given is not None:
        if len(faces) > 1:
            raise UserError(
                f"{neutral.path}: describes one person, but {len(faces)} faces were found; use --max-faces 1",
                code="person-ambiguous",
            )
        if readings.entries is not None and given.neutral.shape != readings.entries.shape[1:]:
            raise UserError(
                f"{neutral.path}: damaged: its neutral has {len(given.neutral)} numbers, not "
                f"{readings.entries.shape[1]}; save the person again",
                code="file-damaged",
            )
        return dict.fromkeys(faces, given)
    assert readings.entries is not None  # asked for, see entry_size()
    out: Persons = {}
    digest = model.person_digest  # hashes all weights: once
    for face in faces:
        rows = np.flatnonzero(readings.face == face)
        if neutral.kind == "first":
            out[face] = person_of(readings.entries[rows[:FIRST]], digest, source)
        elif neutral.kind == "frame":
            row = rows[[row_of(readings, rows, face, neutral.frame, len(faces))]]
            out[face] = person_of(readings.entries[row], digest, source)
        else:
            out[face] = find_person(
                model.regressor,
                readings.entries[rows],
                readings.intensities[rows],
                digest,
                weights=trust(readings.degrees[rows], readings.score[rows]),
                source=source,
            )
    return out


def relative(readings: Readings, persons: Mapping[int, Person | None], model: PersonModel) -> Readings:
    """``readings`` with the AUs of each face read against its person; as they were where there is none."""
    assert readings.entries is not None
    parameters = readings.parameters.copy()
    for face, person in persons.items():
        if person is not None:
            rows = np.flatnonzero(readings.face == face)
            parameters[rows, AU] = read_aus(model.regressor, readings.entries[rows], person.neutral)
    return replace(readings, parameters=parameters)


def running(readings: Readings, model: PersonModel, source: str) -> tuple[Readings, Persons]:
    """``readings`` with the AUs of each frame read against calm frames up to it (:class:`RunningPerson`), and the
    persons as known at the end. The first few frames of a face stay as they were."""
    assert readings.entries is not None
    parameters, digest = readings.parameters.copy(), model.person_digest
    known: dict[int, RunningPerson] = {}
    alone, degrees = readings.intensities, readings.degrees
    for row in np.flatnonzero(readings.success):
        person = known.setdefault(int(readings.face[row]), RunningPerson(model.regressor, digest, source))
        read = person.read(readings.entries[row], alone[row], degrees[row], float(readings.score[row]))
        if read is not None:
            parameters[row, AU] = read
    return replace(readings, parameters=parameters), {face: person.person for face, person in known.items()}


def person_in(picture: Readings, path: Path, model: PersonModel) -> Person:
    """The person of a picture of a neutral face. Raises :class:`UserError` where no face was found."""
    if not picture.success.any() or picture.entries is None:
        raise UserError(f"--neutral {path}: no face was found in this image; use another", code="no-face")
    first: npt.NDArray[np.float32] = picture.entries[np.flatnonzero(picture.success)[:1]]
    return person_of(first, model.person_digest, path.name)


def the_person(persons: Persons, out: Path) -> Person:
    """The one person to save as ``out``. Raises :class:`UserError` for none, and for several."""
    found = [person for person in persons.values() if person is not None]
    if len(persons) > 1:
        raise UserError(
            f"--save-person {out}: {len(persons)} faces were found; use --max-faces 1", code="person-ambiguous"
        )
    if not found:
        raise UserError(
            f"--save-person {out}: no calm frames were found, so there is no neutral to save; name one with --neutral "
            "FRAME or --neutral IMAGE",
            code="no-face",
        )
    return found[0]


def remarks(persons: Persons) -> list[str]:
    """What to say of persons that were not found, or not surely."""
    lines = [f"face {face}: no calm frames found; read without a neutral" for face in persons if persons[face] is None]
    return lines + [
        f"face {face}: even the calmest frames read as moving (confidence {person.confidence:g}); look at the "
        "recording, or name a neutral frame with --neutral"
        for face, person in persons.items()
        if person is not None and person.confidence < UNSURE
    ]


def described(neutral: Neutral, persons: Persons) -> dict[str, Any]:
    """For the record of a table: where each face's neutral was taken from, and how sure it is."""
    return {
        "from": str(neutral),
        "level": "features: the entries of a face less those of its person's neutral, before AUs are read",
        "persons": {
            str(face): "no calm frames: read without a neutral"
            if person is None
            else {"frames": person.frames, "confidence": person.confidence, "source": person.source}
            for face, person in persons.items()
        },
    }
