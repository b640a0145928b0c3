"""What there is to look at: an image, a folder of images, a video file or a camera, as one stream of pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from aubench.errors import UserError, code_of_errno
from aubench.predict.align import Image
from aubench.predict.containers import open_video, told
from aubench.predict.stills import IMAGE_SUFFIXES as IMAGE_SUFFIXES
from aubench.predict.stills import is_still, pictures_in, printable
from aubench.predict.stills import read_image as read_image

SHORT_BY = 0.5
"""Seconds (and a twentieth of the whole) by which a video may end before its header says so, and still be whole."""
LAST_CAMERA = 2**31 - 1
_UNREAD = np.zeros((1, 1, 3), np.uint8)
_RATE = 25.0
"""Frames/s of a video that does not say."""


@dataclass(frozen=True)
class Shot:
    """One picture: ``number`` from 1, ``time`` in seconds from the first (``None`` for images), ``image`` RGB uint8,
    ``name`` the file for images. ``problem``: why the picture could not be read; ``image`` is one black pixel then."""

    number: int
    time: float | None
    image: Image
    name: str | None = None
    problem: str = ""


@dataclass(frozen=True)
class Truncated:
    """A video of which only a part could be read: ``frames`` decoded, ``expected`` by its header (``None`` where it
    does not say), and the ``reason``."""

    frames: int
    expected: int | None
    reason: str

    def __str__(self) -> str:
        whole = f" of {self.expected}" if self.expected else ""
        return f"{self.frames}{whole} frames could be read ({self.reason})"


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


def open_source(text: str, *, strict: bool = True) -> Source:
    """The source that ``text`` means: a path, or the number of a camera.

    Args:
        text: An image, a folder of images, a video, or a camera's number.
        strict: Whether a damaged picture of a folder, and a video that ends too early, are errors. Otherwise such a
            picture is a :class:`Shot` with a ``problem``, and a video gives the frames that can be decoded and says
            so in ``truncated`` once it has been read.

    Raises:
        UserError: Here for an input that cannot be opened; while reading for one that is damaged, also where it is not
            ``strict`` and nothing at all can be read.
    """
    path, shown = Path(text), printable(text)
    if path.is_dir():
        paths, others = pictures_in(path)
        return Pictures(shown, paths, strict=strict, passed_over=others)
    if not path.exists():
        if text.isdecimal() and len(text) < 12 and int(text) <= LAST_CAMERA:
            return Camera(int(text), strict=strict)
        raise UserError(
            f"{shown}: no such file or folder; give an image, a folder, a video or a camera number",
            code="file-missing",
        )
    try:
        if path.stat().st_size == 0:
            raise UserError(f"{shown}: is empty", code="file-empty")
        still = is_still(path)
    except OSError as error:
        raise UserError(
            f"{shown}: cannot be read ({error.strerror or error})", code=code_of_errno(error.errno, "file-unreadable")
        ) from None
    return Pictures(shown, [path], strict=strict) if still else Video(text, strict=strict)


class Pictures:
    """Image files, each on its own.

    ``passed_over`` counts a folder's other files by suffix. ``problems`` are the pictures (name, reason) that could not
    be read in the latest pass; with ``strict`` the first one is an error.
    """

    rate = None
    follows = False
    rereadable = True

    def __init__(
        self, name: str, paths: list[Path], *, strict: bool = True, passed_over: Mapping[str, int] | None = None
    ) -> None:
        self.name, self.paths, self.total, self.strict = name, paths, len(paths), strict
        self.passed_over = dict(passed_over or {})
        self.problems: list[tuple[str, str]] = []

    def __iter__(self) -> Iterator[Shot]:
        self.problems = []
        for number, path in enumerate(self.paths, start=1):
            name, problem = printable(path.name), ""
            try:
                image = read_image(path)
            except UserError as error:
                if self.strict or self.total == 1:
                    raise
                image, problem = _UNREAD, str(error).removeprefix(f"{printable(str(path))}: ")
                self.problems.append((name, problem))
            if len(self.problems) == self.total:
                raise UserError(
                    f"{self.name}: none of the {self.total} images can be read; the first is {self.problems[0][0]}: "
                    f"{self.problems[0][1]}",
                    code="file-empty",
                )
            yield Shot(number, None, image, name, problem)


class Video:
    """A video file, through FFmpeg: turned and stretched the way its metadata says.

    With ``strict`` it is an error if a part cannot be read; otherwise ``truncated`` says so after a pass. Frames behind
    a damaged part keep the number that their time gives, where that is known.
    """

    follows = True
    rereadable = True

    def __init__(self, name: str, *, strict: bool = True) -> None:
        self.name, self._path, self.strict = printable(name), name, strict
        self.truncated: Truncated | None = None
        with self._open() as container:
            stream = container.streams.video[0]
            rate = stream.average_rate or stream.guessed_rate
            self.rate = float(rate) if rate else None
            self._seconds, self._promised = _seconds(container, stream), int(stream.frames)
            guess = round(self._seconds * self.rate) if self._seconds and self.rate else None
            self.total: int | None = self._promised or guess

    def _open(self) -> Any:
        return open_video(self._path, otherwise="neither an image nor a whole video")

    def __iter__(self) -> Iterator[Shot]:
        decoding = _Decoding(self.strict)
        rate = self.rate or _RATE
        count, number, first, last = 0, 0, None, 0.0
        self.truncated = None
        with self._open() as container:
            for frame in decoding.frames(container):
                count, number = count + 1, number + 1
                time = frame.time if frame.time is not None else (number - 1) / rate
                first = time if first is None else first
                last = time - first
                if decoding.gap:  # frames are missing before this one
                    place = round(last * rate) + 1
                    number, decoding.gap = max(number, place if place <= (self.total or 0) else number), False
                yield Shot(number, last, decoding.image)
        if decoding.fault and self.strict:
            raise UserError(
                f"{self.name}: truncated or damaged after frame {number}{self._whole()} ({decoding.fault}); fetch it "
                "again",
                code="file-damaged",
            )
        if not count:
            raise UserError(f"{self.name}: no frame of this video can be decoded", code="file-damaged")
        early = bool(self._seconds) and last + 1 / rate < 0.95 * (self._seconds or 0) - SHORT_BY
        if self.strict and early:
            raise UserError(
                f"{self.name}: truncated: ends after frame {number}{self._whole()}; fetch it again", code="file-damaged"
            )
        if decoding.fault or early or count < 0.95 * self._promised - SHORT_BY * rate:
            self.truncated = Truncated(count, self.total, decoding.fault or "it ends early")

    def _whole(self) -> str:
        return f" of {self.total}" if self.total else ""


class _Decoding:
    """Decoding the first video stream of a container. ``fault`` is the first thing that went wrong; ``gap`` says that
    frames were lost since it was last set to false. ``strict`` ends at the first fault."""

    def __init__(self, strict: bool) -> None:
        self.strict, self.fault, self.gap = strict, "", False
        self.image: Image = _UNREAD
        """The latest frame's picture."""

    def frames(self, container: Any) -> Iterator[Any]:
        """Frames that can be decoded, each with its picture in ``image``."""
        import av

        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        packets = container.demux(stream)
        while not (self.fault and self.strict):
            try:
                packet = next(packets, None)
            except (av.FFmpegError, OSError) as error:
                self._lost(told(error))
                packet = None
            if packet is not None and packet.is_corrupt:
                self._lost("a damaged packet")
                continue
            try:
                # Without a packet: what the decoder still holds, also where the file was torn.
                decoded = stream.decode(packet) if packet is not None else stream.decode() if self.fault else []
            except (av.FFmpegError, OSError) as error:
                self._lost(told(error))
                decoded = []
            for frame in decoded:
                try:
                    self.image = upright(frame)
                except (av.FFmpegError, OSError, ValueError, cv2.error) as error:
                    self._lost(told(error))
                    continue
                yield frame
            if packet is None:
                return

    def _lost(self, reason: str) -> None:
        self.fault, self.gap = self.fault or reason, True


