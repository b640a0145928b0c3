"""People outside an engine's identity space: geometry, AU shapes and folds of their own, for measuring a domain gap.

An engine's identity numbers span a space that a regressor may learn by heart. A :class:`Variation` moves one person out
of it, by smooth random fields over the neutral head (random Fourier features: Rahimi and Recht, NIPS 2007):

    rest'(p)  = rest(p) + gap * D * u(p)                              bone structure
    AU'       = gains * (AU + C AU)                                   how strongly, and with which companions
    move'(p)  = (1 + gap * S * m(p)) R(gap * A * w(p)) move(p)        along which directions, how far where

``u``, ``m`` and ``w`` are smooth fields of unit variance, mostly symmetric; ``R(v)`` turns by the vector ``v``. Labels
stay those of the AU parameters: what differs is what a given intensity looks like on this person, as on people.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from aubench.parameters import AU_NAMES, au_index

Floats = npt.NDArray[np.float32]

DISPLACEMENT = 0.055
"""D: standard deviation of the displacement at gap 1, in interocular distances (about 3.4 mm)."""
STRETCH, ANGLE = 0.25, 0.30
"""S and A: standard deviations at gap 1 of the local gain of movements and, in radians, of each component of their
turn."""
GAIN, FOLD_GAIN = 0.30, 0.40
"""Standard deviations at gap 1 of the logarithm of an AU's gain and of the depth of its folds."""
COMPANY = 0.20
"""Greatest share at gap 1 in which an AU brings one of its neighbours with it."""
NEIGHBOURS = (
    ("AU01", "AU02"), ("AU01", "AU04"), ("AU04", "AU09"), ("AU06", "AU07"), ("AU06", "AU12"), ("AU09", "AU10"),
    ("AU10", "AU12"), ("AU12", "AU14"), ("AU12", "AU20"), ("AU15", "AU17"), ("AU16", "AU25"), ("AU17", "AU24"),
    ("AU23", "AU24"), ("AU25", "AU26"), ("AU18", "AU22"), ("AU05", "AU02"),
)  # fmt: skip
SYMMETRY = 0.9
"""Share of a field that is the same on both sides of the face."""
_FEATURES, _WAVELENGTHS = 20, (0.9, 3.5)
"""Number of waves in a field, and their shortest and longest wavelength in interocular distances."""


class Variation:
    """How one person departs from an engine's model.

    Args:
        seed: The person. The same seed gives the same person, in every engine.
        gap: 0 for none, 1 for people about as far outside the model as its own people are from each other.
        unit: Interocular distance of the engine's base face, in its units of length.
    """

    def __init__(self, seed: int, gap: float, unit: float) -> None:
        rng = np.random.default_rng([60_610, seed])
        self.gap, self.unit = gap, unit
        count = len(AU_NAMES)
        self.gains = np.exp(gap * GAIN * rng.normal(0, 1, count)).clip(0.4, 1.8).astype(np.float32)
        self.fold_gains = np.exp(gap * FOLD_GAIN * rng.normal(0, 1, count)).clip(0.2, 2.5).astype(np.float32)
        self.company = np.zeros((count, count), np.float32)
        for one, other in NEIGHBOURS:
            for into, of in ((one, other), (other, one)):
                self.company[au_index(into), au_index(of)] = gap * COMPANY * rng.random() ** 2
        self._bones = _Field(rng, 3)
        self._stretch = _Field(rng, 1)
        self._turn = _Field(rng, 3, axial=True)
        self._moved: tuple[Floats, Floats] | None = None
        self._bent: tuple[Floats, tuple[Floats, Floats, Floats]] | None = None

    def actions(self, au: Floats) -> Floats:
        """AU' (23,) of AU parameters (23,) whose base is 0: what moves this person's face."""
        out: Floats = (self.gains * (au + self.company @ au)).astype(np.float32)
        return out

    def folds(self, au: Floats) -> Floats:
        """AU parameters (23,) as this person's folds show them, in [0, 1]."""
        out: Floats = np.clip(self.fold_gains * au, 0.0, 1.0).astype(np.float32)
        return out

    def displacement(self, points: Floats) -> Floats:
        """Displacement (n, 3) of the rest shape at ``points`` (n, 3), places on the engine's base head. Not to be
        changed in place: it is kept for the next."""
        if self._moved is None or self._moved[0] is not points:
            moved = (self.gap * DISPLACEMENT * self.unit) * self._bones(points / self.unit)
            self._moved = points, moved
        return self._moved[1]

    def bent(self, points: Floats, moves: Floats) -> Floats:
        """``moves`` (n, 3), the movement of each place ``points`` (n, 3), as this person makes it."""
        angle, axis, gain = self._at_rest(points)
        cross = np.cross(axis, moves)
        along = axis * (axis * moves).sum(axis=1, keepdims=True)
        turned = along + np.cos(angle) * (moves - along) + np.sin(angle) * cross  # Rodrigues
        out: Floats = (gain * turned).astype(np.float32)
        return out

    def _at_rest(self, points: Floats) -> tuple[Floats, Floats, Floats]:
        """Angle (n, 1), axis (n, 3) and gain (n, 1) of the movements at ``points``; kept for the next."""
        if self._bent is None or self._bent[0] is not points:
            places = points / self.unit
            turn = self.gap * ANGLE * self._turn(places)
            angle = np.linalg.norm(turn, axis=1, keepdims=True)
            axis = turn / np.maximum(angle, 1e-9)
            gain = np.clip(1 + self.gap * STRETCH * self._stretch(places), 0.3, 1.9)
            self._bent = points, (angle, axis, gain)
        return self._bent[1]


class _Field:
    """A smooth random vector field of unit variance for each component, mostly symmetric about x = 0.

    ``axial``: the vectors are rotations, whose mirror image keeps x and turns y and z over."""

    def __init__(self, rng: np.random.Generator, size: int, axial: bool = False) -> None:
        direction = rng.normal(0, 1, (_FEATURES, 3))
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        shortest, longest = np.log(_WAVELENGTHS)
        length = np.exp(rng.uniform(shortest, longest, (_FEATURES, 1)))
        self.waves = (2 * np.pi * direction / length).astype(np.float32)
        self.phases = rng.uniform(0, 2 * np.pi, _FEATURES).astype(np.float32)
        # Long waves go farther than short ones, as bones do.
        weight = length / np.sqrt((length**2).mean())
        self.amplitudes = (rng.normal(0, np.sqrt(2 / _FEATURES), (_FEATURES, size)) * weight).astype(np.float32)
        self.mirror = np.ones(size, np.float32)
        if size == 3:
            self.mirror[1 if axial else 0] = -1.0
            if axial:
                self.mirror[2] = -1.0

    def __call__(self, places: Floats) -> Floats:
        places = np.ascontiguousarray(places, np.float32)
        mirrored = places * np.array([-1, 1, 1], np.float32)
        one, other = self._at(places), self._at(mirrored) * self.mirror
        symmetric, odd = 0.5 * (one + other), 0.5 * (one - other)
        # Each half has half the variance of the whole.
        out: Floats = np.sqrt(2 * SYMMETRY) * symmetric + np.sqrt(2 * (1 - SYMMETRY)) * odd
        return out

    def _at(self, places: Floats) -> Floats:
        out: Floats = np.cos(places @ self.waves.T + self.phases) @ self.amplitudes
        return out


@functools.lru_cache(maxsize=8)
def variation(seed: int, gap: float, unit: float) -> Variation | None:
    """The variation of a person; None at gap 0. Kept, as a person's frames are drawn one after another."""
    return Variation(seed, gap, unit) if gap else None
