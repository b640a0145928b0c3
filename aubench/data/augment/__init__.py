"""Aligned crops seen from other sides and with other expressions: poses in the manner of HPEN, warps by 68 landmarks.

Both are smooth maps of the picture, put together and sampled once; both are functions of a seed and a row's number
alone. numpy and OpenCV only.
"""

from __future__ import annotations

from aubench.data.augment.batch import Augmentation, augment_batch
from aubench.data.augment.copies import Copies, augmented, key
from aubench.data.augment.picture import Augmented, augment

__all__ = ["Augmentation", "Augmented", "Copies", "augment", "augment_batch", "augmented", "key"]
