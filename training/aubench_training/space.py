"""Whether what a command will write can be written, asked before it computes anything."""

from __future__ import annotations

import tempfile
from pathlib import Path

from aubench.errors import UserError, code_of_errno


def require_writable(folder: Path, option: str) -> None:
    """Raises ``UserError`` where files cannot be written into ``folder``, or where it is not there, cannot be made."""
    place = folder.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise UserError(f"{option} {folder}: {place} is a file, not a folder", code="output-unwritable")
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise UserError(
            f"{option} {folder}: {place} cannot be written into ({error.strerror}); choose another folder",
            code=code_of_errno(error.errno),
        ) from None
