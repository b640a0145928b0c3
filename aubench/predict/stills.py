"""Image files: which of a folder's files are pictures, and reading them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from aubench.errors import UserError, code_of_errno
from aubench.predict.align import Image

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm"})
VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".mts", ".m2ts"})
"""By which a folder of videos is told from one without anything to read."""
MANY_VIDEOS = "docs/guides/videos.md#many-videos"


def printable(name: str) -> str:
    """A file's name as text that can be written as UTF-8: bytes that are not UTF-8 appear as ``\\udcff``."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def pictures_in(folder: Path) -> tuple[list[Path], dict[str, int]]:
    """The pictures of a folder in natural order, and how many of its other files there are by suffix, ``folder`` for
    subfolders. Raises :class:`UserError` for a folder without pictures."""
    paths: list[Path] = []
    others: Counter[str] = Counter()
    try:
        for path in folder.iterdir():
            suffix = path.suffix.lower()
            if path.is_dir():
                others["folder"] += 1
            elif suffix in IMAGE_SUFFIXES and (path.is_file() or path.is_symlink()):
                paths.append(path)  # a link that leads nowhere too: its picture is missing, and must be named
            elif not path.name.startswith("."):
                others[printable(suffix) or "without suffix"] += 1
    except OSError as error:
        raise _refused(printable(str(folder)), error) from None
    if paths:
        return sorted(paths, key=natural), dict(sorted(others.items()))
    name = printable(str(folder))
    if videos := sum(count for suffix, count in others.items() if suffix in VIDEO_SUFFIXES):
        raise UserError(
            f"{name}: a folder with {videos} video{'s' * (videos != 1)} and no images; give one video at a time, "
            f"{MANY_VIDEOS} has a loop over a folder",
            code="source-unsupported",
        )
    raise UserError(
        f"{name}: no images in this folder; expected {', '.join(sorted(IMAGE_SUFFIXES))}", code="file-empty"
    )


def passed_over(others: Mapping[str, int]) -> str:
    """``{".heic": 1, "folder": 2}`` as ``"1 .heic, 2 folders"``."""
    return ", ".join(f"{n} {what}{'s' * (what == 'folder' and n != 1)}" for what, n in others.items())


def natural(path: Path) -> tuple[tuple[int, int, str], ...]:
    """Sorting key by which frame2 comes before frame10."""
    parts = re.split(r"(\d+)", path.name.lower())
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part)


def is_still(path: Path) -> bool:
    """Whether Pillow knows the file as a picture that does not move. Raises ``OSError`` for a file that the system
    refuses to read, :class:`UserError` for one that is too large."""
    import PIL.Image

    named_so = path.suffix.lower() in IMAGE_SUFFIXES
    try:
        with PIL.Image.open(path) as image:
            return named_so or getattr(image, "n_frames", 1) == 1
    except PIL.UnidentifiedImageError:
        return False
    except PIL.Image.DecompressionBombError:
        raise _too_large(path) from None
    except Exception as error:  # damaged bytes lead Pillow's decoders to whatever exception
        if isinstance(error, OSError) and error.errno is not None:
            raise
        return named_so


def read_image(path: Path) -> Image:
    """An image file as RGB uint8, turned the way its EXIF data says. Raises :class:`UserError` naming the file."""
    import PIL.Image
    import PIL.ImageOps

    name = printable(str(path))
    try:
        if path.stat().st_size == 0:
            raise UserError(f"{name}: is empty", code="file-empty")
        with PIL.Image.open(path) as opened:
            image = PIL.ImageOps.exif_transpose(opened)
            if image.mode.startswith("I"):  # 16 bits of grey; Pillow's own conversion would clip, not scale
                grey = (np.asarray(image, np.float64) / 257).round().clip(0, 255).astype(np.uint8)
                return np.repeat(grey[..., None], 3, axis=2)
            return np.array(image.convert("RGB"))
    except UserError:
        raise
    except PIL.UnidentifiedImageError:
        raise UserError(f"{name}: not an image, in spite of its name", code="file-damaged") from None
    except PIL.Image.DecompressionBombError:
        raise _too_large(path) from None
    except Exception as error:  # damaged bytes lead Pillow's decoders to whatever exception
        if isinstance(error, OSError) and error.errno is not None:
            raise _refused(name, error) from None
        raise UserError(f"{name}: truncated or damaged image ({error})", code="file-damaged") from None


def _too_large(path: Path) -> UserError:
    return UserError(f"{printable(str(path))}: the image has too many pixels", code="input-too-large")


def _refused(name: str, error: OSError) -> UserError:
    return UserError(
        f"{name}: cannot be read ({error.strerror or error})", code=code_of_errno(error.errno, "file-unreadable")
    )
