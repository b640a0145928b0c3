"""The engine: facial parameters to aligned crops with parsing map, landmarks and depth."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from aubench.contracts import NUISANCE_NAMES, Drawn, Style
from aubench.drawing.variation import variation
from aubench.errors import UserError
from aubench.parameters import AU_SIZE, BASE_AU, BROW_SIZE, IDENTITY_SIZE, POSE_SIZE, SIZE, FacialParameters
from aubench.source_digest import source_digest

from .arrays import Bytes, Floats
from .camera import crop_camera, head_camera
from .draw_look import game_look, photo_look
from .draw_stage import Stage
from .model import Model, face_model
from .regions import chart_classes
from .source import asset_digest

if TYPE_CHECKING:
    from . import IctConfig

Framing = Literal["crop", "camera"]
INTEROCULAR = 6.3
"""Distance of the neutral head's eyes, in centimetres."""


@dataclass(frozen=True)
class Rendered:
    """A batch in arrays: ``image`` (b, s, s, 3) uint8 RGB; ``parsing`` (b, s, s) uint8; ``landmarks`` (b, 68, 2)
    float32 pixels; ``depth`` (b, s, s) float32 centimetres from the camera, infinite where nothing was drawn."""

    image: Bytes
    parsing: Bytes
    landmarks: Floats
    depth: Floats


class Ict:
    """ICT-FaceKit as an engine; see :class:`aubench.contracts.Engine`. The asset is read on first use."""

    differentiable = False

    def __init__(self, config: IctConfig) -> None:
        self.size, self.gap = config.size, config.gap
        self._stage: Stage | None = None

    @property
    def digest(self) -> str:
        """Hash of the code and of the content of the asset's files that are read. Raises ``UserError`` without it."""
        return hashlib.sha256(f"{source_digest(__name__)} {asset_digest()}".encode()).hexdigest()

    @property
    def model(self) -> Model:
        """The face model. Raises ``UserError`` that says how to get the asset when it is absent."""
        return face_model()

    @property
    def stage(self) -> Stage:
        """Mesh and textures, built on first use."""
        if self._stage is None:
            topology = self.model.topology
            label = chart_classes(topology.landmarks, topology.chart)
            self._stage = Stage(topology, self.model.rig.base, label, self.size)
        return self._stage

    def render(
        self,
        vectors: Floats,
        *,
        style: Style = "game",
        looks: Sequence[int] | None = None,
        shots: Sequence[int] | None = None,
        nuisance: Floats | None = None,
        framing: Framing = "crop",
    ) -> Rendered:
        """Draw parameter vectors (b, 269) in [0, 1]. ``looks`` and ``shots`` seed the photo style (0 for all when
        left out).

        ``framing="camera"`` shows the whole head instead of the aligned crop. Raises ``UserError`` for parameters
        that are not finite, a wrong width, an unknown style, lists of another length, or without the asset.
        """
        vectors = _clean(vectors)
        count, s = len(vectors), self.size
        if style not in ("game", "photo"):
            raise UserError(f"style {style!r} is unknown; choose game or photo", code="option-invalid")
        look_seeds, shot_seeds = _seeds(looks, count, "looks"), _seeds(shots, count, "shots")
        if nuisance is not None:
            nuisance = np.clip(np.ascontiguousarray(nuisance, np.float32), -1.0, 1.0)
            if nuisance.shape != (count, len(NUISANCE_NAMES)):
                raise UserError(
                    f"nuisance is (b, {len(NUISANCE_NAMES)}), not {nuisance.shape}, for {count} faces",
                    code="option-invalid",
                )
        out = Rendered(
            np.empty((count, s, s, 3), np.uint8), np.empty((count, s, s), np.uint8),
            np.empty((count, 68, 2), np.float32), np.empty((count, s, s), np.float32),
        )  # fmt: skip
        for n in range(count):
            extra = nuisance[n] if nuisance is not None else None
            own = variation(look_seeds[n], self.gap, INTEROCULAR) if style == "photo" else None
            posed = self.model.pose(vectors[n], extra, own)
            look = photo_look(look_seeds[n], shot_seeds[n]) if style == "photo" else game_look()
            marks = posed.in_camera(posed.vertices[self.model.topology.landmarks])
            if framing == "camera":
                camera = head_camera(s, distance=look.distance)
            elif look.shot is None:
                camera = crop_camera(marks, s, distance=look.distance, nuisance=extra)
            else:
                camera = crop_camera(
                    marks, s, distance=look.distance, nuisance=extra, angle=look.shot.angle, scale=look.shot.scale,
                    shift=look.shot.shift,
                )  # fmt: skip
            picture = self.stage.draw(posed, camera, look)
            out.image[n], out.parsing[n], out.depth[n] = picture.image, picture.parsing, picture.depth
            out.landmarks[n] = camera.project(marks)[:, :2]
        return out

    def draw(
        self,
        parameters: FacialParameters,
        *,
        style: Style = "game",
        looks: Sequence[int] | None = None,
        shots: Sequence[int] | None = None,
        nuisance: Floats | None = None,
    ) -> Drawn:
        """As :meth:`render`, in tensors on the CPU."""
        import torch

        vectors = parameters.vector().detach().cpu().numpy().astype(np.float32)
        r = self.render(vectors, style=style, looks=looks, shots=shots, nuisance=nuisance)
        image = torch.from_numpy(r.image).permute(0, 3, 1, 2).contiguous().float() / 255.0
        return Drawn(
            image, torch.from_numpy(r.parsing).long(), torch.from_numpy(r.landmarks), torch.from_numpy(r.depth)
        )

    def sample(self, count: int, seed: int) -> FacialParameters:
        """Random faces to imitate: poses over the whole range but mostly near frontal; 0 to 8 active AUs of uniform
        strength, for one face in eight all AUs uniform; identities normal about 0.5 or, for one in four, uniform;
        brow styles equally likely."""
        import torch

        return FacialParameters.from_vector(torch.from_numpy(sample_vectors(count, seed)))


