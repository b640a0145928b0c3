"""Measures the generic face off an engine: ``python -m aubench.data.augment.measure [--out FILE]`` writes the asset.

Depth, outline and landmarks are means over random identities with a resting, frontal face; the move of an AU is the
mean difference that it makes to their landmarks. No photograph of a person goes into it.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from aubench.contracts import PARSING_CLASSES, Engine, Renderer
from aubench.data.augment.prior import ASSET, Prior
from aubench.discovery import build
from aubench.files import atomic_write_bytes
from aubench.parameters import AU_NAMES, FacialParameters

SIZE, CELLS = 128, 64
STILL = ("background", "neck", "neck_l", "cloth")
"""Classes that stay when the head turns."""
JAW = slice(0, 17)
EARS = (0, 1, 15, 16)
"""Points of the jaw beside the ears: the axis of turning lies at their depth, so that a turning head keeps its outline,
as a ball does."""
INWARD = 0.06
"""So far towards the middle of all points, as a share of the way."""
EYES = (slice(36, 42), slice(42, 48))


def measure(engine: Engine, people: int, seed: int) -> Prior:
    """The mean face of ``people`` identities."""
    resting = engine.sample(people, seed).emotionless()
    resting.pose.fill_(0.5)
    drawn = engine.draw(resting)
    if drawn.depth is None or drawn.parsing is None or drawn.landmarks is None:
        raise ValueError("the engine tells no depth, parsing map or landmarks")
    depth, points = drawn.depth.numpy().astype(np.float64), drawn.landmarks.numpy().astype(np.float64)
    head = ~np.isin(drawn.parsing.numpy(), [PARSING_CLASSES.index(name) for name in STILL]) & np.isfinite(depth)
    # Depth is in interocular distances; lengths here are fractions of the side, as the points are.
    between = np.linalg.norm(points[:, EYES[0]].mean(axis=1) - points[:, EYES[1]].mean(axis=1), axis=-1) / SIZE
    # The jaw's points lie on the outline, where depth breaks off: it is read a little further in.
    inward = points.copy()
    inward[:, JAW] += INWARD * (points.mean(axis=1, keepdims=True) - points[:, JAW])
    at = np.clip(np.rint(inward).astype(int), 0, SIZE - 1)
    person = np.arange(people)[:, None]
    near = depth[person, at[..., 1], at[..., 0]]
    axis = np.median(np.where(np.isfinite(near), near, np.nan)[:, EARS])
    height = (axis - depth) * between[:, None, None]
    share = head.mean(axis=0)
    mean = np.where(head, np.clip(np.nan_to_num(height, neginf=0.0), 0.0, None), 0.0).sum(axis=0) / np.maximum(
        head.sum(axis=0), 1
    )
    z = np.nanmean(np.where(np.isfinite(near), (axis - near) * between[:, None], np.nan), axis=0)
    flat = np.concatenate([(points.mean(axis=0) + 0.5) / SIZE, np.clip(z, 0.0, None)[:, None]], axis=1)
    return Prior(_even(flat), _shrink(_mirror(mean)), _shrink(_mirror(share)), _moves(engine, resting, points))


def _moves(engine: Engine, resting: FacialParameters, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    moves = []
    for index in range(len(AU_NAMES)):
        au = resting.au.clone()
        au[:, index] = 1.0
        drawn = engine.draw(FacialParameters(resting.pose, au, resting.identity, resting.brow))
        assert drawn.landmarks is not None
        moves.append((drawn.landmarks.numpy() - points).mean(axis=0) / SIZE)
    return np.stack(moves).astype(np.float32)


def _mirror(image: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Mean of a map and its mirror image."""
    return (image + image[:, ::-1]) / 2


def _even(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Mean of points (68, 3) and their mirror images."""
    other = points[list(MIRRORED)] * [-1, 1, 1] + [1, 0, 0]
    return ((points + other) / 2).astype(np.float32)


def _shrink(image: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    return np.asarray(cv2.resize(image, (CELLS, CELLS), interpolation=cv2.INTER_AREA), np.float32)


MIRRORED = (
    *range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31,
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40, 54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60,
    67, 66, 65,
)  # fmt: skip
"""The point that stands at a point's place in the mirrored picture."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", default="bdfm")
    parser.add_argument("--people", type=int, default=48)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=ASSET)
    options = parser.parse_args()
    engine: Renderer = build("renderer", options.engine, {"size": SIZE})
    assert isinstance(engine, Engine)
    found = measure(engine, options.people, options.seed)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{name: value.astype(np.float16) for name, value in vars(found).items()})
    atomic_write_bytes(options.out, buffer.getvalue())
    print(f"{options.out}: {len(buffer.getvalue())} bytes, height up to {found.height.max():.3f} of the side")


if __name__ == "__main__":
    main()
