"""A head and its movements for other programs: glTF as an independent reader finds it, the mesh, its colours, BVH."""

from __future__ import annotations

import json
import struct

import cv2
import numpy as np
import pytest
from refusals import refused
from typer.testing import CliRunner

from aubench.cli import app
from aubench.contracts import NUISANCE_NAMES
from aubench.errors import UserError
from aubench.parameters import AU, AU_NAMES, POSE, FacialParameters
from aubench.predict.readings import NOBODY, Readings
from aubench.retarget import bake, bvh, export, gltf, mesh, views
from aubench.retarget.motion import Motion, motion
from aubench_plugins.bdfm import BdfmConfig
from aubench_plugins.bdfm.build import face_model
from aubench_plugins.bdfm.constants import PARTS
from aubench_plugins.bdfm.engine import Bdfm

MODEL = face_model()
WHO = FacialParameters.base().vector().numpy()[0]
HEAD = mesh.head_of(MODEL, WHO)
SMILE, SHUT, JAW = (AU_NAMES.index(name) for name in ("AU12", "AU43", "AU26"))
DTYPES = {5126: np.float32, 5125: np.uint32, 5123: np.uint16, 5121: np.uint8}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


def readings(faces: list[int], pose: tuple[float, float] = (0.75, 0.5), times: bool = True) -> Readings:
    """One row for each picture, AU12 rising from picture to picture, eyes level."""
    count = len(faces)
    vectors = FacialParameters.base(count).vector().numpy().copy()
    vectors[:, POSE] = pose
    vectors[:, AU.start + SMILE] = 0.02 + 0.98 * np.arange(count) / count
    points = np.zeros((count, 5, 2))
    points[:, 1, 0] = 10.0
    lost = np.array(faces) == NOBODY
    vectors[lost], points[lost] = np.nan, np.nan
    seconds = 2.0 + np.arange(count) / 20 if times else np.full(count, np.nan)
    return Readings(
        np.arange(1, count + 1), seconds, np.array(faces), np.where(lost, 0.0, 1.0), points, np.zeros((count, 4)),
        vectors, [""] * count,
    )  # fmt: skip


def plain_textures() -> dict[str, np.ndarray]:
    return {part: np.full((8, 8, 4 if part in bake.CUT else 3), 200, np.uint8) for part in mesh.PARTS}


class File:
    """Reads a .glb by the specification, and nothing of how we write one."""

    def __init__(self, data: bytes) -> None:
        magic, version, length = struct.unpack_from("<4sII", data)
        assert (magic, version, length) == (b"glTF", 2, len(data))
        chunks, at = [], 12
        while at < len(data):
            size, kind = struct.unpack_from("<I4s", data, at)
            assert size % 4 == 0
            chunks.append((kind, data[at + 8 : at + 8 + size]))
            at += 8 + size
        assert [kind for kind, _ in chunks] == [b"JSON", b"BIN\0"]
        self.json, self.binary = json.loads(chunks[0][1]), chunks[1][1]
        assert self.json["buffers"] == [{"byteLength": len(self.binary)}]

    def view(self, number: int, dtype: type, count: int, width: int) -> np.ndarray:
        view = self.json["bufferViews"][number]
        assert view["byteOffset"] % 4 == 0
        assert view["byteLength"] == count * width * np.dtype(dtype).itemsize
        assert view["byteOffset"] + view["byteLength"] <= len(self.binary)
        return np.frombuffer(self.binary, dtype, count * width, view["byteOffset"]).reshape(count, width)

    def array(self, number: int) -> np.ndarray:
        entry = self.json["accessors"][number]
        count, width, dtype = entry["count"], WIDTHS[entry["type"]], DTYPES[entry["componentType"]]
        values = np.zeros((count, width), dtype)
        if "bufferView" in entry:
            values = self.view(entry["bufferView"], dtype, count, width)
        if sparse := entry.get("sparse"):
            rows = self.view(
                sparse["indices"]["bufferView"], DTYPES[sparse["indices"]["componentType"]], sparse["count"], 1
            )
            assert (np.diff(rows[:, 0].astype(int)) > 0).all()
            values[rows[:, 0]] = self.view(sparse["values"]["bufferView"], dtype, sparse["count"], width)
        if "min" in entry:
            assert np.array_equal(values.min(0), np.float32(entry["min"]))
            assert np.array_equal(values.max(0), np.float32(entry["max"]))
        return values


