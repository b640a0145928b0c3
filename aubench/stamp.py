"""The mark by which aubench recognises a file that it wrote itself, so that it replaces no other without being asked.

Pictures, videos and figures carry it as metadata: ``aubench overlay``, ``aubench plot``, ... The mark says what the
file shows; a file of one kind never counts as one of another.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from aubench.errors import UserError

PICTURES = (".png", ".jpg", ".jpeg")
_END = 1 << 16
"""Bytes at either end of a file that are searched for the mark."""


def stamp(what: str) -> str:
    """The mark of files that show ``what``, such as ``"overlay"``."""
    return f"aubench {what}"


def bears(path: Path, what: str) -> bool:
    """Whether ``path`` is a file that aubench wrote and that shows ``what``; ``False`` for one that cannot be read."""
    try:
        if path.suffix.lower() == ".mp4":
            return _of_video(path) == stamp(what)
        with path.open("rb") as file:
            start = file.read(_END)
            file.seek(max(0, path.stat().st_size - _END))
            return stamp(what).encode() in start + file.read(_END)
    except OSError:
        return False


def _of_video(path: Path) -> str:
    import av

    try:
        with av.open(str(path), format="mp4") as container:
            return str(container.metadata.get("comment", ""))
    except (av.FFmpegError, ValueError):
        return ""


def picture_bytes(image: npt.NDArray[np.uint8], suffix: str, what: str) -> bytes:
    """An RGB picture (h, w, 3) as the bytes of a PNG or JPEG file with the mark of ``what``.

    Raises :class:`UserError` for a ``suffix`` that is not one of :data:`PICTURES`.
    """
    import PIL.Image
    import PIL.PngImagePlugin

    buffer, picture = io.BytesIO(), PIL.Image.fromarray(image)
    if suffix.lower() not in PICTURES:
        raise UserError(
            f"an image must be {', '.join(PICTURES)}, not {suffix or 'without a suffix'}", code="output-suffix"
        )
    if suffix.lower() == ".png":
        info = PIL.PngImagePlugin.PngInfo()
        info.add_text("Software", stamp(what))
        picture.save(buffer, "PNG", pnginfo=info, compress_level=9)
    else:
        picture.save(buffer, "JPEG", quality=88, comment=stamp(what).encode())
    return buffer.getvalue()


def figure_metadata(form: str, what: str) -> dict[str, Any]:
    """The mark as ``metadata`` of Matplotlib's ``savefig`` in the format ``form``: png, svg, pdf or jpg."""
    if form in ("jpg", "jpeg"):
        return {"pil_kwargs": {"comment": stamp(what).encode()}}
    return {"metadata": {"Software" if form == "png" else "Creator": stamp(what)}}
