"""Recordings of drawn people: several frames of one person each, some of them calm, for reading departures from a
person's own neutral face."""

from __future__ import annotations

import hashlib
import inspect
from typing import Any

import numpy as np
import numpy.typing as npt

from aubench.contracts import NUISANCE_NAMES, Engine
from aubench.parameters import AU as AU_SLICE
from aubench.parameters import AU_NAMES, BASE_AU, POSE

from .expressions import expressions
from .pretrain import augment
from .samples import Inputs, Samples

CALM = 4
"""The first frames of each person are calm."""
RECORDED = 0.6
"""Share of the people whose frames are one recording: one camera, one alignment error, one compression. The frames of
the others are photographs, each taken in another way."""
NEARLY = 0.25
"""Share of calm frames in which up to three AUs are active at up to :data:`TRACE`: people are never quite at rest."""
TRACE = 0.12
_INDEPENDENT, _TOGETHER = 0.40, 0.40
"""Shares of expressive frames whose AUs are the engine's own sample, and whose AUs come together as expressions. In
the others one to three AUs are active, weakly as often as strongly."""
_STEADY = ("shift_x", "shift_y", "scale", "asymmetry")
"""Nuisance movements that stay with a recording, or with a person."""


def people(engine: Engine, count: int, frames: int, seed: int) -> Inputs:
    """What is drawn: ``count`` people with ``frames`` frames each, person after person.

    Raises ``ValueError`` for so few frames that none would be expressive.
    """
    if frames <= CALM:
        raise ValueError(f"{frames} frames of each person, of which {CALM} are calm, leave no expressive one")
    rng = np.random.default_rng([seed, 0x9E0])
    own = engine.sample(count, seed).vector().numpy()
    vectors = np.repeat(own, frames, axis=0).reshape(count, frames, -1)
    home = 0.5 + 0.6 * (own[:, None, POSE] - 0.5)
    spread = rng.uniform(0.02, 0.12, (count, 1, 1))
    vectors[..., POSE] = np.clip(home + spread * rng.normal(0, 1, (count, frames, POSE.stop - POSE.start)), 0, 1)
    vectors[:, :CALM, AU_SLICE] = _calm(count * CALM, rng).reshape(count, CALM, -1)
    busy = frames - CALM
    moving = _expressive(engine, count * busy, seed, rng).reshape(count, busy, -1)
    vectors[:, CALM:, AU_SLICE] = moving
    looks = np.repeat(rng.integers(0, 2**31, count), frames)
    shots = rng.integers(0, 2**31, (count, frames))
    recorded = rng.random(count) < RECORDED
    shots[recorded] = shots[recorded, :1]
    return Inputs(
        np.ascontiguousarray(vectors.reshape(count * frames, -1), np.float32),
        looks,
        shots.reshape(-1),
        _nuisance(count, frames, recorded, rng).reshape(count * frames, -1),
    )


