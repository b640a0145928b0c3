"""MMI as recordings: one for each session's video or picture, AUs by temporal phase.

::

    Sessions/<id>/  session.xml  <name>.avi  <name>.xml  <name>-oao_aucs.xml
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from aubench.data.dataset import PreparedDataset
from aubench.data.join import Problems, au_name
from aubench.data.layout import (
    PICTURE_SUFFIXES,
    VIDEO_SUFFIXES,
    files,
    folders,
    listed,
    packed,
    squeeze,
    within,
    wrong_root,
)
from aubench.data.records import Images, Recording, Scan, State, Video, empty_labels
from aubench.data.video import VideoIndex, read_index
from aubench.errors import UserError

from . import MmiConfig
from .parse import CODING, DUAL, FRONTAL, PHASES, About, Coding, phases, read_about, read_coding

AUS = tuple(number for number in range(1, 47) if number not in (3, 40, 41, 42, 44))
"""Every AU that FACS numbers up to 46."""
_SUBJECT = re.compile(r"S0*(\d{1,4})[-_]", re.IGNORECASE)


class MmiReader:
    """Reads MMI's folder. There are no intensities: a frame's AU is absent (0), present, or not coded."""

    name = "mmi"
    people = "mmi"
    aus = tuple(au_name(number) for number in AUS)

    def __init__(self, config: MmiConfig) -> None:
        self.config = config

    def options(self) -> Mapping[str, Any]:
        chosen = {"sideways", "turned", "upright", "dual", "unlisted", "first_marker"}
        return self.config.model_dump(mode="json", include=chosen)

    def label_places(self, root: Path) -> list[Path]:
        """The XML files beside the videos."""
        return [path for top in _sessions(root) for folder in folders(top) for path in files(folder, {".xml"})]

    def scan(self, root: Path) -> Scan:
        tops = _sessions(root)
        if not tops:
            raise wrong_root(root, "MMI", ["folder Sessions"], "the folder that holds Sessions")
        problems = Problems()
        seen: dict[str, Path] = {}
        recordings = []
        skipped = 0
        for top in tops:
            for folder in folders(top):
                if folder.name in seen:
                    problems.error(folder, f"session {folder.name} occurs twice: also {seen[folder.name]}")
                    continue
                seen[folder.name] = folder
                found = self._session(folder, problems)
                skipped += found is None
                if found is not None:
                    recordings.append(found)
        for path in packed(root):
            problems.warning(path, "is not unpacked, or is an incomplete download")
        problems.note(root, f"{len(recordings)} of {len(seen)} sessions are used")
        turned = [each.facts["session"] for each in recordings if each.media.turns]
        if turned:
            problems.warning(
                tops[0],
                f"rotated by 90 degrees clockwise: the videos of sessions {listed(turned)}. Check "
                f"them with `aubench data show`; mmi.upright and mmi.turned name exceptions",
            )
        return Scan(tuple(recordings), problems.done(), {"turned": turned} if turned else {})

    def _session(self, folder: Path, problems: Problems) -> Recording | None:
        videos = files(folder, VIDEO_SUFFIXES)
        pictures = files(folder, PICTURE_SUFFIXES)
        if not videos and not pictures:
            problems.error(folder, "contains neither a video nor an image", recording=folder.name)
            return None
        about = self._about(folder, (videos or pictures)[0], problems)
        if about.view not in (None, FRONTAL) and not (about.view == DUAL and self.config.dual):
            kind = "a frontal and a profile view at once (mmi.dual)" if about.view == DUAL else f"view {about.view}"
            problems.note(folder, f"shows {kind}; left out", recording=folder.name)
            return None
        subject = _subject((videos or pictures)[0], folder, about, problems)
        facts: dict[str, Any] = {"session": folder.name, "view": about.view, "emotion": about.emotion}
        if not videos:
            return self._pictures(subject, folder, pictures, facts)
        opened = _open(videos, folder, problems)
        if opened is None:
            return None
        path, index = opened
        coding_at = _coding(folder, path, problems)
        frames = np.arange(index.frames, dtype=np.int64)
        values, states = empty_labels(len(frames), len(AUS))
        if coding_at is not None:
            coding = read_coding(coding_at)
            problems.faults(coding_at, coding.faults, folder.name)
            self._label(coding, coding_at, folder.name, values, states, problems)
        facts |= {"coded": coding_at is not None, "fps": index.rate}
        turns = self._turns(folder.name, about, coding_at, path)
        return Recording(subject, folder.name, Video(path, turns), frames, values, states, facts=facts)

    @staticmethod
    def _about(folder: Path, media: Path, problems: Problems) -> About:
        """What the session and its video say of themselves, in one."""
        parts = []
        for path in (folder / "session.xml", media.with_suffix(".xml")):
            if path.is_file():
                parts.append(read_about(path))
                problems.faults(path, parts[-1].faults, folder.name)
            elif path.name == "session.xml":
                problems.warning(
                    path, "does not exist: the view is unknown and assumed to be frontal", None, folder.name
                )
        found = About()
        for part in parts:
            found.view = found.view or part.view
            found.subject = found.subject or part.subject
            found.emotion = found.emotion or part.emotion
            found.annotations += part.annotations
        return found

    def _turns(self, session: str, about: About, coding: Path | None, video: Path) -> int:
        """Quarter turns clockwise. By the rule of a public reader of MMI, frontal videos lie on their side unless
        they are AU-coded; nothing in the files says so."""
        if session in map(str, self.config.upright):
            return 0
        if session in map(str, self.config.turned):
            return 1
        coded = coding is not None or any(name.lower().endswith(CODING) for name in about.annotations)
        return int(self.config.sideways == "rule" and about.view == FRONTAL and not coded and _landscape(video))

    def _label(
        self,
        coding: Coding,
        path: Path,
        session: str,
        values: npt.NDArray[np.float32],
        states: npt.NDArray[np.uint8],
        problems: Problems,
    ) -> None:
        """Write what a coding says into the labels of a video. An AU coded for one side of the face is there."""
        count = len(values)
        by_au: dict[int, npt.NDArray[np.int8]] = {}
        if strange := sorted(coding.aus() - set(AUS)):
            problems.note(path, f"AU {listed(strange)}: not kept", recording=session)
        for (au, side), markers in coding.markers.items():
            if au not in AUS:
                continue
            shifted = [(frame - self.config.first_marker, phase) for frame, phase in markers]
            if beyond := [frame for frame, _ in markers if not 0 <= frame - self.config.first_marker <= count]:
                problems.error(
                    path, f"AU{au:02d}{side} has markers at frame {listed(beyond)} of {count}", None, session
                )
            # -1 not coded, 0 absent, 1 present; what is present on one side outweighs the other side.
            said = by_au.setdefault(au, np.full(count, -1, np.int8))
            for first, end, phase in phases([(max(frame, 0), phase) for frame, phase in shifted], count):
                said[first:end] = np.maximum(said[first:end], int(PHASES[phase] != "neutral"))
        for column, au in enumerate(AUS):
            if au in by_au:
                values[by_au[au] == 0, column] = 0.0
                states[by_au[au] == 0, column] = State.VALUE
                states[by_au[au] == 1, column] = State.PRESENT
            elif self.config.unlisted == "absent" and not coding.faults:
                values[:, column], states[:, column] = 0.0, State.VALUE

    @staticmethod
    def _pictures(subject: str, folder: Path, pictures: list[Path], facts: dict[str, Any]) -> Recording:
        """A session of single pictures: nothing public says how their AUs are coded, so they are unlabelled."""
        frames = np.arange(len(pictures), dtype=np.int64)
        return Recording(
            subject, folder.name, Images(tuple(pictures)), frames, *empty_labels(len(frames), len(AUS)), facts=facts
        )


def dataset(config: MmiConfig) -> PreparedDataset:
    """The factory of the card."""
    return PreparedDataset(config, MmiReader(config))


def _sessions(root: Path) -> list[Path]:
    """Every folder called Sessions: downloads come in pages, each with one of its own."""
    if squeeze(root.name) == "sessions":
        return [root]
    first = within(root, ("Sessions",), depth=0)
    if first is not None:
        return [first]
    return [found for page in folders(root) if (found := within(page, ("Sessions",), depth=1)) is not None]


def _subject(media: Path, folder: Path, about: About, problems: Problems) -> str:
    match = _SUBJECT.match(media.name)
    if match is not None:
        return f"S{int(match[1]):03d}"
    if about.subject:
        return about.subject
    problems.warning(
        media, "neither the name nor session.xml identifies the person; treated as a separate person", None, folder.name
    )
    return f"session-{folder.name}"


def _open(videos: list[Path], folder: Path, problems: Problems) -> tuple[Path, VideoIndex] | None:
    """The session's video: the first that can be opened, since some .avi cannot and have an .mp4 beside them."""
    videos = sorted(videos, key=lambda path: path.suffix.lower() != ".avi")
    if len({path.stem.lower() for path in videos}) > 1:
        problems.warning(folder, f"several videos: {listed(p.name for p in videos)}; one is used", None, folder.name)
    for place, path in enumerate(videos):
        try:
            index = read_index(path)
        except UserError as error:
            told = str(error).removeprefix(f"{path}: ")
        else:
            if index.frames:
                return path, index
            told = "holds no frames"
        last = place == len(videos) - 1
        instead = "" if last else f"; {videos[place + 1].name} is tried instead"
        problems.add("error" if last else "warning", path, f"{told}{instead}", None, folder.name)
    return None


def _landscape(video: Path) -> bool:
    """Whether pictures are wider than high: someone may have turned them already."""
    import av

    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        return bool(stream.width > stream.height)


def _coding(folder: Path, video: Path, problems: Problems) -> Path | None:
    """The AU coding of a video, named after it."""
    coded = [path for path in files(folder, {".xml"}) if path.name.lower().endswith(CODING)]
    own = [path for path in coded if path.name.lower() == f"{video.stem}{CODING}".lower()]
    if coded and not own:
        problems.warning(coded[0], f"is not named like the video {video.name}; used anyway", None, folder.name)
    return next(iter(own or coded), None)
