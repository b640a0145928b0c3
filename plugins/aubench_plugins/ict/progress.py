"""Progress of the first reading on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from .source import Progress


@contextmanager
def reading() -> Iterator[Progress | None]:
    """A bar that appears with the first file; None where nobody watches."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading ICT-FaceKit, once", total=None, visible=False)
        yield lambda done, total: bar.update(task, completed=done, total=total, visible=True)