@pytest.fixture(scope="module")
def written() -> File:
    moves = motion(readings([0, 0, NOBODY, 0]), 0, 20.0)
    return File(gltf.document(HEAD, plain_textures(), moves, "face"))


def test_every_accessor_is_sound_and_what_must_have_bounds_has(written):
    for number in range(len(written.json["accessors"])):
        assert np.isfinite(written.array(number)).all()
    accessors = written.json["accessors"]
    for primitive in written.json["meshes"][0]["primitives"]:
        positions = [primitive["attributes"]["POSITION"], *(target["POSITION"] for target in primitive["targets"])]
        assert all("min" in accessors[number] for number in positions)
        assert len({accessors[number]["count"] for number in positions}) == 1
    assert "min" in accessors[written.json["animations"][0]["samplers"][0]["input"]]


def test_targets_are_the_aus_in_order_and_move_what_they_should(written):
    skin = written.json["meshes"][0]
    assert skin["extras"]["targetNames"] == list(AU_NAMES)
    assert [len(primitive["targets"]) for primitive in skin["primitives"]] == [23] * len(mesh.PARTS)
    materials = [material["name"] for material in written.json["materials"]]
    assert materials == list(mesh.PARTS)
    primitive = skin["primitives"][materials.index("skin")]
    base = written.array(primitive["attributes"]["POSITION"])
    rest = MODEL.deform(WHO[None]).vertices[0] * mesh.FLIP * mesh.EYE_DISTANCE_METRES
    corner = np.linalg.norm(base - rest[MODEL.landmarks[54]], axis=1).argmin()
    lid = np.linalg.norm(base - rest[MODEL.landmarks[44]], axis=1).argmin()
    chin = np.linalg.norm(base - rest[MODEL.landmarks[8]], axis=1).argmin()
    moves = np.stack([written.array(target["POSITION"]) for target in primitive["targets"]])
    assert moves[SMILE, corner, 1] > 0.003, "the corner of the mouth goes up, in metres"
    assert moves[SHUT, lid, 1] < -0.003, "the upper lid goes down"
    assert moves[JAW, chin, 1] < -0.01, "the chin goes down"
    assert np.abs(moves[SHUT, corner]).max() == 0


def test_the_head_is_as_large_as_a_head_and_looks_to_the_front():
    assert 0.20 < np.ptp(HEAD.vertices[HEAD.triangles[HEAD.part == mesh.PARTS.index("skin")], 1]) < 0.28
    nose, crown = HEAD.vertices[MODEL.landmarks[30]], HEAD.vertices[:, 1].max()
    assert nose[2] == pytest.approx(HEAD.vertices[MODEL.landmarks][:, 2].max(), abs=1e-3)
    assert crown > 0.1 > abs(nose[1])
    normals = HEAD.normals(HEAD.vertices)
    assert normals[MODEL.landmarks[30], 2] > 0.5, "outwards"
    assert np.linalg.norm(normals, axis=1) == pytest.approx(1.0, abs=1e-5)


def test_normals_are_smooth_over_the_seams_of_the_texture():
    normals = HEAD.normals(HEAD.vertices)
    doubled = np.flatnonzero(HEAD.twins != np.arange(len(HEAD.twins)))
    assert len(doubled), "the model has seams"
    assert np.array_equal(normals[doubled], normals[HEAD.twins[doubled]])


@pytest.mark.parametrize(
    ("pose", "roll"), [((0.9, 0.5), 0.0), ((0.5, 0.85), 0.0), ((0.2, 0.8), 0.0), ((0.8, 0.1), 0.6)]
)
def test_the_skin_turns_as_the_engine_turns_the_head(pose, roll):
    """Yaw to the picture's right, pitch chin down, roll clockwise; the neck follows in part."""
    vector, nuisance = WHO.copy(), np.zeros((1, 9), np.float32)
    vector[POSE] = pose
    nuisance[0, NUISANCE_NAMES.index("roll")] = roll
    engine = MODEL.deform(vector[None], nuisance).vertices[0] * mesh.FLIP * mesh.EYE_DISTANCE_METRES
    source = readings([0], pose)
    angle = np.radians(15.0 * roll)
    source.points[0, 1] = 10 * np.cos(angle), 10 * np.sin(angle)
    x, y, z, w = motion(source, 0, 25.0).quaternions()[0]
    assert np.hypot(np.hypot(x, y), np.hypot(z, w)) == pytest.approx(1.0)
    rotation = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
    share = HEAD.carried[:, None]
    skinned = (1 - share) * HEAD.vertices + share * (HEAD.vertices @ rotation.T)
    assert np.abs(skinned - engine).max() < 2e-5


