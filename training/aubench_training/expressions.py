"""Action units that come together, as on people: what an engine's independent AUs do not teach.

Prototypes of expressions after the tables of Ekman, Friesen and Hager (FACS Investigator's Guide, 2002) and, for pain,
Prkachin and Solomon (2008); speech and thought are our own summary. No label of a data set is behind them. Half the
faces or more should stay as the engine draws them, so that no AU is read off its company only.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from aubench.parameters import AU_NAMES, BASE_AU

PROTOTYPES: dict[str, dict[str, float]] = {
    "happiness": {"AU06": 0.8, "AU12": 1.0, "AU25": 0.7, "AU26": 0.25, "AU07": 0.2},
    "politeness": {"AU12": 1.0, "AU25": 0.3, "AU06": 0.2, "AU14": 0.2},
    "laughter": {"AU06": 0.9, "AU12": 1.0, "AU25": 1.0, "AU26": 0.8, "AU07": 0.3, "AU43": 0.2, "AU10": 0.2},
    "sadness": {"AU01": 0.9, "AU04": 0.8, "AU15": 0.8, "AU17": 0.5, "AU43": 0.15},
    "grief": {"AU01": 0.5, "AU04": 0.9, "AU06": 0.6, "AU07": 0.4, "AU15": 0.6, "AU17": 0.5, "AU20": 0.4, "AU25": 0.4,
              "AU43": 0.4},
    "surprise": {"AU01": 1.0, "AU02": 1.0, "AU05": 0.7, "AU25": 0.8, "AU26": 0.8},
    "fear": {"AU01": 0.9, "AU02": 0.9, "AU04": 0.8, "AU05": 0.9, "AU20": 0.7, "AU25": 0.8, "AU26": 0.5},
    "anger": {"AU04": 1.0, "AU05": 0.5, "AU07": 0.8, "AU10": 0.2, "AU17": 0.3, "AU23": 0.5, "AU24": 0.5, "AU25": 0.2},
    "disgust": {"AU04": 0.3, "AU07": 0.3, "AU09": 0.6, "AU10": 0.7, "AU16": 0.3, "AU17": 0.4, "AU25": 0.4},
    "contempt": {"AU14": 1.0, "AU12": 0.3},
    "pain": {"AU04": 0.9, "AU06": 0.7, "AU07": 0.7, "AU09": 0.4, "AU10": 0.5, "AU20": 0.3, "AU25": 0.4, "AU26": 0.2,
             "AU43": 0.6},
    "thought": {"AU01": 0.2, "AU02": 0.2, "AU04": 0.4, "AU07": 0.3, "AU14": 0.3, "AU17": 0.3, "AU24": 0.4},
    "speech": {"AU01": 0.2, "AU02": 0.2, "AU10": 0.2, "AU16": 0.3, "AU18": 0.3, "AU22": 0.3, "AU25": 1.0, "AU26": 0.6},
    "closed eyes": {"AU43": 1.0},
    "rest": {},
}  # fmt: skip
"""How often each AU is part of an expression, where it is shown."""
STRAY = 0.03
"""How often any other AU moves beside an expression."""
LEAST, UNEVEN = 0.15, (0.6, 1.2)
"""The weakest expression, as a share of the strongest; and how far its AUs are from its strength."""


def expressions(count: int, random: np.random.Generator) -> npt.NDArray[np.float32]:
    """AUs (count, 23) in [0, 1] of ``count`` faces, each with one of :data:`PROTOTYPES`, all equally likely, at a
    strength of its own. AUs that do not take part are at rest, between 0 and twice their base."""
    table = np.array([[part.get(au, STRAY) for au in AU_NAMES] for part in PROTOTYPES.values()])
    chosen = table[random.integers(0, len(table), count)]
    strength = random.uniform(LEAST, 1.0, (count, 1)) * random.uniform(*UNEVEN, chosen.shape)
    idle = 2 * BASE_AU * random.random(chosen.shape)
    shown = random.random(chosen.shape) < chosen
    return np.where(shown, np.clip(strength, 0.0, 1.0), idle).astype(np.float32)
