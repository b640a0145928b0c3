"""Videos: small ones in every container, damaged, patched and cut, and what is no video though FFmpeg opens it."""

from __future__ import annotations

import functools
import re
import struct
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from fuzzing import fuzzed, read_by
from hypothesis import strategies as st
from mutation import damaged, junk

from aubench.data.video import read_frames, read_index
from aubench.predict.chosen import choose
from aubench.predict.sources import open_source

CONTAINERS = (
    (".mp4", "mpeg4"), (".mp4", "libx264"), (".mov", "mpeg4"), (".mov", "mjpeg"), (".mkv", "mpeg4"), (".mkv", "ffv1"),
    (".mkv", "libx264"), (".avi", "mpeg4"), (".avi", "mjpeg"),
    (".avi", "rawvideo"), (".ts", "mpeg2video"), (".mpg", "mpeg1video"), (".flv", "flv"), (".webm", "libvpx"),
    (".webm", "libvpx-vp9"), (".wmv", "wmv2"), (".gif", "gif"), (".ogv", "libtheora"),
    (".m4v", "mpeg4"), (".3gp", "mpeg4"), (".mjpeg", "mjpeg"), (".y4m", "rawvideo"), (".nut", "mpeg4"),
)  # fmt: skip
BOXES = (b"moov", b"mvhd", b"trak", b"tkhd", b"edts", b"elst", b"mdia", b"mdhd", b"hdlr", b"stbl", b"stsd", b"stts",
b"ctts", b"stss", b"stsc", b"stsz", b"stco", b"pasp", b"mp4v", b"avc1", b"avcC", b"esds", b"mdat", b"ftyp", b"avih",
b"strh", b"strf", b"idx1", b"movi")  # fmt: skip
NUMBERS = (0, 1, 2, 7, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
PLAYLISTS = (
    "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nvideo.ts\n",
    "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nvideo.ts\n#EXT-X-ENDLIST\n",
    "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n",
    "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlist.m3u8\n",
    "ffconcat version 1.0\nfile video.ts\nduration 1\n", "ffconcat version 1.0\nfile list.ffconcat\n",
    "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    '<?xml version="1.0"?><MPD type="dynamic" xmlns="urn:mpeg:dash:schema:mpd:2011"><Period>'
    '<AdaptationSet mimeType="video/mp4"><Representation id="0"><BaseURL>video.ts</BaseURL></Representation>'
    "</AdaptationSet></Period></MPD>",
    "1\n00:00:00,000 --> 00:00:01,000\nhello\n", "[Script Info]\n[Events]\nDialogue: 0,0:00:00.00,0:00:01.00,x\n",
    "WEBVTT\n\n00:00.000 --> 00:01.000\nx\n",
)  # fmt: skip


def _picture(number: int, width: int, height: int) -> Any:
    image = np.full((height, width, 3), 20 * number % 256, np.uint8)
    image[: height // 2, : width // 3] = (200, number * 40 % 256, 30)
    return image


def _make(
    suffix: str,
    codec: str,
    *,
    frames: int = 6,
    size: tuple[int, int] = (48, 32),
    sound: bool = False,
    shape: str = "",
    metadata: bool = False,
) -> bytes | None:
    """A small video; ``None`` where this build of FFmpeg cannot write it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"v{suffix}"
        try:
            with av.open(str(path), "w") as container:
                if metadata:
                    container.metadata.update({"title": "é", "comment": "x" * 300})
                stream: Any = container.add_stream(codec, rate=25)
                stream.width, stream.height = size
                stream.pix_fmt = {"mjpeg": "yuvj420p", "gif": "rgb8", "rawvideo": "yuv420p", "ffv1": "yuv420p"}.get(
                    codec, "yuv420p"
                )
                if shape:
                    stream.sample_aspect_ratio = Fraction(shape)
                audio: Any = (
                    container.add_stream("aac" if suffix in (".mp4", ".mov", ".mkv") else "mp2", rate=44100)
                    if sound
                    else None
                )
                for number in range(frames):
                    container.mux(stream.encode(av.VideoFrame.from_ndarray(_picture(number, *size), format="rgb24")))
                container.mux(stream.encode())
                if audio is not None:
                    samples = av.AudioFrame.from_ndarray(
                        np.zeros((1, 2 * 1152), np.int16), format="s16", layout="stereo"
                    )
                    samples.sample_rate = 44100
                    container.mux(audio.encode(samples))
                    container.mux(audio.encode())
            return path.read_bytes()
        except (av.FFmpegError, ValueError, OSError):
            return None


@functools.cache
def written() -> tuple[tuple[str, bytes], ...]:
    """Suffix and bytes."""
    found = [(suffix, _make(suffix, codec, metadata=True)) for suffix, codec in CONTAINERS]
    found += [(suffix, _make(suffix, "mpeg4", sound=True)) for suffix in (".mp4", ".mkv", ".avi")]
    found += [
        (suffix, _make(suffix, "mpeg4", shape=shape))
        for suffix in (".mp4", ".mkv")
        for shape in ("2/1", "1/9999", "255/1")
    ]
    found += [(".mp4", _make(".mp4", "mpeg4", frames=0)), (".mkv", _make(".mkv", "mpeg4", frames=1))]
    small, large = _make(".ts", "mpeg2video"), _make(".ts", "mpeg2video", size=(96, 80))
    if small and large:
        found += [(".ts", small + large), (".ts", large + small[:500])]
    sound = _sound()
    found += [(suffix, sound) for suffix in (".wav", ".mp4", ".avi")]
    return tuple((suffix, data) for suffix, data in found if data)


def _sound() -> bytes:
    data = bytes(4000)
    return (
        b"RIFF"
        + struct.pack("<I", 36 + len(data))
        + b"WAVEfmt "
        + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
        + b"data"
        + struct.pack("<I", len(data))
        + data
    )


def _patched(given: tuple[tuple[str, bytes], list[tuple[bytes, int, int, bool]]]) -> tuple[str, bytes]:
    """Numbers inside boxes, by the name of the box and the place behind it; the sizes before the name too."""
    (suffix, data), patches = given
    out = bytearray(data)
    for box, place, number, rename in patches:
        spots = [match.start() for match in re.finditer(re.escape(box), out)]
        if not spots:
            continue
        at = spots[place % len(spots)]
        if rename:
            out[at : at + 4] = b"free"
        else:
            at += 4 * (place % 24) - 4
            out[at : at + 4] = struct.pack(">I" if place % 2 else "<I", number)
    return suffix, bytes(out)


_FRESH = st.deferred(lambda: st.sampled_from(written()))
_BOXED = st.deferred(
    lambda: st.sampled_from([each for each in written() if each[0] in (".mp4", ".mov", ".m4v", ".3gp", ".avi")])
)
_PATCH = st.tuples(
    st.sampled_from(BOXES),
    st.integers(0, 200),
    st.sampled_from(NUMBERS),
    st.booleans().flatmap(lambda x: st.booleans() if x else st.just(False)),
)
_DAMAGED = _FRESH.flatmap(lambda each: st.tuples(st.just(each[0]), damaged([each[1]])))
_CUT = st.tuples(_FRESH, st.integers(0, 1000)).map(lambda x: (x[0][0], x[0][1][: len(x[0][1]) * x[1] // 1000]))
_MISNAMED = st.tuples(st.sampled_from((".jpg", ".mp4", ".avi", ".txt", "", ".m3u8", ".csv")), _FRESH).map(
    lambda x: (x[0], x[1][1])
)
_BOXES = st.tuples(_BOXED, st.lists(_PATCH, min_size=1, max_size=3)).map(_patched)
_LISTS = st.tuples(
    st.sampled_from((".m3u8", ".ffconcat", ".sdp", ".mpd", ".mp4", ".txt", ".srt")),
    st.one_of(
        st.sampled_from([text.encode() for text in PLAYLISTS]), damaged([text.encode() for text in PLAYLISTS], 2)
    ),
)
VIDEOS = st.one_of(
    _DAMAGED,
    _DAMAGED,
    _BOXES,
    _BOXES,
    _CUT,
    _LISTS,
    _MISNAMED,
    _FRESH,
    st.tuples(st.sampled_from((".mp4", ".mkv", ".avi")), junk()),
)


@fuzzed(VIDEOS, examples=110)
def test_videos(given: tuple[str, bytes], folder: Path) -> None:
    suffix, data = given
    path = folder / f"list{suffix}"
    path.write_bytes(data)
    ts = next((data for suffix, data in written() if suffix == ".ts"), b"")
    (folder / "video.ts").write_bytes(ts)
    read_by(
        lambda: _stream(path, True), lambda: _stream(path, False), lambda: _chosen(path), lambda: _by_number(path)
    )  # fmt: skip


def _stream(path: Path, strict: bool) -> None:
    before = 0
    for count, shot in enumerate(open_source(str(path), strict=strict)):
        assert shot.number == before + 1 or (not strict and shot.number > before), f"{shot.number} after {before}"
        assert shot.time is None or (np.isfinite(shot.time) and shot.time >= 0), f"time {shot.time}"
        before = shot.number
        assert shot.image.dtype == np.uint8
        assert shot.image.ndim == 3
        assert min(shot.image.shape) > 0
        if count > 500:
            break


def _chosen(path: Path) -> None:
    for shot in choose(open_source(str(path)), 2):
        assert shot.number >= 1


def _by_number(path: Path) -> None:
    index = read_index(path)
    assert index.frames >= 0
    before = -1
    for number, image in read_frames(path, [0, 1, 3, 5, 10**6], index=index):
        assert number > before
        assert image.shape[2] == 3
        before = number
