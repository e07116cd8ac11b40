"""Prose by sentences: the first ones, and those that speak of what the agent looks for. The others are counted.

An extract in the sense of Luhn (1958): sentences are chosen and never rewritten.
"""

from __future__ import annotations

import re
from collections import Counter

from headroom_stream.config.cuts import ProseConfig
from headroom_stream.content import Compressed, Hints

_SENTENCE = re.compile(r"\S(?:[^.!?\n]++|[.!?](?![\"')\]]*+(?:\s|\Z)))*+[.!?\"')\]]*+")
_WORD = re.compile(r"[^\W_]{3,}")
_PLAIN = re.compile(r"[^\W\d_]{2,}")
_MARKS = re.compile(r"[{}<>=;|\\$#*_@~^]")
_STEM = 6
"""Characters of a word that count: enough to tell words apart, few enough to find a plural or a past form."""
_COMMON = 0.34
"""A word in more than this share of the sentences is what the text is about; it tells none of them apart."""
_GAP = " […] "
_PARAGRAPH = 80
"""Mean characters of a line of prose. Lists, logs and tables have shorter ones, and lose rows if they are taken for sentences."""
_LITTLE = frozenset(
    word[:_STEM]
    for word in re.findall(
        r"\w+",
        """about after all also and any are because been before between both but can could did does each either else every find first for
        from had has have her here his how into its itself just know known last least let like made make many may more most much must name
        named need neither next not now off once one only other our out over own same say search see she should since some still such than
        that the their them then there these they this those through thus too under until upon use used using very was were what when where
        whether which while who whom whose why will with within without would year years yet you your""",
    )
)
"""Words that tell nothing of what is looked for."""
_WORTH = 0.75
"""The most that may be left of a text. A lossy cut that saves less costs more when the agent asks for the rest."""


def compress(text: str, hints: Hints, config: ProseConfig) -> Compressed | None:
    """`text` without the sentences that say nothing of what is looked for, or None if it is no prose or would not shrink by a quarter."""
    if not config.enabled or len(text) < config.min_chars or not _is_prose(text):
        return None
    spans = [match.span() for match in _SENTENCE.finditer(text)]
    asked = _words(f"{hints.query} {hints.intent}")
    words = [frozenset(asked & _words(text[start:end])) for start, end in spans]
    holders = Counter(word for one in words for word in one)
    most = max(1.0, _COMMON * len(spans))
    wanted = {word for word in asked if 0 < holders[word] <= most}
    out: list[str] = []
    at = gone = 0
    for n, ((start, end), own) in enumerate(zip(spans, words, strict=True)):
        if n < config.first or not wanted.isdisjoint(own):
            out += [text[at:start], text[start:end]]
            at = end
        else:
            gone += 1
            out += [] if out[-1:] == [_GAP] else [_GAP]
            at = end + 1
    short = "".join(out)
    if not gone or len(short) > _WORTH * len(text):
        return None
    return Compressed(text=short, kind="prose", lossless=False, removed=f"{gone} sentences")


def _words(text: str) -> set[str]:
    return {word[:_STEM].lower() for word in _WORD.findall(text)} - _LITTLE


def _is_prose(text: str) -> bool:
    """By evidence from the start: nearly all of it is words, in sentences of several."""
    start = text[:4_000]
    paragraphs = [line for line in map(str.rstrip, start.split("\n")) if line]
    if len(start) < _PARAGRAPH * len(paragraphs):
        return False
    ended = sum(line.endswith((".", "!", "?", '."', ".)")) for line in paragraphs[:-1])
    if ended < 0.8 * (len(paragraphs) - 1):
        return False
    if len(_MARKS.findall(start)) > 0.005 * len(start) or sum(map(len, _PLAIN.findall(start))) < 0.7 * len(start):
        return False
    sentences = [s for s in _SENTENCE.findall(start) if len(_PLAIN.findall(s)) >= 5]
    return len(sentences) >= 4 and sum(map(len, sentences)) >= 0.8 * len(start.strip())
