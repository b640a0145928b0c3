"""The suite of estimators: :class:`aubench.contracts.Estimator`."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, ClassVar

import numpy as np
import torch

from aubench.component import Kind
from aubench.contracts import Frames
from aubench.data.labels import locked
from aubench.errors import UserError

from .base import Suite
from .examples import frames, labels
from .promise import expect, skip
from .values import Answers, difference

_SEED = 5


class EstimatorSuite(Suite):
    """Frames (and labels) to intensities: ``class TestMine(EstimatorSuite): plugin = "mine"``."""

    kind: ClassVar[Kind] = "estimator"
    batch: ClassVar[int] = 24

    def example(self, seed: int = 0) -> Frames:
        return frames(self.batch, seed)

    @staticmethod
    def answer(made: Any, example: Any) -> Answers:
        """Fitted to the example, behind the locked door unless it is supervised, and asked about it."""
        known = labels(len(example), len(made.aus)) if made.supervised else None
        with nullcontext() if made.supervised else locked():
            made.fit(example, known, seed=_SEED)
        return {"intensities": torch.from_numpy(np.array(made.predict(example)))}

    def test_says_what_it_is(self) -> None:
        """Whether it learns from labels, and the AUs that it predicts."""
        made = self.built
        expect(isinstance(made.supervised, bool), f"supervised is {made.supervised!r}, not True or False")
        expect(isinstance(made.aus, tuple) and bool(made.aus), f"aus is {made.aus!r}, not a tuple of names")
        expect(len(set(made.aus)) == len(made.aus), f"aus names an AU twice: {', '.join(made.aus)}")

    def test_predictions_have_their_shape(self) -> None:
        """(n, a) floats, also for another number of frames than it was fitted to."""
        made = self.fresh()
        self.answer(made, self.example())
        for count in (7, 1):
            answer = made.predict(frames(count, 3, subjects=1))
            array = isinstance(answer, np.ndarray) and answer.dtype.kind == "f"
            expect(array, f"predict returned a {type(answer).__name__}, not an array of floats")
            wanted = (count, len(made.aus))
            expect(answer.shape == wanted, f"predict made {answer.shape}, not {wanted}")

    def test_predictions_stay_in_range(self) -> None:
        """Intensities in 0..5, NaN where it has no opinion."""
        made = self.answer(self.built, self.example())["intensities"].numpy()
        known = made[~np.isnan(made)]
        inside = bool(((known >= 0) & (known <= 5)).all())
        expect(inside, "intensities reach from {:.3g} to {:.3g}; clip them to 0..5".format(*_reach(known)))

    def test_labels_teach_only_the_supervised(self) -> None:
        """Supervised: a ``UserError`` without labels. Otherwise: none are needed, and given ones change nothing."""
        made, example = self.fresh(), self.example()
        if made.supervised:
            try:
                made.fit(example, None, seed=_SEED)
            except UserError:
                return
            except Exception as error:
                expect(False, f"without labels it ends in {type(error).__name__}; raise a UserError that asks for them")
            expect(False, "supervised is True, but it fits without labels")
        without = self.answer(made, example)
        other = self.fresh()
        try:
            other.fit(example, labels(len(example), len(other.aus)), seed=_SEED)
        except UserError:
            return
        gap = difference(without, {"intensities": torch.from_numpy(np.array(other.predict(example)))}, 1e-6)
        expect(not gap, f"supervised is False, but labels change what it predicts: {gap}")

    def test_labels_are_left_alone(self) -> None:
        """``fit`` does not write into the labels, NaN among them."""
        made, example = self.fresh(), self.example()
        known = labels(len(example), len(made.aus))
        known[::5] = np.nan
        before = known.copy()
        try:
            made.fit(example, known, seed=_SEED)
        except UserError:
            return
        expect(np.array_equal(before, known, equal_nan=True), "fit writes into the labels; copy them first")

    def test_predictions_are_the_callers_own(self) -> None:
        """Writing into a prediction does not change the next one."""
        made, example = self.fresh(), self.example()
        self.answer(made, example)
        first = made.predict(example)
        before, again = ({"intensities": torch.from_numpy(np.array(each))} for each in (first, made.predict(example)))
        if difference(before, again, 1e-6):
            skip("two predictions of the same frames differ, see test_predictions_repeat")
        if first.flags.writeable:
            first += 1
        gap = difference(before, {"intensities": torch.from_numpy(np.array(made.predict(example)))}, 1e-6)
        expect(not gap, f"a prediction changes when the one before is written to: {gap}; return a new array")

    def test_predictions_repeat(self) -> None:
        """Once fitted, it predicts the same of the same frames."""
        made, example = self.fresh(), self.example()
        self.answer(made, example)
        first, second = (torch.from_numpy(np.array(made.predict(example))) for _ in range(2))
        gap = difference({"intensities": first}, {"intensities": second}, 1e-6)
        expect(not gap, f"asked twice, it predicts otherwise: {gap}")


def _reach(values: np.ndarray[Any, Any]) -> tuple[float, float]:
    return (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
