"""Facial parameters: the 269 numbers that draw a face, by name. Nobody slices them by hand.

The layout follows the method: ``y = (pose 2, au 23, identity 208, brow 36)``, every number in [0, 1].
:func:`intensity` turns AU parameters into FACS intensities. This module imports torch only inside functions, so that
the names are there for code that must stay light.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch
    from torch import Tensor

Numbers = TypeVar("Numbers", "Tensor", "npt.NDArray[np.float32]")

POSE_NAMES = ("yaw", "pitch")
AU_NAMES = (
    "AU01", "AU02", "AU04", "AU05", "AU06", "AU07", "AU09", "AU10", "AU12", "AU14", "AU15", "AU16", "AU17",
    "AU18", "AU20", "AU22", "AU23", "AU24", "AU25", "AU26", "AU43", "AU30L", "AU30R",
)  # fmt: skip
POSE_SIZE, AU_SIZE, IDENTITY_SIZE, BROW_SIZE = 2, len(AU_NAMES), 208, 36
SIZE = POSE_SIZE + AU_SIZE + IDENTITY_SIZE + BROW_SIZE

POSE = slice(0, 2)
AU = slice(2, 25)
IDENTITY = slice(25, 233)
BROW = slice(233, 269)

BASE_POSE, BASE_AU, BASE_IDENTITY, BASE_BROW_STYLE = 0.5, 0.02, 0.5, 0
INTENSITY_SCALE = 5.0
YAW_RANGE_DEGREES, PITCH_RANGE_DEGREES = 40.0, 25.0
"""Pose 0 and 1 mean minus and plus this angle; 0.5 is frontal. Positive yaw turns the face to the picture's
right, positive pitch lowers the chin."""


def intensity(au: Numbers) -> Numbers:
    """FACS intensity in [0, 5] of AU parameters in [0, 1]: ``5 (x − base) / (1 − base)``, nothing below the base.

    The method reads x as 5x, which gives the emotionless face, x = 0.02, an intensity of 0.1 in every AU.
    """
    return ((au - BASE_AU) * (INTENSITY_SCALE / (1 - BASE_AU))).clip(0)


def au_index(name: str) -> int:
    """Place of an AU ("AU12") among the 23 AU parameters. Raises ``KeyError`` for a name that is not there."""
    try:
        return AU_NAMES.index(name)
    except ValueError:
        raise KeyError(name) from None


@dataclass(frozen=True)
class FacialParameters:
    """Parameters of ``b`` faces: ``pose`` (b, 2), ``au`` (b, 23), ``identity`` (b, 208), ``brow`` (b, 36).

    All in [0, 1]; ``brow`` sums to 1 along its last axis (one-hot for a drawn style, softmax for a predicted one).
    """

    pose: Tensor
    au: Tensor
    identity: Tensor
    brow: Tensor

    @classmethod
    def from_vector(cls, vector: Tensor) -> FacialParameters:
        """From (b, 269). Raises ``ValueError`` for another width."""
        if vector.ndim != 2 or vector.shape[1] != SIZE:
            raise ValueError(f"facial parameters are (b, {SIZE}), not {tuple(vector.shape)}")
        return cls(vector[:, POSE], vector[:, AU], vector[:, IDENTITY], vector[:, BROW])

    def vector(self) -> Tensor:
        """As one tensor (b, 269)."""
        import torch

        return torch.cat([self.pose, self.au, self.identity, self.brow], dim=1)

    @classmethod
    def base(cls, count: int = 1, device: torch.device | str | None = None) -> FacialParameters:
        """The base face: frontal, emotionless, every identity number at 0.5, brow style 0."""
        import torch

        brow = torch.zeros(count, BROW_SIZE, device=device)
        brow[:, BASE_BROW_STYLE] = 1.0
        return cls(
            torch.full((count, POSE_SIZE), BASE_POSE, device=device),
            torch.full((count, AU_SIZE), BASE_AU, device=device),
            torch.full((count, IDENTITY_SIZE), BASE_IDENTITY, device=device),
            brow,
        )

    def __iter__(self) -> Iterator[Tensor]:
        return iter((self.pose, self.au, self.identity, self.brow))

    def __len__(self) -> int:
        return int(self.pose.shape[0])

    def __getitem__(self, index: slice | Tensor) -> FacialParameters:
        return FacialParameters(*(part[index] for part in self))

    def emotionless(self) -> FacialParameters:
        """The same face with every AU at its base value (the paper's ``gbe``)."""
        import torch

        return FacialParameters(self.pose, torch.full_like(self.au, BASE_AU), self.identity, self.brow)

    def unidentified(self) -> FacialParameters:
        """The same pose and expression on the base identity (the paper's ``gbi``)."""
        import torch

        brow = torch.zeros_like(self.brow)
        brow[:, BASE_BROW_STYLE] = 1.0
        return FacialParameters(self.pose, self.au, torch.full_like(self.identity, BASE_IDENTITY), brow)

    def intensities(self) -> Tensor:
        """AU intensities (b, 23) on the FACS scale 0..5: 0 at the base face's AUs, 5 at 1, see :func:`intensity`."""
        return intensity(self.au)

    def to(self, device: torch.device | str) -> FacialParameters:
        return FacialParameters(*(part.to(device) for part in self))

    def detach(self) -> FacialParameters:
        return FacialParameters(*(part.detach() for part in self))

    @staticmethod
    def cat(parts: list[FacialParameters]) -> FacialParameters:
        """Join batches of faces."""
        import torch

        names = [f.name for f in fields(FacialParameters)]
        return FacialParameters(*(torch.cat([getattr(p, n) for p in parts]) for n in names))
