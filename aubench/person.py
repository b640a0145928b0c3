"""A person's own neutral face, found in frames without labels or given, kept in a file, and what is read against it.

Who somebody is changes a face's features more than what the face does. A :class:`Person` holds the mean *entry* (see
:class:`aubench.contracts.PersonRegressor`) of that person's calm frames; a regressor that reads persons takes it off
before it reads AUs. Calm frames are found by reading, in a few rounds: those in which the AUs add up to least under the
neutral of the round before. A recording in which even these are not calm says so (:attr:`Person.confidence`).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from aubench.contracts import PersonRegressor
from aubench.errors import UserError
from aubench.files import atomic_write_text
from aubench.parameters import intensity
from aubench.types import Floats

FORMAT = 1
SHARE = 0.3
"""Share of a person's frames that count as calm."""
ROUNDS = 3
FEWEST = 5
"""So many frames a neutral needs to be found in; fewer are read as single photographs."""
CALM_SUM, RESTLESS_SUM = 4.0, 20.0
"""Summed intensity of all AUs of the calm frames, read without a neutral, from which on confidence falls from 1, and at
which it is 0. A foreign face at rest reads up to about 10 in sum, a laugh 15."""
KEPT, RANKED_EVERY = 256, 5
"""How many of the calmest frames :class:`RunningPerson` keeps, and after how many frames it ranks them again."""
UNSURE = 0.5
"""Below this confidence somebody should look at the recording."""


@dataclass(frozen=True, eq=False)
class Person:
    """A person's neutral.

    ``neutral`` (d,): mean entry of the calm frames. ``frames``: how many they are. ``confidence`` 0 to 1: 1 for calm
    frames that were given; for those found, how calm they are read. ``model``: digest of the regressor whose entries
    these are. ``source``: where the frames come from, for people.
    """

    neutral: Floats
    frames: int
    confidence: float
    model: str
    source: str = ""

    def save(self, path: Path) -> None:
        """Write the person as JSON. Raises ``OSError`` as the system gives it."""
        values = {**asdict(self), "neutral": [round(float(value), 5) for value in self.neutral]}
        atomic_write_text(path, json.dumps({"format": FORMAT, "kind": "person", **values}, indent=1) + "\n")

    @classmethod
    def load(cls, path: Path, model: str) -> Person:
        """Read what :meth:`save` wrote. Raises :class:`UserError` for another file, and for another model's person."""
        try:
            values: dict[str, Any] = json.loads(Path(path).read_text("utf-8"))
            if values["kind"] != "person" or values["format"] != FORMAT:
                raise ValueError("another kind or form")
            neutral = np.array(values["neutral"], np.float32)
            person = cls(
                neutral, int(values["frames"]), float(values["confidence"]), str(values["model"]), str(values["source"])
            )
        except FileNotFoundError:
            raise UserError(
                f"{path}: no such file; `aubench predict --save-person` writes one", code="file-missing"
            ) from None
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise UserError(
                f"{path}: not a person saved by aubench ({type(error).__name__}); `aubench predict --save-person` "
                "writes one",
                code="format-unknown",
            ) from None
        if neutral.ndim != 1 or not np.isfinite(neutral).all():
            raise UserError(
                f"{path}: damaged: its neutral contains values that are not finite; save the person again",
                code="file-damaged",
            )
        if person.model != model:
            raise UserError(
                f"{path}: made with another model ({person.model[:12]}, this one is {model[:12]}); save the person "
                "again with this model",
                code="model-invalid",
            )
        return person


def calmest(restless: npt.NDArray[np.floating[Any]], share: float = SHARE) -> npt.NDArray[np.intp]:
    """Places of the calmest frames, calmest first.

    Args:
        restless: How much each frame (n,) moves, such as its summed intensities.
        share: Share of the frames to take; at least one is.

    Returns:
        Places (m,).

    Example:
        >>> calmest(np.array([3.0, 0.0, 9.0, 1.0]), share=0.5)
        array([1, 3])
    """
    return np.argsort(restless, kind="stable")[: max(1, round(share * len(restless)))]


def read_aus(regressor: PersonRegressor, entries: Floats, neutral: Floats) -> Floats:
    """AU parameters (n, 23) in [0, 1] of entries (n, d), beside a neutral (d,)."""
    with torch.inference_mode():
        device = next(regressor.parameters()).device  # type: ignore[attr-defined]
        own = torch.from_numpy(np.asarray(neutral, np.float32)).to(device)
        read = regressor.aus(torch.from_numpy(np.ascontiguousarray(entries, np.float32)).to(device), own)
        out: Floats = read.float().cpu().numpy()
    return out


