"""From input to CSV, figure and video, with a stand-in for the model; the command line's refusals."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

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
from aubench.contracts import Drawn
from aubench.parameters import AU_NAMES, SIZE, FacialParameters
from aubench.predict import table
from aubench.predict.overlay import write_overlay
from aubench.predict.plot import parse_aus, plot
from aubench.predict.readings import NOBODY, Readings
from aubench.predict.record import processing_of
from aubench.predict.run import read
from aubench.predict.sources import open_source


class Brightness:
    """AU12 is how bright the crop is, yaw how much brighter its right half; remembers what it was shown."""

    size = 64
    extractor = None

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def predict(self, images: Tensor) -> FacialParameters:
        assert images.dtype == torch.float32
        assert 0 <= images.min() <= images.max() <= 1
        self.shapes.append(tuple(images.shape))
        out = FacialParameters.base(len(images))
        out.au[:, AU_NAMES.index("AU12")] = images.mean((1, 2, 3))
        return out


class Flat:
    """Draws each face in the grey of its AU12."""

    size, differentiable = 64, False

    def draw(self, parameters: FacialParameters) -> Drawn:
        grey = parameters.au[:, AU_NAMES.index("AU12")]
        return Drawn(grey[:, None, None, None].expand(-1, 3, 64, 64))


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 frames: a face that darkens, and none in frames 9 to 12."""
    face = data.astronaut()[20:220, 110:350]
    pictures = [(face * (1 - i / 60)).astype(np.uint8) for i in range(24)]
    for i in range(8, 12):
        pictures[i] = np.zeros_like(face)
    return write_video(tmp_path_factory.mktemp("clip") / "clip.mp4", pictures, rate=10)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _readings(au12: list[float], faces: list[int]) -> Readings:
    parameters = np.full((len(faces), SIZE), 0.5, np.float32)
    parameters[:, 2 + AU_NAMES.index("AU12")] = au12
    parameters[np.array(faces) == NOBODY] = np.nan
    n = len(faces)
    return Readings(
        np.arange(1, n + 1), np.arange(n) / 10, np.array(faces), np.full(n, 0.9),
        np.zeros((n, 5, 2)), np.zeros((n, 4)), parameters, [""] * n,
    )  # fmt: skip


def test_video_to_csv(clip: Path, tmp_path: Path) -> None:
    reader, told = Brightness(), []
    readings = read(open_source(str(clip)), reader, size=64, batch=7, progress=told.append)
    table.write(readings, tmp_path / "new" / "clip.csv")
    rows = _rows(tmp_path / "new" / "clip.csv")
    assert list(rows[0])[:7] == [
        "frame", "face_id", "timestamp", "confidence", "success", "pose_yaw", "pose_pitch",
    ]  # fmt: skip
    assert list(rows[0])[7:] == [f"{au}_r" for au in AU_NAMES]
    assert [int(row["frame"]) for row in rows] == list(range(1, 25))
    assert [row["timestamp"] for row in rows[:3]] == ["0.000", "0.100", "0.200"]
    assert [row["frame"] for row in rows if row["success"] == "0"] == ["9", "10", "11", "12"]
    lost = rows[9]
    assert lost["confidence"] == "0.000"
    assert lost["face_id"] == "-1"
    assert {lost[key] for key in rows[0] if key.startswith(("AU", "pose"))} == {""}
    smile = [float(row["AU12_r"]) for row in rows if row["success"] == "1"]
    assert np.all(np.diff(smile) < 0.01)
    assert smile[0] > smile[-1] + 0.5
    assert all(float(row["AU04_r"]) == 0 for row in rows if row["success"] == "1")
    assert all(float(row["pose_yaw"]) == 0 for row in rows if row["success"] == "1")
    # Every face once, in batches of at least 7 but for the last, as aligned crops.
    assert sum(shape[0] for shape in reader.shapes) == 20
    assert all(shape[1:] == (3, 64, 64) for shape in reader.shapes)
    assert min(shape[0] for shape in reader.shapes[:-1]) >= 7
    assert told == list(range(1, 25))


