"""The miniature data sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import scipy.io

from readers.media import HEIGHT, WIDTH, aam66, cut_line, points68, save, video, write

DISFA_AUS = (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)
BP4D_AUS = (6, 10, 12, 14, 17)

__all__ = [
    "bp4d", "bp4d_points", "ckplus", "cut_line", "disfa", "disfaplus", "facewarehouse", "folder", "intensity", "mmi",
    "save", "sidecar", "unit", "video",
]  # fmt: skip


def intensity(frame: int, au: int) -> int:
    """An intensity that tells where it belongs: a different course for every AU. ``frame`` from 0."""
    return (frame + au) % 6


def disfa(
    root: Path,
    subjects: Sequence[str] = ("SN001", "SN002", "SN010"),
    frames: int = 12,
    *,
    cameras: Sequence[str] = ("left", "right"),
    landmarks: Callable[[str, int], str] = lambda subject, frame: f"{subject}_{frame:04d}_lm.mat",
    label: Callable[[int, int], int] = intensity,
) -> Path:
    """SN010 has one frame less than the others, as in DISFA. ``landmarks`` names the file of a frame counted from 0."""
    for place, subject in enumerate(subjects):
        count = frames - 1 if subject == "SN010" else frames
        numbers = [(frame + 3 * place) % 26 for frame in range(count)]
        for au in DISFA_AUS:
            lines = "".join(f"{frame + 1},{label(frame, au)}\n" for frame in range(count))
            write(root / "ActionUnit_Labels" / subject / f"{subject}_au{au}.txt", lines)
        if "left" in cameras:
            video(root / "Videos_LeftCamera" / f"LeftVideo{subject}_comp.avi", numbers)
        if "right" in cameras:
            video(root / "Video_RightCamera" / f"RightVideo{subject}_Comp.avi", numbers)
        folder = root / "Landmark_Points" / subject / "tmp_frame_lm"
        folder.mkdir(parents=True)
        for frame in range(count):
            (folder / landmarks(subject, frame)).write_bytes(aam66(0.01 * frame))
    return root


def disfaplus(root: Path, subjects: Sequence[str] = ("SN001", "SN003"), frames: int = 6) -> Path:
    for subject in subjects:
        for trial in ("A1_AU1_TrialNo_1", "B2_Smile_TrialNo_2"):
            for frame in range(frames):
                save(root / "Images" / subject / trial / f"{frame:03d}.jpg", frame)
            for au in DISFA_AUS:
                rows = "".join(f"{frame:03d}.jpg     {intensity(frame, au)}\n" for frame in range(frames))
                write(root / "Labels" / subject / trial / f"AU{au}.txt", f"Image Labels\nName   Intensity\n{rows}")
    return root


def bp4d(
    root: Path,
    subjects: Sequence[str] = ("F001", "F002", "M001", "M002"),
    tasks: Sequence[str] = ("T1", "T8"),
    *,
    release: str = "binghamton",
    first: int = 8,
    frames: int = 6,
    before: int = 2,
    name: Callable[[int], str] = lambda number: f"{number:04d}",
    code: Callable[[int, int], int] = intensity,
) -> Path:
    """Images ``first - before`` .. ``first + frames - 1``, of which those from ``first`` on are coded."""
    fera = release == "fera2015"
    images = root / ("BP4D-training" if fera else "Sequences(2D+3D)")
    codes = root / ("AU Intensity Codes3.0" if fera else "AUCoding/AU_INT")
    there = root / ("AUCoding" if fera else "AUCoding/AU_OCC")
    coded = range(first, first + frames)
    for subject in subjects:
        for task in tasks:
            for number in range(first - before, first + frames):
                save(images / subject / task / f"{name(number)}.jpg", number)
            write(images / subject / task / f"{name(first)}.obj", "# a mesh\n")
            for au in BP4D_AUS:
                rows = "".join(f"{number},{code(number - 1, au)}\n" for number in coded)
                write(codes / f"AU{au:02d}" / f"{subject}_{task}_AU{au:02d}.csv", rows)
            header = ",".join(["0", *(str(au) for au in range(1, 30)), "99"])
            lines = [header] + [
                ",".join([str(number), *(str(9 if au >= 28 else int(au % 2 == 0)) for au in range(1, 30)), "0"])
                for number in coded
            ]
            write(there / f"{subject}_{task}.csv", "\n".join(lines) + "\n")
    return root


def bp4d_points(root: Path, subject: str, task: str, numbers: Sequence[int], *, structure: bool) -> Path:
    """A landmark file: a structure with frame numbers, or a bare array without."""
    points = np.delete(points68(), (*range(17), 60, 64), axis=0)
    path = root / "2DFeatures" / f"{subject}_{task}.mat"
    path.parent.mkdir(parents=True, exist_ok=True)
    if structure:
        rows = np.zeros(len(numbers), dtype=[("frame", object), ("pts_2d", object)])
        for row, number in enumerate(numbers):
            rows[row] = (number, np.add(points, (0, 0.1 * number)))
        scipy.io.savemat(path, {"fit": rows})
    else:
        scipy.io.savemat(path, {"pts": np.stack([np.add(points, (0, 0.1 * number)) for number in numbers])})
    return path


def ckplus(
    root: Path, sequences: Sequence[tuple[str, str]] = (("S005", "001"), ("S010", "002")), frames: int = 5
) -> Path:
    """FACS of the peak: AU1 E, AU4 B, AU12 present without intensity, AU17 C."""
    for subject, sequence in sequences:
        for frame in range(1, frames + 1):
            stem = f"{subject}_{sequence}_{frame:08d}"
            save(root / "cohn-kanade-images" / subject / sequence / f"{stem}.png", frame)
            rows = "".join(f"   {x:.7e}   {y:.7e}\n" for x, y in np.add(points68(), (0, frame)))
            write(root / "Landmarks" / subject / sequence / f"{stem}_landmarks.txt", rows)
        codes = ((1, 5), (4, 2), (12, 0), (17, 3))
        rows = "".join(f"   {au:.7e}   {code:.7e}\n" for au, code in codes)
        write(root / "FACS" / subject / sequence / f"{stem}_facs.txt", rows)
        (root / "Emotion" / subject / sequence).mkdir(parents=True)
        (root / "cohn-kanade-images" / subject / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    write(root / "Emotion" / sequences[0][0] / sequences[0][1] / f"{sequences[0][0]}_001_emotion_note.md", "none")
    path = f"{sequences[0][0]}_{sequences[0][1]}_{frames:08d}_emotion.txt"
    write(root / "Emotion" / sequences[0][0] / sequences[0][1] / path, "   3.0000000e+00\n")
    return root


def mmi(root: Path, session: str, name: str, *, view: str = "0", coding: str | None = None, frames: int = 12) -> Path:
    """Add one session; ``coding`` is what stands inside ActionUnitCoding."""
    folder = root / "Sessions" / session
    video(folder / f"{name}.avi", list(range(frames)), rate=24)
    note = f'<annotation filename="{name}-oao_aucs.xml"/>' if coding is not None else ""
    track = f' <track view="{view}" filename="{name}.avi">\n  {note}\n </track>'
    write(folder / "session.xml", f'<?xml version="1.0"?>\n<session>\n{track}\n</session>\n')
    write(folder / f"{name}.xml", '<?xml version="1.0"?>\n<Meta>\n <Metatag Name="Emotion" Value="4"/>\n</Meta>\n')
    if coding is not None:
        write(
            folder / f"{name}-oao_aucs.xml",
            f'<?xml version="1.0"?>\n<ActionUnitCoding>\n{coding}\n</ActionUnitCoding>\n',
        )
    return folder


def unit(number: str, *markers: tuple[int, int]) -> str:
    inside = " ".join(f'<Marker Frame="{frame}" Type="{phase}"/>' for frame, phase in markers)
    return f'<ActionUnit Number="{number}">{inside}</ActionUnit>'


def facewarehouse(root: Path, names: Sequence[str] = ("Tester_1", "Tester_2"), poses: int = 4) -> Path:
    for name in names:
        for pose in range(poses):
            stem = root / name / "TrainingPose" / f"pose_{pose}"
            save(stem.with_suffix(".png"), pose)
            write(stem.with_suffix(".obj"), "# a mesh\n")
            land(stem.with_suffix(".land"))
        (root / name / "Blendshape").mkdir()
        (root / name / "Blendshape" / "shape.bs").write_bytes(np.array([46, 11510, 11540], "<i4").tobytes())
    return root


def land(path: Path) -> Path:
    """74 points, the first 68 of which are iBUG's, as fractions with y from the bottom."""
    points = np.vstack([points68(), points68()[:6]]) / (WIDTH, HEIGHT)
    return write(path, "74\n" + "".join(f"{x:.6f} {1 - y:.6f}\n" for x, y in points))


def folder(root: Path, frames: int = 5) -> Path:
    """Two people with images, one of them also on video."""
    for frame in range(1, frames + 1):
        save(root / "alice" / "smile" / f"img_{frame}.jpg", frame)
        save(root / "bob" / f"{frame:03d}.png", frame)
    video(root / "alice" / "clip.mp4", list(range(frames)))
    return root


def sidecar(path: Path, frames: int, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Path:
    """An OpenFace CSV that puts the points of a drawn face in every frame, counted from 1."""
    points = points68(size)
    names = [f"{axis}_{place}" for axis in "xy" for place in range(68)]
    cells = ",".join(f"{value:.3f}" for value in (*points[:, 0], *points[:, 1]))
    rows = "".join(f"{frame + 1},0,{frame / 20:.3f},0.98,1,{cells}\n" for frame in range(frames))
    return write(path, f"frame,face_id,timestamp,confidence,success,{','.join(names)}\n{rows}")
