"""A person's neutral: found in unlabelled frames, given, saved, loaded, refused; and what a regressor does with it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from refusals import refused
from test_fpr import make, random_features

from aubench.contracts import PersonRegressor, reads_persons
from aubench.parameters import AU_NAMES, BASE_AU, intensity
from aubench.person import KEPT, Person, RunningPerson, find_person, person_of, read_aus, trust

WIDTH = 23


class Toy(torch.nn.Module):
    """Entries are AU parameters plus the person's own offset."""

    reads_persons = True

    def __init__(self) -> None:
        super().__init__()
        self.dummy = torch.nn.Parameter(torch.zeros(1))

    def entry(self, features):
        return features

    def aus(self, entry, neutral):
        return (entry - neutral + BASE_AU).clamp(0, 1)


def find(entries: np.ndarray, **options: object) -> Person | None:
    """The person of ``entries``, which are read as they are without a neutral."""
    return find_person(Toy(), entries, intensity(entries.clip(0, 1)), "m", **options)


def frames(calm: int, lively: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Entries and AUs of one person, and the person's offset."""
    rng = np.random.default_rng(seed)
    au = np.full((calm + lively, WIDTH), BASE_AU)
    au[calm:] += rng.random((lively, WIDTH)) * (rng.random((lively, WIDTH)) < 0.25)
    offset = 0.05 * rng.random(WIDTH)
    mixed = rng.permutation(calm + lively)
    return (au + offset)[mixed].astype(np.float32), au[mixed], offset


def test_the_calm_frames_of_a_person_are_found_without_labels() -> None:
    entries, au, offset = frames(20, 40)
    person = find(entries)
    assert person is not None
    assert np.abs(person.neutral - (BASE_AU + offset)).max() < 0.02
    assert person.frames == 18
    assert person.confidence == 1.0
    read = read_aus(Toy(), entries, person.neutral)
    assert np.abs(read - au).max() < 0.03 < np.abs(entries - au).max()


def test_a_recording_without_calm_frames_says_so() -> None:
    rng = np.random.default_rng(0)
    laughing = np.clip(rng.normal(0.6, 0.1, (40, WIDTH)), 0, 1).astype(np.float32)
    assert find(laughing) is None
    assert find(frames(4, 0)[0]) is None  # too few to choose from


def run(entries: np.ndarray) -> tuple[np.ndarray, RunningPerson]:
    """What each of ``entries`` is read as beside those up to it; as it is where no neutral is known yet."""
    person = RunningPerson(Toy(), "m")
    read = entries.copy()
    for n, entry in enumerate(entries):
        answer = person.read(entry, intensity(entry.clip(0, 1)), np.zeros(2, np.float32), 1.0)
        if answer is not None:
            read[n] = answer
    return read, person


def test_a_running_person_is_known_from_the_frames_so_far() -> None:
    entries, au, _ = frames(200, 400)
    read, person = run(entries)
    assert np.array_equal(read[:4], entries[:4])  # too few to know anybody
    assert np.abs(read[60:] - au[60:]).mean() < 0.01 < 0.02 < np.abs(entries[60:] - au[60:]).mean()
    assert person.person is not None
    assert len(person._kept) <= KEPT + 5
    again, _ = run(entries[:300])
    assert np.array_equal(again, read[:300])  # later frames change nothing


def test_nobody_is_known_where_no_frame_so_far_is_calm() -> None:
    rng = np.random.default_rng(0)
    laughing = np.clip(rng.normal(0.6, 0.1, (40, WIDTH)), 0, 1).astype(np.float32)
    calm, _, _ = frames(60, 0)
    read, person = run(np.concatenate([laughing, calm]))
    assert np.array_equal(read[:40], laughing)
    assert person.person is not None


def test_frames_that_are_not_trusted_make_no_neutral() -> None:
    entries, _, offset = frames(20, 40)
    covered = np.zeros(60, np.float32)
    covered[:30] = 1.0
    spoilt = entries.copy()
    spoilt[30:] = 0.0  # would be the calmest of all
    person = find(spoilt, weights=covered)
    assert person is not None
    assert np.abs(person.neutral - (BASE_AU + offset)).max() < 0.05


def test_trust_falls_with_turned_heads_and_unsure_detection() -> None:
    degrees = np.zeros((20, 2))
    degrees[0] = (40, 0)
    degrees[1] = (15, 0)
    scores = np.ones(20)
    scores[2] = 0.3
    weights = trust(degrees, scores)
    assert weights[0] == weights[2] == 0
    assert 0 < weights[1] < weights[3] == 1


def test_a_person_survives_a_file(tmp_path) -> None:
    person = person_of(np.random.default_rng(0).random((3, WIDTH)).astype(np.float32), "model", "P01.mp4")
    person.save(tmp_path / "P01.json")
    again = Person.load(tmp_path / "P01.json", "model")
    assert np.abs(again.neutral - person.neutral).max() < 1e-5
    assert (again.frames, again.confidence, again.source) == (3, 1.0, "P01.mp4")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kind": "person", "format": 9}', "[" * 5000])
def test_files_that_hold_no_person_are_refused(tmp_path, text) -> None:
    path = tmp_path / "p.json"
    path.write_text(text)
    with refused("format-unknown", "p.json"):
        Person.load(path, "model")


def test_a_person_of_another_model_is_refused(tmp_path) -> None:
    path = tmp_path / "p.json"
    person_of(np.zeros((2, WIDTH), np.float32), "one").save(path)
    with refused("model-invalid", "p.json"):
        Person.load(path, "other")
    with refused("file-missing", "q.json"):
        Person.load(tmp_path / "q.json", "one")
    values = json.loads(path.read_text())
    values["neutral"][0] = float("nan")
    path.write_text(json.dumps(values))
    with refused("file-damaged", "p.json"):
        Person.load(path, "one")


def test_fpr_reads_departures_from_linear_entries() -> None:
    regressor = make(person=16).eval()
    assert isinstance(regressor, PersonRegressor)
    assert reads_persons(regressor)
    assert not reads_persons(make())
    features = random_features(6)
    with torch.no_grad():
        entry = regressor.entry(features)
        mean = regressor.entry(features.each(lambda t: t.mean(0, keepdim=True)))
        assert torch.allclose(entry.mean(0, keepdim=True), mean, atol=1e-5)
        one, other = regressor.aus(entry, entry[0]), regressor.aus(entry, entry)
        plain = make().eval()(features)
    assert one.shape == (6, len(AU_NAMES))
    assert torch.allclose(one[0], other[0])
    assert torch.allclose(other, other[:1].expand_as(other))  # nobody departs from themselves
    assert not torch.allclose(one[1], other[1])
    # The other networks start and read as they do without it.
    assert torch.equal(regressor(features).vector(), plain.vector())
    with pytest.raises(TypeError, match="person"):
        make().entry(features)
