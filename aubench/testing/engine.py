"""The suite of engines: :class:`aubench.contracts.Engine`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch

from aubench.contracts import NUISANCE_NAMES, TEMPLATE, Style
from aubench.parameters import FacialParameters

from .examples import parameters
from .promise import expect, skip
from .renderer import DrawingSuite, drawn
from .values import Answers, difference, leaves

_FIVE = (tuple(range(36, 42)), tuple(range(42, 48)), (30,), (48,), (54,))
"""iBUG points of the picture's left eye, right eye, nose tip and mouth corners."""


_LEFT_TO_RIGHT = (
    ("jaw", 0, 16), ("brow on the left", 17, 21), ("brow on the right", 22, 26), ("nostrils", 31, 35),
    ("eye on the left", 36, 39), ("eye on the right", 42, 45), ("lips", 48, 54), ("inner lips", 60, 64),
)  # fmt: skip
_TOP_TO_BOTTOM = (
    ("brow and eye on the left", 19, 37), ("brow and eye on the right", 24, 44), ("bridge of the nose", 27, 30),
    ("nose and lips", 33, 51), ("lips", 51, 57), ("lower lip and chin", 57, 8),
)  # fmt: skip


@dataclass(frozen=True)
class Scene:
    """All arguments of one call of ``draw``."""

    parameters: FacialParameters
    style: Style = "game"
    looks: tuple[int, ...] | None = None
    shots: tuple[int, ...] | None = None
    nuisance: npt.NDArray[np.float32] | None = None

    def __getitem__(self, rows: slice) -> Scene:
        looks, shots = (None if seeds is None else seeds[rows] for seeds in (self.looks, self.shots))
        nuisance = None if self.nuisance is None else self.nuisance[rows]
        return Scene(self.parameters[rows], self.style, looks, shots, nuisance)


