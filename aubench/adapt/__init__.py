"""From a trained regressor to somebody's own recordings, without labels and without training.

What the regressor reads is brought to zero mean and unit spread first (:mod:`aubench.standardisation`). Other cameras,
other light and other people have another mean. It is computed from frames of the recordings, and the model's own mean
moves towards it, the further the more people there are. No weight of a network changes.
"""

FRAMES = 2000
"""Frames that are looked at, in all recordings together, unless another number is asked for."""
