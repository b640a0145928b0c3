"""What there is to look at: an image, a folder of images, a video file or a camera, as one stream of pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from aubench.errors import UserError, code_of_errno
from aubench.predict.align import Image

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm"})
NOT_VIDEO = frozenset({"tty", "image2", "lrc", "srt", "ass", "webvtt"})
"""Formats that FFmpeg opens as if they were video, and that are none: text, single images, subtitles."""
SHORT_BY = 0.5
"""Seconds (and a twentieth of the whole) by which a video may end before its header says so, and still be whole."""


@dataclass(frozen=True)
class Shot:
    """One picture: ``number`` from 1, ``time`` in seconds from the first (``None`` for images), ``image`` RGB uint8,
    ``name`` the file for images."""

    number: int
    time: float | None
    image: Image
    name: str | None = None


class Source(Protocol):
    """``total`` pictures, ``None`` where unknown; ``rate`` of a video in frames/s; ``follows`` where neighbours
    belong to one scene, so that faces can be followed; ``rereadable`` where iterating again gives the same."""

    name: str
    follows: bool
    rereadable: bool

    @property
    def total(self) -> int | None: ...

    @property
    def rate(self) -> float | None: ...

    def __iter__(self) -> Iterator[Shot]: ...


def open_source(text: str) -> Source:
    """The source that ``text`` means: a path, or the number of a camera. Raises :class:`UserError`."""
    path = Path(text)
    if path.is_dir():
        found = [p for p in path.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file()]
        if not found:
            raise UserError(
                f"{text}: no images in this folder; expected {', '.join(sorted(IMAGE_SUFFIXES))}", code="file-empty"
            )
        return Pictures(text, sorted(found, key=_natural))
    if not path.exists():
        if text.isdecimal():
            return Camera(int(text))
        raise UserError(
            f"{text}: no such file or folder; give an image, a folder, a video or a camera number", code="file-missing"
        )
    try:
        if path.stat().st_size == 0:
            raise UserError(f"{text}: is empty", code="file-empty")
        still = _is_still(path)
    except OSError as error:
        raise UserError(
            f"{text}: cannot be read ({error.strerror or error})", code=code_of_errno(error.errno, "file-unreadable")
        ) from None
    return Pictures(text, [path]) if still else Video(text)


def _natural(path: Path) -> tuple[tuple[int, int, str], ...]:
    """Sorting key by which frame2 comes before frame10."""
    parts = re.split(r"(\d+)", path.name.lower())
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part)


def _is_still(path: Path) -> bool:
    """Whether Pillow knows the file as a picture that does not move."""
    import PIL.Image

    try:
        with PIL.Image.open(path) as image:
            return getattr(image, "n_frames", 1) == 1 or path.suffix.lower() in IMAGE_SUFFIXES
    except PIL.UnidentifiedImageError:
        return False
    except PIL.Image.DecompressionBombError:
        raise UserError(f"{path}: too many pixels for a picture of a face", code="input-too-large") from None


def read_image(path: Path) -> Image:
    """An image file as RGB uint8, turned the way its EXIF data says. Raises :class:`UserError` naming the file."""
    import PIL.Image
    import PIL.ImageOps

    try:
        with PIL.Image.open(path) as opened:
            image = PIL.ImageOps.exif_transpose(opened)
            if image.mode.startswith("I"):  # 16 bits of grey; Pillow's own conversion would clip, not scale
                grey = (np.asarray(image, np.float64) / 257).round().clip(0, 255).astype(np.uint8)
                return np.repeat(grey[..., None], 3, axis=2)
            return np.array(image.convert("RGB"))
    except PIL.UnidentifiedImageError:
        raise UserError(f"{path}: not an image, though it is called one", code="file-damaged") from None
    except (OSError, SyntaxError, ValueError, PIL.Image.DecompressionBombError) as error:
        raise UserError(f"{path}: truncated or damaged image ({error})", code="file-damaged") from None


class Pictures:
    """Image files, each on its own."""

    rate = None
    follows = False
    rereadable = True

    def __init__(self, name: str, paths: list[Path]) -> None:
        self.name, self.paths, self.total = name, paths, len(paths)

    def __iter__(self) -> Iterator[Shot]:
        for number, path in enumerate(self.paths, start=1):
            yield Shot(number, None, read_image(path), path.name)


class Video:
    """A video file, through FFmpeg: turned and stretched the way its metadata says."""

    follows = True
    rereadable = True

    def __init__(self, name: str) -> None:
        self.name = name
        with self._open() as container:
            stream = container.streams.video[0]
            rate = stream.average_rate or stream.guessed_rate
            self.rate = float(rate) if rate else None
            self._seconds = _seconds(container, stream)
            guess = round(self._seconds * self.rate) if self._seconds and self.rate else None
            self.total: int | None = stream.frames or guess

    def _open(self) -> Any:
        import av

        try:
            container = av.open(self.name)
        except (av.FFmpegError, OSError) as error:
            raise UserError(
                f"{self.name}: neither an image nor a whole video ({_told(error)})", code="file-damaged"
            ) from None
        if not container.streams.video or container.format.name in NOT_VIDEO or container.format.name.endswith("_pipe"):
            container.close()
            raise UserError(f"{self.name}: holds no video", code="format-unknown")
        return container

    def __iter__(self) -> Iterator[Shot]:
        import av

        number, first, last = 0, None, 0.0
        with self._open() as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            try:
                for packet in container.demux(stream):
                    if packet.is_corrupt:
                        raise self._cut(number)
                    for frame in packet.decode():
                        number += 1
                        time = frame.time if frame.time is not None else (number - 1) / (self.rate or 25.0)
                        first = time if first is None else first
                        last = time - first
                        yield Shot(number, last, upright(frame))
            except (av.FFmpegError, OSError) as error:
                raise UserError(
                    f"{self.name}: truncated or damaged after frame {number} ({_told(error)}); fetch it again",
                    code="file-damaged",
                ) from None
        if not number:
            raise UserError(f"{self.name}: no frame of this video can be decoded", code="file-damaged")
        if self._seconds and last + 1 / (self.rate or 25.0) < 0.95 * self._seconds - SHORT_BY:
            raise self._cut(number)

    def _cut(self, number: int) -> UserError:
        whole = f" of {self.total}" if self.total else ""
        return UserError(
            f"{self.name}: truncated: ends after frame {number}{whole}; fetch it again", code="file-damaged"
        )


def _seconds(container: Any, stream: Any) -> float | None:
    """How long the video stream says it is."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / 1e6 if container.duration and len(container.streams) == 1 else None


