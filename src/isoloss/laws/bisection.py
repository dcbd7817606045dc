"""Where does a quantity change sides? Halving of many intervals at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]


def crossing(beyond: Callable[[Array], Bools], left: Array, right: Array, halvings: int) -> Array:
    """The points where ``beyond`` turns true between ``left`` and ``right``, elementwise.

    Args:
        beyond: false at ``left``, true at ``right``, in arrays of their shape.
        left: one end of each interval; may be the larger one.
        right: the other end.
        halvings: the answer is exact to the width over 2^halvings.
    """
    for _ in range(halvings):
        middle: Array = 0.5 * (left + right)
        far = beyond(middle)
        left, right = np.where(far, left, middle), np.where(far, middle, right)
    return 0.5 * (left + right)
