"""The engine: facial parameters to aligned crops with parsing map, landmarks and depth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aubench.drawing.arrays import Floats
from aubench.drawing.engine import EngineBase, Framing, Rendered

from .appearance.game import game_person
from .appearance.photo import photo_person
from .post_process import shot_of
from .scene import Stage

if TYPE_CHECKING:
    from . import BdfmConfig


class Bdfm(EngineBase):
    """The bone-driven face engine; see :class:`aubench.contracts.Engine`. Its unit of length is the interocular
    distance of the base face."""

    def __init__(self, config: BdfmConfig) -> None:
        super().__init__(config.size, gap=config.gap)
        self._stage: Stage | None = None

    @property
    def stage(self) -> Stage:
        """Mesh and textures, built on first use."""
        if self._stage is None:
            self._stage = Stage(self.size)
        return self._stage

    def render_one(
        self, vector: Floats, look: int | None, shot: int, nuisance: Floats | None, framing: Framing
    ) -> Rendered:
        """As :meth:`EngineBase.render_one`; depth is in interocular distances."""
        person = game_person() if look is None else photo_person(look)
        frame = None if look is None else shot_of(look, shot)
        return self.stage.draw(vector, person, frame, nuisance, framing, self.variation(look))
