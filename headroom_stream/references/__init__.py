"""References to what a session was shown before: whole outputs, runs of lines, JSON values, objects of which only some fields changed.

A reference stands for text that the model still sees in an earlier tool output, so that nothing is lost and nothing has to be fetched.
`Shown` knows what was shown; `refer` replaces what a new text repeats; `expand` puts it back.
"""

from __future__ import annotations

from headroom_stream.references.marks import Mark, Referring, Span, expand
from headroom_stream.references.refer import refer
from headroom_stream.references.shown import Shown

__all__ = ["Mark", "Referring", "Shown", "Span", "expand", "refer"]
