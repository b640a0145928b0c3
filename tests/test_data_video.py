"""Frames of a video by number: the same whether decoded in order or jumped to, and never shifted by a lost one."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from refusals import refused

from aubench.data import video
from aubench.data.video import read_frames, read_index

SHAPE = (64, 96)


def picture(number: int) -> np.ndarray:
    """A picture that tells its number: bits as bright and dark squares."""
    image = np.full((*SHAPE, 3), 128, np.uint8)
    for bit in range(12):
        y, x = divmod(bit, 6)
        image[32 * y + 4 : 32 * y + 28, 16 * x + 2 : 16 * x + 14] = 240 if number >> bit & 1 else 16
    return image


def number_in(image: np.ndarray) -> int:
    return sum(int(image[32 * (bit // 6) + 16, 16 * (bit % 6) + 8].mean() > 128) << bit for bit in range(12))


def write(path: Path, count: int, codec: str = "mpeg4", *, b_frames: int = 0, gop: int = 12, rotation: int = 0) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=20)
        stream.height, stream.width, stream.pix_fmt = *SHAPE, "yuv420p"
        stream.codec_context.gop_size, stream.codec_context.max_b_frames = gop, b_frames
        if rotation:
            stream.set_display_rotation(rotation)
        for number in range(count):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(number), format="rgb24")))
        container.mux(stream.encode())
    return path


KINDS = [
    ("a.avi", "mpeg4", 0),
    ("b.avi", "mpeg4", 2),
    ("c.mp4", "libx264", 2),
    ("d.avi", "libx264", 2),
    ("e.mkv", "libx264", 3),
]


@pytest.mark.parametrize(("name", "codec", "b_frames"), KINDS)
def test_number_is_place_in_order_whether_decoded_or_jumped_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, codec: str, b_frames: int
) -> None:
    path = write(tmp_path / name, 150, codec, b_frames=b_frames)
    assert read_index(path).frames == 150
    assert [(n, number_in(image)) for n, image in read_frames(path, range(150))] == [(n, n) for n in range(150)]
    monkeypatch.setattr(video, "JUMP", 5)
    for wanted in ([0, 1, 40, 41, 107, 149], [149], [13], [60, 72, 73]):
        assert [(n, number_in(image)) for n, image in read_frames(path, wanted)] == [(n, n) for n in wanted]


def test_jump_decodes_less(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.avi", 300)
    decoded = []
    plain = video._decode
    monkeypatch.setattr(video, "_decode", lambda *a, **k: (decoded.append(f) or f for f in plain(*a, **k)))
    assert [n for n, _ in read_frames(path, [2, 290])] == [2, 290]
    assert len(decoded) < 40


def test_frames_beyond_the_end_are_left_out(tmp_path: Path) -> None:
    path = write(tmp_path / "a.avi", 20)
    assert [n for n, _ in read_frames(path, [0, 19, 20, 21])] == [0, 19]


def test_damaged_stretch_does_not_shift_what_follows(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", 120, "libx264")
    with av.open(str(path)) as container:
        packets = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    data = bytearray(path.read_bytes())
    for pos, size in packets[36:48]:  # one whole group of pictures, keyframe and all
        data[pos + 8 : pos + size] = bytes(size - 8)
    path.write_bytes(bytes(data))
    found = dict(read_frames(path, range(120)))
    assert set(range(36)) | set(range(60, 120)) <= set(found)
    assert all(number_in(found[n]) == n for n in [*range(34), *range(60, 120)])


def test_containers_without_times_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.avi", 40)
    index = read_index(path)
    monkeypatch.setattr(video, "read_index", lambda _: video.VideoIndex(40, 20.0, None, index.keys))
    assert [(n, number_in(image)) for n, image in read_frames(path, [3, 30])] == [(3, 3), (30, 30)]


def test_times_that_lie_are_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.avi", 40)
    lying = np.where(np.arange(40) < 10, np.arange(40), 1000 + np.arange(40))
    monkeypatch.setattr(video, "read_index", lambda _: video.VideoIndex(40, 20.0, lying, np.array([0])))
    assert [(n, number_in(image)) for n, image in read_frames(path, [3, 30])] == [(3, 3), (30, 30)]


def test_upright_as_the_metadata_say(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", 3, rotation=90)
    assert next(read_frames(path, [0]))[1].shape == (96, 64, 3)


@pytest.mark.parametrize(("content", "code"), [(b"", "file-empty"), (b"no video at all" * 99, "file-damaged")])
def test_what_is_no_video_is_named(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "x.avi"
    path.write_bytes(content)
    with refused(code, "x.avi"):
        list(read_frames(path, [0]))
