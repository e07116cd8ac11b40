"""Which lines a query names: identifiers, numbers and quoted strings where they stand whole, plain words where they are rare."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

_QUOTED = re.compile(r"\"([^\"\n]{2,200})\"|'(?<!\w')([^'\n]{2,200})'|`([^`\n]{2,200})`|“([^”\n]{2,200})”|‘([^’\n]{2,200})’")
_RUN = re.compile(r"[^\s\"'`,;()\[\]{}<>|“”‘’]+")
_WORDS = re.compile(r"\w+")
_IDENTIFIER = re.compile(r"[0-9_./:@\\$#-]|[a-z][A-Z]|[A-Z]{3}")
_NUMBER = re.compile(r"[0-9](?<![\w.,].)[0-9]{0,2}(?:([,_' ])[0-9]{3})(?:\1[0-9]{3})*(?:\.[0-9]+)?(?![\w])")
_PLAIN_NUMBER = re.compile(r"[0-9]{4,18}(?:\.[0-9]{1,9})?")
_FILE_LINE = re.compile(r"([\w.@/\\-]{1,200}\.\w{1,8}):([0-9]{1,9})(?::[0-9]{1,9})?")
_RARE_LINES = 3
"""A plain word on more lines than this says nothing about any of them."""
_MANY_LINES = 50
_MANY_SHARE = 0.02
"""An identifier on more lines and on a greater share of them names the whole text, not a line: the service whose log it is."""
_FEW_LINES = 5
"""Of short texts, where a third of the lines is many: the project in whose folder all the packages of an installation lie."""
_AT_ONCE = 1_000
"""Lines whose words are in memory at the same time: they take several times the text."""
_PLAIN_FROM = 4
"""Characters of a plain word that is looked for."""
_SHORT = 2
"""Terms below this length, such as single digits, stand on nearly every line."""


class Named:
    """The terms of one query, looked up by their most telling word, so that a line costs its own length whatever the query."""

    def __init__(self, query: str, intent: str = "") -> None:
        """`intent` is what else is asked, with one output alone; the query is read once for all of them."""
        self.terms, self.plain = _terms(query, intent)

    def lines(self, lines: list[str]) -> set[int]:
        """The places of the lines that the query names.

        A term on very many lines counts only where it meets another.
        """
        if not self.terms and not self.plain:
            return set()
        # Most texts have few words of the query: looked for all at once, the others cost nothing line by line.
        asked = self.terms.keys() | self.plain
        known: set[str] = set()
        for at in range(0, len(lines), _AT_ONCE):
            known |= _words_of(asked, "\n".join(lines[at : at + _AT_ONCE]).lower())
        if not known:
            return set()
        holders: dict[str, list[int]] = {}
        plain: dict[str, list[int]] = {}
        for at, line in enumerate(lines):
            low = line.lower()
            words = known.intersection(_WORDS.findall(low))
            if not words:
                continue
            found = {term for word in words for form, term in self.terms.get(word, {}).items() if _stands(form, low)}
            for term in found:
                holders.setdefault(term, []).append(at)
            for word in self.plain & words:
                plain.setdefault(word, []).append(at)
        many = max(_MANY_LINES, int(_MANY_SHARE * len(lines))) if len(lines) > 3 * _MANY_LINES else max(_FEW_LINES, len(lines) // 3)
        out = {at for places in plain.values() if len(places) <= _RARE_LINES for at in places}
        out.update(at for places in holders.values() if len(places) <= many for at in places)
        met = Counter(at for places in holders.values() if len(places) > many for at in places)
        meetings = [at for at, count in met.items() if count > 1]
        if len(meetings) <= many:
            out.update(meetings)
        return out


def _words_of(asked: set[str], low: str) -> set[str]:
    """The words of `asked` that stand in a text of small letters."""
    if low.upper() == low:  # no letters, as in a list of numbers: each is a word, and few of them are asked for
        asked = {word for word in asked if word.upper() == word and word in low}
    return asked.intersection(_WORDS.findall(low)) if asked else asked


_Terms = tuple[dict[str, dict[str, str]], set[str]]
"""The terms of a query by their most telling word: how each may be written, and the term; and its plain words."""


@lru_cache(maxsize=4)
def _terms(query: str, intent: str) -> _Terms:
    """The terms of a query and an intent. Several compressors ask for the same ones."""
    # No term goes over a line break.
    last = query.rfind("\n") + 1
    return _read(f"{query[last:]} {intent}" if intent else query[last:], *_first_terms(query[:last]))


@lru_cache(maxsize=4)
def _first_terms(query: str) -> _Terms:
    """Those of all lines of a query but the last, for the outputs of a session."""
    return _read(query, {}, set())


def _read(query: str, known: dict[str, dict[str, str]], known_plain: set[str]) -> _Terms:
    """Those of a query, and the ones that are known."""
    out, plain = dict(known), set(known_plain)
    for match in _QUOTED.finditer(query):
        _add(out, next(group for group in match.groups() if group is not None))
    for match in _NUMBER.finditer(query):
        _add_number(out, match.group())
    others: list[str] = []
    for run in dict.fromkeys(_RUN.findall(query)):
        # Most are plain words. This is what the rules below say of those.
        if not (run.isalpha() and run.islower()):
            others.append(run.strip(".:!?*-…"))
        elif len(run) >= _PLAIN_FROM:
            plain.add(run)
    for term in dict.fromkeys(others):
        if _IDENTIFIER.search(term):
            _add(out, term)
            if _PLAIN_NUMBER.fullmatch(term):
                _add_number(out, term)
            elif ":" in term and (place := _FILE_LINE.fullmatch(term)):
                _add_place(out, *place.groups())
        elif len(term) >= _PLAIN_FROM:
            plain.add(term.lower())
    return out, plain


def _add(terms: dict[str, dict[str, str]], written: str, term: str = "") -> None:
    written = written.lower().strip()
    words = [written] if written.isalnum() else _WORDS.findall(written)
    if words and len(written) >= _SHORT:
        # Of `item-17`, `item` may stand on every line.
        telling = max(words, key=lambda word: (not word.isalpha(), len(word))) if len(words) > 1 else words[0]
        terms[telling] = {**terms.get(telling, {}), written: term or written}


def _add_number(terms: dict[str, dict[str, str]], written: str) -> None:
    """`1234567` is `1,234,567` as well."""
    digits = re.sub("[,_' ]", "", written)
    whole, dot, rest = digits.partition(".")
    for mark in ("", ",", "_"):
        _add(terms, f"{int(whole):,}".replace(",", mark) + dot + rest, digits)


def _add_place(terms: dict[str, dict[str, str]], file: str, line: str) -> None:
    """`a.py:3` is what Python calls `File "a.py", line 3`."""
    for form in (f'{file}", line {line}', f"{file} line {line}", f"{file}({line}", f"{file}:{line}"):
        _add(terms, form, f"{file}:{line}")


def _stands(form: str, line: str) -> bool:
    """Whether `form` stands in `line` and not as a part of a longer word or number."""
    at = line.find(form)
    while at >= 0:
        end = at + len(form)
        before, after = line[at - 1 : at] if at else "", line[end : end + 1]
        if not (_goes_on(before) and _goes_on(form[0])) and not (_goes_on(form[-1]) and _goes_on(after)):
            return True
        at = line.find(form, at + 1)
    return False


def _goes_on(mark: str) -> bool:
    return mark == "_" or mark.isalnum()
