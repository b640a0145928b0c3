"""The suite of differentiable renderers: :class:`aubench.contracts.Renderer`."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from aubench.component import Kind
from aubench.contracts import PARSING_CLASSES, Drawn
from aubench.landmarks import POINTS
from aubench.parameters import FacialParameters

from .base import Suite
from .examples import parameters
from .networks import FrozenSuite
from .promise import expect
from .values import Answers

_GROUPS = ("pose", "au", "identity", "brow")


def drawn(picture: Drawn) -> Answers:
    """Whatever was drawn, by name."""
    found = {name: getattr(picture, name) for name in ("image", "parsing", "landmarks", "depth")}
    return {name: tensor for name, tensor in found.items() if tensor is not None}


class DrawingSuite(Suite):
    """What renderers and engines have in common."""

    kind: ClassVar[Kind] = "renderer"

    def picture(self, faces: FacialParameters) -> Drawn:
        """The plugin's drawing of ``faces``, without gradients."""
        with torch.no_grad():
            made: Drawn = self.built.draw(faces)
        expect(isinstance(made, Drawn), f"draw returned a {type(made).__name__}, not aubench.contracts.Drawn")
        return made

    def test_pictures_have_their_size(self) -> None:
        """float32 RGB (b, 3, size, size)."""
        image = self.picture(parameters(self.batch)).image
        size = self.built.size
        expect(isinstance(size, int) and size > 0, f"size is {size!r}, not a number of pixels")
        wanted = (self.batch, 3, size, size)
        expect(tuple(image.shape) == wanted, f"draw made an image {tuple(image.shape)}, but size says {wanted}")
        expect(image.dtype == torch.float32, f"the image is {image.dtype}, not float32")

    def test_pictures_stay_in_range(self) -> None:
        """[0, 1], for any face, and not 0..255."""
        image = self.picture(parameters(self.batch)).image
        low, high = float(image.min()), float(image.max())
        expect(low >= 0 and high <= 1, f"pixels reach from {low:.3g} to {high:.3g}, not within [0, 1]")

    def test_all_parameters_are_drawn(self) -> None:
        """Pose, AUs, identity and brow style each change the picture."""
        face = parameters(1)
        before = self.picture(face).image
        other = parameters(1, 1)
        for group in _GROUPS:
            parts = {name: getattr(other if name == group else face, name) for name in _GROUPS}
            changed = not torch.equal(before, self.picture(FacialParameters(**parts)).image)
            expect(changed, f"another {group} draws the same picture, pixel for pixel")

    def test_extras_have_their_shapes(self) -> None:
        """Parsing, landmarks and depth, where it draws them."""
        made = self.picture(parameters(self.batch))
        b, side = self.batch, made.image.shape[-1]
        if made.parsing is not None:
            expect(tuple(made.parsing.shape) == (b, side, side), f"parsing is {tuple(made.parsing.shape)}")
            expect(made.parsing.dtype == torch.int64, f"parsing is {made.parsing.dtype}, not int64")
            low, high = int(made.parsing.min()), int(made.parsing.max())
            inside = low >= 0 and high < len(PARSING_CLASSES)
            expect(inside, f"parsing holds classes {low} to {high}, but there are 0 to {len(PARSING_CLASSES) - 1}")
        if made.landmarks is not None:
            shape = tuple(made.landmarks.shape)
            expect(shape == (b, POINTS, 2), f"landmarks are {shape}, not ({b}, {POINTS}, 2)")
            expect(bool(made.landmarks.isfinite().all()), "landmarks hold NaN or infinity")
            expect(made.landmarks.dtype == torch.float32, f"landmarks are {made.landmarks.dtype}, not float32")
        if made.depth is not None:
            expect(tuple(made.depth.shape) == (b, side, side), f"depth is {tuple(made.depth.shape)}")
            expect(made.depth.dtype == torch.float32, f"depth is {made.depth.dtype}, not float32")
            expect(not bool(made.depth.isnan().any()), "depth holds NaN; where nothing was drawn it is infinite")


class RendererSuite(DrawingSuite, FrozenSuite):
    """Parameters to images, differentiably: ``class TestMine(RendererSuite): plugin = "mine"``."""

    def example(self, seed: int = 0) -> FacialParameters:
        return parameters(self.batch, seed)

    @staticmethod
    def answer(made: Any, example: Any) -> Answers:
        return drawn(made.draw(example))

    def test_says_that_it_is_differentiable(self) -> None:
        said = self.built.differentiable
        expect(said is True, f"differentiable is {said!r}; a renderer that passes no gradients on runs EngineSuite")

    def test_gradients_reach_every_parameter(self) -> None:
        """The image pulls on pose, AUs, identity and brow style."""
        for name, grad in self.gradients(self.example())["image"].items():
            expect(grad is not None, f"no gradient flows from the image to {name}")
            moved = isinstance(grad, Tensor) and bool((grad != 0).any())
            expect(moved, f"the gradient from the image to {name} is zero everywhere")

    def test_answers_are_finite(self) -> None:
        image = self.answer(self.built, self.example())["image"]
        expect(bool(image.isfinite().all()), "the image holds NaN or infinity")  # depth may be infinite
