"""The suite of regressors: :class:`aubench.contracts.Regressor`."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn

from aubench.component import Kind
from aubench.contracts import Features, FeatureShapes, reads_persons
from aubench.parameters import AU_SIZE, BROW_SIZE, IDENTITY_SIZE, POSE_SIZE, FacialParameters
from aubench.weights import load_into, save

from .examples import SHAPES, features
from .networks import NetworkSuite
from .promise import expect, skip
from .values import Answers, difference, leaves

_SIZES = {"pose": POSE_SIZE, "au": AU_SIZE, "identity": IDENTITY_SIZE, "brow": BROW_SIZE}


class RegressorSuite(NetworkSuite):
    """Features to facial parameters: ``class TestMine(RegressorSuite): plugin = "mine"``."""

    kind: ClassVar[Kind] = "regressor"
    shapes: ClassVar[FeatureShapes] = SHAPES
    """Of the features that it is built for and called with."""

    def context(self) -> dict[str, object]:
        return {"shapes": self.shapes}

    def example(self, seed: int = 0) -> Features:
        return features(self.batch, seed, self.shapes)

    @staticmethod
    def answer(made: Any, example: Any) -> Answers:
        """In evaluation mode."""
        if isinstance(made, nn.Module):
            made.eval()
        return leaves(made(example))

    def test_is_a_module_that_learns(self) -> None:
        made = self.built
        expect(isinstance(made, nn.Module), f"the factory made a {type(made).__name__}, which is no nn.Module")
        expect(any(p.requires_grad for p in made.parameters()), "no weight of it asks for a gradient: it cannot learn")

    def test_parameters_have_their_shapes(self) -> None:
        """pose 2, AUs 23, identity 208, brow styles 36, one row per face."""
        made = self.built.eval()(self.example())
        expect(isinstance(made, FacialParameters), f"it returned a {type(made).__name__}, not FacialParameters")
        for name, tensor in leaves(made).items():
            wanted = (self.batch, _SIZES[name])
            expect(tuple(tensor.shape) == wanted, f"{name} is {tuple(tensor.shape)}, not {wanted}")

    def test_parameters_stay_in_range(self) -> None:
        """Everything in [0, 1], however far out the features are."""
        for scale in (1.0, 1e3, -1e3):
            scaled = self.example().each(partial(torch.mul, other=scale))
            for name, tensor in self.answer(self.built, scaled).items():
                low, high = float(tensor.min()), float(tensor.max())
                expect(
                    low >= 0 and high <= 1,
                    f"{name} reaches from {low:.3g} to {high:.3g} with features {scale:g} times as large; bound it to "
                    "[0, 1], as by a sigmoid",
                )

    def test_brow_styles_sum_to_one(self) -> None:
        total = self.answer(self.built, self.example())["brow"].sum(1)
        off = float((total - 1).abs().max())
        expect(off < 1e-3, f"brow styles sum to {float(total[0]):.3g}, not 1; end with a softmax")

    def test_gradients_reach_all_weights(self) -> None:
        """Every weight that learns gets a finite gradient, not all zero, from some batch."""
        network: Any = self.network().train()
        learning = {name: p for name, p in network.named_parameters() if p.requires_grad}
        if not learning:
            skip("none of its weights learns, which another check says")
        for seed in range(3):
            batch = features(8, seed, self.shapes)
            made = list(network(batch))
            if reads_persons(network):
                entry = network.entry(batch)
                made.append(network.aus(entry, entry.roll(1, 0)))
            total = sum(((part.float() - 0.3) ** 2).sum() for part in made)
            torch.autograd.backward(total)
        bad = [name for name, p in learning.items() if p.grad is not None and not bool(p.grad.isfinite().all())]
        expect(not bad, f"the gradient into {', '.join(bad[:3])} is not finite")
        idle = [name for name, p in learning.items() if p.grad is None or not bool((p.grad != 0).any())]
        expect(not idle, f"no gradient reaches {', '.join(idle[:3])} ({len(idle)} of {len(learning)} weights)")

    def test_persons_are_read_from_affine_entries(self) -> None:
        """The entry of the mean of two faces is the mean of their entries; AUs beside a neutral stay in [0, 1]."""
        network: Any = self.network()
        if not reads_persons(network):
            skip("it does not read persons")
        with torch.no_grad():
            one, other = (network.entry(features(4, seed, self.shapes)) for seed in (0, 1))
            first, second = (features(4, seed, self.shapes) for seed in (0, 1))
            middle = Features(
                0.5 * (first.fused + second.fused),
                {name: 0.5 * (first.maps[name] + second.maps[name]) for name in first.maps},
            )
            between = network.entry(middle)
            aus = network.aus(one, other.mean(dim=0))
        gap = float((between - 0.5 * (one + other)).abs().max())
        size = float((one - other).abs().max())
        expect(gap <= 1e-3 * size, f"the entry of a mean face is {gap:.3g} off the mean entry; make entry() affine")
        expect(tuple(aus.shape) == (4, AU_SIZE), f"aus() is {tuple(aus.shape)}, not (4, {AU_SIZE})")
        expect(bool(((aus >= 0) & (aus <= 1)).all()), "aus() leaves [0, 1]")

    def test_gradients_reach_the_features(self) -> None:
        """Losses on faces that were drawn and read back pull through it."""
        for answer, grads in self.gradients(self.example()).items():
            given = [g for g in grads.values() if g is not None]
            expect(bool(given), f"no gradient flows from {answer} to the features; detach or no_grad inside?")
            expect(all(bool(g.isfinite().all()) for g in given), f"the gradient from {answer} is not finite")
            expect(any(bool((g != 0).any()) for g in given), f"the gradient from {answer} to the features is zero")

    def test_weights_are_its_own(self) -> None:
        """Two that were built share no weight: training one leaves the other as it is."""
        places = {p.untyped_storage().data_ptr() for p in self.built.parameters()} - {0}
        shared = [name for name, p in self.fresh().named_parameters() if p.untyped_storage().data_ptr() in places]
        expect(not shared, f"two regressors share {', '.join(shared[:3])}; make the layers in __init__")

    def test_weights_survive_a_file(self) -> None:
        """Saved by :func:`aubench.weights.save` and loaded into a new one of other random weights, it is the same."""
        example, here = self.steady()
        other = self.fresh(1)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "regressor.safetensors"
            save(self.network(), path)
            load_into(other, path)
        gap = difference(here, self.answer(other, example), self.same)
        expect(not gap, f"its state_dict does not hold all it knows: {gap}")
