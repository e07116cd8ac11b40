"""Code under line numbers, as `cat -n`, `nl` and tools that read files print it: the blanks before the numbers go, the code stays."""

from __future__ import annotations

import re

from headroom_stream.config.policy import NumberedConfig
from headroom_stream.content import Compressed, Hints

_WIDTH = 7
"""`%6d` and a tab or an arrow: all of them pad so. With one width the blanks follow from the number."""
_PADDED = re.compile(r"^ {1,5}+(?=[0-9]{1,5}+[\t→])", re.MULTILINE)
_SHARE = 0.5
"""Of the lines, those that are padded. Others may be separators of `grep -C`, or what else a command printed."""


def compress(text: str, hints: Hints, config: NumberedConfig) -> Compressed | None:  # noqa: ARG001  # every compressor has this signature
    """`text` with `100<tab>code` in place of `   100<tab>code`, or None if it is no listing by number."""
    if not config.enabled or ("\t" not in text and "→" not in text):
        return None
    found = list(_PADDED.finditer(text))
    if len(found) < 2 or len(found) < _SHARE * text.count("\n"):
        return None
    if any(text[match.start() + _WIDTH - 1] not in "\t→" for match in found):
        return None
    return Compressed(text=_PADDED.sub("", text), kind="numbered", lossless=True)
