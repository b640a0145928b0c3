"""The folder of a run belongs to one process at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aubench.errors import UserError, code_of_errno
from aubench.locks import Busy, lock, owner

LOCK = ".lock"


@contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Hold a run's folder while the block lasts, made where it is not there; it goes again if nothing came into it.

    Raises:
        UserError: Another process works there (``run-busy``), or the folder cannot be made.
    """
    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"--out {folder}: cannot be made ({error.strerror}).", code=code_of_errno(error.errno)
        ) from None
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(lock(folder / LOCK, wait=False))
        except Busy:
            raise UserError(
                f"--out {folder}: {owner(folder / LOCK)} is working in this folder; wait until it has finished, or "
                "choose another",
                code="run-busy",
            ) from None
        except OSError as error:
            raise UserError(
                f"--out {folder}: cannot be written ({error.strerror}).", code=code_of_errno(error.errno)
            ) from None
        try:
            yield
        finally:
            if made and not holds_anything(folder):
                (folder / LOCK).unlink(missing_ok=True)
                with contextlib.suppress(OSError):
                    folder.rmdir()


def holds_anything(folder: Path) -> bool:
    """Whether anything but the lock's file is in a folder."""
    return any(not entry.name.startswith(LOCK) for entry in folder.iterdir())
