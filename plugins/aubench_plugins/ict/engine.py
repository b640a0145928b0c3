"""The engine: facial parameters to aligned crops with parsing map, landmarks and depth."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from aubench.drawing.arrays import Floats
from aubench.drawing.engine import EngineBase, Framing, Rendered, sample_vectors
from aubench.parameters import FacialParameters
from aubench.source_digest import source_digest

from .camera import crop_camera, head_camera
from .model import Model, face_model
from .regions import chart_classes
from .render.look import game_look, photo_look
from .render.stage import Stage
from .source import asset_digest

if TYPE_CHECKING:
    from . import IctConfig

INTEROCULAR = 6.3
"""Distance of the neutral head's eyes, in centimetres."""


class Ict(EngineBase):
    """ICT-FaceKit as an engine; see :class:`aubench.contracts.Engine`. The asset is read on first use."""

    def __init__(self, config: IctConfig) -> None:
        super().__init__(config.size, gap=config.gap, interocular=INTEROCULAR)
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

    def render_one(
        self, vector: Floats, look: int | None, shot: int, nuisance: Floats | None, framing: Framing
    ) -> Rendered:
        """As :meth:`EngineBase.render_one`; depth is in centimetres. Raises ``UserError`` without the asset."""
        posed = self.model.pose(vector, nuisance, self.variation(look))
        appearance = game_look() if look is None else photo_look(look, shot)
        marks = posed.in_camera(posed.vertices[self.model.topology.landmarks])
        if framing == "camera":
            camera = head_camera(self.size, distance=appearance.distance)
        elif appearance.shot is None:
            camera = crop_camera(marks, self.size, distance=appearance.distance, nuisance=nuisance)
        else:
            camera = crop_camera(
                marks, self.size, distance=appearance.distance, nuisance=nuisance, angle=appearance.shot.angle,
                scale=appearance.shot.scale, shift=appearance.shot.shift,
            )  # fmt: skip
        drawn = self.stage.draw(posed, camera, appearance)
        return Rendered(drawn.image, drawn.parsing, camera.project(marks)[:, :2], drawn.depth)

    def sample(self, count: int, seed: int) -> FacialParameters:
        """As :meth:`EngineBase.sample`."""
        import torch

        return FacialParameters.from_vector(torch.from_numpy(sample_vectors(count, seed, idle_first=True)))
