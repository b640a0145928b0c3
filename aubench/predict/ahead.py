"""Working ahead: an iterator that runs in a thread of its own, a few items in front of whoever eats them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable
from typing import Any, TypeVar

T = TypeVar("T")
_WAIT = 0.1


def ahead(items: Iterable[T], depth: int) -> Generator[T, None, None]:
    """``items``, in order, made up to ``depth`` in advance in a thread.

    An exception of theirs comes out here, where the item would have. When the consumer stops early (closing the
    generator, or dropping it) the thread stops too, and ``items``' own ``finally`` blocks run.
    """
    line: queue.Queue[tuple[str, Any]] = queue.Queue(maxsize=depth)
    stop = threading.Event()

    def put(kind: str, value: Any) -> bool:
        while not stop.is_set():
            try:
                line.put((kind, value), timeout=_WAIT)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        made = iter(items)
        try:
            for item in made:
                if not put("item", item):
                    return
            put("end", None)
        except BaseException as error:
            put("error", error)
        finally:
            if hasattr(made, "close"):
                made.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while True:
            kind, value = line.get()
            if kind == "end":
                return
            if kind == "error":
                raise value
            yield value
    finally:
        stop.set()
        thread.join()
