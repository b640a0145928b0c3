"""Turning the head of a picture, in the manner of HPEN (Zhu et al., 2015): a generic surface gives each pixel a depth,
the head turns about an axis behind it, background, neck and shoulders stay, and what was hidden is found to be so.

A turn about an axis in the picture's plane moves every pixel along one direction d, square to the axis, by

    δ(p) = head(p) · ((s - s₀)(cos φ - 1) + z(p) sin φ),        s = p·d,

with φ the angle, z the height over the axis, and s₀ the axis's place. A pixel u of the turned picture shows the p = u
- τd with τ = δ(p). Where several would do, the surface hides itself: then the one with the largest τ is in front (for
points of a rigid surface that fall together, z' = z cos φ - s sin φ falls with s), and it is met first when the search
goes from the largest τ down.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np

from aubench.data.augment.maps import look_up, look_up_at
from aubench.data.augment.points import turned
from aubench.data.augment.prior import face
from aubench.data.augment.thinplate import ThinPlate, at_pixels
from aubench.types import Floats

CENTRE = np.array([0.5, 0.5], np.float32)
"""Where the axis of turning stands, in the plane of the crop."""
INNER = 0.15
"""Height from which a place lies well within the head."""
STEP = 0.012
"""Length of a step of the search, as a fraction of the side; the last one is interpolated."""
STRETCHED = 0.4
"""Where a pixel of the source is drawn out over more than 1/0.4 pixels, the turned picture shows what the source
hid."""


@dataclass(frozen=True)
class Turn:
    """A turn by ``angle`` radians that moves what is nearest along ``direction`` (2,)."""

    direction: Floats
    angle: float

    @staticmethod
    def of(yaw: float, pitch: float) -> Turn:
        """From degrees: positive yaw towards the picture's right, positive pitch lowers the chin."""
        angle = float(np.hypot(yaw, pitch))
        return Turn(np.array([yaw, pitch], np.float32) / max(angle, 1e-9), float(np.radians(angle)))

    def shift(self, points: Floats, z: Floats) -> Floats:
        """How far ``points`` (..., 2) at height ``z`` (...) go along the direction."""
        s = (points - CENTRE) @ self.direction
        out: Floats = (s * (np.cos(self.angle) - 1) + z * np.sin(self.angle)).astype(np.float32)
        return out


@dataclass(frozen=True)
class Relief:
    """A face as a surface: ``height`` over the axis of turning and ``head``, the share that turns (g, g), over a
    crop; the height of its 68 ``landmarks``."""

    height: Floats
    head: Floats
    landmarks: Floats

    def shift(self, turn: Turn) -> Floats:
        """δ over the crop (g, g). On the far side nothing withdraws: as one part of a ball goes behind, the next
        takes its place in the outline."""
        places = cells(self.height.shape[0])
        moves = turn.shift(places, self.height)
        far = (places - CENTRE) @ turn.direction > 0
        out: Floats = self.head * np.where(far, np.maximum(moves, 0), moves)
        return out

    @property
    def inner(self) -> Floats:
        """How well a place (g, g) shows the head's colour: 1 on the face, 0 towards the outline, which may be
        another's."""
        return np.asarray(self.head * np.clip(self.height / INNER, 0, 1) ** 2, np.float32)


@functools.cache
def generic_relief() -> Relief:
    """The generic face's, for a crop whose landmarks are not known: taken for frontal."""
    prior = face()
    return Relief(prior.height, prior.head, np.ascontiguousarray(prior.landmarks[:, 2]))


def bent_relief(points: Floats) -> Relief:
    """The generic face's, bent to ``points`` (68, 2) by a thin plate, and turned as they say."""
    prior = face()
    g, row = prior.height.shape[0], turned(points, prior)[2]
    places = at_pixels(ThinPlate(points, smoothing=1e-2)(prior.landmarks[:, :2]), g)
    height, head = (look_up(field, places * g - 0.5) for field in (prior.height, prior.head))
    # Out of the picture points the third row of the rotation.
    out = (np.clip(places, 0, 1) - CENTRE) @ row[:2] + height * row[2]
    return Relief(out, head, (prior.landmarks[:, :2] - CENTRE) @ row[:2] + prior.landmarks[:, 2] * row[2])


@functools.lru_cache(maxsize=8)
def cells(g: int) -> Floats:
    """Centres (g, g, 2) of the cells of a crop."""
    line = (np.arange(g, dtype=np.float32) + 0.5) / g
    x, y = np.meshgrid(line, line)
    return np.stack([x, y], axis=2)


def search(shift: Floats, where: Floats, direction: Floats) -> tuple[Floats, Floats]:
    """``τ`` (h, w) of the points ``where`` (h, w, 2) of the turned picture, given ``shift`` δ (g, g), cells over the
    source; and how much of the source (h, w) a step along the direction crosses there: 1 as it is, towards 0 where it
    is drawn out."""
    g = shift.shape[0]
    x0, y0 = where[..., 0] * g - 0.5, where[..., 1] * g - 0.5
    dx, dy = float(direction[0]) * g, float(direction[1]) * g
    high, low = float(shift.max()), float(shift.min())
    steps = max(2, int(np.ceil((high - low) / STEP)) + 1)
    ladder = np.linspace(high, low, steps)
    x, y = (x0 - high * dx).astype(np.float32), (y0 - high * dy).astype(np.float32)
    down = float(ladder[0] - ladder[1])
    tau = np.full(x.shape, low, np.float32)
    open_ = np.ones(x.shape, bool)
    before = np.full(x.shape, -1e-6, np.float32)
    for place in ladder:
        gap = look_up_at(shift, x, y) - np.float32(place)
        hit = open_ & (gap >= 0)
        # Straight between this rung and the one above it.
        share = gap[hit] / np.maximum(gap[hit] - before[hit], 1e-9)
        tau[hit] = place + np.clip(share, 0, 1) * down
        open_ &= ~hit
        before = gap
        x += down * dx
        y += down * dy
    # An outline on the coarse grid has steps: soften them.
    tau = np.asarray(cv2.GaussianBlur(tau, (3, 3), 0.7), np.float32)
    spread = (np.hypot(*(where[0, 1] - where[0, 0])), np.hypot(*(where[1, 0] - where[0, 0])))
    along, across = np.gradient(tau, axis=1) / spread[0], np.gradient(tau, axis=0) / spread[1]
    crossed: Floats = 1 - (along * direction[0] + across * direction[1])
    return tau, crossed