def _seconds(container: Any, stream: Any) -> float | None:
    """How long the video stream says it is; ``None`` where it does not, or says a length that none can be."""
    told = None
    if stream.duration and stream.time_base:
        told = float(stream.duration * stream.time_base)
    elif container.duration and len(container.streams) == 1:
        told = container.duration / 1e6
    return told if told and told > 0 else None


def upright(frame: Any) -> Image:
    """A decoded frame as RGB, with square pixels, turned upright."""
    image: Image = frame.to_ndarray(format="rgb24")
    ratio = getattr(frame, "sample_aspect_ratio", None)
    if ratio and ratio > 0 and ratio != 1:
        image = np.asarray(cv2.resize(image, (max(1, round(image.shape[1] * float(ratio))), image.shape[0])), np.uint8)
    turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image


class Camera:
    """A camera by its number, until Ctrl-C or the asked number of frames. One that stops is an error with ``strict``,
    else the end."""

    total = None
    rate = None
    follows = True
    rereadable = False

    def __init__(self, index: int, *, strict: bool = True) -> None:
        self.index, self.name, self.strict = index, f"camera {index}", strict
        self.truncated: Truncated | None = None

    def __iter__(self) -> Iterator[Shot]:
        camera = cv2.VideoCapture(self.index)
        try:
            if not camera.isOpened():
                raise UserError(
                    f"camera {self.index} cannot be opened, and there is no file named {self.index}",
                    code="device-unavailable",
                )
            start, number = cv2.getTickCount(), 0
            while True:
                there, image = camera.read()
                if not there and number and not self.strict:
                    self.truncated = Truncated(number, None, "the camera stopped")
                    return
                if not there:
                    raise UserError(f"camera {self.index} stopped after {number} frames", code="device-unavailable")
                number += 1
                seconds = (cv2.getTickCount() - start) / cv2.getTickFrequency()
                yield Shot(number, seconds, np.asarray(image[..., ::-1], np.uint8).copy())
        finally:
            camera.release()