def test_joints_and_weights_are_the_engines(written):
    document = written.json
    assert [document["nodes"][joint]["name"] for joint in document["skins"][0]["joints"]] == ["body", "head"]
    body, head = document["nodes"][:2]
    assert body["translation"][1] + head["translation"][1] == pytest.approx(0.0), "the engine's own point"
    inverse = written.array(document["skins"][0]["inverseBindMatrices"]).reshape(2, 4, 4).transpose(0, 2, 1)
    assert inverse[0, :3, 3] == pytest.approx([0.0, -body["translation"][1], 0.0])
    assert np.array_equal(inverse[1], np.eye(4))
    for name, low, high in (("skin", 1.0, 1.0), ("neck", 0.0, 1.0), ("cloth", 0.0, 0.06)):
        attributes = document["meshes"][0]["primitives"][mesh.PARTS.index(name)]["attributes"]
        weights = written.array(attributes["WEIGHTS_0"])
        assert weights.sum(1) == pytest.approx(1.0)
        assert (weights[:, 1].min(), weights[:, 1].max()) == pytest.approx((low, high), abs=0.02), name


def test_the_animation_keeps_the_times_and_holds_where_nobody_is_seen(written):
    animation = written.json["animations"][0]
    targets = [(channel["target"]["node"], channel["target"]["path"]) for channel in animation["channels"]]
    names = [(written.json["nodes"][node]["name"], path) for node, path in targets]
    assert names == [("head", "rotation"), ("face", "weights")]
    turns, weights = animation["samplers"]
    assert written.array(turns["input"])[:, 0] == pytest.approx([0.0, 0.05, 0.10, 0.15])
    values = written.array(weights["output"]).reshape(4, 23)
    assert values[:, SMILE] == pytest.approx([0.0, 0.25, 0.25, 0.75], abs=1e-5)
    assert np.delete(values, SMILE, axis=1).max() == pytest.approx(0.0, abs=1e-6)
    half = np.radians(20.0) / 2
    turned = np.tile([0, np.sin(half), 0, np.cos(half)], (4, 1))
    assert written.array(turns["output"]) == pytest.approx(turned, abs=1e-6)


def test_pictures_before_the_first_face_show_it_and_images_are_timed_by_the_rate():
    moves = motion(readings([NOBODY, 1, 1], times=False), 1, 4.0)
    assert moves.seconds == pytest.approx([0.0, 0.25, 0.5])
    assert moves.weights[0, SMILE] == moves.weights[1, SMILE] > 0
    with pytest.raises(ValueError, match="face 3"):
        motion(readings([0]), 3, 25.0)


def test_the_blend_of_targets_is_near_the_engines_own_face():
    vectors = Bdfm(BdfmConfig()).sample(64, 1).vector().numpy()
    error = mesh.blend_error(MODEL, vectors)
    assert error.mean() < 0.0015, "of the eye distance"
    single = np.repeat(WHO[None], 23, axis=0)
    single[np.arange(23), AU.start + np.arange(23)] = 1.0
    assert mesh.blend_error(MODEL, single).max() < 1e-5


def test_a_camera_is_found_from_points_and_their_pixels():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(20, 3))
    x, y, z = points.T
    pixels = np.stack([90 * (2 * x - y), 90 * (x + 2 * y)], 1) / (z + 9)[:, None] + (64, 30)
    found = views.camera(points, pixels)
    assert found == pytest.approx([180, 90, 64, 30, 9, 64 * 9, 30 * 9], rel=1e-6)


def test_unseen_texels_take_what_lies_around():
    colour = np.zeros((8, 8, 3), np.float32)
    colour[:, :4], weight = 0.5, np.zeros((8, 8), np.float32)
    weight[:, :4] = 1
    filled = bake.spread(colour, weight)
    assert filled == pytest.approx(np.full((8, 8, 3), 0.5))
    assert bake.spread(colour, weight * 0) == pytest.approx(0.0)


@pytest.fixture(scope="module")
def baked() -> dict[str, np.ndarray]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bake, "SIDES", dict.fromkeys(mesh.PARTS, 128))
        return bake.textures(Bdfm(BdfmConfig(size=128)), MODEL, WHO)


def texel(picture: np.ndarray, uv: np.ndarray, reach: int = 2) -> np.ndarray:
    column, row = (uv * len(picture)).astype(int)
    return picture[row - reach : row + reach + 1, column - reach : column + reach + 1, :3].reshape(-1, 3).mean(0)