def find_person(
    regressor: PersonRegressor,
    entries: Floats,
    alone: Floats,
    model: str,
    *,
    weights: Floats | None = None,
    source: str = "",
) -> Person | None:
    """The person of unlabelled frames.

    Args:
        regressor: One that reads persons.
        entries: Of all frames (n, d) of one person; any number of expressions.
        alone: Intensities (n, 23) read of the same frames without a neutral.
        model: Digest of the model, kept in the person.
        weights: How far each frame (n,) is to be trusted as a neutral, 0 to 1; see :func:`trust`.
        source: Where the frames come from, kept in the person.

    Returns:
        The person; None where there are too few frames, or none of them is calm.
    """
    trusted = np.ones(len(entries), np.float32) if weights is None else np.asarray(weights, np.float32)
    usable = np.flatnonzero(trusted > 0)
    if len(usable) < FEWEST:
        return None
    restless = alone[usable].sum(axis=1)
    for _ in range(ROUNDS):
        calm = usable[calmest(restless)]
        neutral = _mean(entries, calm, trusted)
        restless = intensity(read_aus(regressor, entries[usable], neutral)).sum(axis=1)
    calm = usable[calmest(restless)]
    confidence = _confidence(alone[calm].sum(axis=1))
    if confidence <= 0.0:
        return None
    return Person(_mean(entries, calm, trusted), len(calm), confidence, model, source)


class RunningPerson:
    """The person of frames that are still coming, as from a camera: each frame is read against frames up to it only.

    As :func:`find_person`, among the :data:`KEPT` calmest frames so far, so that neither memory nor the time of a frame
    grows. The same frames in the same order give the same answers.

    Args:
        regressor: One that reads persons.
        model: Digest of the model, kept in the person.
        source: Where the frames come from, kept in the person.
    """

    def __init__(self, regressor: PersonRegressor, model: str = "", source: str = "") -> None:
        self._regressor, self._model, self._source = regressor, model, source
        self._kept: list[tuple[Floats, float, Floats, float]] = []
        self._seen = 0
        self.person: Person | None = None
        """The person as known so far; None before :data:`FEWEST` frames, or where none of them is calm."""

    def read(self, entry: Floats, alone: Floats, degrees: Floats, score: float) -> Floats | None:
        """Read the next frame against the person as known so far, this frame included.

        Args:
            entry: What is compared with the neutral (d,).
            alone: AU intensities (23,) read of this frame without a neutral.
            degrees: Yaw and pitch (2,).
            score: How sure the detector is, 0 to 1.

        Returns:
            AU parameters (23,) in [0, 1]; None where no neutral is known yet.
        """
        self._kept.append((entry, float(alone.sum()), degrees, score))
        self._seen += 1
        if self._seen >= FEWEST and (self._seen % RANKED_EVERY == 0 or self.person is None):
            self._rank()
        if self.person is None:
            return None
        answer: Floats = read_aus(self._regressor, entry[None], self.person.neutral)[0]
        return answer

    def _rank(self) -> None:
        entries = np.stack([frame[0] for frame in self._kept])
        level = np.array([frame[1] for frame in self._kept])
        trusted = trust(np.stack([frame[2] for frame in self._kept]), np.array([frame[3] for frame in self._kept]))
        restless = level
        if self.person is not None:
            restless = intensity(read_aus(self._regressor, entries, self.person.neutral)).sum(axis=1)
        order = np.argsort(restless, kind="stable")
        self._kept = [self._kept[n] for n in sorted(order[:KEPT])]
        usable = order[trusted[order] > 0]
        if len(usable) < FEWEST:
            return
        calm = usable[: max(1, round(SHARE * self._seen))]
        confidence = _confidence(level[calm])
        self.person = None
        if confidence > 0:
            neutral = _mean(entries, calm, trusted)
            self.person = Person(neutral, len(calm), confidence, self._model, self._source)


def person_of(entries: Floats, model: str, source: str = "") -> Person:
    """The person whose neutral frames have these entries (n, d)."""
    return Person(np.asarray(entries, np.float32).mean(axis=0), len(entries), 1.0, model, source)


def trust(degrees: npt.NDArray[np.floating[Any]], scores: npt.NDArray[np.floating[Any]]) -> Floats:
    """How far each frame is to be trusted as a neutral (n,): less the more the head is turned from its usual place
    (``degrees`` (n, 2), yaw and pitch) and the less the detector is sure (``scores`` (n,))."""
    away = np.linalg.norm(degrees - np.nanmedian(degrees, axis=0), axis=1)
    out: Floats = (np.clip(1.0 - np.maximum(away - 8.0, 0.0) / 20.0, 0.0, 1.0) * (scores > 0.6)).astype(np.float32)
    return np.nan_to_num(out)


def _confidence(alone: npt.NDArray[np.floating[Any]]) -> float:
    """How calm the calm frames are, 0 to 1, by the summed intensities (n,) read of them without a neutral."""
    level = float(np.median(alone))
    return round(float(np.clip((RESTLESS_SUM - level) / (RESTLESS_SUM - CALM_SUM), 0.0, 1.0)), 3)


def _mean(entries: Floats, rows: npt.NDArray[np.intp], trusted: Floats) -> Floats:
    share = trusted[rows] / trusted[rows].sum()
    out: Floats = (share[:, None] * entries[rows]).sum(axis=0).astype(np.float32)
    return out