def test_a_path_is_read_at_the_readers_size_and_becomes_a_data_frame(clip: Path) -> None:
    readings = read(clip, Brightness())
    frame = readings.to_frame()
    assert len(frame) == len(readings)
    assert list(frame["frame"]) == readings.frame.tolist()
    assert np.allclose(frame["AU12_r"], readings.intensities[:, AU_NAMES.index("AU12")], atol=6e-4, equal_nan=True)
    assert readings.parameters.tobytes() == read(open_source(str(clip)), Brightness(), size=64).parameters.tobytes()


def test_limit_and_batch_do_not_change_readings(clip: Path) -> None:
    some = read(open_source(str(clip)), Brightness(), size=64, batch=1, limit=10)
    all_of_them = read(open_source(str(clip)), Brightness(), size=64, batch=64)
    assert len(some) == 10
    assert np.allclose(some.parameters, all_of_them.parameters[:10], equal_nan=True)


def test_folder_of_images_names_files_and_several_faces(tmp_path: Path) -> None:
    face = data.astronaut()[20:220, 110:350]
    for name, image in {"b10.png": np.hstack([face, face[:, ::-1]]), "b9.png": face, "b11.png": face * 0}.items():
        PIL.Image.fromarray(np.ascontiguousarray(image)).save(tmp_path / name)
    readings = read(open_source(str(tmp_path)), Brightness(), size=64, most=3)
    table.write(readings, tmp_path / "out.csv")
    rows = _rows(tmp_path / "out.csv")
    assert [(row["file"], row["face_id"], row["success"], row["timestamp"]) for row in rows] == [
        ("b9.png", "0", "1", ""), ("b10.png", "0", "1", ""), ("b10.png", "1", "1", ""), ("b11.png", "-1", "0", ""),
    ]  # fmt: skip


def test_pose_in_degrees() -> None:
    readings = _readings([0.1, 0.1], [0, NOBODY])
    readings.parameters[0, :2] = 1.0, 0.25
    assert np.allclose(readings.degrees[0], [40, -12.5])
    assert np.isnan(readings.degrees[1]).all()


def test_a_killed_write_leaves_the_old_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with refused("disk-full", "out.csv"):
        table.write(_readings([0.1], [0]), path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]


def test_overlay_shows_input_face_and_bars(clip: Path, tmp_path: Path) -> None:
    source = open_source(str(clip))
    readings = read(source, Brightness(), size=64)
    out = tmp_path / "overlay.mp4"
    write_overlay(source, readings, Flat(), out)
    with av.open(str(out)) as container:
        stream = container.streams.video[0]
        assert float(stream.average_rate) == 10
        frames = [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(stream)]
    assert len(frames) == 24
    high = frames[0].shape[0]
    assert high == 360
    left = round(240 * 360 / 200)
    face_panel = frames[0][20:340, left + 20 : left + 340]
    assert np.abs(face_panel - 51 * readings.intensities[0, AU_NAMES.index("AU12")]).mean() < 6
    bars = (frames[0][:, left + 360 :] - (245, 170, 66)).__abs__().max(axis=2) < 40
    assert bars.sum() > 100
    lost = frames[9]
    assert lost[:, left + 360 :].max() > 100  # the names are still there, the bars are not
    assert ((lost[:, left + 360 :] - (245, 170, 66)).__abs__().max(axis=2) < 40).sum() == 0
    assert [p.name for p in tmp_path.iterdir()] == ["overlay.mp4"]


