"""Sources: order, time, orientation, and every way in which an input can be broken."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import PIL.Image
import pytest
from refusals import refused
from small_video import write_video

from aubench.errors import UserError
from aubench.predict.ahead import ahead
from aubench.predict.sources import Camera, Pictures, Video, open_source, read_image


def _grey(count: int) -> list[np.ndarray]:
    """Noisy (so that the file has some size), brighter from picture to picture, white in the top left corner."""
    rng = np.random.default_rng(0)
    out = [np.clip(rng.normal(20 + 4 * i, 9, (64, 96, 3)), 0, 255).astype(np.uint8) for i in range(count)]
    for picture in out:
        picture[:16, :16] = 255
    return out


def test_video_gives_frames_in_order_with_times(tmp_path: Path) -> None:
    video = open_source(str(write_video(tmp_path / "a.mp4", _grey(30))))
    shots = list(video)
    assert isinstance(video, Video)
    assert (video.total, video.rate, video.follows) == (30, 25.0, True)
    assert [shot.number for shot in shots] == list(range(1, 31))
    assert np.allclose([shot.time for shot in shots], np.arange(30) / 25)
    means = [shot.image[20:].mean() for shot in shots]
    assert np.all(np.diff(means) > 0)
    assert len(list(video)) == 30


@pytest.mark.parametrize(("rotation", "corner"), [(0, (0, 0)), (90, (-1, 0)), (180, (-1, -1)), (-90, (0, -1))])
def test_video_is_turned_upright(tmp_path: Path, rotation: int, corner: tuple[int, int]) -> None:
    path = write_video(tmp_path / "a.mp4", _grey(3), rotation=rotation)
    image = next(iter(open_source(str(path)))).image
    assert image.shape[:2] == ((64, 96) if rotation in (0, 180) else (96, 64))
    # The display matrix turns counter-clockwise: what was top left lies bottom left after a quarter turn.
    y, x = (slice(0, 8) if place == 0 else slice(-8, None) for place in corner)
    assert image[y, x].mean() > 200


@pytest.mark.parametrize("where", ["head", "tail"])
@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_truncated_video_is_named(tmp_path: Path, where: str, keep: float) -> None:
    whole = write_video(tmp_path / "whole.mp4", _grey(50), **({"movflags": "faststart"} if where == "head" else {}))
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: int(keep * whole.stat().st_size)])
    with refused("file-damaged", "cut.mp4"):
        list(open_source(str(cut)))


def test_truncated_stream_without_index_is_named(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mkv", _grey(50))
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with refused("file-damaged", "cut.mkv"):
        list(open_source(str(cut)))


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("empty.mp4", b"", "file-empty"),
        ("noise.mp4", bytes(range(256)) * 40, "file-damaged"),
        ("notes.txt", b"dear diary, today " * 100, "format-unknown"),
        ("picture.jpg", b"\xff\xd8\xff" + b"x" * 100, "file-damaged"),
    ],
)
def test_what_is_neither_image_nor_video_is_named(tmp_path: Path, name: str, content: bytes, code: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with refused(code, name):
        list(open_source(str(path)))


def test_missing_input_and_empty_folder(tmp_path: Path) -> None:
    with refused("file-missing", "nothing.mp4"):
        open_source(str(tmp_path / "nothing.mp4"))
    (tmp_path / "notes.txt").write_text("no image")
    with refused("file-empty", tmp_path):
        open_source(str(tmp_path))


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with refused("format-unknown", "sound.wav"):
        open_source(str(path))


def test_folder_in_natural_order(tmp_path: Path) -> None:
    for name in ("frame10.png", "frame9.png", "Frame1.PNG", "notes.txt"):
        if name.lower().endswith("png"):
            PIL.Image.new("RGB", (8, 8)).save(tmp_path / name)
        else:
            (tmp_path / name).write_text("not an image")
    source = open_source(str(tmp_path))
    assert isinstance(source, Pictures)
    assert [(shot.number, shot.time, shot.name) for shot in source] == [
        (1, None, "Frame1.PNG"), (2, None, "frame9.png"), (3, None, "frame10.png"),
    ]  # fmt: skip
    assert not source.follows


def test_images_of_every_kind_become_rgb(tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(0, 255, 32).astype(np.uint8), (16, 1))
    for mode in ("RGB", "L", "RGBA", "P", "LA"):
        path = tmp_path / f"{mode}.png"
        PIL.Image.fromarray(ramp).convert(mode).save(path)
        image = read_image(path)
        assert image.shape == (16, 32, 3)
        assert np.abs(image[..., 1].astype(int) - ramp).max() < 10
    PIL.Image.fromarray(ramp.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    assert np.array_equal(read_image(tmp_path / "deep.png")[..., 0], ramp)


def test_exif_orientation_is_honoured(tmp_path: Path) -> None:
    image = PIL.Image.fromarray(_grey(1)[0])
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "phone.jpg", exif=exif, quality=95)
    upright = read_image(tmp_path / "phone.jpg")
    assert upright.shape[:2] == (96, 64)
    assert upright[:8, -8:].mean() > 200


def test_truncated_image_is_named(tmp_path: Path) -> None:
    PIL.Image.fromarray(_grey(1)[0]).save(tmp_path / "whole.jpg")
    whole = (tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    with refused("file-damaged", "cut.jpg"):
        list(open_source(str(tmp_path / "cut.jpg")))


def test_camera_that_is_not_there() -> None:
    source = open_source("97")
    assert isinstance(source, Camera)
    with refused("device-unavailable", "camera 97"):
        next(iter(source))


def test_ahead_keeps_order_and_works_in_another_thread() -> None:
    def items() -> Iterator[tuple[int, int]]:
        for number in range(20):
            yield number, threading.get_ident()

    got = list(ahead(items(), 3))
    assert [number for number, _ in got] == list(range(20))
    assert {thread for _, thread in got}.isdisjoint({threading.get_ident()})


def test_ahead_hands_over_exceptions_where_they_happen() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise UserError("broken here")

    made = ahead(items(), 4)
    assert next(made) == 1
    with refused("user-error", "broken here"):
        next(made)


def test_ahead_stops_when_nobody_listens() -> None:
    made, closed = [], threading.Event()

    def items() -> Iterator[int]:
        try:
            for number in range(10_000):
                made.append(number)
                yield number
        finally:
            closed.set()

    taker = ahead(items(), 2)
    assert next(taker) == 0
    taker.close()
    assert closed.wait(2)
    count = len(made)
    time.sleep(0.05)
    assert len(made) == count < 10