def _calm(count: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """AUs (count, 23) of calm frames."""
    idle = 2 * BASE_AU * rng.random((count, len(AU_NAMES)))
    traces = (rng.random((count, 1)) < NEARLY) & (_rank(count, rng) < rng.integers(1, 4, (count, 1)))
    return np.where(traces, TRACE * rng.random(idle.shape), idle).astype(np.float32)


def _expressive(engine: Engine, count: int, seed: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """AUs (count, 23) of expressive frames."""
    kind = rng.random((count, 1))
    idle = 2 * BASE_AU * rng.random((count, len(AU_NAMES)))
    few = np.where(_rank(count, rng) < rng.integers(1, 4, (count, 1)), rng.random(idle.shape) ** 1.5, idle)
    sampled = engine.sample(count, seed + 1).vector().numpy()[:, AU_SLICE]
    crowded = (sampled > 2 * BASE_AU).sum(axis=1, keepdims=True) > 10  # no muscles could make such a face
    sampled = np.where(crowded, few, sampled)
    chosen = np.where(kind < _INDEPENDENT + _TOGETHER, expressions(count, rng), few)
    return np.where(kind < _INDEPENDENT, sampled, chosen).astype(np.float32)


def _rank(count: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """A random order of the AUs for each face."""
    order: npt.NDArray[np.int64] = rng.random((count, len(AU_NAMES))).argsort(axis=1).argsort(axis=1)
    return order


def _nuisance(
    count: int, frames: int, recorded: npt.NDArray[np.bool_], rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Nuisance movements (count, frames, 9) in [-1, 1]."""
    out = np.clip(rng.normal(0, 0.35, (count, frames, len(NUISANCE_NAMES))), -1, 1)
    for name in _STEADY:
        column = NUISANCE_NAMES.index(name)
        stays = recorded | (name == "asymmetry")
        out[stays, :, column] = out[stays, :1, column] + rng.normal(0, 0.05, (int(stays.sum()), frames))
    for name in ("cheek_puff", "jaw_forward"):
        column = NUISANCE_NAMES.index(name)
        out[..., column] *= rng.random((count, frames)) < 0.3
        out[:, :CALM, column] *= 0.3
    return np.clip(out, -1, 1).astype(np.float32)


def neutral_weights(frames: int, count: int, contaminated: float, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Of what each person's neutral is made, for each of their frames: weights (count, frames, frames) of sum 1 over
    the last axis.

    One to four calm frames, never the frame itself; for half of the frames with up to ``contaminated`` of an expressive
    one among them, since calm frames that are found without labels are not all calm."""
    order = rng.random((count, frames, CALM))
    order[:, np.arange(CALM), np.arange(CALM)] = np.inf
    rank = order.argsort(axis=2).argsort(axis=2)
    chosen = (rank < rng.integers(1, CALM + 1, (count, frames, 1))) & np.isfinite(order)
    weights = np.zeros((count, frames, frames))
    weights[:, :, :CALM] = chosen / chosen.sum(axis=2, keepdims=True)
    other = rng.integers(CALM, frames, (count, frames, 1))
    share = contaminated * rng.random((count, frames, 1)) * (rng.random((count, frames, 1)) < 0.5)
    share = np.where(other == np.arange(frames)[:, None], 0.0, share)
    weights *= 1 - share
    np.put_along_axis(weights, other, np.take_along_axis(weights, other, 2) + share, 2)
    return weights.astype(np.float32)


class RandomisedPeople:
    """Images (n, h, w, 3) uint8 of people, degraded at random (see :mod:`.randomised`): all frames of every second
    person in the same way, each frame of the others in its own."""

    def __init__(self, samples: Samples, frames: int, strength: float, seed: int) -> None:
        self.samples, self.frames, self.strength, self.seed = samples, frames, strength, seed
        self.shape = samples.images.shape

    @property
    def key(self) -> dict[str, Any]:
        """What decides the pixels besides the pool."""
        code = hashlib.sha256((inspect.getsource(augment) + inspect.getsource(RandomisedPeople)).encode())
        return {
            "randomised": self.strength,
            "seed": self.seed,
            "frames": self.frames,
            "code": code.hexdigest()[:16],
        }

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, rows: slice) -> npt.NDArray[np.uint8]:
        places = range(*rows.indices(len(self)))
        out = np.empty((len(places), *self.shape[1:]), np.uint8)
        for k, place in enumerate(places):
            person, frame = divmod(place, self.frames)
            alike = person % 2 == 0
            rng = np.random.default_rng([self.seed, 0x7B, person, 0 if alike else 1 + frame])
            one = slice(place, place + 1)
            image, parsing = np.array(self.samples.images[one]), np.array(self.samples.parsing[one])
            done = augment.augment(image, parsing, rng, self.strength, mirror=False)
            out[k] = (done.image[0].clamp(0, 1) * 255 + 0.5).byte().permute(1, 2, 0).numpy()
        return out
