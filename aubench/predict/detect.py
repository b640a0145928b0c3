"""Face detection with five points: the cascade of MTCNN, and the short cut for a face whose place is nearly known.

Boxes are (n, 4) as x1 y1 x2 y2, edges of the picture at 0 and its width or height. Points are as in :mod:`.align`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from aubench.predict.align import Canvas, Image, Points
from aubench.predict.mtcnn import output_net, proposal_net, refinement_net

Boxes = npt.NDArray[np.float64]
Scores = npt.NDArray[np.float64]

CELL, STRIDE = 12, 2
PROPOSAL_SCORE, REFINED_SCORE, FACE_SCORE = 0.6, 0.7, 0.7
"""Probabilities below which a candidate is dropped after P-net, R-net and O-net."""

JITTER = ((0.0, 0.0, 1.0), (0.04, 0.04, 1.0), (-0.04, 0.04, 1.0), (0.0, -0.04, 0.96), (0.0, 0.0, 1.08))
"""Shifts (fractions of the side) and scales of the patches that O-net sees of one face; its points are averaged over
them and their mirror images, which takes out most of the frame-to-frame noise."""
MIRRORED_POINTS = (1, 0, 2, 4, 3)


@dataclass(frozen=True)
class Face:
    """``box`` (4,), ``points`` (5, 2): eye on the picture's left, on its right, nose tip, mouth corners; ``score``
    the probability of being a face."""

    box: Boxes
    points: Points
    score: float

    @property
    def side(self) -> float:
        """Geometric mean of the box's sides, in pixels."""
        return float(np.sqrt(max(0.0, (self.box[2] - self.box[0]) * (self.box[3] - self.box[1]))))


