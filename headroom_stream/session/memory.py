"""What a session was shown and what it made use of, kept between its turns."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from headroom_stream.learning import Learning, observe
from headroom_stream.messages import View
from headroom_stream.references import Referring, Shown

Sent = tuple[int, Referring, bytes | None]
"""A tool output: its number, its text with markers, and the digest of the text before references if it has markers."""


class Memory:
    """Holds an index of what was shown, and what was learnt of its use, for the next turn, if there is one.

    It only saves time: `recall` and `learnt` build the same from what was sent. That is why it takes no part in comparing sessions.
    """

    __slots__ = ("_learning", "_shown")

    def __init__(self, shown: Shown | None = None, learning: Learning | None = None) -> None:
        self._shown = shown
        self._learning = learning

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Memory)

    __hash__ = None  # type: ignore[assignment]  # equal to all others, it has no hash of use

    @property
    def chars(self) -> int:
        """Characters of outputs that it holds."""
        return self._shown.chars if self._shown else 0

    @property
    def values(self) -> int:
        """Values of outputs that it watches for."""
        return sum(len(one.values) + len(one.phrases) for one in self._learning.watched) if self._learning else 0

    @property
    def learning(self) -> Learning | None:
        """What it holds of learning."""
        return self._learning

    def recall(self, sent: Callable[[], Iterable[Sent]], max_chars: int) -> Shown:
        """The index over `sent`, which the caller goes on to extend: it is handed over, and this memory has none from then on."""
        shown = self.handed_over()
        if shown is None or shown.max_chars != max_chars:
            shown = Shown(max_chars)
            for number, text, repeats in sent():
                shown.add(number, text, repeats)
        return shown

    def handed_over(self) -> Shown | None:
        """The index that it holds, for another memory to hold."""
        shown, self._shown = self._shown, None
        return shown

    def learnt(self, sent: Callable[[], Iterable[View]]) -> Learning:
        """What the messages `sent` teach of the use of outputs."""
        if self._learning is not None:
            return self._learning
        learning = Learning()
        for message in sent():
            learning = observe(learning, message)
        return learning
