"""Who is drawn, frame by frame: the parameters of every picture, and so its exact labels.

A pure function of the configuration, to the last bit (see :mod:`.chance`): every number is rounded to 1/65536, which
float32 holds exactly, and the labels are five times the AU parameters.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from aubench.contracts import NUISANCE_NAMES
from aubench.parameters import AU_NAMES, BROW_SIZE, IDENTITY_SIZE, INTENSITY_SCALE, au_index

from . import SynthConfig
from .chance import Array, Chance
from .courses import RATE, blinks, course, saccades, wander
from .episodes import DECK, LOOSE_DECK, Dealer, play

AUS = (
    "AU01", "AU02", "AU04", "AU05", "AU06", "AU09", "AU10", "AU12", "AU14", "AU15", "AU17", "AU20", "AU25", "AU26",
)  # fmt: skip
"""The labelled AUs: those of DISFA and BP4D."""
GRAIN = 65536.0
YAW_SPREAD, PITCH_SPREAD, ROLL_SPREAD = 0.11, 0.12, 0.35
"""Standard deviation of the head's turning: of the parameters yaw and pitch, and of the nuisance roll."""
BUSY_EXTRA = 0.6
"""Pauses between episodes of an extra subject, beside a main one's: a ceiling should see expressions."""

_MAIN, _EXTRA = 0, 1
_PERSON, _SEQUENCE, _DECK = 0, 1, 2


@dataclass(frozen=True)
class Schedule:
    """Rows are frames, those of training subjects first. ``pose`` (n, 2), ``au`` (n, 23), ``nuisance`` (n, 9);
    ``identity`` (n, 208) and ``brow`` (n,) belong to the person; ``look`` and ``shot`` seed the engine."""

    train: npt.NDArray[np.bool_]
    subject: npt.NDArray[np.str_]
    sequence: npt.NDArray[np.str_]
    frame: npt.NDArray[np.int64]
    pose: npt.NDArray[np.float32]
    au: npt.NDArray[np.float32]
    identity: npt.NDArray[np.float32]
    brow: npt.NDArray[np.int64]
    nuisance: npt.NDArray[np.float32]
    look: npt.NDArray[np.int64]
    shot: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.frame)

    def labels(self) -> Array:
        """Intensities (n, 14) in [0, 5], in the order of :data:`AUS`."""
        return INTENSITY_SCALE * self.au[:, [au_index(name) for name in AUS]].astype(np.float64)

    def digest(self) -> str:
        """SHA-256 over all rows, the same on every machine."""
        total = hashlib.sha256()
        for field in fields(self):
            values = getattr(self, field.name)
            if values.dtype.kind == "f":
                values = np.rint(values * GRAIN)
            text = values if values.dtype.kind == "U" else values.astype("<i8")
            total.update("\n".join(text).encode() if values.dtype.kind == "U" else text.tobytes())
        return total.hexdigest()


@dataclass(frozen=True)
class Person:
    """What stays with one person: the face, and the way it moves."""

    name: str
    train: bool
    identity: Array
    brow: int
    look: int
    vigour: float
    tempo: float
    resting: Array
    lopsided: float


def make(config: SynthConfig) -> Schedule:
    """The schedule of a configuration."""
    dealers = [
        (Dealer(DECK, Chance(config.seed, part, _DECK, 0)), Dealer(LOOSE_DECK, Chance(config.seed, part, _DECK, 1)))
        for part in range(3)
    ]
    rows: dict[bool, list[Schedule]] = {True: [], False: []}
    for number in range(config.subjects):
        person = _person(config.seed, _MAIN, number)
        for sequence in range(config.sequences):
            chance = Chance(config.seed, _MAIN, number, _SEQUENCE, sequence)
            length = config.frames_per_sequence * config.stride
            acted = _act(person, length, dealers[0 if person.train else 1], chance)
            frames = np.arange(config.frames_per_sequence) * config.stride
            rows[person.train].append(_rows(person, sequence, acted, frames, chance))
    for number in range(config.extra_subjects):
        person = _person(config.seed, _EXTRA, number)
        chance = Chance(config.seed, _EXTRA, number, _SEQUENCE, 0)
        # One shot every 1.5 s: neighbours in time would teach little, and every frame costs a drawing.
        step = (3 * RATE) // 2
        acted = _act(person, config.extra_frames * step, dealers[2], chance, BUSY_EXTRA)
        rows[True].append(_rows(person, 0, acted, np.arange(config.extra_frames) * step, chance))
    parts = rows[True] + rows[False]
    return Schedule(**{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Schedule)})


