"""Use events: where an agent writes a value that it can only have from a tool output.

A value counts when a tool output held it before, no system or user message did, and the agent had not written it before any output did.
The measure is offline: it needs no model, only what the agent wrote later.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from headroom_stream.evaluation.atoms import atoms, bounded, is_leaf, unescaped
from headroom_stream.evaluation.pieces import Piece
from headroom_stream.evaluation.words import runs

_SHORT = 8
"""A shorter atom that stands within a longer one of the same message is part of that one: the number within an identifier."""


class Use(Struct, frozen=True, kw_only=True):
    """A value taken over from a tool output."""

    at: int
    """Index of the piece in which the agent writes it."""
    atom: str
    kind: str
    """url, email, path, date, num, ident; leaf: a whole string of a JSON output."""
    source: int
    """Index of the latest piece before that held it."""
    first: bool
    """The agent had not written it before."""


def uses(pieces: Sequence[Piece]) -> list[Use]:
    """The use events of a conversation in order."""
    reader = _Reader()
    found: list[Use] = []
    for at, piece in enumerate(pieces):
        if piece.role == "tool":
            reader.output(at, piece)
        elif piece.role == "assistant":
            found += reader.agent(at, piece)
        else:
            reader.given(piece)
    return found


class _Reader:
    """What stood where, up to a place in the conversation."""

    def __init__(self) -> None:
        self._from_tools: dict[str, int] = {}
        self._leaves = _Leaves()
        self._keys: set[str] = set()
        self._given: set[str] = set()
        self._given_texts: list[str] = []
        self._not_given: dict[str, int] = {}
        """How many of the given texts a leaf is known not to stand in."""
        self._leaves_given: set[str] = set()
        self._authored: set[str] = set()
        self._said: set[str] = set()

    def given(self, piece: Piece) -> None:
        """What the system or the user says, the agent has from there."""
        text = unescaped(piece.content)
        self._given.update(atoms(text))
        self._given_texts.append(text)

    def output(self, at: int, piece: Piece) -> None:
        self._from_tools.update(dict.fromkeys(atoms(unescaped(piece.content)), at))
        values = piece.values()
        if values is not None:
            texts, keys = values
            self._keys.update(keys)
            self._leaves.add(at, texts)

    def agent(self, at: int, piece: Piece) -> list[Use]:
        text = piece.said
        here: dict[str, tuple[str, int]] = {}
        for atom, kind in atoms(text).items():
            if atom not in self._from_tools:
                self._authored.add(atom)
            elif not self._known(atom) and atom not in self._authored:
                here[atom] = (kind, self._from_tools[atom])
        for leaf, source in self._leaves.within(text):
            if leaf not in here and not self._known(leaf) and bounded(leaf, text) and not self._stands_in_given(leaf):
                here[leaf] = ("leaf", source)
        parts = _parts(here)
        found = [
            Use(at=at, atom=atom, kind=kind, source=source, first=atom not in self._said)
            for atom, (kind, source) in here.items()
            if len(atom) >= _SHORT or atom not in parts
        ]
        self._said.update(here)
        return found

    def _known(self, atom: str) -> bool:
        return atom in self._given or atom in self._keys

    def _stands_in_given(self, leaf: str) -> bool:
        if leaf in self._leaves_given:
            return True
        begin = self._not_given.get(leaf, 0)
        for text in self._given_texts[begin:]:
            if bounded(leaf, text):
                self._leaves_given.add(leaf)
                return True
        self._not_given[leaf] = len(self._given_texts)
        return False


def _parts(found: Iterable[str]) -> set[str]:
    """What the atoms contain that is as long as one of the short ones, the short ones themselves aside."""
    lengths = sorted({len(atom) for atom in found if len(atom) < _SHORT})
    return {atom[i : i + n] for n in lengths for atom in found if len(atom) > n for i in range(len(atom) - n + 1)}


class _Leaves:
    """The strings of JSON outputs, found by their longest run of letters and digits: a text can hold a leaf only if it holds that run."""

    def __init__(self) -> None:
        self._latest: dict[str, int] = {}
        self._order: dict[str, int] = {}
        self._by_run: dict[str, list[str]] = {}

    def add(self, at: int, texts: Iterable[str]) -> None:
        for text in texts:
            if not is_leaf(text):
                continue
            if text not in self._latest:
                self._order[text] = len(self._order)
                self._by_run.setdefault(max(runs(text), key=len, default=""), []).append(text)
            self._latest[text] = at

    def within(self, text: str) -> list[tuple[str, int]]:
        """Leaves that may stand in a text, with the piece that held them last, in the order in which they came up."""
        if not self._latest:
            return []
        candidates = {leaf for run in {"", *runs(text)} for leaf in self._by_run.get(run, ())}
        return [(leaf, self._latest[leaf]) for leaf in sorted(candidates, key=self._order.__getitem__)]
