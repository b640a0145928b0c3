"""Writing a video, picture by picture."""

from __future__ import annotations

import os
import tempfile
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from aubench.errors import UserError, code_of_errno
from aubench.predict.align import Image
from aubench.stamp import stamp

CODECS: tuple[tuple[str, dict[str, str]], ...] = (
    ("libx264", {"crf": "20", "preset": "veryfast"}),
    ("libopenh264", {}),
    ("mpeg4", {"q:v": "3"}),
)
"""Encoders in the order of preference: H.264 first, and MPEG-4 part 2, which every FFmpeg has."""


class Film:
    """A video file that takes its name only when it is whole; its metadata bear the mark of ``what`` it shows."""

    def __init__(self, path: str | Path, rate: Fraction | int, what: str) -> None:
        self.path, self.rate, self.what = Path(path), rate, what
        self._container: Any = None
        self._stream: Any = None

    def __enter__(self) -> Film:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.", suffix=".tmp")
        except OSError as error:
            raise self._failed(error) from None
        os.close(handle)
        self._temporary = Path(name)
        return self

    def add(self, picture: Image) -> None:
        """One more picture, RGB uint8; all of one size."""
        import av

        try:
            if self._container is None:
                self._open(picture.shape[1], picture.shape[0])
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            self._container.mux(self._stream.encode(frame))
        except (av.FFmpegError, OSError) as error:
            raise self._failed(error) from None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import av

        try:
            if self._container is not None:
                if kind is None:
                    self._container.mux(self._stream.encode())
                self._container.close()
            if kind is None:
                self._temporary.chmod(0o644)
                os.replace(self._temporary, self.path)
        except (av.FFmpegError, OSError) as failure:
            if kind is None:
                raise self._failed(failure) from None
        finally:
            self._temporary.unlink(missing_ok=True)

    def _open(self, width: int, height: int) -> None:
        import av

        self._container = av.open(str(self._temporary), "w", format="mp4", options={"movflags": "faststart"})
        self._container.metadata["comment"] = stamp(self.what)
        for name, options in CODECS:
            try:
                av.codec.Codec(name, "w")
            except av.codec.codec.UnknownCodecError:
                continue
            self._stream = self._container.add_stream(name, rate=self.rate, options=options)
            break
        else:
            raise UserError(
                "this build of PyAV has no encoder for H.264 or MPEG-4; run: pip install --upgrade av",
                code="package-missing",
            )
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"

    def _failed(self, error: Exception) -> UserError:
        return UserError(
            f"{self.path}: cannot be written ({getattr(error, 'strerror', None) or error})",
            code=code_of_errno(getattr(error, "errno", None)),
        )