def test_several_faces_have_a_place_each_and_one_picture_is_a_png(tmp_path: Path) -> None:
    face = data.astronaut()[20:220, 110:350]
    PIL.Image.fromarray(np.hstack([face, face[:, ::-1]])).save(tmp_path / "pair.png")
    source = open_source(str(tmp_path / "pair.png"))
    readings = read(source, Brightness(), size=64, most=3)
    assert len(readings) == 2
    write_overlay(source, readings, Flat(), tmp_path / "overlay.png")
    with PIL.Image.open(tmp_path / "overlay.png") as opened:
        shown = np.asarray(opened)
        assert opened.info["Software"] == "aubench overlay"
    side = shown.shape[0] // 2
    left = shown.shape[1] - side - round(side * 0.85) // 2 * 2
    greys = readings.parameters[:, 2 + AU_NAMES.index("AU12")] * 255
    for place, grey in enumerate(greys):
        assert shown[side * place + side // 2, left + side // 2].tolist() == pytest.approx([grey] * 3, abs=2)


def test_more_faces_than_places_are_all_marked() -> None:
    from aubench.predict.panel import MOST, Panel, Shown

    panel = Panel(400, 200, MOST)
    faces = [
        Shown(n, np.array([10.0, 10, 50, 50]), np.full((5, 2), 30.0), np.ones(23, np.float32),
              np.full((8, 8, 3), 200, np.uint8) if n < MOST else None, n)
        for n in range(MOST + 2)
    ]  # fmt: skip
    picture = panel.picture(np.zeros((200, 400, 3), np.uint8), faces)
    assert picture.shape[:2] == panel.size[::-1]
    assert all(side % 2 == 0 for side in picture.shape[:2])
    centres = [(top + panel.side // 2, left + panel.side // 2) for left, top in panel._corners]
    assert all(picture[at].tolist() == [200] * 3 for at in centres)


def test_pictures_are_not_joined_by_lines(tmp_path: Path) -> None:
    readings = _readings([0.2, 0.6], [0, 0])
    pictures = replace(readings, time=np.full(2, np.nan), names=["a.jpg", "b.jpg"])
    one = replace(_readings([0.2], [0]), time=np.full(1, np.nan), names=["a.jpg"])
    for number, (given, told) in enumerate(((readings, "curves"), (pictures, "points"), (one, "bars of all AUs"))):
        path = tmp_path / f"{number}.svg"
        assert plot(given, path, ("AU12",)).startswith(told)
        assert ("a.jpg" in path.read_text()) is (told == "points")


def test_overlay_that_fails_leaves_nothing(clip: Path, tmp_path: Path) -> None:
    source = open_source(str(clip))
    readings = read(source, Brightness(), size=64, limit=3)

    class Broken(Flat):
        def draw(self, parameters: FacialParameters) -> Drawn:
            raise RuntimeError("no paint")

    with pytest.raises(RuntimeError, match="no paint"):
        write_overlay(source, readings, Broken(), tmp_path / "overlay.mp4")
    assert list(tmp_path.iterdir()) == []


def test_plot(tmp_path: Path) -> None:
    path = tmp_path / "curves.png"
    plot(_readings([0.1, 0.9, 0.0, 0.5], [0, 0, NOBODY, 1]), path, ("AU12", "AU04"))
    assert PIL.Image.open(path).size[0] == 1200
    assert parse_aus("4, au12,AU30L") == ("AU04", "AU12", "AU30L")
    for text, code in (("AU03", "name-unknown"), ("smile", "name-unknown"), (",", "option-invalid")):
        with refused(code, "--plot-aus"):
            parse_aus(text)


def test_command_line(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "load_model", lambda run, device: Brightness())
    monkeypatch.setattr(command, "_artist", lambda name, reader, device: Flat())
    made = {name: tmp_path / name for name in ("out.csv", "curves.png", "overlay.mp4")}
    arguments = ["predict", str(clip), "--out", str(made["out.csv"]), "--plot", str(made["curves.png"])]
    arguments += ["--overlay", str(made["overlay.mp4"]), "--neutral", "median", "--smooth", "0.3", "--device", "cpu"]
    assert cli.main(arguments) == 0
    assert all(path.stat().st_size > 0 for path in made.values())
    values = [float(row["AU12_r"]) for row in _rows(made["out.csv"]) if row["success"] == "1"]
    assert np.median(values) == pytest.approx(0, abs=0.03)
    done = "smoothed over 0.3 s; zero from median"
    assert {row["processing"] for row in _rows(made["out.csv"])} == {done}
    record = json.loads((tmp_path / "out.csv.json").read_text())
    assert record["processing"] == processing_of(made["out.csv"]) == done
    assert record["neutral"]["n"]["0"]["AU12"] > 0.5
    assert cli.main([*arguments[:4], "--device", "cpu", "--frames", "2"]) == 0
    assert "processing" not in _rows(made["out.csv"])[0]
    assert json.loads((tmp_path / "out.csv.json").read_text())["processing"] == "raw"
    assert processing_of(made["out.csv"]) == ""


@pytest.mark.parametrize(
    ("arguments", "code", "values"),
    [
        (["missing.mp4"], "file-missing", ["missing.mp4"]),
        (["{clip}", "--out", "{tmp}"], "output-suffix", ["{tmp}"]),
        (["{clip}", "--out", "{clip}/x.csv"], "output-unwritable", ["{clip}/x.csv"]),
        (["{clip}", "--plot", "curves.txt"], "output-suffix", ["curves.txt", ".png"]),
        (["{clip}", "--plot-aus", "AU99"], "name-unknown", ["--plot-aus", "AU99"]),
        (["{clip}", "--run", "{tmp}/nowhere"], "run-missing", ["nowhere"]),
        (["{clip}", "--run", "{tmp}"], "run-missing", ["model.json"]),
        (["{clip}", "--device", "abacus"], "option-invalid", ["--device abacus"]),
        (["7", "--overlay", "{tmp}/o.mp4"], "source-unsupported", ["--overlay"]),
        (["{clip}", "--neutral", "sometimes"], "option-invalid", ["--neutral sometimes", "first", "median"]),
        (["{clip}", "--neutral", "25"], "frame-missing", ["--neutral 25", "24"]),
        (["{clip}", "--neutral", "10"], "frame-missing", ["--neutral 10", "8"]),
        (["{clip}", "--neutral", "{clip}"], "source-unsupported", ["--neutral {clip}"]),
        (["{clip}", "--smooth", "light"], "option-invalid", ["--smooth light", "off"]),
        (["{clip}", "--precision", "fp7"], "option-invalid", ["precision fp7"]),
    ],
)
def test_refusals(
    arguments: list[str],
    code: str,
    values: list[str],
    clip: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if "10" in arguments:  # the only one that is found out by reading
        monkeypatch.setattr(command, "load_model", lambda run, device: Brightness())
    filled = [argument.format(clip=clip, tmp=tmp_path) for argument in arguments]
    if "--out" not in filled:
        filled += ["--out", str(tmp_path / "x.csv")]
    assert cli.main(["predict", *filled]) == 2
    assert_refused(capsys.readouterr().err, code, *(value.format(clip=clip, tmp=tmp_path) for value in values))
    assert not (tmp_path / "x.csv").exists()


def test_a_number_of_faces_that_cannot_be(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["predict", str(clip), "--out", str(tmp_path / "x.csv"), "--max-faces", "0"]) == 2
    assert "--max-faces" in capsys.readouterr().err
    assert not (tmp_path / "x.csv").exists()


def test_camera_ends_with_ctrl_c_and_keeps_what_it_saw(clip: Path) -> None:
    shots = list(open_source(str(clip)))[:5]

    def told(number: int) -> None:
        if number == 3:
            raise KeyboardInterrupt

    class Live(SimpleNamespace):
        def __iter__(self):
            return iter(shots)

    live = Live(name="camera 0", total=None, rate=None, follows=True, rereadable=False)
    readings = read(live, Brightness(), size=64, progress=told)
    assert readings.frame.tolist() == [1, 2, 3]
    assert readings.success.all()
    live.rereadable = True
    with pytest.raises(KeyboardInterrupt):
        read(live, Brightness(), size=64, progress=told)
