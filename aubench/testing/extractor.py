"""The suite of extractors: :class:`aubench.contracts.Extractor`."""

from __future__ import annotations

from typing import Any, ClassVar

import torch

from aubench.component import Kind
from aubench.contracts import PARSING_CLASSES, REGIONS, WHOLE, Features, Parser
from aubench.landmarks import POINTS, Landmarker

from .examples import SIDE, faces
from .images import ImageSuite
from .promise import expect, skip
from .values import Answers, leaves


class ExtractorSuite(ImageSuite):
    """Images to features: ``class TestMine(ExtractorSuite): plugin = "mine"``."""

    kind: ClassVar[Kind] = "extractor"

    @staticmethod
    def answer(made: Any, example: Any) -> Answers:
        return leaves(made.features(example))

    def test_features_have_their_shapes(self) -> None:
        """``fused`` and a map for every region, (b, c, h, w) floats, one row per face."""
        made = self.built.features(self.example())
        expect(isinstance(made, Features), f"features returned a {type(made).__name__}, not aubench.contracts.Features")
        missing = [region for region in REGIONS if region not in made.maps]
        expect(not missing, f"no map of {', '.join(missing)}; maps wants one for each of {', '.join(REGIONS)}")
        for name, tensor in leaves(made).items():
            expect(tensor.ndim == 4, f"{name} is {tuple(tensor.shape)}, not (b, c, h, w)")
            expect(len(tensor) == self.batch, f"{name} has {len(tensor)} rows for {self.batch} faces")
            expect(tensor.is_floating_point(), f"{name} is {tensor.dtype}, not floating point")
            expect(tensor.numel() > 0, f"{name} is empty: {tuple(tensor.shape)}")

    def test_view_lies_on_the_crop(self) -> None:
        """An attribute ``view``, if there is one: top, bottom, left and right as fractions of the crop's side."""
        view = getattr(self.built, "view", WHOLE)
        numbers = isinstance(view, tuple | list) and len(view) == 4 and all(isinstance(v, int | float) for v in view)
        expect(numbers, f"view is {view!r}, not (top, bottom, left, right) as fractions of the crop")
        top, bottom, left, right = view
        ordered = top < bottom and left < right and max(top, left) < 1 and min(bottom, right) > 0
        expect(ordered, f"view {view!r} covers nothing of the crop, whose corners are 0 and 1")

    def test_parses_at_the_size_of_the_image(self) -> None:
        """``parse``, if there is one: logits (b, 19, h, w) at the image's size."""
        if not isinstance(self.built, Parser):
            skip("it does not parse")
        shape = tuple(self.built.parse(self.example()).shape)
        wanted = (self.batch, len(PARSING_CLASSES), SIDE, SIDE)
        expect(shape == wanted, f"parse made {shape} of {self.batch} images of {SIDE} px, not {wanted}")

    def test_landmarks_follow_the_image(self) -> None:
        """``landmarks``, if there are any: (b, 68, 2) in pixels of the image, whatever its side; and ``heatmaps``."""
        made = self.built
        if not isinstance(self.built, Landmarker):
            skip("it finds no landmarks")
        with torch.no_grad():
            small, large = (made.landmarks(faces(2, 0, side)) for side in (SIDE, 2 * SIDE))
            heat = made.heatmaps(made.features(faces(2, 0)))
        expect(tuple(small.shape) == (2, POINTS, 2), f"landmarks made {tuple(small.shape)}, not (2, {POINTS}, 2)")
        expect(heat.shape[:2] == (2, POINTS), f"heatmaps made {tuple(heat.shape)}, not (2, {POINTS}, h, w)")
        reach = float(large.max() - large.min()), float(small.max() - small.min())
        expect(reach[0] > 1.3 * reach[1], "landmarks are the same in a picture of twice the side; give pixels of it")
