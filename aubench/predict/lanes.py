"""Networks side by side: one core for each pass through a network, in place of all cores for one after the other.

Small networks gain little from several cores: most of the time they wait for one another, and a spinning core is one
that the other stages do not get. So each thread of the pipeline computes on one core, and there are as many as cores.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Generic, TypeVar

import cv2
import torch

T = TypeVar("T")
R = TypeVar("R")


@contextmanager
def one_core_each() -> Iterator[int]:
    """Says how many cores PyTorch may use, and puts back what threads of the pipeline change for themselves by
    :func:`on_one_core`. OpenCV works in the thread that calls it."""
    cores, painters = torch.get_num_threads(), cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield cores
    finally:
        cv2.setNumThreads(painters)
        torch.set_num_threads(cores)


def on_one_core() -> None:
    """To be called first in a thread of its own: what PyTorch computes there stays on one core."""
    torch.set_num_threads(1)


class Lanes(Generic[T, R]):
    """Calls of ``work`` in ``count`` threads at a time, their results in the order of the calls. With a ``count`` of 1,
    each call is made at once, by the caller."""

    def __init__(self, work: Callable[[T], R], count: int) -> None:
        self.work, self.count = work, count
        self._pool = ThreadPoolExecutor(count, initializer=on_one_core) if count > 1 else None
        self._pending: deque[Future[R]] = deque()

    def put(self, item: T) -> Iterator[R]:
        """Hand in one item, and take out what is done. Waits while more than twice ``count`` are under way."""
        if self._pool is None:
            yield self.work(item)
            return
        self._pending.append(self._pool.submit(self.work, item))
        while self._pending and (self._pending[0].done() or len(self._pending) > 2 * self.count):
            yield self._pending.popleft().result()

    def rest(self) -> Iterator[R]:
        """Wait for everything that was handed in."""
        while self._pending:
            yield self._pending.popleft().result()

    def close(self) -> None:
        """Forget what has not begun, and let the threads go."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