def squared(boxes: Boxes) -> Boxes:
    """Boxes grown to squares about their centres."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = np.max(boxes[:, 2:] - boxes[:, :2], axis=1, keepdims=True) / 2
    return np.hstack([centre - half, centre + half])


def overlap(boxes: Boxes, box: Boxes, *, over_smaller: bool = False) -> Scores:
    """Intersection of each of ``boxes`` with ``box``, over their union or over the smaller of the two areas."""
    low, high = np.maximum(boxes[:, :2], box[:2]), np.minimum(boxes[:, 2:], box[2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    areas, area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1), np.prod(box[2:] - box[:2])
    ratio: Scores = shared / np.maximum(np.minimum(areas, area) if over_smaller else areas + area - shared, 1e-9)
    return ratio


def suppress(boxes: Boxes, scores: Scores, threshold: float, *, over_smaller: bool = False) -> npt.NDArray[np.intp]:
    """Non-maximum suppression: indices of the boxes kept, best first.

    Not ``torchvision.ops.nms``: that knows the union only, and importing it costs each command 2.7 s of CPU time
    (median of three on an Intel Xeon, torchvision 0.29, where this module takes 3.5 s, torch included).
    """
    order, kept = np.argsort(-scores, kind="stable"), []
    while len(order):
        best, order = order[0], order[1:]
        kept.append(best)
        order = order[overlap(boxes[order], boxes[best], over_smaller=over_smaller) <= threshold]
    return np.array(kept, dtype=np.intp)


def _batch(patches: list[Image], device: torch.device) -> Tensor:
    """uint8 (h, w, 3) patches → (n, 3, h, w) as the networks were trained: (x - 127.5) / 128."""
    stacked = torch.from_numpy(np.stack(patches)).to(device).permute(0, 3, 1, 2)
    return (stacked.float() - 127.5) / 128


def _probability(logits: Tensor) -> Scores:
    return np.asarray(logits.softmax(dim=1)[:, 1].numpy(), np.float64)


def _moved(boxes: Boxes, offsets: Tensor) -> Boxes:
    """Boxes moved by offsets (n, 4) in units of their sides."""
    sides = boxes[:, 2:] - boxes[:, :2]
    moved: Boxes = boxes + offsets.double().numpy() * np.hstack([sides, sides])
    return moved


class Detector:
    """MTCNN. ``smallest`` is the side of the smallest face to look for, as a fraction of the picture's shorter side
    (never under 24 px)."""

    def __init__(self, smallest: float = 0.05, device: torch.device | str = "cpu") -> None:
        self.smallest, self.device = smallest, torch.device(device)
        self.proposal, self.refinement, self.output = (
            net.to(self.device) for net in (proposal_net(), refinement_net(), output_net())
        )

    def _ask(self, network: nn.Module, patches: list[Image], *, mirrored: bool = False) -> list[Tensor]:
        """What ``network`` says of the patches, and then of their mirror images, on the CPU."""
        batch = _batch(patches, self.device)
        return [out.cpu() for out in network(torch.cat([batch, batch.flip(3)]) if mirrored else batch)]

    @torch.inference_mode()
    def detect(self, canvas: Canvas) -> list[Face]:
        """Every face of a picture, best first."""
        boxes = self._refine(canvas, squared(self._propose(canvas)))
        faces = self.look(canvas, squared(boxes)) if len(boxes) else []
        faces = [face for face in faces if face.score >= FACE_SCORE]
        if not faces:
            return []
        scores = np.array([face.score for face in faces])
        kept = suppress(np.stack([face.box for face in faces]), scores, 0.6, over_smaller=True)
        return [faces[i] for i in kept]

    @torch.inference_mode()
    def look(self, canvas: Canvas, squares: Boxes) -> list[Face]:
        """What O-net sees in each square (n, 4), whatever its score: one :class:`Face` per square."""
        sides = squares[:, 2:3] - squares[:, :1]
        views = np.stack(
            [np.hstack([(squares[:, :2] + squares[:, 2:]) / 2 + sides * (dx, dy) - sides * scale / 2, sides * scale])
             for dx, dy, scale in JITTER]
        )  # fmt: skip
        patches = [self._patch(canvas, view, 48) for view in views.reshape(-1, 3)]
        offsets, points, logits = self._ask(self.output, patches, mirrored=True)
        mirrored = points[len(patches) :].reshape(-1, 2, 5)[:, :, MIRRORED_POINTS].clone()
        mirrored[:, 0] = 1 - mirrored[:, 0]
        placed = ((points[: len(patches)].reshape(-1, 2, 5) + mirrored) / 2).double().numpy().transpose(0, 2, 1)
        backwards = offsets[len(patches) :]
        turned = torch.stack([-backwards[:, 2], backwards[:, 1], -backwards[:, 0], backwards[:, 3]], dim=1)
        n, flat = len(squares), views.reshape(-1, 3)
        moved = _moved(np.hstack([flat[:, :2], flat[:, :2] + flat[:, 2:]]), (offsets[: len(patches)] + turned) / 2)
        placed = flat[:, None, :2] + placed * flat[:, None, 2:] - 0.5
        score = _probability(logits).reshape(2, len(JITTER), n).mean(axis=(0, 1))
        box, five = moved.reshape(-1, n, 4).mean(axis=0), placed.reshape(-1, n, 5, 2).mean(axis=0)
        return [Face(box[i], five[i], float(score[i])) for i in range(n)]

    def _propose(self, canvas: Canvas) -> Boxes:
        """Candidates of P-net over a pyramid of sizes, a factor of √2 apart."""
        scale = CELL / max(24.0, self.smallest * min(canvas.width, canvas.height))
        boxes, scores = [np.empty((0, 4))], [np.empty(0)]
        while min(canvas.width, canvas.height) * scale >= CELL:
            width, height = (max(CELL, round(side * scale)) for side in (canvas.width, canvas.height))
            level = canvas.resized(width, height) if scale <= 1 else canvas.image
            offsets, logits = self._ask(self.proposal, [level])
            probability = logits.softmax(dim=1)[0, 1]
            ys, xs = torch.nonzero(probability > PROPOSAL_SCORE, as_tuple=True)
            corner = torch.stack([xs, ys], dim=1).double().numpy() * STRIDE
            found = _moved(np.hstack([corner, corner + CELL]), offsets[0, :, ys, xs].T)
            found *= np.tile([canvas.width / level.shape[1], canvas.height / level.shape[0]], 2)
            score = probability[ys, xs].double().numpy()
            kept = suppress(found, score, 0.5)
            boxes.append(found[kept])
            scores.append(score[kept])
            scale /= np.sqrt(2)
        together = np.vstack(boxes)
        return together[suppress(together, np.concatenate(scores), 0.7)]

    def _refine(self, canvas: Canvas, squares: Boxes) -> Boxes:
        """Candidates that R-net believes in, moved as it says."""
        if not len(squares):
            return squares
        flat = np.hstack([squares[:, :2], squares[:, 2:3] - squares[:, :1]])
        offsets, logits = self._ask(self.refinement, [self._patch(canvas, view, 24) for view in flat])
        score = _probability(logits)
        sure = score >= REFINED_SCORE
        boxes = _moved(squares[sure], offsets[torch.from_numpy(sure)])
        return boxes[suppress(boxes, score[sure], 0.7)]

    @staticmethod
    def _patch(canvas: Canvas, view: Boxes, size: int) -> Image:
        """The square ``view`` (x, y of its corner, side) as (size, size, 3)."""
        scale = size / max(float(view[2]), 1.0)
        # Edges map to edges: pixel centres lie half a pixel inside on both sides.
        shift = (0.5 - view[:2]) * scale - 0.5
        return canvas.warp(np.array([[scale, 0, shift[0]], [0, scale, shift[1]]]), size)