class EngineSuite(DrawingSuite):
    """Parameters to images in a game look and a photo look: ``class TestMine(EngineSuite): plugin = "mine"``."""

    aligned: ClassVar[float] = 0.05
    """How far the five points of the base face may lie from the template, as a fraction of the picture's side."""

    def example(self, seed: int = 0) -> Scene:
        return self._scene(parameters(self.batch, seed), seed)

    def _scene(self, faces: FacialParameters, seed: int = 0) -> Scene:
        dice = np.random.default_rng(seed)
        nuisance = dice.uniform(-0.5, 0.5, (len(faces), len(NUISANCE_NAMES))).astype(np.float32)
        looks, shots = dice.integers(0, 2**31, (2, len(faces))).tolist()
        return Scene(faces, "photo", tuple(looks), tuple(shots), nuisance)

    @staticmethod
    def answer(made: Any, example: Any) -> Answers:
        if not isinstance(example, Scene):
            return drawn(made.draw(example))
        s = example
        return drawn(made.draw(s.parameters, style=s.style, looks=s.looks, shots=s.shots, nuisance=s.nuisance))

    def test_says_that_it_is_not_differentiable(self) -> None:
        said = self.built.differentiable
        expect(said is False, f"differentiable is {said!r}; what passes gradients on runs RendererSuite")

    def test_equal_arguments_give_equal_pixels(self) -> None:
        """In both styles, to the last bit, also after others were drawn in between."""
        photo = self.example()
        for scene in (photo, Scene(photo.parameters)):
            first = self.answer(self.built, scene)
            self.answer(self.built, self.example(1))
            gap = difference(first, self.answer(self.built, scene), 0.0)
            expect(not gap, f"equal arguments draw other pixels in style {scene.style}: {gap}")

    def test_batch_size_changes_nothing(self) -> None:
        """A face is drawn alike alone, among others, and at another place among them."""
        scene, together = self.steady()
        alone = [self.answer(self.built, scene[slice(i, i + 1)]) for i in range(self.batch)]
        joined = {name: torch.cat([each[name] for each in alone]) for name in together}
        gap = difference(together, joined, 1e-6)
        expect(not gap, f"a face is drawn otherwise alone than among others: {gap}")

    def test_looks_and_shots_seed_the_photo_style(self) -> None:
        """Other looks are another person or camera, other shots another frame; neither is ignored."""
        scene = self.example()
        before = self.answer(self.built, scene)["image"]
        moved = tuple(seed + 1 for seed in scene.looks or ())
        for what, other in (("looks", replace(scene, looks=moved)), ("shots", replace(scene, shots=moved))):
            changed = not torch.equal(before, self.answer(self.built, other)["image"])
            expect(changed, f"other {what} draw the same picture in style photo")

    def test_styles_differ(self) -> None:
        scene = self.example()
        plain = replace(scene, style="game")
        photo, game = (self.answer(self.built, each)["image"] for each in (scene, plain))
        expect(not torch.equal(photo, game), "the styles game and photo draw the same picture")

    def test_nuisance_moves_the_picture(self) -> None:
        """Every named movement shows."""
        face = Scene(parameters(1), "game")
        rows = np.zeros((len(NUISANCE_NAMES), 1, len(NUISANCE_NAMES)), np.float32)
        for i, row in enumerate(rows):
            row[0, i] = 0.7
        before = self.answer(self.built, face)["image"]
        still = [
            name
            for name, row in zip(NUISANCE_NAMES, rows, strict=True)
            if torch.equal(before, self.answer(self.built, Scene(face.parameters, nuisance=row))["image"])
        ]
        expect(not still, f"nuisance {', '.join(still)} moves nothing")

    def test_draws_aligned_crops(self) -> None:
        """Eyes, nose tip and mouth corners of the base face lie where :data:`aubench.contracts.TEMPLATE` says, and all
        its landmarks inside the picture."""
        picture = self.picture(FacialParameters.base(1))
        if picture.landmarks is None:
            skip("it gives no landmarks")
        size, points = self.built.size, picture.landmarks[0].double()
        inside = bool(((points >= -0.5) & (points <= size - 0.5)).all())
        expect(inside, f"landmarks of the base face lie outside of its {size} pixels")
        five = torch.stack([points[list(group)].mean(0) for group in _FIVE])
        off = (five + 0.5) / size - torch.tensor(TEMPLATE, dtype=torch.float64)
        worst = float(off.norm(dim=1).max())
        expect(
            worst <= self.aligned, f"the base face is no aligned crop: its points lie up to {worst:.0%} of the side off"
        )

    def test_landmarks_are_in_order(self) -> None:
        """iBUG's order, left and right as in the picture: of the base face, jaw, brows and lips run from left to right,
        and brows, eyes, nose, lips and chin lie above one another."""
        landmarks = self.picture(FacialParameters.base(1)).landmarks
        if landmarks is None:
            skip("it gives no landmarks")
        x, y = landmarks[0].double().unbind(1)
        for what, left, right in _LEFT_TO_RIGHT:
            expect(bool(x[left] < x[right]), f"{what}: point {left} is not left of point {right}; iBUG order is wanted")
        for what, upper, lower in _TOP_TO_BOTTOM:
            expect(bool(y[upper] < y[lower]), f"{what}: point {upper} is not above point {lower}; iBUG order is wanted")

    def test_digest_is_a_text_that_stays(self) -> None:
        """``digest``, if there is one, is the same for two that were built alike."""
        if getattr(self.built, "digest", None) is None:
            skip("it leaves its digest to aubench")
        made = [self.built, self.fresh(), self.fresh()]
        one, *others = [each.digest for each in made]
        expect(isinstance(one, str) and bool(one), f"digest is {one!r}, not a text")
        expect(all(other == one for other in others), f"built twice, it has digests {one[:12]} and {others[0][:12]}")

    def test_samples_faces(self) -> None:
        """``sample(count, seed)``: that many faces in range, the same for the same seed only."""
        one, again, other = (self.built.sample(5, seed) for seed in (3, 3, 4))
        expect(isinstance(one, FacialParameters), f"sample returned a {type(one).__name__}, not FacialParameters")
        expect(len(one) == 5, f"sample(5, seed) made {len(one)} faces")
        vector = one.vector()
        expect(bool(((vector >= 0) & (vector <= 1)).all()), "sampled parameters leave [0, 1]")
        expect(bool(((one.brow.sum(1) - 1).abs() < 1e-4).all()), "sampled brow styles do not sum to 1")
        expect(not difference(leaves(one), leaves(again), 0.0), "sample gives other faces for the same seed")
        expect(bool(difference(leaves(one), leaves(other), 0.0)), "sample gives the same faces for another seed")

    def test_samples_can_be_drawn(self) -> None:
        image = self.picture(self.built.sample(2, 0)).image
        expect(bool(image.isfinite().all()), "the picture of a sampled face holds NaN or infinity")
