"""The base class of an engine: it checks what it is given, and draws face by face what a new engine draws of one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from aubench.contracts import NUISANCE_NAMES, Drawn, Style
from aubench.drawing.arrays import Bytes, Floats
from aubench.drawing.variation import Variation, variation
from aubench.errors import UserError
from aubench.parameters import AU_SIZE, BASE_AU, BROW_SIZE, IDENTITY_SIZE, POSE_SIZE, SIZE, FacialParameters

Framing = Literal["crop", "camera"]
"""The aligned crop, or the whole head."""


class Rendered(NamedTuple):
    """Faces in arrays, or one of them without the first axis: ``image`` (b, s, s, 3) uint8 RGB; ``parsing`` (b, s, s)
    uint8, index into :data:`aubench.contracts.PARSING_CLASSES`; ``landmarks`` (b, 68, 2) float32 pixels; ``depth``
    (b, s, s) float32, distance from the camera in the engine's unit of length, infinite where nothing was drawn."""

    image: Bytes
    parsing: Bytes
    landmarks: Floats
    depth: Floats


class EngineBase(ABC):
    """An engine whose faces are drawn one by one; see :class:`aubench.contracts.Engine`.

    A new engine writes :meth:`render_one`. Equal arguments must give equal pixels, whatever was drawn before.

    Args:
        size: Side of the crops in pixels.
        gap: 0..1, how far the people of photo looks are outside the identity space.
        interocular: Distance between the eyes of the engine's base face, in its unit of length, for :meth:`variation`.

    >>> class Grey(EngineBase):
    ...     def render_one(self, vector, look, shot, nuisance, framing):
    ...         s = self.size
    ...         image = np.full((s, s, 3), 128 if look is None else look % 256, np.uint8)
    ...         return Rendered(image, np.ones((s, s), np.uint8), np.zeros((68, 2), np.float32), np.ones((s, s)))
    >>> engine = Grey(64)
    >>> engine.draw(engine.sample(2, seed=0), style="photo", looks=[10, 20]).image.shape
    torch.Size([2, 3, 64, 64])
    """

    differentiable = False

    def __init__(self, size: int, *, gap: float = 0.0, interocular: float = 1.0) -> None:
        self.size, self.gap, self.interocular = size, gap, interocular

    @abstractmethod
    def render_one(
        self, vector: Floats, look: int | None, shot: int, nuisance: Floats | None, framing: Framing
    ) -> Rendered:
        """Draw one face.

        Args:
            vector: Facial parameters (269,), float32 in [0, 1].
            look: Seed of the person, camera and light of a photo look; None for the game look.
            shot: Seed of what differs from frame to frame in a photo look.
            nuisance: Values (9,), float32 in [-1, 1], see :data:`aubench.contracts.NUISANCE_NAMES`; None for none.
            framing: The aligned crop, or the whole head.

        Returns:
            The face's arrays, without a batch axis.
        """

    def variation(self, look: int | None) -> Variation | None:
        """How the person of a photo look departs from the engine's model; None without a gap, and in the game look."""
        return None if look is None else variation(look, self.gap, self.interocular)

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
        """Draw faces into arrays.

        Args:
            vectors: Facial parameters (b, 269); values are clipped to [0, 1].
            style: The one game look, or photo looks.
            looks: b seeds of photo looks, 0 for all by default.
            shots: b seeds of frames, 0 for all by default.
            nuisance: Values (b, 9), clipped to [-1, 1]; none by default.
            framing: The aligned crop, or the whole head.

        Raises:
            UserError: ``option-invalid`` for parameters that are not finite, arrays of another shape, an unknown style,
                lists of another length; and what the engine itself raises.
        """
        vectors = np.ascontiguousarray(vectors, np.float32)
        if vectors.ndim != 2 or vectors.shape[1] != SIZE:
            raise UserError(f"facial parameters are (b, {SIZE}), not {vectors.shape}", code="option-invalid")
        if not np.isfinite(vectors).all():
            raise UserError("facial parameters hold NaN or infinity; clean them before drawing", code="option-invalid")
        vectors = np.clip(vectors, 0.0, 1.0)
        if style not in ("game", "photo"):
            raise UserError(f"style {style!r} is unknown; choose game or photo", code="option-invalid")
        count, s = len(vectors), self.size
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
            look = look_seeds[n] if style == "photo" else None
            face = self.render_one(
                vectors[n], look, shot_seeds[n], nuisance[n] if nuisance is not None else None, framing
            )
            for whole, one in zip(out, face, strict=True):
                whole[n] = one
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
        """As :meth:`render`, in tensors on the CPU; images are float32 (b, 3, s, s) in [0, 1]."""
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


def sample_vectors(count: int, seed: int, *, idle_first: bool = False) -> Floats:
    """The parameters of :meth:`EngineBase.sample` as an array (count, 269), float32.

    ``idle_first``: the order in which random numbers of idle and of active AUs are drawn. Engines differ in it, and an
    engine keeps its own so that a seed goes on meaning the same faces.
    """
    rng = np.random.default_rng(seed)
    wide = rng.random((count, 1)) < 0.35
    pose = np.where(wide, rng.random((count, POSE_SIZE)), rng.normal(0.5, 0.13, (count, POSE_SIZE)))
    active = rng.integers(0, 9, count)
    order = rng.random((count, AU_SIZE)).argsort(axis=1).argsort(axis=1)
    one, other = rng.random((count, AU_SIZE)), rng.random((count, AU_SIZE))
    idle, strength = (one, other) if idle_first else (other, one)
    au = np.where(order < active[:, None], strength, 2 * BASE_AU * idle)
    au = np.where(rng.random((count, 1)) < 0.125, rng.random((count, AU_SIZE)), au)
    uniform = rng.random((count, 1)) < 0.25
    identity = np.where(uniform, rng.random((count, IDENTITY_SIZE)), rng.normal(0.5, 0.17, (count, IDENTITY_SIZE)))
    brow = np.eye(BROW_SIZE)[rng.integers(0, BROW_SIZE, count)]
    vectors = np.concatenate([pose, au, identity, brow], axis=1)
    return np.asarray(np.clip(vectors, 0.0, 1.0).astype(np.float32))


def _seeds(values: Sequence[int] | None, count: int, name: str) -> list[int]:
    seeds = [0] * count if values is None else [int(value) for value in values]
    if len(seeds) != count:
        raise UserError(f"{name} holds {len(seeds)} seeds for {count} faces; give one per face", code="option-invalid")
    return seeds
