"""`aubench parse`: which pictures are taken, what is drawn where, and what is refused in one line."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch
from refusals import assert_refused, refused
from skimage import data
from torch import Tensor

from aubench import cli, weights
from aubench.cli.parse import _told, _with
from aubench.contracts import PARSING_CLASSES, TEMPLATE
from aubench.predict import parsed
from aubench.predict.chosen import choose, parse_numbers, spread
from aubench.predict.parsed import CLASS_COLOURS, GAP, MARGIN, PART_COLOURS, STRIP, TINT, UNSEEN, Row
from aubench.predict.sources import Camera, Pictures, Shot

SKIN, HAIR = PARSING_CLASSES.index("skin"), PARSING_CLASSES.index("hair")


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


# --- which pictures ---------------------------------------------------------------------------------------------------


class Film:
    """So many frames, the grey of each its number; counts how many were asked for."""

    name, rate, follows, rereadable = "film", 25.0, True, True

    def __init__(self, frames: int, total: int | None) -> None:
        self.frames, self.total, self.read = frames, total, 0

    def __iter__(self):
        for number in range(1, self.frames + 1):
            self.read += 1
            yield Shot(number, number / 25, np.full((8, 8, 3), number, np.uint8))


def test_pictures_are_spread_over_all() -> None:
    assert spread(472, 4) == [60, 178, 296, 414]
    assert spread(3, 12) == [1, 2, 3]
    assert spread(1, 1) == [1]


def test_frames_are_chosen_and_no_more_are_read() -> None:
    film = Film(40, 40)
    source = choose(film, 12, [3, 7])
    assert [(shot.number, int(shot.image[0, 0, 0])) for shot in source] == [(3, 3), (7, 7)]
    assert film.read == 7
    assert not source.follows
    assert [shot.number for shot in choose(Film(40, 40), 4)] == [6, 16, 26, 36]
    assert [shot.number for shot in choose(Film(40, None), 4)] == [6, 16, 26, 36]  # a header without a length
    assert len(list(choose(Film(38, 40), 40))) == 38  # a header that is wrong


def test_a_frame_beyond_the_end() -> None:
    with refused("frame-missing", "--at 41", 40):
        list(choose(Film(40, 40), 12, [3, 41]))


def test_files_keep_their_names_and_the_others_are_not_read(tmp_path: Path) -> None:
    for number in range(5):
        PIL.Image.new("RGB", (8, 8)).save(tmp_path / f"{number}.png")
    (tmp_path / "0.png").write_bytes(b"damaged")
    folder = Pictures("folder", sorted(tmp_path.iterdir()))
    assert [shot.name for shot in choose(folder, 12, [2, 5])] == ["1.png", "4.png"]
    with refused("frame-missing", "--at 6", "folder", 5):
        choose(folder, 12, [6])
    with refused("source-unsupported", "camera 0"):
        choose(Camera(0), 12)


def test_numbers_of_pictures() -> None:
    assert parse_numbers("40, 3,40") == [3, 40]
    for wrong in ("0", "3,,4", "last", "-1", "2.5"):
        with refused("option-invalid", f"--at {wrong}"):
            parse_numbers(wrong)


# --- what is drawn ----------------------------------------------------------------------------------------------------


class Halves:
    """Hair left of the middle and skin right of it, seen in a part of the crop; certain background around."""

    view = (0.25, 1.0, 0.25, 0.75)

    def parse(self, image: Tensor) -> Tensor:
        b, _, h, w = image.shape
        logits = torch.full((b, len(PARSING_CLASSES), h, w), -20.0)
        logits[:, 0] = 20.0
        seen = logits[:, :, h // 4 :, w // 4 : 3 * w // 4]
        seen[:] = 0.0
        seen[:, HAIR, :, : w // 4], seen[:, SKIN, :, w // 4 :] = 1.0, 1.0
        return logits


class Corner:
    """All points at (2, 2) but the tip of the nose, which is in the middle of the pixel (20, 12)."""

    def landmarks(self, image: Tensor) -> Tensor:
        points = torch.full((len(image), 68, 2), 2.0)
        points[:, 30] = torch.tensor([20.0, 12.0])
        return points


def mixed(crop: int, name: str) -> list[int]:
    return [round(crop * (1 - TINT) + value * TINT) for value in CLASS_COLOURS[name]]


def test_classes_are_tinted_inside_the_view_and_the_rest_is_paled() -> None:
    crops = [np.full((32, 32, 3), grey, np.uint8) for grey in (100, 200)] * 10  # more than a batch
    pictures = parsed.parsed(Halves(), crops, 64)
    assert len(pictures) == 20
    for grey, picture in ((100, pictures[0]), (200, pictures[19])):
        assert picture.shape == (64, 64, 3)
        assert picture[40, 24].tolist() == mixed(grey, "hair")
        assert picture[40, 40].tolist() == mixed(grey, "skin")
        assert picture[40, 31].tolist() == list(CLASS_COLOURS["hair"])  # the border, in full colour
        assert picture[40, 17].tolist() == mixed(grey, "hair")  # beside the frame: no rim of background
        assert picture[16, 30].tolist() == [255, 255, 255]  # the frame
        assert picture[4, 4].tolist() == [round(grey * (1 - UNSEEN) + 255 * UNSEEN)] * 3


def test_points_lie_where_they_were_found() -> None:
    picture = parsed.pointed(Corner(), [np.zeros((32, 32, 3), np.uint8)], 128)[0]
    assert picture[50, 82].tolist() == list(PART_COLOURS["nose"])  # (20.5 * 4 - 0.5, 12.5 * 4 - 0.5)
    assert picture[100, 100].tolist() == [0, 0, 0]


def test_plain_pictures_hold_nothing_of_the_photo() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)
    for draw, network in ((parsed.parsed, Halves()), (parsed.pointed, Corner())):
        one, other = draw(network, list(noise), 64, plain=True)
        assert np.array_equal(one, other)
        assert not np.array_equal(*draw(network, list(noise), 64))


def test_every_class_has_a_colour_that_can_be_told_apart() -> None:
    assert set(CLASS_COLOURS) == set(PARSING_CLASSES)
    for one, other in combinations(CLASS_COLOURS.values(), 2):
        assert np.linalg.norm(np.subtract(one, other)) > 50


def test_sheet() -> None:
    def faces(*greys: int) -> list[np.ndarray]:
        return [np.full((64, 64, 3), grey, np.uint8) for grey in greys]

    page = parsed.sheet(["a", "b", "c"], [Row("crop", faces(10, 20, 30)), Row("net x", faces(60, 70, 80))], columns=2)
    band = STRIP + 2 * (64 + GAP) + GAP
    assert page.shape[1] == MARGIN + 2 * (64 + GAP) + GAP
    for number, (top, left) in enumerate([(0, 0), (0, 68), (band, 0)]):
        middle = [top + STRIP + 32, MARGIN + left + 32]
        assert page[tuple(middle)].tolist() == [10 + 10 * number] * 3
        assert page[middle[0] + 64 + GAP, middle[1]].tolist() == [60 + 10 * number] * 3
    assert (page[band + STRIP :, MARGIN + 72 : MARGIN + 130][:64] == 255).all()  # no fourth face
    colours = {tuple(pixel) for pixel in page[2 * band :].reshape(-1, 3).tolist()}
    assert set(CLASS_COLOURS.values()) <= colours


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photo") / "astronaut.png"
    PIL.Image.fromarray(data.astronaut()[20:220, 110:350]).save(path)
    return path


def test_a_photo_with_the_shipped_networks(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blank = photo.parent / "blank.png"
    PIL.Image.new("RGB", (64, 64)).save(blank)
    out = photo.parent / "new" / "sheet.png"
    arguments = ["parse", str(photo.parent), "--out", str(out), "--weights", "shipped,none", "--side", "128"]
    assert cli.main(arguments) == 0
    told = capsys.readouterr().out
    assert "1 face; rows: crop, bisenet shipped, bisenet none, landmark" in told
    assert "no face found in blank.png" in told
    page = np.asarray(PIL.Image.open(out)).astype(int)
    crop, shipped, random, points = (page[STRIP + row * (128 + GAP) :][:128, MARGIN : MARGIN + 128] for row in range(4))
    x, y = (int(part * 128) for part in TEMPLATE[2])
    nose = np.array(CLASS_COLOURS["nose"])
    assert np.abs(shipped[y, x] - (crop[y, x] * (1 - TINT) + nose * TINT)).max() <= 1
    assert np.abs(random - shipped).max() > 50
    mouth = np.argwhere((points == PART_COLOURS["mouth"]).all(axis=2)).mean(axis=0) / 128
    assert np.abs(mouth - (0.74, 0.5)).max() < 0.06


def test_one_class_of_networks_with_options_of_its_own(tmp_path: Path) -> None:
    file, other = tmp_path / "mine" / "net.safetensors", tmp_path / "other.safetensors"
    weights.save({"x": torch.zeros(1)}, file, {"config": '{"width": 8, "modules": 2}'})
    weights.save({"x": torch.zeros(1)}, other, {"config": "somebody else's"})
    known = {"width": 0, "weights": 0}
    assert _with({}, str(file), known) == {"width": 8, "weights": str(file)}
    assert _with({"width": 16}, str(file), known) == {"width": 16, "weights": str(file)}
    assert _with({}, str(other), known) == {"weights": str(other)}
    assert _with({}, "shipped:real-faces", known) == {"weights": "shipped:real-faces"}
    assert (_told(str(file)), _told("shipped"), _told(None)) == ("mine/net", "shipped", "")


@pytest.mark.parametrize(
    ("arguments", "code", "values"),
    [
        (["--weights", "shipped:nonsense"], "weights-missing", ["nonsense"]),
        (["--weights", "nowhere.safetensors"], "weights-missing", ["nowhere.safetensors"]),
        (["--weights", "shipped,,none"], "option-invalid", ["--weights 'shipped,,none'"]),
        (["--landmark-weights", ","], "option-invalid", ["--landmark-weights ','"]),
        (["--extractor", "bisnet"], "name-unknown", ["bisnet", "bisenet"]),
        (["--extractor", "landmark"], "plugin-unsupported", ["--extractor landmark"]),
        (["--landmarks", "bisenet"], "plugin-unsupported", ["--landmarks bisenet"]),
        (["--at", "2"], "frame-missing", ["--at 2", "1 image"]),
        (["--out", "sheet.gif"], "output-suffix", ["--out sheet.gif", ".png", ".jpg"]),
        (["--out", "{file}/sheet.png"], "output-unwritable", ["sheet.png"]),
        (["--device", "gpu"], "option-invalid", ["--device gpu"]),
    ],
)
def test_refusals(
    photo: Path,
    tmp_path: Path,
    arguments: list[str],
    code: str,
    values: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "file.txt"
    file.write_text("words")
    filled = [argument.format(file=file) for argument in arguments]
    assert cli.main(["parse", str(photo), "--out", str(tmp_path / "sheet.png"), *filled]) == 2
    error = capsys.readouterr().err
    assert_refused(error, code, *values)
    assert error.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == [file]


def test_a_timm_backbone_does_not_parse(photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("timm")
    assert cli.main(["parse", str(photo), "--out", str(tmp_path / "a.png"), "--extractor", "timm:resnet18"]) == 2
    assert_refused(capsys.readouterr().err, "plugin-unsupported", "--extractor timm:resnet18")


def test_inputs_without_a_face_or_that_are_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    PIL.Image.new("RGB", (64, 64)).save(tmp_path / "blank.png")
    (tmp_path / "words.txt").write_text("words")
    for name, code in (
        ("blank.png", "no-face"),
        ("words.txt", "file-damaged"),
        ("nowhere.mp4", "file-missing"),
    ):
        arguments = ["parse", str(tmp_path / name), "--out", str(tmp_path / "a.png"), "--landmarks", "none"]
        assert cli.main(arguments) == 2
        error = capsys.readouterr().err
        assert_refused(error, code, name)
        assert error.count("\n") == 1
    assert not (tmp_path / "a.png").exists()
