"""Opening video files with FFmpeg: one file, never the network, and never the files that a playlist names."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from aubench.errors import UserError, code_of_errno
from aubench.predict.stills import printable

NOT_VIDEO = frozenset({"tty", "image2", "lrc", "srt", "ass", "webvtt"})
"""Formats that FFmpeg opens as if they were video, and that are none: text, single images, subtitles."""
OPENS_OTHERS = frozenset(
    {
        "concat", "dash", "hds", "hls", "image2", "image2pipe", "imf", "lavfi", "rtp", "rtp_mpegts", "rtsp", "sap",
        "sdp", "smoothstreaming", "vobsub", "webm_dash_manifest",
    }
)  # fmt: skip
"""Formats by which FFmpeg opens further files or the network. A live playlist among them never ends."""
PLAYLISTS = (
    b"#EXTM3U",
    b"ffconcat",
    b"<MPD",
    b"<SmoothStreamingMedia",
    b"v=0",
    b"# VobSub",
    b"<AssetMap",
    b"[playlist]",
)
"""What such files contain near their beginning."""
_HEAD = 4096


def open_video(name: str, *, otherwise: str = "not a whole video") -> Any:
    """The container of a video file, with a first video stream that has a decoder; the caller closes it.

    Args:
        name: Path of the file.
        otherwise: What a file is called that FFmpeg cannot open.

    Raises:
        UserError: ``source-unsupported`` for playlists and descriptions of streams, ``format-unknown`` for files
            without video or whose codec is unknown, ``file-damaged`` for others that cannot be opened.
    """
    import av

    shown = printable(name)
    options = {"format_whitelist": _allowed(), "protocol_whitelist": "file"}
    try:
        # An absolute path: FFmpeg would take `http:x.mp4` for an address.
        container = av.open(os.path.abspath(name), options=options, metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError) as error:
        if _is_playlist(name):
            raise UserError(
                f"{shown}: a playlist or stream description, which refers to other files or the network; "
                "give the video file itself",
                code="source-unsupported",
            ) from None
        known = getattr(error, "errno", None) if not isinstance(error, av.FFmpegError) else None
        raise UserError(f"{shown}: {otherwise} ({told(error)})", code=code_of_errno(known, "file-damaged")) from None
    fault, code = "", "format-unknown"
    if not container.streams.video or container.format.name in NOT_VIDEO or container.format.name.endswith("_pipe"):
        fault = "holds no video"
    elif container.streams.video[0].codec_context is None:
        fault = "holds video in a codec that this FFmpeg does not know; convert it to H.264"
        if container.format.name.startswith("mov"):  # its index, which names the codec, may lie at the end
            fault, code = f"is truncated, or {fault}", "file-damaged"
    if fault:
        container.close()
        raise UserError(f"{shown}: {fault}", code=code)
    return container


def told(error: Exception) -> str:
    """An error of FFmpeg or of the system in its own words."""
    return str(getattr(error, "strerror", None) or error)


@cache
def _allowed() -> str:
    """Every format of this FFmpeg but :data:`OPENS_OTHERS`, as its option wants them."""
    import av

    formats: frozenset[str] = frozenset(av.formats_available)
    return ",".join(sorted(names for names in formats if not OPENS_OTHERS & set(names.split(","))))


def _is_playlist(name: str) -> bool:
    try:
        with open(name, "rb") as file:
            head = file.read(_HEAD).lstrip(b"\xef\xbb\xbf \t\r\n")
    except OSError:
        return False
    return head.startswith(PLAYLISTS) or (head.startswith(b"<") and any(word in head for word in PLAYLISTS))