def _person(seed: int, part: int, number: int) -> Person:
    chance = Chance(seed, part, number, _PERSON)
    extra = part == _EXTRA
    return Person(
        name=f"{'X' if extra else 'S'}{number + 1:03d}",
        train=extra or number % 3 != 2,
        identity=_inside(0.5 + 0.17 * chance.bells(IDENTITY_SIZE), 0.04, 0.96),
        brow=chance.below(BROW_SIZE),
        look=chance.below(2**31),
        vigour=chance.uniform(0.8, 1.2),
        tempo=chance.uniform(0.85, 1.2),
        resting=chance.bells(3) * np.array([0.05, 0.06, 0.2]),
        lopsided=0.15 * chance.bell(),
    )


@dataclass(frozen=True)
class _Acted:
    """One sequence at 25 frames a second: ``pose`` (t, 2), ``au`` (t, 23), ``nuisance`` (t, 9)."""

    pose: Array
    au: Array
    nuisance: Array


def _act(person: Person, length: int, dealers: tuple[Dealer, Dealer], chance: Chance, pause: float = 1.0) -> _Acted:
    au = np.zeros((length, len(AU_NAMES)))
    for dealer, longest in zip(dealers, (2.0, 3.5), strict=True):
        t = -chance.uniform(0.0, 1.5) * RATE
        while t < length:
            over = play(dealer.deal(), au, t, person.vigour, person.tempo, chance)
            # Now and then the next movement begins before the last one has gone.
            gap = -0.6 if chance.happens(0.2) else pause * chance.uniform(0.1, longest)
            t = over + gap * RATE * person.tempo
    au[:, au_index("AU43")] = np.maximum(au[:, au_index("AU43")], blinks(length, chance))
    _settle(au)

    head = (
        np.stack([wander(length, s, chance) for s in (YAW_SPREAD, PITCH_SPREAD, ROLL_SPREAD)], axis=1) + person.resting
    )
    nuisance = np.zeros((length, len(NUISANCE_NAMES)))
    column = {name: nuisance[:, i] for i, name in enumerate(NUISANCE_NAMES)}
    gaze = saccades(length, chance)
    column["gaze_x"][:], column["gaze_y"][:] = gaze[:, 0], gaze[:, 1]
    column["roll"][:] = _inside(head[:, 2], -1.0, 1.0)
    column["asymmetry"][:] = _inside(person.lopsided + 0.1 * wander(length, 1.0, chance), -0.6, 0.6)
    _now_and_then(column["cheek_puff"], 0.05, 0.5, chance)
    _now_and_then(column["jaw_forward"], 0.05, 0.6, chance)
    return _Acted(_inside(0.5 + head[:, :2], 0.05, 0.95), au, nuisance)


def _settle(au: Array) -> None:
    """What one face cannot do at once gives way: lids that shut cannot be raised, parted lips cannot be pressed, wide
    lips cannot be pursed, a jaw goes one way. Traces below a twentieth of an intensity are none."""
    closed, parted = au[:, au_index("AU43")], au[:, au_index("AU25")]
    au[:, au_index("AU05")] *= 1.0 - closed
    for name in ("AU23", "AU24"):
        au[:, au_index(name)] *= 1.0 - parted
    wide = np.maximum(au[:, au_index("AU12")], au[:, au_index("AU20")])
    for name in ("AU18", "AU22"):
        au[:, au_index(name)] *= 1.0 - 0.7 * wide
    au[:, au_index("AU30R")] *= 1.0 - np.minimum(5.0 * au[:, au_index("AU30L")], 1.0)
    au[:] = _inside(au, 0.0, 1.0) * (au >= 0.01)


def _now_and_then(column: Array, rate: float, most: float, chance: Chance) -> None:
    """A movement of its own, ``rate`` times a second."""
    t = chance.uniform(0.0, 2.0 / rate) * RATE
    while t < len(column):
        onset, apex, offset = (chance.uniform(0.3, 0.8) * RATE for _ in range(3))
        own = chance.uniform(0.2, 1.0) * most * course(len(column), t, onset, apex, offset, chance)
        column[:] = np.maximum(column, _inside(own, 0.0, 1.0))
        t += chance.uniform(0.2, 1.8) / rate * RATE


def _rows(person: Person, sequence: int, acted: _Acted, frames: npt.NDArray[np.int64], chance: Chance) -> Schedule:
    count = len(frames)
    return Schedule(
        train=np.full(count, person.train),
        subject=np.full(count, person.name),
        sequence=np.full(count, str(sequence + 1)),
        frame=np.arange(count, dtype=np.int64),
        pose=_grain(acted.pose[frames]),
        au=_grain(acted.au[frames]),
        identity=np.repeat(_grain(person.identity)[None], count, axis=0),
        brow=np.full(count, person.brow, dtype=np.int64),
        nuisance=_grain(acted.nuisance[frames]),
        look=np.full(count, person.look, dtype=np.int64),
        shot=np.array([chance.below(2**31) for _ in frames], dtype=np.int64),
    )


def _inside(values: Array, low: float, high: float) -> Array:
    return np.minimum(np.maximum(values, low), high)


def _grain(values: Array) -> npt.NDArray[np.float32]:
    return (np.rint(values * GRAIN) / GRAIN).astype(np.float32)
