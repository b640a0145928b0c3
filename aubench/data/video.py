"""Frames of a video by their number, exactly: decoded once and in order, with jumps over long stretches not wanted.

A frame's number is its place in the order of presentation, from 0. The container is read once without decoding (cheap:
no pixel is made) for the times of all its packets; where each has a time of its own, a frame's number is the rank of
its time. So a jump lands on a known number, and a frame that cannot be decoded leaves a gap instead of shifting the
labels of all that follow. Containers without such times are decoded from the start and counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from aubench.errors import UserError, code_of_errno
from aubench.predict.containers import open_video
from aubench.predict.sources import upright

Image = npt.NDArray[np.uint8]
JUMP = 64
"""So many unwanted frames in a row, with a keyframe behind them, are worth a seek."""


@dataclass(frozen=True)
class VideoIndex:
    """What a container says without decoding: ``frames`` it holds, ``rate`` in frames/s, ``times`` of the frames in
    order of presentation (``None`` where they are unusable), and which of these are ``keys``, where decoding can start.
    """

    frames: int
    rate: float | None
    times: npt.NDArray[np.int64] | None
    keys: npt.NDArray[np.int64]


def _open(path: Path) -> Any:
    try:
        if path.stat().st_size == 0:
            raise UserError(f"{path}: is empty", code="file-empty")
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror or error})", code=code_of_errno(error.errno, "file-unreadable")
        ) from None
    return open_video(str(path))


def read_index(path: Path) -> VideoIndex:
    """The times of all frames, without decoding any. Raises ``UserError`` for what is not a video."""
    import av

    times: list[int | None] = []
    reordered = False
    keys: list[int] = []
    with _open(path) as container:
        stream = container.streams.video[0]
        rate = stream.average_rate or stream.guessed_rate
        try:
            for packet in container.demux(stream):
                if packet.size and not packet.is_discard:
                    if packet.is_keyframe and packet.pts is not None:
                        keys.append(packet.pts)
                    times.append(packet.pts)
                    reordered |= packet.pts != packet.dts
        except (av.FFmpegError, OSError):
            pass  # a torn end: what came before it is there
    known = [time for time in times if time is not None]
    # An AVI stores no times of presentation: with reordered frames, what FFmpeg makes up for them is wrong.
    made_up = reordered and "avi" in container.format.name
    usable = bool(times) and len(known) == len(times) == len(set(known)) and not made_up
    order = np.array(sorted(known), np.int64) if usable else None
    places = np.searchsorted(order, np.array(sorted(keys), np.int64)) if order is not None else np.empty(0, np.int64)
    return VideoIndex(len(times), float(rate) if rate else None, order, places.astype(np.int64))


def read_frames(
    path: Path,
    wanted: Sequence[int] | npt.NDArray[np.int64],
    *,
    threads: int = 0,
    index: VideoIndex | None = None,
) -> Iterator[tuple[int, Image]]:
    """``(number, RGB uint8 (h, w, 3))`` of the ``wanted`` frames (ascending) that can be decoded, in order.

    Square pixels, upright as the file's own metadata say. Frames beyond the end or damaged are left out: the caller
    knows what it asked for. ``threads`` of the decoder: 0 for as many as there are cores; ``index``: this file's,
    where the caller has read it. Raises ``UserError`` for what is not a video.
    """
    left = [int(number) for number in wanted]
    if not left:
        return
    index = index or read_index(path)
    if index.times is not None:
        try:
            yield from _by_time(path, left, index, threads)
            return
        except _TimesLie as lie:
            left = left[lie.given :]
    yield from _by_count(path, left, threads)


class _TimesLie(Exception):
    """Decoded frames do not have the times of the packets. ``given``: how many wanted frames were handed out before
    that showed."""

    def __init__(self, given: int) -> None:
        self.given = given


def _by_time(path: Path, wanted: list[int], index: VideoIndex, threads: int) -> Iterator[tuple[int, Image]]:
    import av

    times = index.times
    assert times is not None
    place = {int(time): number for number, time in enumerate(times)}
    at = 0
    with _open(path) as container:
        stream = _stream(container, threads)
        decoded = _decode(container, stream)
        last, sought = -1, -1
        while at < len(wanted) and wanted[at] < len(times):
            before = index.keys[index.keys <= wanted[at]]
            if wanted[at] - last > JUMP and len(before) and before[-1] > max(last + 1, sought):
                sought = int(before[-1])
                try:
                    container.seek(int(times[sought]), stream=stream, backward=True, any_frame=False)
                except av.FFmpegError:
                    raise _TimesLie(at) from None
                decoded = _decode(container, stream)
            frame = next(decoded, None)
            if frame is None:
                return
            if frame.pts not in place:
                raise _TimesLie(at)
            last = place[frame.pts]
            while at < len(wanted) and wanted[at] < last:
                at += 1  # could not be decoded
            if at < len(wanted) and wanted[at] == last:
                at += 1
                yield last, upright(frame)


def _by_count(path: Path, wanted: list[int], threads: int) -> Iterator[tuple[int, Image]]:
    at = 0
    with _open(path) as container:
        stream = _stream(container, threads)
        for number, frame in enumerate(_decode(container, stream, stop=True)):
            if number == wanted[at]:
                at += 1
                yield number, upright(frame)
                if at == len(wanted):
                    return


def _stream(container: Any, threads: int) -> Any:
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    stream.codec_context.thread_count = threads
    return stream


def _decode(container: Any, stream: Any, *, stop: bool = False) -> Iterator[Any]:
    """Frames as they come. Packets that cannot be decoded are passed over, or end it: ``stop``."""
    import av

    try:
        for packet in container.demux(stream):
            try:
                yield from packet.decode()
            except av.FFmpegError:
                if stop:
                    return
    except (av.FFmpegError, OSError):
        return
