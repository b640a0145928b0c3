"""What networks promise: faces do not depend on their neighbours, they move, run in mixed precision and compiled, and
gradients go where they should and nowhere else."""

from __future__ import annotations

import contextlib
import copy
import logging
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn

from .base import Suite
from .promise import expect, skip
from .values import Answers, difference, distance, leaves, mapped, not_finite

_COMPILERS = ("c++", "g++", "clang++", "cl")


class NetworkSuite(Suite):
    """A plugin that is an ``nn.Module``."""

    same: ClassVar[float] = 1e-4
    """How far two exact ways to one answer may lie apart, as a fraction of its largest number."""
    rough: ClassVar[float] = 0.1
    """How far an answer in mixed precision may lie from the one in float32: length of the difference over its own."""
    backend: ClassVar[str] = "inductor"
    """What ``torch.compile`` compiles with; "aot_eager" is quicker and needs no C++ compiler."""

    def network(self) -> nn.Module:
        """A copy of the network, to move and change. Skips where it is none."""
        if not isinstance(self.built, nn.Module):
            skip("it is no nn.Module, which another check says")
        return cast(nn.Module, self.copy())

    def floats(self, answer: Answers) -> Answers:
        return {name: tensor for name, tensor in answer.items() if tensor.is_floating_point()}

    # --- checks -------------------------------------------------------------------------------------------------------

    def test_answers_are_finite(self) -> None:
        answer = self.answer(self.built, self.example())
        bad = not_finite(answer)
        expect(not bad, f"{bad} holds NaN or infinity")

    def test_batch_size_changes_nothing(self) -> None:
        """A face gets the same answer alone, among others, and at another place among them."""
        example, together = self.steady()
        alone = [self.answer(self.built, example[slice(i, i + 1)]) for i in range(self.batch)]
        joined = {name: torch.cat([each[name] for each in alone]) for name in together}
        gap = difference(together, joined, self.same)
        expect(not gap, f"a face gets another answer alone than among others (eval mode? batch statistics?): {gap}")

    def test_answers_have_the_dtype_of_the_input(self) -> None:
        """float32 for float32: what is computed with them must not become float64 unasked."""
        answer = self.floats(self.answer(self.built, self.example()))
        other = [f"{name} is {tensor.dtype}" for name, tensor in answer.items() if tensor.dtype != torch.float32]
        expect(not other, f"of an input in torch.float32, {', '.join(other)}; return the dtype of the input")

    def test_takes_no_faces_at_all(self) -> None:
        """A batch of 0, as of a video without any face, gives answers of 0 rows in the usual shapes."""
        example, whole = self.steady()
        try:
            empty = self.answer(self.built, example[slice(0, 0)])
        except Exception as error:
            expect(False, f"a batch of 0 faces ends in {type(error).__name__}: {_line(error)}")
        wanted = {name: (0, *tensor.shape[1:]) for name, tensor in whole.items()}
        shapes = {name: tuple(tensor.shape) for name, tensor in empty.items()}
        expect(shapes == wanted, f"a batch of 0 faces is answered in shapes {shapes}, not {wanted}")

    def test_threads_do_not_meet(self) -> None:
        """Called by several threads at once, as `aubench predict` does, each gets the answer to its own input."""
        (one, first), other = self.steady(), self.example(1)
        second = self.answer(self.built, other)
        with ThreadPoolExecutor(2) as pool:
            for _ in range(2):
                answers = list(pool.map(lambda each: self.answer(self.built, each), (one, other)))
                for alone, among in zip((first, second), answers, strict=True):
                    gap = difference(alone, among, self.same)
                    expect(not gap, f"another thread changes the answer, so keep nothing of a call on self: {gap}")

    def test_moves_to_another_device(self) -> None:
        """After ``.to("cuda")``, everything happens there. Without a GPU, shapes and devices are followed through the
        code on tensors without content."""
        network, (example, here) = self.network(), self.steady()
        if torch.cuda.is_available():
            there = self.answer(network.to("cuda"), mapped(example, lambda t: t.to("cuda")))
        else:
            there = _imagined(network, example, type(self).answer)
        stayed = [name for name, tensor in there.items() if tensor.device.type != "cuda"]
        expect(not stayed, f"moved to cuda, {', '.join(stayed)} is still on the CPU")
        if torch.cuda.is_available():
            gap = difference(here, there, 1e-2)
            expect(not gap, f"the GPU answers otherwise than the CPU: {gap}")

    def test_moves_to_another_dtype(self) -> None:
        """After ``.double()``, inputs in float64 are answered as in float32."""
        network, (example, here) = self.network(), self.steady()
        try:
            there = self.answer(network.double(), mapped(example, lambda t: t.double()))
        except (RuntimeError, TypeError) as error:
            expect(False, f"after .double() it fails: {_line(error)}; follow the dtype of the input, not float32")
        gap = difference({n: t.double() for n, t in self.floats(here).items()}, self.floats(there), 1e-2)
        expect(not gap, f"in float64 it answers otherwise than in float32: {gap}")

    def test_works_under_autocast(self) -> None:
        """In bfloat16, and with its convolutions and linear layers kept in it as training does, the answer is nearly
        the same."""
        network, (example, exact) = self.network(), self.steady()
        for module in network.modules():
            if isinstance(module, nn.Conv1d | nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                module.to(torch.bfloat16)
        for what, each in (("", self.built), (" with its weights in bfloat16", network)):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                try:
                    rough = self.floats(self.answer(each, example))
                except (RuntimeError, TypeError) as error:
                    expect(False, f"under autocast{what} it fails: {_line(error)}")
            bad = not_finite(rough)
            expect(not bad or bad == not_finite(exact), f"under autocast{what}, {bad} holds NaN or infinity")
            for name, tensor in rough.items():
                off = distance(exact[name], tensor)
                expect(off <= self.rough, f"under autocast{what}, {name} is {off:.0%} off")

    def test_works_compiled(self) -> None:
        """``torch.compile`` changes nothing in what it answers, nor in the gradients."""
        if self.backend == "inductor" and not (os.environ.get("CXX") or any(map(shutil.which, _COMPILERS))):
            skip(f"no C++ compiler here, which torch.compile needs (looked for {', '.join(_COMPILERS)})")
        example, exact = self.steady()
        network = self.built
        torch._dynamo.reset()
        compiled = torch.compile(lambda x: type(self).answer(network, x), backend=self.backend)
        source = mapped(example, lambda t: t.clone().requires_grad_())
        try:
            answer = compiled(source)
            grad = _pull(answer, list(leaves(source).values()))
        except torch._dynamo.exc.Unsupported as error:
            expect(False, f"torch.compile cannot follow it: {_line(error)}")
        finally:
            torch._dynamo.reset()
        gap = difference(exact, answer, 1e-3)
        expect(not gap, f"compiled, it answers otherwise: {gap}")
        expect(all(bool(g.isfinite().all()) for g in grad if g is not None), "compiled, its gradients are not finite")

    def gradients(self, example: Any) -> dict[str, dict[str, Tensor | None]]:
        """Of each answer, the gradient into each input."""
        source = mapped(example, lambda t: t.clone().requires_grad_())
        inputs = leaves(source)
        found: dict[str, dict[str, Tensor | None]] = {}
        for name, tensor in self.floats(self.answer(self.built, source)).items():
            grads: list[Tensor | None] = [None] * len(inputs)
            if tensor.requires_grad:
                grads = _pull({name: tensor}, list(inputs.values()))
            found[name] = dict(zip(inputs, grads, strict=True))
        return found


class FrozenSuite(NetworkSuite):
    """A network that is used and not trained."""

    def test_is_frozen(self) -> None:
        """It is an ``nn.Module`` in evaluation mode, and none of its weights asks for a gradient."""
        made = self.built
        expect(isinstance(made, nn.Module), f"the factory made a {type(made).__name__}, which is no nn.Module")
        learning = [name for name, p in made.named_parameters() if p.requires_grad]
        expect(
            not learning,
            f"{len(learning)} weights ask for gradients, as {learning[:1]}; derive from aubench.frozen.Frozen and end "
            "__init__ with self.freeze()",
        )
        expect(not made.training, "it is in training mode; end __init__ with self.freeze() or self.eval()")

    def test_stays_frozen_in_training(self) -> None:
        """``.train()``, which a module calls on all its parts, leaves the answers as they are."""
        (example, before), network = self.steady(), self.network()
        network.train()
        gap = difference(before, self.answer(network, example), self.same)
        expect(not gap, f"after .train() it answers otherwise: {gap}; derive from aubench.frozen.Frozen")

    def test_weights_stay(self) -> None:
        """A pass forward and back changes no weight and no buffer."""
        network = self.network()
        before = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
        source = mapped(self.example(), lambda t: t.clone().requires_grad_())
        answer = self.floats(self.answer(network, source))
        with contextlib.suppress(RuntimeError):  # no gradient at all: another check says so
            _pull(answer, list(leaves(source).values()))
        gap = difference(before, network.state_dict(), 0.0)
        expect(not gap, f"a pass changed what it knows: {gap}")

    def test_gradients_reach_the_input(self) -> None:
        """Every answer passes a finite gradient, not all zero, on to its input."""
        for answer, grads in self.gradients(self.example()).items():
            given = {name: g for name, g in grads.items() if g is not None}
            expect(bool(given), f"no gradient flows from {answer} to the input; detach or no_grad inside?")
            for name, grad in given.items():
                expect(bool(grad.isfinite().all()), f"the gradient from {answer} to {name} is not finite")
            moved = any(bool((grad != 0).any()) for grad in given.values())
            expect(moved, f"the gradient from {answer} to the input is zero everywhere")


def _pull(answer: Answers, inputs: list[Tensor]) -> list[Tensor | None]:
    """Gradients of a random weighing of all answers into ``inputs``."""
    dice = torch.Generator().manual_seed(0)
    total = torch.zeros(())
    for tensor in answer.values():
        if tensor.is_floating_point() and tensor.requires_grad:
            weight = torch.rand(tensor.shape, generator=dice) + 0.1
            total = total + (tensor.float() * weight).sum()
    return list(torch.autograd.grad(total, inputs, retain_graph=True, allow_unused=True))


def _imagined(network: nn.Module, example: Any, answer: Any) -> Answers:
    """The answer on an imagined GPU, in tensors that know shape, dtype and device only. Raises :class:`Broken` for
    operations that mix devices; skips where the code looks at the numbers, which such tensors do not have."""
    from torch._subclasses import FakeTensorMode

    logger = logging.getLogger("torch._subclasses.fake_tensor")
    level, mode = logger.level, FakeTensorMode(allow_non_fake_inputs=True)
    logger.setLevel(logging.CRITICAL)
    moved = copy.deepcopy(network)

    def like(tensor: Tensor) -> Tensor:
        return torch.empty(tensor.shape, dtype=tensor.dtype, device="cuda")

    try:
        with mode:
            for module in moved.modules():
                for name, p in module._parameters.items():
                    if p is not None:
                        module._parameters[name] = nn.Parameter(like(p), requires_grad=p.requires_grad)
                for name, b in module._buffers.items():
                    if b is not None:
                        module._buffers[name] = like(b)
            return cast(Answers, answer(moved, mapped(example, like)))
    except Exception as error:
        text = _line(error)
        if "same device" in text or "on different device" in text or "different from other tensors" in text:
            expect(False, f"moved to cuda, it still uses a tensor on the CPU ({text}); register_buffer what it keeps")
        skip(f"no GPU here, and without one its code cannot be followed ({type(error).__name__})")
    finally:
        logger.setLevel(level)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
