"""A deterministic embedder for tests: words of one meaning share a direction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MEANINGS = (
    ("refused", "denied", "rejected"),
    ("car", "vehicle", "automobile"),
    ("cheap", "affordable", "inexpensive"),
)


def embed(texts: Sequence[str]) -> NDArray[np.float64]:
    """Each text as how often each meaning is in it."""
    return np.array([[sum(word in text.lower() for word in words) for words in MEANINGS] for text in texts], dtype=np.float64)
