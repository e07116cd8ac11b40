"""Puts back what a session's outputs refer to, where the outputs that they point at leave the context."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import structs

from headroom_stream.messages import Path, view, with_texts
from headroom_stream.references import Mark, Referring, expand
from headroom_stream.session.state import Pointing, Segment, Stored, outputs
from headroom_stream.tokens import Tokenizer


def resolved(
    segments: tuple[Segment, ...], gone: Iterable[Stored], tokenizer: Tokenizer, number: int
) -> tuple[int, tuple[Segment, ...]]:
    """The segments with every marker that points at an output of `gone` replaced by what it stands for, and the next free number.

    Segments that change get numbers from `number` on.
    """
    left = {n: sent for n, sent, _ in outputs([Segment(0, tuple(gone))])}
    known = left | {n: sent for n, sent, _ in outputs(segments)}
    out: list[Segment] = []
    for segment in segments:
        messages = tuple(_message(m, left, known, tokenizer) if m.pointing else m for m in segment.messages)
        changed = messages != segment.messages
        out.append(Segment(number, messages) if changed else segment)
        number += changed
    return number, tuple(out)


def _message(message: Stored, left: Mapping[int, Referring], known: Mapping[int, Referring], tokenizer: Tokenizer) -> Stored:
    seen = view(message.body)
    texts: dict[Path, str] = {}
    pointing: list[Pointing] = []
    more = 0
    for own in message.pointing:
        output = seen.outputs[own.slot]
        sent = _output(Referring(output.text, own.marks), left, known)
        if sent.text != output.text:
            texts[output.path] = sent.text
            more += tokenizer.count(sent.text) - tokenizer.count(output.text)
        if sent.marks:
            pointing.append(Pointing(own.slot, sent.marks, own.repeats))
    if not texts:
        return message
    body = with_texts(message.body, texts)
    return structs.replace(message, body=body, after=message.after + more, pointing=tuple(pointing))


def _output(sent: Referring, left: Mapping[int, Referring], known: Mapping[int, Referring]) -> Referring:
    """The text with the markers that point at what left replaced; the others move along."""
    out: list[str] = []
    marks: list[Mark] = []
    at = moved = 0
    for mark in sent.marks:
        if any(part.output in left for part in mark.parts):
            whole = expand(
                Referring(sent.text[mark.start : mark.end], (structs.replace(mark, start=0, end=mark.end - mark.start),)),
                known.__getitem__,
            )
            out += [sent.text[at : mark.start], whole]
            at = mark.end
            moved += len(whole) - (mark.end - mark.start)
        else:
            marks.append(structs.replace(mark, start=mark.start + moved, end=mark.end + moved))
    return Referring("".join([*out, sent.text[at:]]), tuple(marks))
