"""Random numbers that are the same on every machine.

Only the bit stream of PCG64 and IEEE additions and products are used: numpy may change how it draws a normal number
from one version to the next, and the last digit of ``exp`` differs between C libraries.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T")
Array = npt.NDArray[np.float64]


class Chance:
    """A stream of random numbers, set by a tuple of integers (say seed, person, sequence)."""

    def __init__(self, *key: int) -> None:
        self._bits = np.random.Generator(np.random.PCG64(np.random.SeedSequence(list(key))))

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        return low + (high - low) * float(self._bits.random())

    def uniforms(self, *shape: int) -> Array:
        """In [0, 1), of the given shape."""
        return self._bits.random(shape)

    def bells(self, *shape: int) -> Array:
        """Bell-shaped, mean 0, variance 1, within ±6: twelve uniform numbers added up (Irwin and Hall)."""
        total = np.zeros(shape)
        for _ in range(12):
            total += self._bits.random(shape)
        return total - 6.0

    def bell(self) -> float:
        return float(self.bells(1)[0])

    def happens(self, probability: float) -> bool:
        return float(self._bits.random()) < probability

    def below(self, count: int) -> int:
        """An integer in 0..count-1."""
        return min(int(float(self._bits.random()) * count), count - 1)

    def shuffled(self, things: Sequence[T]) -> list[T]:
        """Fisher and Yates."""
        result = list(things)
        for last in range(len(result) - 1, 0, -1):
            other = self.below(last + 1)
            result[last], result[other] = result[other], result[last]
        return result
