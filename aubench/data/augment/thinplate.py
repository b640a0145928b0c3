"""Thin-plate splines: smooth functions of the plane with given values at scattered points (Bookstein, 1989)."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
from scipy.linalg import lu_factor, lu_solve

from aubench.data.augment.maps import look_up
from aubench.types import Floats

CELLS = 33
"""A spline is evaluated on so many nodes a side, and in between by cubic interpolation."""


def _kernel(distance2: Floats) -> Floats:
    """r² log r, from squared distances, which are overwritten."""
    np.maximum(distance2, 1e-12, out=distance2)
    return 0.5 * distance2 * np.log(distance2)


def _between(a: Floats, b: Floats) -> Floats:
    """Squared distances (n, m)."""
    x, y = (a[:, None, k] - b[None, :, k] for k in (0, 1))
    return x * x + y * y


@functools.cache
def _nodes() -> Floats:
    """Nodes (CELLS², 2) over the unit square, rows first."""
    line = np.linspace(0.0, 1.0, CELLS, dtype=np.float32)
    x, y = np.meshgrid(line, line)
    return np.stack([x.ravel(), y.ravel()], axis=1)


class ThinPlate:
    """The splines with nodes at ``points`` (k, 2) of the unit square. Their linear system is factorised once, for all
    values that they are given.

    ``smoothing`` is Wahba's kλ: it is added to the kernel's diagonal, so that points which all but coincide, as those
    of closed lips do, need not be told apart.

    Not ``scipy.interpolate.RBFInterpolator``, which solves and evaluates the kernel anew for all ``values``: 1.9 ms of
    CPU time where a call of this takes 0.14 ms (76 points, 3 values each, one thread; equal within 1e-4).
    """

    def __init__(self, points: Floats, smoothing: float = 1e-3) -> None:
        k, self.points = len(points), points
        system = np.zeros((k + 3, k + 3), np.float64)
        system[:k, :k] = _kernel(_between(points, points))
        system[:k, :k] += smoothing * np.eye(k)
        system[:k, k] = system[k, :k] = 1.0
        system[:k, k + 1 :] = points
        system[k + 1 :, :k] = points.T
        self._factors = lu_factor(system)

    def __call__(self, values: Floats) -> Floats:
        """On :data:`CELLS`² nodes over the unit square, (CELLS, CELLS, c), the spline that takes ``values`` (k, c) at
        the points."""
        k, nodes = len(self.points), _nodes()
        weights = self.weights(values).astype(np.float32)
        field: Floats = self._basis @ weights[:k] + weights[k] + nodes @ weights[k + 1 :]
        return field.reshape(CELLS, CELLS, -1)

    def weights(self, values: Floats) -> npt.NDArray[np.float64]:
        """Coefficients (k + 3, c) of the spline that takes ``values`` (k, c) at the points: one for each point's
        kernel, then of the plane 1, x, y."""
        right = np.concatenate([values, np.zeros((3, values.shape[1]))]).astype(np.float64)
        solved: npt.NDArray[np.float64] = lu_solve(self._factors, right)
        return solved

    @functools.cached_property
    def _basis(self) -> Floats:
        return _kernel(_between(_nodes(), self.points))


def at_pixels(field: npt.NDArray[np.float32], size: int) -> Floats:
    """A field on nodes (n, n, c), whose outer nodes lie on the crop's edges, at the centres of ``size``² pixels."""
    n = field.shape[0]
    line = ((np.arange(size, dtype=np.float32) + 0.5) / size) * (n - 1)
    return look_up(field, np.stack(np.meshgrid(line, line), axis=2)).reshape(size, size, -1)
