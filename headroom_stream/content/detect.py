"""Which compressor a text gets: the first kind that fits, and the shortest result where several do."""

from __future__ import annotations

from headroom_stream.config import Policy
from headroom_stream.content import Compressed, Hints, logs, noise, records


def compress_text(text: str, hints: Hints, policy: Policy) -> Compressed | None:
    """The shortest that `policy` allows to make of `text`, in characters; None if nothing applies.

    JSON is tried alone: its result is lossless. Terminal noise is removed before the text is read as a log.
    Whether tokens are saved is the caller's to count.
    """
    if (record := records.compress(text, hints, policy.records)) is not None:
        return record
    clean = noise.compress(text, hints, policy.noise)
    log = logs.compress(text if clean is None else clean.text, hints, policy.logs)
    return min((made for made in (log, clean) if made is not None), key=lambda made: len(made.text), default=None)
