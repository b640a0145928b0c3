"""Pictures: whatever Pillow can write, damaged, misnamed, huge or hostile, through every reader of pictures."""

from __future__ import annotations

import functools
import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
from fuzzing import fuzzed, read_by
from hypothesis import strategies as st
from mutation import damaged, junk

from aubench.data.check import _image_fault
from aubench.predict.chosen import choose
from aubench.predict.detect import Detector
from aubench.predict.run import find_faces
from aubench.predict.sources import open_source, read_image
from aubench.predict.track import Tracker

MODES = (
    "1",
    "L",
    "LA",
    "P",
    "PA",
    "RGB",
    "RGBA",
    "CMYK",
    "YCbCr",
    "LAB",
    "HSV",
    "I",
    "F",
    "I;16",
    "I;16B",
    "RGBX",
    "La",
)
SUFFIXES = (
    ".jpg",
    ".jpeg",
    ".png",
    ".bmp",
    ".tif",
    ".tiff",
    ".webp",
    ".ppm",
    ".pgm",
    "",
    ".gif",
    ".mp4",
    ".txt",
    ".JPG",
)
SIDES = (1, 2, 3, 7, 20, 64)


@functools.cache
def written() -> tuple[bytes, ...]:
    """A small picture in every format and mode that Pillow writes, and with what metadata can say."""
    PIL.Image.init()
    grey = (np.arange(40 * 48).reshape(40, 48) * 7 % 256).astype(np.uint8)
    base = PIL.Image.fromarray(np.stack([grey, grey[::-1], 255 - grey], axis=2))
    found: list[bytes] = []

    def add(image: PIL.Image.Image, kind: str, **options: Any) -> None:
        file = io.BytesIO()
        try:
            image.save(file, kind, **options)
        except Exception:
            return  # a format that cannot hold this mode, or writes through a program that is not there
        if 0 < file.tell() < 200_000:
            found.append(file.getvalue())

    for mode in MODES:
        try:
            image = base.convert(mode)
        except ValueError:
            image = PIL.Image.new(mode, (48, 40))
        for kind in sorted(PIL.Image.SAVE):
            add(image, kind)
    exif = PIL.Image.Exif()
    for turn in (0, 3, 6, 8, 99):
        exif[0x0112] = turn
        for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
            add(base, kind, exif=exif)
    for compression in ("packbits", "tiff_lzw", "tiff_deflate", "jpeg", "raw", "tiff_ccitt", "group4"):
        add(base, "TIFF", compression=compression)
        add(base.convert("1"), "TIFF", compression=compression)
    add(base, "JPEG", progressive=True, comment=b"x" * 300, icc_profile=b"no profile")
    add(base, "PNG", interlace=1, bits=4)
    for kind in ("GIF", "WEBP", "PNG", "TIFF"):
        add(base, kind, save_all=True, append_images=[base.rotate(90), base.resize((9, 9))])
    return tuple(found)