def test_colours_come_from_the_drawings(baked):
    skin, chart = baked["skin"], MODEL.chart
    cheeks = [texel(skin, chart[f"{side}_cheek"].reshape(-1, 2)[0]) for side in "lr"]
    lip = texel(skin, chart["lower_lip"].mean(0), 1)
    brow = texel(skin, chart["l_brow"][2], 1)
    red = [colour[0] / colour[1] for colour in (lip, *cheeks)]
    assert red[0] > 1.05 * max(red[1:]), "lips are redder than cheeks"
    assert brow.mean() < 0.75 * cheeks[0].mean()
    assert cheeks[0] == pytest.approx(cheeks[1], rel=0.08), "the light, which comes from one side, is divided out"
    eye = baked["eyeball"]
    assert texel(eye, np.array([0.5, 0.5]), 1).mean() < 75, "pupil"
    assert texel(eye, np.array([0.68, 0.5]), 1).mean() > 110, "sclera"
    iris = texel(eye, np.array([0.5, 0.59]), 1)
    assert iris[2] > iris[0], "blue"
    assert 0.02 < (baked["lash"][..., 3] == 0).mean() < 0.9
    hair = baked["hair"]
    assert hair[12, 64, 3] == 255
    assert hair[12, 64, :3].mean() < 100
    holes = np.argwhere(hair[..., 3] == 0)[:, 0] / len(hair)
    assert len(holes), "hair ends in locks"
    assert holes.max() > chart["hairline"][:, 1].min()


def test_textures_and_weights_go_into_the_file_as_pictures(written):
    for image, material in zip(written.json["images"], written.json["materials"], strict=True):
        view = written.json["bufferViews"][image["bufferView"]]
        data = written.binary[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        cut = material["name"] in bake.CUT
        assert picture.shape == (8, 8, 4 if cut else 3)
        assert (material.get("alphaMode") == "MASK") == cut
        assert (image["mimeType"] == "image/png") == cut


def test_a_file_is_written_for_the_person_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(bake, "textures", lambda engine, model, vector: plain_textures())
    engine = Bdfm(BdfmConfig())
    base, other = tmp_path / "base.glb", tmp_path / "other.GLB"
    said = export.write(base, readings([0, 0]), 0, 25.0, (engine, MODEL))
    assert "23 AUs, 2 frames" in said
    export.write(other, readings([0, 0]), 0, 25.0, (engine, MODEL), 3)
    files = [File(path.read_bytes()) for path in (base, other)]
    number = files[0].json["meshes"][0]["primitives"][0]["attributes"]["POSITION"]
    places = [file.array(number) for file in files]
    assert np.abs(places[0] - places[1]).max() > 0.003


def test_bvh_turns_one_joint(tmp_path):
    path = tmp_path / "head.bvh"
    export.write(path, readings([0, 0, NOBODY], (0.75, 0.6)), 0, 25.0)
    lines = path.read_text().splitlines()
    assert lines[0] == "HIERARCHY"
    assert "CHANNELS 3 Zrotation Yrotation Xrotation" in lines[4]
    start = lines.index("MOTION")
    assert lines[start + 1 : start + 3] == ["Frames: 3", "Frame Time: 0.050000"]
    assert [float(value) for value in lines[-1].split()] == pytest.approx([0.0, 20.0, 5.0], abs=1e-3)
    single = bvh.text(Motion(np.zeros(1), np.zeros((1, 23)), np.zeros((1, 3))), 25.0)
    assert "Frame Time: 0.040000" in single


def test_a_suffix_of_no_format_and_an_engine_without_a_mesh_are_refused(tmp_path):
    answer = CliRunner().invoke(app, ["retarget", "clip.mp4", "--export", str(tmp_path / "head.fbx")])
    assert isinstance(answer.exception, UserError)
    assert all(suffix in str(answer.exception) for suffix in (".csv", ".glb", ".bvh"))
    with refused("plugin-unsupported", "--to neural", "bdfm"):
        export.mesh_engine("neural")

    class Flat(Bdfm):
        """An engine whose mesh needs an asset."""

        @property
        def stage(self):
            raise UserError("the asset is missing")

    with refused("plugin-unsupported", "--to flat", "bdfm"):
        mesh.artist_of(Flat(BdfmConfig()), "flat")


def test_the_parts_are_those_of_the_engine():
    assert mesh.PARTS == PARTS
    assert isinstance(MODEL, mesh.Model)
    assert isinstance(Bdfm(BdfmConfig()), mesh.Artist)
