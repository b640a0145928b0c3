"""Recordings of people: what is named on the command line, sorted into videos and sets of pictures."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from aubench.errors import UserError, code_of_errno
from aubench.predict.sources import Pictures, Source, open_source
from aubench.predict.stills import IMAGE_SUFFIXES, VIDEO_SUFFIXES, is_still, natural, printable


@dataclass(frozen=True)
class Recording:
    """A video, or the pictures of one folder: ``paths`` are the files, ``name`` is for messages."""

    name: str
    paths: tuple[Path, ...]
    pictures: bool

    def open(self) -> Source:
        """The source to read. Pictures that cannot be read are passed over. Raises :class:`UserError`."""
        if self.pictures:
            return Pictures(self.name, list(self.paths), strict=False)
        return open_source(str(self.paths[0]), strict=False)


def find_recordings(inputs: Iterable[str]) -> list[Recording]:
    """Sort inputs into recordings, each file once.

    Args:
        inputs: Videos, images, folders of either with all folders inside, and patterns such as ``"more/*.mp4"`` that no
            shell has replaced. Images that lie in one folder are one recording; each video is one.

    Returns:
        Recordings, in the order of the inputs.

    Raises:
        UserError: ``file-missing`` for an input or pattern that names nothing, ``file-empty`` for a folder without
            recordings and for no input at all, ``source-unsupported`` for the number of a camera.

    Example:
        >>> find_recordings(["nowhere.mp4"])
        Traceback (most recent call last):
        aubench.errors.UserError: nowhere.mp4: no such file or folder; give videos, images or folders of them
    """
    seen: set[str] = set()
    found: dict[Path, list[Path]] = {}
    for path in (path for text in inputs for path in _files(text)):
        if (real := os.path.realpath(path)) not in seen:
            seen.add(real)
            found.setdefault(path.parent if _is_picture(path) else path, []).append(path)
    if not found:
        raise UserError("no video or image was given; name videos, images or folders of them", code="file-empty")
    return [
        Recording(printable(str(key)), tuple(sorted(paths, key=natural)), key != paths[0])
        for key, paths in found.items()
    ]


def _files(text: str) -> Iterator[Path]:
    path = Path(text)
    try:
        if path.is_dir():
            inside = list(_inside(path))
            if not inside:
                raise UserError(
                    f"{printable(text)}: no videos and no images in this folder; name one that holds some",
                    code="file-empty",
                )
            yield from inside
        elif path.exists():
            yield path
        elif matches := sorted(glob.glob(text, recursive=True)) if glob.has_magic(text) else []:
            for match in matches:
                yield from _files(match)
        elif text.isdecimal():
            raise UserError(f"camera {text}: record a video, and give that", code="source-unsupported")
        else:
            raise UserError(
                f"{printable(text)}: no such file or folder; give videos, images or folders of them",
                code="file-missing",
            )
    except OSError as error:
        raise UserError(
            f"{printable(text)}: cannot be read ({error.strerror or error})",
            code=code_of_errno(error.errno, "file-unreadable"),
        ) from None


def _inside(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(place, name)
            if path.suffix.lower() in IMAGE_SUFFIXES | VIDEO_SUFFIXES and not name.startswith("."):
                yield path


def _is_picture(path: Path) -> bool:
    suffix = path.suffix.lower()
    if suffix in IMAGE_SUFFIXES or suffix in VIDEO_SUFFIXES:
        return suffix in IMAGE_SUFFIXES
    return is_still(path)