def png(
    width: int,
    height: int,
    *,
    depth: int = 8,
    colour: int = 2,
    chunks: tuple[tuple[bytes, bytes], ...] = (),
    rows: int = 1,
) -> bytes:
    """A PNG whose header may say anything, with correct check sums."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width & 0xFFFFFFFF, height & 0xFFFFFFFF, depth, colour, 0, 0, 0)
    pixels = zlib.compress(bytes((3 * min(width, 30_000) + 1) * rows), 1)
    others = b"".join(chunk(kind, data) for kind, data in chunks)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + others + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@functools.cache
def hostile() -> tuple[bytes, ...]:
    """Bombs, and headers that lie about the size."""
    text = zlib.compress(b"a" * (80 << 20), 9)
    found = [
        png(40, 40, chunks=((b"zTXt", b"k\0\0" + text),), rows=40), png(40, 40, chunks=((b"iTXt",
        b"k\0\1\0\0\0" + text),), rows=40),
        png(40, 40, chunks=((b"iCCP", b"k\0\0" + text),), rows=40), png(40, 40, chunks=((b"tEXt", b"\xff" * 200),),
        rows=40),
        png(40, 40, chunks=((b"eXIf", b"MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 40),), rows=40),
    ]  # fmt: skip
    for width, height in (
        (0, 0),
        (0, 9),
        (1, 20_000),
        (20_000, 1),
        (1, 1),
        (13_000, 13_000),
        (30_000, 30_000),
        (2**31 - 1, 1),
        (2**31, 2**31),
        (65_535, 65_535),
    ):
        found += [png(width, height, rows=rows) for rows in (0, 1, min(height, 40))]
        found += [b"P6\n%d %d\n255\n" % (width, height) + bytes(2000), b"P5\n%d %d\n65535\n" % (width, height)]
        found.append(
            b"BM"
            + struct.pack(
                "<IHHIIiiHHIIiiII",
                2000,
                0,
                0,
                54,
                40,
                width & 0x7FFFFFFF,
                -(height & 0x7FFFFFFF),
                1,
                24,
                0,
                0,
                0,
                0,
                0,
                0,
            )
            + bytes(2000)
        )
        found.append(
            b"GIF89a"
            + struct.pack("<HHBBB", width & 0xFFFF, height & 0xFFFF, 0x80, 0, 0)
            + bytes(6)
            + b","
            + struct.pack("<HHHHB", 0, 0, width & 0xFFFF, height & 0xFFFF, 0)
            + b"\2\2L\1\0;"
        )
    for mode, size in (
        ("L", (13_000, 13_000)),
        ("1", (18_000, 18_000)),
        ("L", (1, 20_000)),
        ("L", (20_000, 1)),
        ("P", (9000, 9000)),
    ):
        file = io.BytesIO()
        PIL.Image.new(mode, size).save(file, "PNG", compress_level=1)
        found.append(file.getvalue())
    found += [
        b"P6\n" + b"9" * 5000 + b" 1\n255\n",
        b"P7\nWIDTH x\nENDHDR\n",
        b"P6 1 1 -1\n",
        b"Pf\n2 2\nnan\n" + bytes(16),
    ]
    return tuple(found)


def read_all(path: Path) -> None:
    """Through every reader of pictures; the numbers must be those of a picture."""
    _image_fault(path)
    read_by(lambda: _shots(path), lambda: _is_picture(read_image(path)), lambda: _faces(path))


def _shots(path: Path) -> None:
    for shot in open_source(str(path)):
        _is_picture(shot.image)
        if shot.number >= 3:
            break


def _faces(path: Path) -> None:
    if read_image(path).size > 1 << 20:
        return
    for found in find_faces(open_source(str(path)), Tracker(_detector(), 1), 64, limit=1):
        for _, face, crop in found.faces:
            assert np.isfinite(face.points).all()
            _is_picture(crop)


def _is_picture(image: Any) -> None:
    assert image.dtype == np.uint8
    assert image.ndim == 3
    assert image.shape[2] == 3
    assert min(image.shape[:2]) > 0


@functools.cache
def _detector() -> Detector:
    return Detector()


_ANY = st.deferred(lambda: st.one_of(damaged(written()), damaged(written(), 2), st.sampled_from(written()), junk()))


@fuzzed(st.tuples(_ANY, st.sampled_from(SUFFIXES)), examples=120)
def test_pictures(given: tuple[bytes, str], folder: Path) -> None:
    data, suffix = given
    path = folder / f"picture{suffix}"
    path.write_bytes(data)
    read_all(path)


_HOSTILE = st.deferred(lambda: st.one_of(st.sampled_from(hostile()), damaged(hostile()[:40], 2)))
READINGS = (
    _image_fault,
    lambda path: _shots(path),
    lambda path: _is_picture(read_image(path)),
    lambda path: _faces(path),
)


@fuzzed(st.tuples(_HOSTILE, st.integers(0, len(READINGS) - 1)), examples=20)
def test_hostile_pictures(given: tuple[bytes, int], folder: Path) -> None:
    """By one reader each: some are as large as a picture may be, and take seconds."""
    path = folder / "picture.png"
    path.write_bytes(given[0])
    READINGS[given[1]](path)


@fuzzed(st.lists(st.tuples(_ANY, st.sampled_from(SUFFIXES)), min_size=1, max_size=4), examples=15)
def test_folders_of_pictures(given: list[tuple[bytes, str]], folder: Path) -> None:
    """Beside a good one: one bad picture must not cost the others, in a folder given as a source."""
    inside = folder / "pictures"
    inside.mkdir()
    for number, (data, suffix) in enumerate(given):
        (inside / f"p{number}{suffix}").write_bytes(data)
    (inside / "z good.png").write_bytes(png(40, 40, rows=40))
    (inside / "\udce9.png").write_bytes(png(40, 40, rows=40))
    source = open_source(str(inside), strict=False)
    shots = list(source)
    assert not shots[-1].problem, "the good picture was lost"
    assert len(shots) == source.total
    for shot in shots:
        _is_picture(shot.image)
    read_by(lambda: [_is_picture(shot.image) for shot in choose(source, 2)] and None, lambda: _shots(inside))
