"""What faces do: short episodes in which several AUs act together, as FACS coders meet them.

An episode names its AUs with (probability, low, high): an AU joins with the probability, at a share of the episode's
strength between low and high. The copies of an episode in :data:`DECK` set how often it comes. The combinations are
the usual ones (6+12 smile, 1+2+5 surprise, 1+4+15+17 sadness, 9+10 disgust, 4+5+7+23 anger, 1+2+4+5+20+25 fear,
4+6+7+10+43 pain), with looser and single movements among them, so that no AU is tied to another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

from aubench.parameters import au_index

from .chance import Array, Chance
from .courses import RATE, course


@dataclass(frozen=True)
class Episode:
    """``slow`` stretches its time course."""

    name: str
    copies: int
    actions: dict[str, tuple[float, float, float]]
    slow: float = 1.0


EPISODES = (
    Episode("smile", 6, {"AU12": (1, 0.7, 1), "AU06": (0.75, 0.4, 0.95), "AU25": (0.55, 0.4, 0.9),
                         "AU26": (0.15, 0.2, 0.5), "AU14": (0.15, 0.2, 0.5), "AU07": (0.3, 0.1, 0.4)}),
    Episode("laugh", 3, {"AU12": (1, 0.8, 1), "AU06": (1, 0.6, 1), "AU25": (1, 0.7, 1), "AU26": (0.9, 0.4, 0.8),
                         "AU10": (0.35, 0.3, 0.6), "AU07": (0.4, 0.2, 0.5)}, 1.2),
    Episode("polite smile", 3, {"AU12": (1, 0.3, 0.6), "AU14": (0.3, 0.2, 0.6)}),
    Episode("surprise", 2, {"AU01": (1, 0.6, 1), "AU02": (0.95, 0.6, 1), "AU05": (0.85, 0.5, 1),
                            "AU25": (0.7, 0.4, 0.9), "AU26": (0.7, 0.3, 0.9)}, 0.8),
    Episode("brow flash", 2, {"AU01": (1, 0.5, 0.9), "AU02": (0.9, 0.5, 1)}, 0.6),
    Episode("sadness", 2, {"AU01": (0.75, 0.4, 0.9), "AU04": (0.6, 0.3, 0.8), "AU15": (1, 0.6, 1),
                           "AU17": (0.55, 0.4, 0.9)}, 1.3),
    Episode("mouth down", 1, {"AU15": (1, 0.5, 1), "AU17": (0.4, 0.4, 0.8), "AU24": (0.2, 0.2, 0.5)}),
    Episode("worry", 1, {"AU01": (1, 0.5, 0.9), "AU04": (0.8, 0.4, 0.9)}),
    Episode("frown", 4, {"AU04": (1, 0.5, 1), "AU07": (0.35, 0.2, 0.7), "AU24": (0.15, 0.2, 0.6)}, 1.3),
    Episode("anger", 2, {"AU04": (1, 0.6, 1), "AU05": (0.3, 0.3, 0.8), "AU07": (0.6, 0.3, 0.8),
                         "AU23": (0.5, 0.3, 0.8), "AU24": (0.3, 0.3, 0.8), "AU17": (0.3, 0.3, 0.7),
                         "AU10": (0.2, 0.3, 0.6)}),
    Episode("disgust", 2, {"AU09": (1, 0.6, 1), "AU10": (0.65, 0.4, 0.9), "AU04": (0.6, 0.3, 0.8),
                           "AU07": (0.4, 0.2, 0.6), "AU06": (0.2, 0.2, 0.5), "AU17": (0.2, 0.3, 0.6),
                           "AU25": (0.3, 0.2, 0.6)}),
    Episode("nose wrinkle", 1, {"AU09": (1, 0.4, 1), "AU06": (0.2, 0.2, 0.5)}, 0.7),
    Episode("upper lip", 4, {"AU10": (1, 0.5, 1), "AU25": (0.5, 0.3, 0.7), "AU12": (0.2, 0.2, 0.5)}),
    Episode("fear", 1, {"AU01": (0.9, 0.5, 1), "AU02": (0.6, 0.4, 0.9), "AU04": (0.7, 0.4, 0.9),
                        "AU05": (0.8, 0.5, 1), "AU20": (0.95, 0.5, 1), "AU25": (0.8, 0.4, 0.9),
                        "AU26": (0.4, 0.2, 0.7)}),
    Episode("stretch", 2, {"AU20": (1, 0.5, 1), "AU25": (0.4, 0.2, 0.7), "AU12": (0.15, 0.2, 0.4),
                           "AU16": (0.2, 0.2, 0.6)}),
    Episode("pain", 1, {"AU04": (1, 0.5, 1), "AU06": (0.7, 0.4, 0.9), "AU07": (0.7, 0.4, 0.9),
                        "AU09": (0.4, 0.3, 0.8), "AU10": (0.5, 0.4, 0.8), "AU43": (0.35, 0.5, 1),
                        "AU20": (0.25, 0.3, 0.7), "AU25": (0.3, 0.3, 0.7)}),
    Episode("dimple", 5, {"AU14": (1, 0.5, 1), "AU12": (0.25, 0.2, 0.5), "AU24": (0.1, 0.2, 0.5)}),
    Episode("chin", 4, {"AU17": (1, 0.5, 1), "AU15": (0.25, 0.3, 0.7), "AU24": (0.3, 0.2, 0.6)}),
    Episode("wide eyes", 1, {"AU05": (1, 0.5, 1), "AU01": (0.25, 0.3, 0.7), "AU02": (0.25, 0.3, 0.7)}),
    Episode("squint", 1, {"AU06": (1, 0.4, 0.9), "AU07": (0.7, 0.4, 0.9), "AU04": (0.3, 0.2, 0.6)}),
    Episode("mouth open", 4, {"AU25": (1, 0.5, 1), "AU26": (0.75, 0.4, 1)}),
    Episode("pucker", 2, {"AU18": (1, 0.4, 0.9), "AU22": (0.5, 0.3, 0.7), "AU17": (0.2, 0.2, 0.5)}),
    Episode("lip press", 1, {"AU24": (1, 0.4, 0.9), "AU23": (0.5, 0.3, 0.8)}),
    Episode("lower lip", 1, {"AU16": (1, 0.4, 0.8), "AU25": (1, 0.4, 0.8)}, 0.7),
    Episode("jaw left", 1, {"AU30L": (1, 0.3, 0.8), "AU26": (0.4, 0.2, 0.4), "AU25": (0.4, 0.2, 0.5)}, 0.7),
    Episode("jaw right", 1, {"AU30R": (1, 0.3, 0.8), "AU26": (0.4, 0.2, 0.4), "AU25": (0.4, 0.2, 0.5)}, 0.7),
    Episode("speech", 6, {}),
)  # fmt: skip
LOOSE = tuple(
    Episode(name, copies, {name: (1, 0.4, 1.0), **company})
    for name, copies, company in (
        ("AU25", 5, {"AU26": (0.4, 0.2, 0.9)}), ("AU12", 5, {"AU06": (0.3, 0.3, 0.8)}), ("AU04", 4, {}),
        ("AU17", 3, {}), ("AU26", 3, {"AU25": (1, 0.3, 0.9)}), ("AU06", 2, {}), ("AU10", 2, {}), ("AU14", 2, {}),
        ("AU01", 1, {}), ("AU02", 1, {"AU01": (0.5, 0.3, 0.8)}), ("AU05", 1, {}),
        ("AU09", 1, {}), ("AU15", 1, {}), ("AU20", 1, {}),
    )
)  # fmt: skip
"""Movements that come at any time, over whatever else the face is doing."""
DECK = tuple(episode for episode in EPISODES for _ in range(episode.copies))
LOOSE_DECK = tuple(episode for episode in LOOSE for _ in range(episode.copies))
PLACES = MappingProxyType({name: au_index(name) for episode in EPISODES for name in episode.actions})


class Dealer:
    """Deals episodes from a shuffled deck, all of it before any comes twice, so that even few people show them all."""

    def __init__(self, deck: Sequence[Episode], chance: Chance) -> None:
        self._deck = deck
        self._chance = chance
        self._left: list[Episode] = []

    def deal(self) -> Episode:
        if not self._left:
            self._left = self._chance.shuffled(self._deck)
        return self._left.pop()


def play(episode: Episode, activity: Array, start: float, vigour: float, tempo: float, chance: Chance) -> float:
    """Add an episode that starts at frame ``start`` to ``activity`` (length, 23), in [0, 1]; where two episodes meet
    the stronger contraction counts. Returns the frame at which it is over, about.

    Weak contractions are commoner than strong ones, as in spontaneous data: strength is skewed to the low end.
    """
    if episode.name == "speech":
        return _speak(activity, start, vigour, tempo, chance)
    u = chance.uniform()
    strength = min(vigour * (0.4 + 0.7 * u * (0.5 + 0.5 * u)), 1.0)
    onset = chance.uniform(0.28, 0.75) * RATE * tempo * episode.slow
    apex = chance.uniform(0.3, 1.5) * chance.uniform(0.6, 2.2) * RATE * tempo * episode.slow
    offset = chance.uniform(0.5, 1.6) * RATE * tempo * episode.slow
    for name, (probability, low, high) in episode.actions.items():
        if not chance.happens(probability):
            continue
        begin = start + chance.uniform(0.0, 0.22) * RATE * tempo
        own = course(len(activity), begin, onset * chance.uniform(0.8, 1.25), apex * chance.uniform(0.75, 1.1),
                     offset * chance.uniform(0.8, 1.2), chance)  # fmt: skip
        _raise(activity, name, strength * chance.uniform(low, high) * own)
    return start + onset + apex + offset


def _speak(activity: Array, start: float, vigour: float, tempo: float, chance: Chance) -> float:
    """A few syllables: the lips part and the jaw drops, rounded, stretched or pressed sounds between them."""
    t = start
    for _ in range(4 + chance.below(7)):
        width = chance.uniform(0.1, 0.2) * RATE * tempo
        openness = vigour * chance.uniform(0.2, 0.7)
        shape = {"AU25": openness, "AU26": openness * chance.uniform(0.2, 0.8)}
        sound = chance.below(6)
        if sound < 4:
            name = ("AU18", "AU20", "AU10", "AU16")[sound]
            shape[name] = vigour * chance.uniform(0.08, 0.3)
        for name, peak in shape.items():
            own = course(len(activity), t, width, 0.4 * width, 1.3 * width, chance)
            _raise(activity, name, peak * own)
        t += 1.9 * width
    return t


def _raise(activity: Array, name: str, values: Array) -> None:
    column = activity[:, PLACES[name]]
    column[:] = column * (column >= values) + values * (column < values)
