"""What `aubench predict` has read is kept: damaged inputs, interruptions, killed runs; and no two people are mixed."""

from __future__ import annotations

import csv
import json
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import PIL.Image
import pytest
import torch
from refusals import assert_refused, refused
from skimage import data
from small_video import write_video
from torch import Tensor

from aubench import cli
from aubench.cli import predict as command
from aubench.compare.importing import read_source
from aubench.compare.video_matching import Place
from aubench.parameters import AU_NAMES, FacialParameters
from aubench.predict import containers, neutral, partial, smoothing, table
from aubench.predict.gathered import Gathered
from aubench.predict.readings import Readings
from aubench.predict.run import read
from aubench.predict.sources import Pictures, Video, open_source
from aubench.predict.stopping import Stopping

FAST = {"movflags": "faststart"}
"""The index comes before the data."""
FACE = np.ascontiguousarray(data.astronaut()[20:220, 110:350])


class Brightness:
    """AU12 is how bright the crop is. ``after_batch`` is called with the number of batches read."""

    size, extractor = 64, None

    def __init__(self, after_batch: Callable[[int], object] = lambda count: None) -> None:
        self.after_batch, self.batches = after_batch, 0

    def predict(self, images: Tensor) -> FacialParameters:
        out = FacialParameters.base(len(images))
        out.au[:, AU_NAMES.index("AU12")] = images.mean((1, 2, 3))
        self.batches += 1
        self.after_batch(self.batches)
        return out


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Brightness:
    made = Brightness()
    monkeypatch.setattr(command, "load_model", lambda run, device: made)
    return made


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 frames of a face that darkens."""
    pictures = [(FACE * (1 - i / 60)).astype(np.uint8) for i in range(20)]
    return write_video(tmp_path_factory.mktemp("clip") / "clip.mp4", pictures, rate=10)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two photos of a face, and five files that cannot be read or are none."""
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    for name in ("a.png", "f.jpg"):
        PIL.Image.fromarray(FACE).save(folder / name)
    whole = (folder / "f.jpg").read_bytes()
    (folder / "b.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "c.jpg").write_bytes(b"")
    (folder / "d.png").write_text("not an image")
    (folder / "e.jpg").symlink_to(folder / "gone.jpg")
    (folder / "g.heic").write_bytes(b"x")
    (folder / "g.gif").write_bytes(b"x")
    return folder


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _record(path: Path) -> dict[str, object]:
    content: dict[str, object] = json.loads(Path(f"{path}.json").read_text())
    return content


# --- folders ----------------------------------------------------------------------------------------------------------


def test_damaged_pictures_are_rows(
    photos: Path, tmp_path: Path, model: Brightness, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.csv"
    assert cli.main(["predict", str(photos), "--out", str(out)]) == 0
    rows = _rows(out)
    assert [(row["file"], row["success"]) for row in rows] == [
        ("a.png", "1"), ("b.jpg", "0"), ("c.jpg", "0"), ("d.png", "0"), ("e.jpg", "0"), ("f.jpg", "1"),
    ]  # fmt: skip
    assert [bool(row["problem"]) for row in rows] == [False, True, True, True, True, False]
    assert rows[1]["AU12_r"] == rows[1]["pose_yaw"] == ""
    told = capsys.readouterr()
    assert "2 of 6 pictures with a face" in told.out
    assert [name for name in "bcde" if f"not read: {name}." in told.err] == list("bcde")
    assert "skipped: 1 .gif, 1 .heic, 1 folder" in told.err
    record = _record(out)
    assert [each["file"] for each in record["unreadable"]] == ["b.jpg", "c.jpg", "d.png", "e.jpg"]
    assert all(each["reason"] for each in record["unreadable"])
    assert record["skipped"] == {".gif": 1, ".heic": 1, "folder": 1}
    assert table.is_table(out)


def test_strict_refuses_the_first_damaged_picture(
    photos: Path, tmp_path: Path, model: Brightness, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["predict", str(photos), "--out", str(tmp_path / "out.csv"), "--strict"]) == 2
    assert_refused(capsys.readouterr().err, "file-damaged", "b.jpg")
    assert not (tmp_path / "out.csv").exists()


def test_many_damaged_pictures_are_counted(
    tmp_path: Path, model: Brightness, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    PIL.Image.fromarray(FACE).save(folder / "0.png")
    for number in range(1, 26):
        (folder / f"{number}.png").write_text("x")
    assert cli.main(["predict", str(folder), "--out", str(tmp_path / "out.csv")]) == 0
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("not read: ")]
    assert len(told) == 21
    assert "5 more" in told[-1]
    assert len(_record(tmp_path / "out.csv")["unreadable"]) == 25


def test_nothing_that_can_be_read(tmp_path: Path, model: Brightness, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        (folder / name).write_text("x")
    assert cli.main(["predict", str(folder), "--out", str(tmp_path / "out.csv")]) == 2
    assert_refused(capsys.readouterr().err, "file-empty", "a.png")
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]
    # One damaged picture as the input is an error by itself.
    assert cli.main(["predict", str(folder / "a.png"), "--out", str(tmp_path / "out.csv")]) == 2


def test_sources_are_strict_unless_asked(photos: Path, cut: Path) -> None:
    with refused("file-damaged", "b.jpg"):
        list(open_source(str(photos)))
    with refused("file-damaged", "cut.mp4"):
        list(open_source(str(cut)))


def test_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    PIL.Image.fromarray(FACE).save(tmp_path / "a.png")
    os.rename(os.fsencode(tmp_path / "a.png"), os.fsencode(tmp_path) + b"/\xff.png")
    readings = read(open_source(str(tmp_path)), Brightness(), size=64)
    assert readings.success.all()
    assert r"\udcff.png" in table.to_csv(readings)


def test_a_name_that_a_spreadsheet_would_run(tmp_path: Path) -> None:
    PIL.Image.fromarray(FACE[:8, :8]).save(tmp_path / "=SUM(1).png")
    readings = read(open_source(str(tmp_path)), Brightness(), size=64)
    assert table.to_csv(readings).splitlines()[1].endswith(",'=SUM(1).png")


@pytest.mark.parametrize("error", [TypeError, RuntimeError, ValueError, struct.error])
def test_whatever_a_decoder_raises(error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(path: Path) -> None:
        raise error("Missing dimensions")

    (tmp_path / "a.tif").write_bytes(b"II*\0")
    monkeypatch.setattr(PIL.Image, "open", broken)
    with refused("file-damaged", "a.tif"):
        list(open_source(str(tmp_path / "a.tif")))


# --- videos -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def cut(tmp_path: Path) -> Path:
    """A video whose index names 50 frames, and whose data end in the 26th."""
    whole = write_video(tmp_path / "whole.mp4", [(FACE * (1 - i / 99)).astype(np.uint8) for i in range(50)], **FAST)
    with av.open(str(whole)) as container:
        places = [packet.pos for packet in container.demux(video=0) if packet.size]
    (tmp_path / "cut.mp4").write_bytes(whole.read_bytes()[: places[25] + 4])
    return tmp_path / "cut.mp4"


def test_a_truncated_video_gives_the_frames_there_are(
    cut: Path, tmp_path: Path, model: Brightness, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.csv"
    assert cli.main(["predict", str(cut), "--out", str(out)]) == 0
    rows = _rows(out)
    assert [int(row["frame"]) for row in rows] == list(range(1, 26))
    assert "cut.mp4 is truncated" in capsys.readouterr().err
    truncated = _record(out)["truncated"]
    assert (truncated["frames"], truncated["expected"]) == (25, 50)
    whole = read(open_source(str(tmp_path / "whole.mp4")), Brightness(), size=64, limit=25)
    assert [row["AU12_r"] for row in rows] == [
        row["AU12_r"] for row in csv.DictReader(table.to_csv(whole).splitlines())
    ]
    assert cli.main(["predict", str(cut), "--out", str(tmp_path / "strict.csv"), "--strict"]) == 2
    assert_refused(capsys.readouterr().err, "file-damaged", "cut.mp4", "50")
    assert not (tmp_path / "strict.csv").exists()


def test_retarget_and_parse_use_the_frames_there_are(
    cut: Path, tmp_path: Path, model: Brightness, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("aubench.quick.quicken", lambda reader: reader)
    monkeypatch.setattr("aubench.cli.parse._networks", lambda *arguments: [])
    assert cli.main(["retarget", str(cut), "--export", str(tmp_path / "arkit.csv")]) == 0
    assert len(_rows(tmp_path / "arkit.csv")) == 25
    assert "cut.mp4 is truncated" in capsys.readouterr().err
    assert cli.main(["parse", str(cut), "--out", str(tmp_path / "sheet.png"), "--frames", "4", "--size", "64"]) == 0
    told = capsys.readouterr()
    assert "4 faces" in told.out  # spread over the 25 frames, not over 50
    assert "cut.mp4 is truncated" in told.err


def test_damage_in_the_middle_leaves_a_gap(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pictures = [np.clip(rng.normal(100, 30, (64, 96, 3)), 0, 255).astype(np.uint8) for _ in range(40)]
    path = write_video(tmp_path / "a.mp4", pictures)
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 9000] = bytes(9000)
    path.write_bytes(content)
    video = Video(str(path), strict=False)
    shots = list(video)
    assert video.truncated is not None
    assert video.truncated.frames == len(shots) < 40
    assert shots[-1].number == 40
    assert all(round(shot.time * 25) + 1 == shot.number for shot in shots)
    assert Video(str(write_video(tmp_path / "b.mp4", pictures)), strict=False).truncated is None


def test_names_that_are_not_utf8_and_unknown_codecs(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "QQQQ"
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode())
    content = path.read_bytes()
    path.write_bytes(content.replace(b"QQQQ", b"\xff\xfe\xffQ"))
    assert len(list(open_source(str(path)))) == 1
    path.write_bytes(content.replace(b"V_MPEG4/ISO/ASP", b"V_MPEGX/ISO/ASP"))
    with refused("format-unknown", "a.mkv"):
        open_source(str(path))


def test_no_frame_at_all(cut: Path, tmp_path: Path) -> None:
    whole = (tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "none.mp4").write_bytes(whole[: whole.index(b"mdat") + 8])
    with refused("file-damaged", "none.mp4"):
        list(open_source(str(tmp_path / "none.mp4"), strict=False))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("live.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{clip}\n"),
        ("all.txt", "ffconcat version 1.0\nfile '{clip}'\n"),
        ("x.mpd", '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="dynamic"></MPD>\n'),
        ("x.sdp", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n"),
    ],
)
def test_playlists_are_refused_at_once(name: str, content: str, clip: Path, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(content.format(clip=clip))
    since = time.monotonic()
    with refused("source-unsupported", name):
        open_source(str(path))
    assert time.monotonic() - since < 1


def test_every_format_that_opens_files_is_left_out() -> None:
    allowed = set(containers._allowed().split(","))
    assert not allowed & containers.OPENS_OTHERS
    assert {"mp4", "matroska", "avi", "mpegts", "gif"} <= allowed


def test_a_name_like_an_address_is_a_file(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "http:x.mp4").write_bytes(clip.read_bytes())
    monkeypatch.chdir(tmp_path)
    assert len(list(open_source("http:x.mp4"))) == 20


def test_what_is_no_single_input(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ["--out", str(tmp_path / "x.csv")]
    assert cli.main(["predict", str(clip), str(clip), *out]) == 2
    assert_refused(capsys.readouterr().err, "option-invalid", "docs/guides/videos.md")
    assert cli.main(["predict", str(clip.parent), *out]) == 2
    assert_refused(capsys.readouterr().err, "source-unsupported", clip.parent, "docs/guides/videos.md")
    with refused("file-missing", 2**31):
        open_source(str(2**31))


# --- rows as they come ------------------------------------------------------------------------------------------------


def test_rows_are_complete_in_order_and_once(clip: Path) -> None:
    chunks: list[Readings] = []
    whole = read(open_source(str(clip)), Brightness(), size=64, batch=3, each=chunks.append)
    assert np.concatenate([chunk.frame for chunk in chunks]).tolist() == whole.frame.tolist() == list(range(1, 21))
    text = table.head(named=False) + "".join(table.lines(chunk, named=False) for chunk in chunks)
    assert text == table.to_csv(whole)


def _plainly(readings: Readings, processing: str = "") -> bytes:
    """A table of a video, row by row from all 269 parameters."""
    names = ["frame", "face_id", "timestamp", "confidence", "success", "pose_yaw", "pose_pitch"]
    head = [*names, *(f"{au}_r" for au in AU_NAMES), *(["processing"] if processing else [])]
    text = [",".join(head)]
    for row in range(len(readings)):
        yaw, pitch = (readings.parameters[row, :2] * 2 - 1) * np.array([40, 25], np.float32)
        values = [f"{value:.3f}" for value in (yaw, pitch, *readings.intensities[row])]
        start = [str(readings.frame[row]), "0", f"{readings.time[row]:.3f}", f"{readings.score[row]:.3f}", "1"]
        text.append(",".join([*start, *values, *([processing] if processing else [])]))
    return ("\n".join(text) + "\n").encode()


def test_the_bytes_of_a_table_do_not_depend_on_how_it_is_kept(clip: Path, tmp_path: Path, model: Brightness) -> None:
    whole = read(open_source(str(clip)), Brightness(), size=64)
    out = tmp_path / "out.csv"
    assert cli.main(["predict", str(clip), "--out", str(out)]) == 0
    assert out.read_bytes() == _plainly(whole)
    assert cli.main(["predict", str(clip), "--out", str(out), "--neutral", "median", "--smooth", "0.3"]) == 0
    done = smoothing.smoothed(whole, 0.3)
    done = neutral.calibrated(done, neutral.zeros(done, neutral.parse("median")))
    assert out.read_bytes() == _plainly(done, "smoothed over 0.3 s; zero from median")


def test_rows_grow_over_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aubench.predict.gathered._BLOCK", 3)
    small = Gathered(full=False)
    for frame in range(1, 9):
        if frame == 4:
            small.nobody(frame, None, "x.png", "damaged")
        else:
            small.face(frame, frame / 10, 0, 0.9, np.zeros((5, 2)), np.zeros(4), None)
    assert small.complete == 0
    parameters = np.arange(7 * 269, dtype=np.float32).reshape(7, 269)
    small.read(parameters[:4])
    assert small.complete == 5
    small.read(parameters[4:])
    assert small.complete == 8
    rows = small.readings(2)
    assert rows.frame.tolist() == [3, 4, 5, 6, 7, 8]
    assert rows.names == ["", "x.png", "", "", "", ""]
    assert rows.problems == {4: "damaged"}
    assert rows.parameters.shape == (6, 25)
    assert np.array_equal(rows.parameters[[0, 2]], parameters[[2, 3], :25])
    assert np.isnan(rows.parameters[1]).all()


def test_rows_are_on_disk_while_reading(
    clip: Path, tmp_path: Path, model: Brightness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aubench.predict.run.HANDED_OUT_EVERY", 0)
    seen: list[list[dict[str, str]]] = []

    def look(count: int) -> None:
        seen.extend(_rows(path) for path in tmp_path.glob("out.csv.*.partial"))

    model.after_batch = look
    assert cli.main(["predict", str(clip), "--out", str(tmp_path / "out.csv"), "--batch", "4"]) == 0
    assert [len(rows) for rows in seen] == [4, 8, 12, 16]
    assert seen[-1] == _rows(tmp_path / "out.csv")[:16]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "out.csv.json"]
    assert (tmp_path / "out.csv").stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def test_an_error_keeps_the_rows(
    clip: Path, tmp_path: Path, model: Brightness, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(count: int) -> None:
        if count == 3:
            raise MemoryError

    model.after_batch = fail
    out = tmp_path / "out.csv"
    arguments = ["predict", str(clip), "--out", str(out), "--batch", "4"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aubench.predict.run.HANDED_OUT_EVERY", 0)
        assert cli.main(arguments) == 1
    [left] = tmp_path.glob("*.partial")
    assert str(left) in capsys.readouterr().err
    assert len(_rows(left)) == 8
    # The next run names it, and replaces it once it has a table of its own.
    model.after_batch = lambda count: None
    assert cli.main(arguments) == 0
    assert str(left) in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "out.csv.json"]


def test_two_runs_with_one_output_do_not_meet(tmp_path: Path, clip: Path) -> None:
    said: list[str] = []
    readings = read(open_source(str(clip)), Brightness(), size=64, limit=4)
    out = tmp_path / "out.csv"
    with partial.Partial(out, named=False, say=said.append) as one:
        one.add(readings)
        with partial.Partial(out, named=False, say=said.append) as other:
            other.add(readings)
            other.add(readings)
            other.finish()
        assert len(_rows(out)) == 8
        one.finish()
    assert len(_rows(out)) == 4
    assert said == []
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


def test_a_full_disk_is_one_line(tmp_path: Path, clip: Path) -> None:
    readings = read(open_source(str(clip)), Brightness(), size=64, limit=1)
    with refused("output-unwritable"), partial.Partial(tmp_path / "f" / "x.csv", named=False, say=print) as rows:
        (tmp_path / "f").write_text("a file where a folder should be")
        rows.add(readings)


# --- interruptions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_keep_the_rows(
    number: signal.Signals, code: int, clip: Path, tmp_path: Path, model: Brightness, capsys: pytest.CaptureFixture[str]
) -> None:
    model.after_batch = lambda count: signal.raise_signal(number) if count == 3 else None
    out = tmp_path / "out.csv"
    before = signal.getsignal(number)
    arguments = ["--batch", "4", "--neutral", "2", "--plot", str(tmp_path / "p.png")]
    assert cli.main(["predict", str(clip), "--out", str(out), *arguments]) == code
    assert signal.getsignal(number) == before
    rows = _rows(out)
    assert 12 <= len(rows) < 20
    assert float(rows[1]["AU12_r"]) == 0
    assert rows[0]["processing"] == "zero from frame 2"
    assert _record(out)["interrupted"] is True
    assert "interrupted" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "out.csv.json"]


def test_a_neutral_frame_not_reached_leaves_raw_rows(
    clip: Path, tmp_path: Path, model: Brightness, capsys: pytest.CaptureFixture[str]
) -> None:
    model.after_batch = lambda count: signal.raise_signal(signal.SIGINT) if count == 1 else None
    out = tmp_path / "out.csv"
    assert cli.main(["predict", str(clip), "--out", str(out), "--batch", "4", "--neutral", "20"]) == 130
    assert "processing" not in _rows(out)[0]
    assert _record(out)["processing"] == "raw"
    assert "--neutral 20" in capsys.readouterr().err


def test_the_second_signal_ends_at_once() -> None:
    code = (
        "import signal, time\nfrom aubench.predict.stopping import Stopping\n"
        "with Stopping() as stopping:\n"
        "    signal.raise_signal(signal.SIGTERM)\n    assert stopping.asked()\n    print('once', flush=True)\n"
        "    signal.raise_signal(signal.SIGTERM)\n    time.sleep(20)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == -signal.SIGTERM
    assert done.stdout == "once\n"


def test_an_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Stopping() as stopping:
            signal.raise_signal(signal.SIGINT)
        assert not stopping.asked()
    finally:
        signal.signal(signal.SIGINT, before)


# --- one person -------------------------------------------------------------------------------------------------------


@pytest.fixture
def group(tmp_path: Path) -> Path:
    folder = tmp_path / "group"
    folder.mkdir()
    for number in range(2):
        PIL.Image.fromarray((FACE * (1 - number / 4)).astype(np.uint8)).save(folder / f"{number}.png")
    PIL.Image.fromarray(FACE // 2).save(tmp_path / "rest.png")
    return folder


@pytest.mark.parametrize("asked", ["first", "median", "2", "{rest}"])
def test_people_in_a_folder_are_not_mixed(
    asked: str, group: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def never(*arguments: object) -> None:
        raise AssertionError("refused too late")

    monkeypatch.setattr(command, "load_model", never)
    asked = asked.format(rest=tmp_path / "rest.png")
    arguments = ["predict", str(group), "--out", str(tmp_path / "x.csv"), "--neutral", asked]
    assert cli.main(arguments) == 2
    assert_refused(capsys.readouterr().err, "person-ambiguous", f"--neutral {asked}", "--max-faces 1")
    assert cli.main([*arguments, "--same-person", "--max-faces", "2"]) == 2
    assert_refused(capsys.readouterr().err, "option-conflict", "--same-person")


def test_one_person_in_a_folder(group: Path, tmp_path: Path, model: Brightness) -> None:
    out = tmp_path / "x.csv"
    arguments = ["predict", str(group), "--out", str(out), "--neutral", str(tmp_path / "rest.png"), "--same-person"]
    assert cli.main(arguments) == 0
    raw = read(open_source(str(group)), model, size=64).intensities[:, AU_NAMES.index("AU12")]
    assert 0 < float(_rows(out)[1]["AU12_r"]) < float(_rows(out)[0]["AU12_r"]) < raw[0]
    assert _record(out)["same_person"] is True
    assert "does not name a person" in _record(out)["face_id"]


def _scenes(path: Path, *scenes: tuple[np.ndarray, int]) -> Path:
    return write_video(path, [picture for picture, count in scenes for _ in range(count)], rate=10)


def test_a_cut_ends_what_needs_one_person(
    tmp_path: Path, model: Brightness, capsys: pytest.CaptureFixture[str]
) -> None:
    mirrored = np.ascontiguousarray(FACE[:, ::-1] // 2)
    film = _scenes(tmp_path / "film.mp4", (FACE, 6), (mirrored, 6))
    out = tmp_path / "x.csv"
    assert cli.main(["predict", str(film), "--out", str(out)]) == 0
    assert _record(out)["cuts"] == [7]
    for asked in ("first", "median", "2"):
        assert cli.main(["predict", str(film), "--out", str(tmp_path / "y.csv"), "--neutral", asked]) == 2
        assert_refused(capsys.readouterr().err, "person-ambiguous", "--same-person", "7")
        assert not (tmp_path / "y.csv").exists()
    assert cli.main(["predict", str(film), "--out", str(out), "--neutral", "median", "--same-person"]) == 0


def test_a_covered_camera_is_no_cut(tmp_path: Path) -> None:
    film = _scenes(tmp_path / "film.mp4", (FACE, 4), (FACE * 0, 2), (FACE, 4))
    assert read(open_source(str(film)), Brightness(), size=64).cuts == ()


def test_smoothing_ends_at_a_cut(tmp_path: Path) -> None:
    film = _scenes(tmp_path / "film.mp4", (FACE, 6), (np.ascontiguousarray(FACE[:, ::-1] // 2), 6))
    readings = read(open_source(str(film)), Brightness(), size=64)
    assert [rows.tolist() for rows in smoothing.stretches(readings)] == [list(range(6)), list(range(6, 12))]


def test_a_table_with_unread_pictures_can_be_compared(photos: Path, tmp_path: Path, model: Brightness) -> None:
    path = tmp_path / "SN001.csv"
    assert cli.main(["predict", str(photos), "--out", str(path)]) == 0
    source = read_source(path, [Place("disfa", "SN001", "left")])
    assert source.table["AU12"].notna().sum() == 2


def test_pictures_keep_their_strictness_in_parse(photos: Path) -> None:
    from aubench.predict.chosen import choose

    source = choose(open_source(str(photos), strict=False), 12)
    assert isinstance(source, Pictures)
    assert len([shot for shot in source if shot.problem]) == 4
