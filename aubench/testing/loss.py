"""The suite of losses: :class:`aubench.contracts.Loss`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from aubench.component import Kind
from aubench.errors import UserError
from aubench.plan import make_plan, needs
from aubench.quantities import QUANTITIES

from .base import Suite
from .promise import expect, skip
from .values import Answers, leaves, mapped
from .words import FIXED, perfect_words, random_words

ZERO = 1e-5


class LossSuite(Suite):
    """Quantities to a number: ``class TestMine(LossSuite): plugin = "mine"``."""

    kind: ClassVar[Kind] = "loss"

    def example(self, seed: int = 0) -> dict[str, Any]:
        self._words()
        return random_words(self.batch, seed)

    @staticmethod
    def answer(made: Any, example: Any) -> Answers:
        """The loss of a batch that holds every word of the vocabulary, by way of the plan that training makes too."""
        plan = make_plan({"loss": made}, {}, example)
        have = plan.run(example)
        optional = {word: example[word] for word in needs(made)[1] if word in example}
        return {"loss": made(**{word: have[word] for word in plan.words["loss"]} | optional)}

    def _words(self) -> tuple[str, ...]:
        """The words of the vocabulary that it rests on, its own words' inputs among them. Skips where it asks for
        something that nobody can give."""
        try:
            return make_plan({"loss": self.built}, {}, QUANTITIES).given
        except UserError:
            skip("it cannot be given what it asks for, see test_asks_for_words_by_name")

    def _value(self, words: Mapping[str, Any]) -> Tensor:
        """The loss. Skips where it is not one number."""
        self._words()
        value = self.answer(self.built, words)["loss"]
        if not isinstance(value, Tensor) or value.numel() != 1:
            skip("it is not one number, see test_is_one_number")
        return value

    # --- checks -------------------------------------------------------------------------------------------------------

    def test_asks_for_words_by_name(self) -> None:
        """Its parameters are keyword-only, at least one has no default, and something makes each of them."""
        try:
            required, optional = needs(self.built)
            make_plan({"loss": self.built}, {}, QUANTITIES)
        except UserError as error:
            expect(False, str(error))
        expect(bool(required), "it asks for no word, so that training cannot change it")
        own = getattr(self.built, "providers", {})
        unknown = [word for word in optional if word not in QUANTITIES and word not in own]
        expect(not unknown, f"nothing makes {', '.join(unknown)}, which it asks for with a default")

    def test_is_one_number(self) -> None:
        """A floating scalar, finite for many faces and for one."""
        for count in (self.batch, 1):
            self._words()
            value = self.answer(self.built, random_words(count))["loss"]
            expect(isinstance(value, Tensor), f"it returned a {type(value).__name__}, not a tensor")
            expect(value.ndim == 0, f"it returned shape {tuple(value.shape)}, not a scalar; take the mean")
            expect(value.is_floating_point(), f"it returned {value.dtype}, not floating point")
            expect(value.dtype == torch.float32, f"it returned {value.dtype} for words in float32, not float32")
            expect(bool(value.isfinite()), f"it is {float(value)} for a batch of {count}")

    def test_reads_every_word_that_it_asks_for(self) -> None:
        """Each required word, changed, changes the number: what is declared is computed, and computing costs."""
        before = random_words(self.batch)
        others = [random_words(self.batch, seed) for seed in (1, 2, 3)]
        value = float(self._value(before))
        for word in self._words():
            still = all(float(self._value({**before, word: other[word]})) == value for other in others)
            expect(
                not still, f"it asks for {word!r} and gives the same number whatever {word!r} holds; do not ask for it"
            )

    def test_optional_words_may_be_left_out(self) -> None:
        """A word with a default is handed over only if another loss has it made."""
        self._words()
        required, optional = needs(self.built)
        if not optional:
            skip("it asks for no word with a default")
        words = random_words(self.batch)
        plan = make_plan({"loss": self.built}, {}, [w for w in words if w not in optional or w in required])
        value = plan.terms(plan.run(words))["loss"]
        expect(bool(value.isfinite()), f"without {', '.join(optional)} it is {float(value)}")

    def test_is_zero_where_nothing_is_wrong(self) -> None:
        """0 where every face is the base face and everything is drawn, read back and recognised without error; more
        than 0 elsewhere. One that has no such zero says why in an attribute ``no_zero``."""
        reason = getattr(self.built, "no_zero", "")
        if reason:
            skip(f"it says of its zero: {reason}")
        at_best = float(self._value(perfect_words(self.batch)))
        expect(
            abs(at_best) <= ZERO,
            f"it is {at_best:.3g}, not 0, where every face is the base face and is read back without error; if it has "
            'no zero, say why in an attribute no_zero = "..."',
        )
        elsewhere = float(self._value(random_words(self.batch)))
        expect(elsewhere > ZERO, f"it is {elsewhere:.3g} for random answers, and not above 0")

    def test_gradients_are_finite(self) -> None:
        """Into what training can change, also where the loss is zero; and at random they are not all zero."""
        for where, words in (
            ("for random answers", random_words(self.batch)),
            ("at its zero", perfect_words(self.batch)),
        ):
            grads = self._gradients(words)
            bad = [word for word, grad in grads.items() if not bool(grad.isfinite().all())]
            expect(
                not bad,
                f"{where}, the gradient into {', '.join(bad)} is not finite; a square root or a norm at zero? Add a "
                "small number under it",
            )
            moved = any(bool((grad != 0).any()) for grad in grads.values())
            expect(moved or where == "at its zero", "no gradient reaches anything that training can change")

    def _gradients(self, words: Mapping[str, Any]) -> dict[str, Tensor]:
        """The gradient into each word that training can change, as one row of numbers each."""
        learnt = [word for word in self._words() if word not in FIXED]
        source: dict[str, Any] = {**words}
        for word in learnt:
            source[word] = mapped(words[word], lambda t: t.clone().requires_grad_())
        value = self._value(source)
        if not value.requires_grad:
            return {}
        inputs = {
            word if isinstance(source[word], Tensor) else f"{word} {name}": leaf
            for word in learnt
            for name, leaf in leaves(source[word]).items()
        }
        grads = torch.autograd.grad(value, list(inputs.values()), allow_unused=True)
        return {name: g for name, g in zip(inputs, grads, strict=True) if g is not None}

    def test_works_under_autocast(self) -> None:
        """With what autocast in bfloat16 hands it: features and pictures in that format."""
        rough = {
            word: value if "FacialParameters" in QUANTITIES[word].shape else mapped(value, _halved)
            for word, value in random_words(self.batch).items()
        }
        exact = float(self._value(random_words(self.batch)))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            value = float(self._value(rough))
        expect(
            abs(value - exact) <= 0.05 * abs(exact) + 0.01, f"under autocast it is {value:.4g} instead of {exact:.4g}"
        )


def _halved(tensor: Tensor) -> Tensor:
    return tensor.bfloat16()