def sample_vectors(count: int, seed: int) -> Floats:
    """The parameters of :meth:`Ict.sample` as an array (count, 269)."""
    rng = np.random.default_rng(seed)
    wide = rng.random((count, 1)) < 0.35
    pose = np.where(wide, rng.random((count, POSE_SIZE)), rng.normal(0.5, 0.13, (count, POSE_SIZE)))
    active = rng.integers(0, 9, count)
    order = rng.random((count, AU_SIZE)).argsort(axis=1).argsort(axis=1)
    idle = 2 * BASE_AU * rng.random((count, AU_SIZE))
    au = np.where(order < active[:, None], rng.random((count, AU_SIZE)), idle)
    au = np.where(rng.random((count, 1)) < 0.125, rng.random((count, AU_SIZE)), au)
    uniform = rng.random((count, 1)) < 0.25
    identity = np.where(uniform, rng.random((count, IDENTITY_SIZE)), rng.normal(0.5, 0.17, (count, IDENTITY_SIZE)))
    brow = np.eye(BROW_SIZE)[rng.integers(0, BROW_SIZE, count)]
    vectors = np.concatenate([pose, au, identity, brow], axis=1)
    return np.asarray(np.clip(vectors, 0.0, 1.0).astype(np.float32))


def _clean(vectors: Floats) -> Floats:
    vectors = np.ascontiguousarray(vectors, np.float32)
    if vectors.ndim != 2 or vectors.shape[1] != SIZE:
        raise UserError(f"facial parameters are (b, {SIZE}), not {vectors.shape}", code="option-invalid")
    if not np.isfinite(vectors).all():
        raise UserError("facial parameters hold NaN or infinity; clean them before drawing", code="option-invalid")
    return np.asarray(np.clip(vectors, 0.0, 1.0))


def _seeds(values: Sequence[int] | None, count: int, name: str) -> list[int]:
    seeds = [0] * count if values is None else [int(value) for value in values]
    if len(seeds) != count:
        raise UserError(f"{name} holds {len(seeds)} seeds for {count} faces; give one per face", code="option-invalid")
    return seeds
