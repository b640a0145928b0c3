"""What networks that read pictures promise: RGB in [0, 1] as it is, of any side, and a clear word to anything else."""

from __future__ import annotations

import contextlib
from typing import Any, cast

import torch
from torch import Tensor, nn

from aubench.errors import UserError

from .examples import SIDE, faces
from .networks import FrozenSuite
from .promise import expect, skip
from .values import distance

_ORDERS = {"RGB": (0, 1, 2), "BGR": (2, 1, 0)}
_SLOPE = 0.1
"""What enters the first layer changes by at least this from black to white."""
_BEYOND = 10.0
"""How far what enters may lie outside of the range that the network declares."""


class _Seen(Exception):
    """What enters was seen: the rest of the pass need not be made."""


class ImageSuite(FrozenSuite):
    """A frozen network that reads aligned crops."""

    def example(self, seed: int = 0) -> Tensor:
        return faces(self.batch, seed)

    def test_takes_pictures_of_any_side(self) -> None:
        """It owns its input size: the side of the picture does not change the shape of the answer."""
        shapes = []
        for side in (SIDE, SIDE + 37):
            answer = self.answer(self.built, faces(2, 0, side))
            shapes.append({name: tuple(tensor.shape) for name, tensor in answer.items()})
        expect(
            shapes[0] == shapes[1],
            f"pictures of {SIDE} and {SIDE + 37} px are answered in other shapes; resize to its own size first",
        )

    def test_sees_brightness(self) -> None:
        """A constant shift of the picture changes the answer."""
        _, answer = self.steady()
        other = self.answer(self.built, (self.example() * 0.5 + 0.25).clamp(0, 1))
        off = max(distance(answer[name], other[name]) for name in self.floats(answer))
        expect(off > 1e-4, "half the contrast around grey gives the same answer; is the picture normalised to itself?")

    def test_enters_in_its_range(self) -> None:
        """Pictures in [0, 1] reach the network with their contrast, in the numbers that it declares: nothing divides
        them by 255 a second time, nor multiplies them. A network of other numbers than about -3..3 says so in
        attributes ``mean`` and ``std``: it gets ``(image - mean) / std``."""
        slopes = self._slopes()
        largest = float(slopes.abs().max())
        expect(
            largest >= _SLOPE,
            f"from black to white, what enters the network changes by {largest:.2g} only; pictures come in [0, 1] "
            "already, so do not divide by 255",
        )
        made = self.built
        (low, high), (least, most) = self._range(), self._declared_range()
        expect(
            low >= least - _BEYOND and high <= most + _BEYOND,
            f"what enters the network reaches from {low:.4g} to {high:.4g}, but pictures come in [0, 1] and it "
            f"declares {least:.3g} to {most:.3g}; do not multiply by 255, or say mean and std",
        )
        std = getattr(made, "std", None)
        if slopes.shape[0] == 3 and isinstance(std, Tensor | tuple | list):
            declared = torch.as_tensor(std).detach().flatten().double().cpu()
            entered = slopes.abs().amax(1)
            ratio = entered * declared
            expect(
                len(declared) == 3 and bool((ratio - ratio.mean()).abs().max() < 0.02 * ratio.mean().abs()),
                f"its std is {[round(v, 3) for v in declared.tolist()]}, but the channels enter divided by "
                f"{[round(1 / v, 3) for v in entered.tolist()]}",
            )

    def test_reads_colours_in_order(self) -> None:
        """Red enters where its network expects red: first, unless an attribute ``colours`` says "BGR" or "grey"."""
        colours = self._colours()
        slopes = self._slopes()
        if colours == "grey" or slopes.shape[0] != 3:
            if slopes.shape[0] == 3:
                spread = float((slopes - slopes.mean(0)).abs().max())
                expect(spread < 1e-3, 'it says colours = "grey", but its three channels get different things')
            return
        for entry, channel in enumerate(_ORDERS[colours]):
            strongest = int(slopes[entry].abs().argmax())
            expect(
                strongest == channel,
                f"channel {entry} of what enters the network is the picture's {'RGB'[strongest]}, but a network of "
                f'{colours} wants {"RGB"[channel]} there; pictures are RGB, and an attribute colours = "BGR" says '
                "that a network wants them turned round",
            )

    def test_wrong_channels_are_refused(self) -> None:
        """Grey pictures and pictures with alpha are a one-line error that says what was expected."""
        for shape in ((2, 1, SIDE, SIDE), (2, 4, SIDE, SIDE), (3, SIDE, SIDE)):
            self._refused(torch.zeros(shape), ("3", "RGB"), f"an image of shape {shape}")

    def test_wrong_dtype_is_refused(self) -> None:
        """Pictures in 0..255 (uint8) are a one-line error that says what was expected."""
        picture = torch.zeros(2, 3, SIDE, SIDE, dtype=torch.uint8)
        self._refused(picture, ("float", "[0, 1]"), "an image of dtype uint8")

    # --- help ---------------------------------------------------------------------------------------------------------

    def _refused(self, image: Tensor, words: tuple[str, ...], what: str) -> None:
        advice = "call aubench.images.require_image(image) first"
        try:
            self.answer(self.built, image)
        except (UserError, ValueError, TypeError) as error:
            text = str(error)
            clear = "\n" not in text and any(word in text for word in words)
            expect(
                clear, f"{what} is refused, but not in one line that says what was expected: {text[:120]!r}; {advice}"
            )
        except Exception as error:
            expect(False, f"{what} ends in {type(error).__name__} somewhere inside; {advice}")
        else:
            expect(False, f"{what} is silently accepted; {advice}")

    def _colours(self) -> str:
        colours = getattr(self.built, "colours", "RGB")
        expect(colours in (*_ORDERS, "grey"), f"attribute colours is {colours!r}; say RGB, BGR or grey")
        return str(colours)

    def _slopes(self) -> Tensor:
        """How strongly each of the picture's three channels (columns) enters each channel (rows) of the first layer
        that gets a picture. Skips where no layer gets one with 1 or 3 channels."""
        network = self.built
        if not isinstance(network, nn.Module):
            skip("it is no nn.Module, which another check says")
        if (kept := vars(type(self)).get("_entered")) is not None:
            return cast(Tensor, kept)
        entered: list[Tensor] = []

        def note(module: nn.Module, inputs: tuple[Any, ...]) -> None:
            first = next((x for x in inputs if isinstance(x, Tensor)), None)
            if not entered and first is not None and first.ndim == 4 and first.shape[1] in (1, 3):
                entered.append(first.detach().double().mean((0, 2, 3)).cpu())
                raise _Seen

        leaves = [module for module in network.modules() if not list(module.children())]
        hooks = [module.register_forward_pre_hook(note) for module in leaves]
        columns, base = [], torch.full((1, 3, SIDE, SIDE), 0.5)
        try:
            for channel in (None, 0, 1, 2):
                image = base.clone()
                if channel is not None:
                    image[:, channel] += 0.2
                entered.clear()
                with torch.no_grad(), contextlib.suppress(_Seen):
                    self.answer(network, image)
                if not entered:
                    skip("no layer of it gets a picture of 1 or 3 channels, so what enters cannot be seen")
                columns.append(entered[0])
        finally:
            for hook in hooks:
                hook.remove()
        slopes = torch.stack([(column - columns[0]) / 0.2 for column in columns[1:]], dim=1)
        middle, reach = columns[0], 0.5 * slopes.abs().sum(1)
        type(self)._reach = (float((middle - reach).min()), float((middle + reach).max()))  # type: ignore[attr-defined]
        type(self)._entered = slopes  # type: ignore[attr-defined]
        return slopes

    def _declared_range(self) -> tuple[float, float]:
        """What black and white become by the attributes ``mean`` and ``std``."""
        given = [getattr(self.built, name, None) for name in ("mean", "std")]
        mean, std = (
            torch.as_tensor(value).detach().double().cpu() if isinstance(value, Tensor | tuple | list | float) else None
            for value in given
        )
        black, white = ((end - (0.0 if mean is None else mean)) / (1.0 if std is None else std) for end in (0.0, 1.0))
        return float(torch.as_tensor(black).min()), float(torch.as_tensor(white).max())

    def _range(self) -> tuple[float, float]:
        """The least and the largest number that enters the first layer, for pictures in [0, 1]."""
        self._slopes()
        return cast(tuple[float, float], vars(type(self))["_reach"])
