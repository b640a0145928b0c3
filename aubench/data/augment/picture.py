"""One augmented picture: the map of its new expression and that of its new pose, put together and sampled once."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from aubench.data.augment.expression import backward, displacement, field, generic_plate, plate
from aubench.data.augment.fill import fill
from aubench.data.augment.maps import look_up
from aubench.data.augment.points import complete, moved, realigned
from aubench.data.augment.pose import STRETCHED, Relief, Turn, bent_relief, cells, generic_relief, search
from aubench.data.augment.prior import face
from aubench.parameters import AU_NAMES
from aubench.types import Floats

Image = npt.NDArray[np.uint8]
SOFT = 0.2
"""Between 0.4 and 0.6 of a pixel of the source to a pixel, what is seen fades into what is filled in."""
LITTLE = 0.02
"""What is hidden is mostly the side of the head: background counts so little in filling it, unless there is no
other."""


@dataclass(frozen=True)
class Augmented:
    """``image`` (h, w, 3); ``landmarks`` (68, 2) in its pixels (the generic face's where the source had none);
    ``yaw`` and ``pitch``, degrees, added to the head's own; ``strengths`` (23,) of the AUs that were added, as far as
    they were not weakened to keep the picture whole; ``filled`` (h, w): the share of a pixel that the source hid."""

    image: Image
    landmarks: Floats
    yaw: float
    pitch: float
    strengths: Floats
    filled: Floats


def augment(
    image: Image,
    landmarks: npt.NDArray[np.floating] | None = None,
    *,
    yaw: float = 0.0,
    pitch: float = 0.0,
    strengths: Floats | None = None,
) -> Augmented:
    """One aligned crop (h, h, 3), its head turned by ``yaw`` and ``pitch`` degrees (see :meth:`.pose.Turn.of`), with
    ``strengths`` (23,) of AUs added to its expression, and aligned again. ``landmarks`` (68, 2) in its pixels, NaN for
    those that are not known; without them, the generic face's stand in."""
    size, prior = image.shape[0], face()
    if image.shape != (size, size, 3) or image.dtype != np.uint8:
        raise ValueError(f"an aligned crop is (h, h, 3) uint8, not {image.shape} {image.dtype}")
    own = _own(landmarks, size)
    before = prior.landmarks[:, :2] if own is None else own
    after = before

    back: Floats | None = None
    given = np.zeros(len(AU_NAMES), np.float32) if strengths is None else strengths
    if given.any():
        forward, given = _expressed(own, given)
        after = before + look_up(forward, before[None] * np.float32(len(forward) - 1))[0]
        back = backward(forward)

    turn, relief, posed = Turn.of(yaw, pitch), None, after
    if turn.angle:
        relief = generic_relief() if own is None else bent_relief(own)
        posed = after + turn.shift(after, relief.landmarks)[:, None] * turn.direction

    change = realigned(before, posed)
    drawn, hidden = _sample(image, np.linalg.inv(change).astype(np.float32), turn, relief, back)
    return Augmented(drawn, moved(change, posed) * size - np.float32(0.5), yaw, pitch, given, hidden)


def applied(strengths: Floats, landmarks: npt.NDArray[np.floating] | None, size: int) -> Floats:
    """Of ``strengths`` (23,) that are asked for, those that :func:`augment` adds to a crop of side ``size`` with these
    ``landmarks``: less where the warp would fold the picture."""
    return _expressed(_own(landmarks, size), strengths)[1] if strengths.any() else strengths


def _own(landmarks: npt.NDArray[np.floating] | None, size: int) -> Floats | None:
    """Landmarks in pixels as fractions of the crop's side; None where there are none."""
    return None if landmarks is None else complete(((landmarks + 0.5) / size).astype(np.float32), face())


def _expressed(own: Floats | None, strengths: Floats) -> tuple[Floats, Floats]:
    """Displacement on nodes of the AUs of ``strengths``, and those strengths as far as the warp keeps them."""
    prior = face()
    move = displacement(prior.landmarks[:, :2] if own is None else own, prior, strengths)
    forward, kept = field(generic_plate() if own is None else plate(own), move)
    return forward, strengths * np.float32(kept)


def _sample(
    image: Image, inverse: Floats, turn: Turn, relief: Relief | None, back: Floats | None
) -> tuple[Image, Floats]:
    """The picture under all maps, from the result back to the source: ``inverse`` undoes the new alignment, then the
    turn of ``relief``, then ``back``, the new expression; and the share (h, w) of each pixel that was filled in. Beyond
    the crop its edge goes on, as it does where the aligner meets the edge of a picture."""
    size = image.shape[0]
    where, keep, side = _onto(inverse, size), np.ones((size, size), np.float32), None
    if relief is not None:
        half = max(32, size // 2)
        found = search(relief.shift(turn), _onto(inverse, half), turn.direction)
        tau, crossed = (np.asarray(cv2.resize(each, (size, size)), np.float32) for each in found)
        where -= tau[..., None] * turn.direction
        keep = np.clip((crossed - STRETCHED) / SOFT, 0, 1)
        side = look_up(relief.inner, where * np.float32(len(relief.inner)) - np.float32(0.5))
    if back is not None:
        where += look_up(back, where * np.float32(len(back) - 1))
    where *= size
    where -= 0.5
    drawn = look_up(image, where)
    if side is not None and keep.min() < 1:
        drawn = fill(drawn, keep, keep * (LITTLE + side))
    return drawn, 1 - keep


def _onto(inverse: Floats, side: int) -> Floats:
    """Where the centres of ``side``² pixels (side, side, 2) come from."""
    return moved(inverse, cells(side).reshape(-1, 2)).reshape(side, side, 2)