def upright(frame: Any) -> Image:
    """A decoded frame as RGB, with square pixels, turned upright."""
    image: Image = frame.to_ndarray(format="rgb24")
    ratio = getattr(frame, "sample_aspect_ratio", None)
    if ratio and ratio > 0 and ratio != 1:
        image = np.asarray(cv2.resize(image, (max(1, round(image.shape[1] * float(ratio))), image.shape[0])), np.uint8)
    turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image


def _told(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)


class Camera:
    """A camera by its number, until Ctrl-C or the asked number of frames."""

    total = None
    rate = None
    follows = True
    rereadable = False

    def __init__(self, index: int) -> None:
        self.index, self.name = index, f"camera {index}"

    def __iter__(self) -> Iterator[Shot]:
        camera = cv2.VideoCapture(self.index)
        try:
            if not camera.isOpened():
                raise UserError(
                    f"camera {self.index} cannot be opened, and there is no file called {self.index}",
                    code="device-unavailable",
                )
            start, number = cv2.getTickCount(), 0
            while True:
                there, image = camera.read()
                if not there:
                    raise UserError(f"camera {self.index} stopped after {number} frames", code="device-unavailable")
                number += 1
                seconds = (cv2.getTickCount() - start) / cv2.getTickFrequency()
                yield Shot(number, seconds, np.asarray(image[..., ::-1], np.uint8).copy())
        finally:
            camera.release()
