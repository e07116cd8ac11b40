"""The index of what a session was shown, kept between its turns."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from headroom_stream.references import Referring, Shown

Sent = tuple[int, Referring, bytes | None]
"""A tool output: its number, its text with markers, and the digest of the text before references if it has markers."""


class Memory:
    """Holds an index for the next turn, if there is one.

    It only saves time: `recall` builds the same index from what was sent. That is why it takes no part in comparing sessions.
    """

    __slots__ = ("_shown",)

    def __init__(self, shown: Shown | None = None) -> None:
        self._shown = shown

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Memory)

    __hash__ = None  # type: ignore[assignment]  # equal to all others, it has no hash of use

    @property
    def chars(self) -> int:
        """Characters of outputs that it holds."""
        return self._shown.chars if self._shown else 0

    def recall(self, sent: Callable[[], Iterable[Sent]], max_chars: int) -> Shown:
        """The index over `sent`, which the caller goes on to extend: it is handed over, and this memory is empty from then on."""
        shown, self._shown = self._shown, None
        if shown is None or shown.max_chars != max_chars:
            shown = Shown(max_chars)
            for number, text, repeats in sent():
                shown.add(number, text, repeats)
        return shown
