"""The regressor R of the method: four sub-networks of one shape, each reading the features that tell of its parameters.

    pose ← f_gb;   AUs ← T_e, T_n, T_m, T_f (and T_b);   identity ← T_e, T_n, T_m, T_f;   brow style ← T_b

Each is: feature fusion → two attention blocks → two fully connected layers. Inputs come standardised by the caller.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aubench.contracts import Features, FeatureShapes
from aubench.parameters import (
    AU_SIZE,
    BASE_AU,
    BASE_IDENTITY,
    BASE_POSE,
    BROW_SIZE,
    IDENTITY_SIZE,
    POSE_SIZE,
    FacialParameters,
)

from . import FprConfig
from .bounded import inverse_ramp, ramp
from .fusion import FLAT_SCALE, ConvFusion, FlatFusion

_LOCAL = ("eyes", "nose", "mouth", "face")
_SQUEEZE = 16
_FIRST_SPREAD = 0.5
"""Spread of what the first layer behind a flat fusion makes of standardised features, at the start."""
_LAST_SPREAD = 0.01
"""Spread of the last layer's first weights, so small that training starts at the base face."""


class AttentionBlock(nn.Module):
    """A fully connected layer whose outputs are each multiplied by a gate in (0, 1), read off all of them (squeeze and
    excitation: Hu et al., CVPR 2018); the block's input is added, as in residual networks."""

    def __init__(self, width: int) -> None:
        super().__init__()
        squeezed = max(4, width // _SQUEEZE)
        self.norm = nn.LayerNorm(width)
        self.layer = nn.Linear(width, width)
        self.squeeze = nn.Linear(width, squeezed)
        self.excite = nn.Linear(squeezed, width)

    def forward(self, x: Tensor) -> Tensor:
        inner = F.relu(self.layer(self.norm(x)))
        gate = torch.sigmoid(self.excite(F.relu(self.squeeze(inner))))
        return x + inner * gate


class SubNetwork(nn.Module):
    """From the named maps to ``outputs`` unbounded numbers that start close to ``start``."""

    def __init__(
        self, config: FprConfig, shapes: FeatureShapes, inputs: tuple[str, ...], outputs: int, start: float
    ) -> None:
        super().__init__()
        self.inputs = inputs
        every = {"fused": shapes.fused, **shapes.maps}
        chosen = {name: every[name] for name in inputs}
        self.fusion: ConvFusion | FlatFusion
        if config.fusion == "conv":
            self.fusion = ConvFusion(chosen, config.channels)
        else:
            self.fusion = FlatFusion(chosen, shapes.view, config.windows)
        self.dropout = nn.Dropout(config.dropout)
        self.enter = nn.Linear(self.fusion.length, config.hidden)
        if config.fusion == "flat":
            nn.init.normal_(self.enter.weight, std=_FIRST_SPREAD / (FLAT_SCALE * math.sqrt(max(1, self.fusion.length))))
        self.attention = nn.Sequential(AttentionBlock(config.hidden), AttentionBlock(config.hidden))
        self.fc1 = nn.Linear(config.hidden, config.hidden)
        self.fc2 = nn.Linear(config.hidden, outputs)
        nn.init.normal_(self.fc2.weight, std=_LAST_SPREAD)
        nn.init.constant_(self.fc2.bias, start)

    def forward(self, maps: dict[str, Tensor]) -> Tensor:
        x = self.enter(self.fusion({name: maps[name] for name in self.inputs}))
        x = self.attention(self.dropout(x))
        x = F.relu(self.fc1(self.dropout(x)))
        out: Tensor = self.fc2(self.dropout(x))
        return out


class PersonNetwork(nn.Module):
    """AUs from the departure of a face's entry from that of the same person's neutral face.

    An entry is what the first layer of the AU network makes of a face, which this network leaves as it is, and a few
    numbers of its own. Fusion and first layers are linear, so that the entry of a person's mean face is the mean of the
    entries of their frames, and departures are taken where they are 152 numbers instead of 38,656.
    """

    def __init__(self, config: FprConfig, shapes: FeatureShapes, inputs: tuple[str, ...]) -> None:
        super().__init__()
        self.inputs = inputs
        self.fusion = FlatFusion({name: shapes.maps[name] for name in inputs}, shapes.view, config.windows)
        self.enter = nn.Linear(self.fusion.length, config.person, bias=False)
        nn.init.normal_(self.enter.weight, std=_FIRST_SPREAD / (FLAT_SCALE * math.sqrt(self.fusion.length)))
        self.dropout = nn.Dropout(config.dropout)
        self.mix = nn.Linear(config.hidden + config.person, config.hidden)
        self.attention = nn.Sequential(AttentionBlock(config.hidden), AttentionBlock(config.hidden))
        self.fc1 = nn.Linear(config.hidden, config.hidden)
        self.fc2 = nn.Linear(config.hidden, AU_SIZE)
        nn.init.normal_(self.fc2.weight, std=_LAST_SPREAD)
        nn.init.constant_(self.fc2.bias, inverse_ramp(BASE_AU))

    def entry(self, maps: dict[str, Tensor], shared: Tensor) -> Tensor:
        """Entries (b, hidden + person); ``shared`` (b, hidden): what the AU network's first layer makes of ``maps``."""
        own = self.enter(self.fusion({name: maps[name] for name in self.inputs}))
        return torch.cat([shared.detach(), own], dim=1)

    def forward(self, departure: Tensor) -> Tensor:
        """Unbounded numbers (b, 23) of departures (b, hidden + person)."""
        x = self.attention(self.dropout(self.mix(departure)))
        x = F.relu(self.fc1(self.dropout(x)))
        out: Tensor = self.fc2(self.dropout(x))
        return out


class Fpr(nn.Module):
    """The whole regressor; see :class:`FprConfig`. Raises ``KeyError`` when the extractor lacks a region."""

    def __init__(self, config: FprConfig, *, shapes: FeatureShapes) -> None:
        super().__init__()
        self.config = config
        au_inputs = ("eyes", "brows", "nose", "mouth", "face") if config.au_uses_brows else _LOCAL
        self.pose = SubNetwork(config, shapes, ("fused",), POSE_SIZE, inverse_ramp(BASE_POSE))
        self.au = SubNetwork(config, shapes, au_inputs, AU_SIZE, inverse_ramp(BASE_AU))
        self.identity = SubNetwork(config, shapes, _LOCAL, IDENTITY_SIZE, inverse_ramp(BASE_IDENTITY))
        self.brow = SubNetwork(config, shapes, ("brows",), BROW_SIZE, 0.0)
        self.person: PersonNetwork | None = None
        if config.person:  # last, so that the other networks start as they do without it
            self.person = PersonNetwork(config, shapes, au_inputs)

    @property
    def reads_persons(self) -> bool:
        """Whether :meth:`entry` and :meth:`aus` work: see :class:`aubench.contracts.PersonRegressor`."""
        return self.person is not None

    def entry(self, features: Features) -> Tensor:
        """What is compared of a face and its person's neutral (b, hidden + person). Affine in ``features``."""
        maps = {"fused": features.fused, **features.maps}
        shared = self.au.enter(self.au.fusion({name: maps[name] for name in self.au.inputs}))
        return self._person.entry(maps, shared)

    def aus(self, entry: Tensor, neutral: Tensor) -> Tensor:
        """AUs (b, 23) in [0, 1] of faces with these entries (b, d). ``neutral`` (d,) or (b, d): the mean entry of calm
        frames of the same person."""
        return ramp(self._person(entry - neutral))

    @property
    def _person(self) -> PersonNetwork:
        if self.person is None:
            raise TypeError("this regressor was configured with person: 0")
        return self.person

    def forward(self, features: Features) -> FacialParameters:
        """Pose, AUs and identity in [0, 1], brow styles as a softmax, for each face of ``features``."""
        maps = {"fused": features.fused, **features.maps}
        return FacialParameters(
            ramp(self.pose(maps)),
            ramp(self.au(maps)),
            ramp(self.identity(maps)),
            self.brow(maps).float().softmax(dim=1),
        )
