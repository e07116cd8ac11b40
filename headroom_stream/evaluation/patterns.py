"""Finds typed values in a text: addresses, paths, dates, numbers and identifiers, leftmost first.

Each kind is a pattern that may begin anywhere. Tried at every character, most of them would read each run of characters again from each
of its characters, though one that fails at the start of a run can't succeed within it. So there are two scanners: one that begins only
where a run begins, and one that begins anywhere, for what is left of a run in which a value ended. They find the same values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_EXTENSIONS = "py|c|h|cpp|js|ts|go|rs|java|rb|txt|md|cfg|toml|ini|json|ya?ml|rst|sh|sql|html|log|db|zip|png|jpg|pyx"
_URL = r"""https?://[^\s"'<>)\]}\\]+"""
_EMAIL = r"[\w.+-]++@[\w-]++\.[\w.]+"
_PATH = r"[\w.+@-]++(?:/[\w.+@-]++)+"
_FILE = rf"\b[\w-]++\.(?:{_EXTENSIONS})\b"
_DATE = r"\b\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?)?\b|\b\d{1,2}:\d{2}(?::\d{2})?\b"
_NUMBER = r"(?<![\w.])(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\w)|\d+\.\d+(?![\w.])|\d{3,}(?![\w.]))"
_WORD_WITH_DIGIT = r"[A-Za-z_][A-Za-z0-9_-]*\d[A-Za-z0-9_-]*"
_DIGITS_WITH_LETTER = r"\d++[A-Za-z_][A-Za-z0-9_-]*"
_NAME = r"\b[A-Za-z]\w*_\w+\b|\b_\w{3,}\b|\b[a-z]+[A-Z]\w+\b|\b[A-Z][a-z0-9]+[A-Z]\w+\b|\b[a-z_]\w+(?:\.[A-Za-z_]\w+)+\b"

_ANYWHERE = re.compile(
    rf"(?P<url>{_URL})|(?P<email>{_EMAIL})|(?P<path>/?{_PATH}|{_FILE})|(?P<date>{_DATE})|(?P<num>{_NUMBER})"
    rf"|(?P<ident>\#?{_WORD_WITH_DIGIT}|\#?{_DIGITS_WITH_LETTER}|{_NAME})"
)
# After a letter only a URL can begin. A name of a file, or a word with a digit, begins at the first letter of its run: what stands before
# it there may be dashes, of which a few are looked past.
_NOT_WITHIN_NAME = r"(?<!\w-)(?<!\w--)(?<!\w---)"
_NOT_WITHIN_WORD = r"(?<![A-Za-z_]-)(?<![A-Za-z_]--)(?<![A-Za-z_]---)"
_AT_STARTS = re.compile(
    rf"(?P<url>{_URL})|(?P<tagged>\#(?:{_WORD_WITH_DIGIT}|{_DIGITS_WITH_LETTER}))|(?<![A-Za-z_])(?:"
    rf"(?P<email>(?<![\w.+-]){_EMAIL})|(?P<path>/{_PATH}|(?<![\w.+@-]){_PATH}|{_NOT_WITHIN_NAME}{_FILE})"
    rf"|(?P<date>{_DATE})|(?P<num>{_NUMBER})"
    rf"|(?P<ident>{_NOT_WITHIN_WORD}{_WORD_WITH_DIGIT}|(?<!\d){_DIGITS_WITH_LETTER}|{_NAME}))"
)
_REST_OF_RUN = re.compile(r"[\w.+@-]*+/?")
"""With the slash that ends it: after an address it begins a path."""
_UNBROKEN = re.compile(r"(?<![\w.+@/-])[\w.+@/-]{2000,}+")
"""What no separator breaks: an encoded file, a line of dashes. No agent copies a value of that length, and where values end within such a
run, looking for more takes time with the square of its length."""


def values(text: str) -> Iterator[tuple[str, str]]:
    """The values of a text in order, each with its kind: url, email, path, date, num or ident."""
    text = _UNBROKEN.sub(" ", text)
    at = rest = 0
    while True:
        # Up to `rest` goes the run within which the value before ended.
        found = next((m for p in range(at, rest) if (m := _ANYWHERE.match(text, p))), None)
        found = found or _AT_STARTS.search(text, max(at, rest))
        if found is None:
            return
        kind = found.lastgroup or ""
        yield found[0], "ident" if kind == "tagged" else kind
        at = found.end()
        run = _REST_OF_RUN.match(text, at)
        rest = run.end() if run else at
