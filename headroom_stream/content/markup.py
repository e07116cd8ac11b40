"""A fetched HTML page as its content: text, headings, links, and what can be acted on with its names and identifiers.

What a tag is for stays (`# heading`, `- item`, `[text](address)`, `<input name=q>`); how it looks goes. Scripts and styles are named by
their length. Only pages that say they were fetched are read: the source of a page that an agent edits is code.
"""

from __future__ import annotations

import re

from headroom_stream.config.policy import MarkupConfig
from headroom_stream.content import Compressed, Hints

_PAGE = re.compile(r"<!doctype html|<html[\s>]", re.IGNORECASE)
_FETCHED = re.compile(r"% Total    % Received|^HTTP/[0-9.]+ [0-9]{3}|^content-type: text/html", re.MULTILINE | re.IGNORECASE)
_FETCHING_TOOL = re.compile(r"brows|fetch|http|url|web|page|curl|navigat|click|goto|scrape|crawl|open_link|visit", re.IGNORECASE)
_FETCHING_COMMAND = re.compile(r"\b(?:curl|wget)\s")
_TEMPLATE = re.compile(r"\{%|\{\{|<\?php|<%")
_HEAD_WITHIN = 3_000
"""Characters in which a page begins; what fetched it speaks before."""

_TOKEN = re.compile(
    r"""<(?P<close>/?)(?P<tag>[a-zA-Z][\w:-]{0,40})(?P<attributes>(?:[^"'<>]++|"[^"<>]{0,4000}+"|'[^'<>]{0,4000}+'){0,200}+)>
    | (?P<text>[^<]++) | <""",
    re.VERBOSE,
)
_ATTRIBUTE = re.compile(r"""([\w:-]{1,60})(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?""")
_RAW = ("script", "style", "svg", "noscript", "template", "iframe")
"""Elements that no reader sees as text."""
_CLOSING = {tag: re.compile(f"</{tag}", re.IGNORECASE) for tag in _RAW}
_SHORT_SCRIPT = 300
"""Characters of a script that is shown: it may hold what the page is about."""
_BLOCKS = frozenset(
    re.findall(
        r"\w+",
        "address article aside blockquote body br dd details dialog div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 head"
        " header hr html legend li main nav ol option p pre section select summary table tbody td tfoot th thead title tr ul",
    )
)
_CELLS = frozenset(("td", "th"))
_ACTED_ON = frozenset(("button", "form", "input", "label", "meta", "option", "select", "textarea"))
_KEPT = (
    "id", "name", "type", "value", "action", "method", "placeholder", "href", "for", "content", "checked", "selected", "disabled",
    "aria-label", "role", "title", "alt", "src", "bid", "backend_node_id", "data-testid",
)  # fmt: skip
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "#39": "'", "apos": "'", "nbsp": " "}
_ENTITY = re.compile(r"&(amp|lt|gt|quot|#39|apos|nbsp);")
_BLANKS = re.compile(r"[ \t\r\f\v]+")
_HELD = "\x00"
"""Stands for a blank of preformatted text until the others are folded."""
_WORTH = 0.75
"""The most that may be left of a page."""


def compress(text: str, hints: Hints, config: MarkupConfig) -> Compressed | None:
    """`text` with its page as content, or None if it holds no fetched page or would not shrink by a quarter."""
    if not config.enabled or len(text) < config.min_characters or (page := _PAGE.search(text[:_HEAD_WITHIN])) is None:
        return None
    fetched = _FETCHING_TOOL.search(hints.tool) or _FETCHING_COMMAND.search(hints.intent) or _FETCHED.search(text[: page.start()])
    if not fetched or _TEMPLATE.search(text):
        return None
    short = text[: page.start()] + _content(text, page.start())
    if len(short) > _WORTH * len(text):
        return None
    return Compressed(text=short, kind="markup", lossless=False, removed=f"markup of {len(text) - len(short):,} characters")


def _content(page: str, at: int) -> str:
    """What stands from `at` on."""
    out: list[str] = []
    links: list[str] = []
    within_pre = False
    while at < len(page):
        if page.startswith("<!", at):
            end = page.find("-->" if page.startswith("<!--", at) else ">", at)
            if end < 0:
                out.append(page[at:])
                break
            end += 3 if page.startswith("<!--", at) else 1
            if page.startswith("<!--", at) and not page.startswith("<!--[if", at):
                out.append(page[at:end])
            at = end
            continue
        token = _TOKEN.match(page, at)
        assert token is not None, "one alternative takes any <, another all but <"
        at = token.end()
        if token["tag"] is None:
            text = token["text"] or "<"
            out.append(text.replace(" ", _HELD) if within_pre else text)
            continue
        tag = token["tag"].lower()
        if tag == "pre":
            within_pre = not token["close"]
        if tag in _RAW and not token["close"] and not token["attributes"].endswith("/"):
            # Not in a copy in small letters: one emoji makes that four times as large as the page.
            closing = _CLOSING[tag].search(page, at)
            end = closing.start() if closing else len(page)
            out.append(_raw(tag, token["attributes"], page[at:end].strip()))
            at = end
        else:
            out.append(_tag(tag, token["close"], token["attributes"], links))
    content = "".join(out)
    out.clear()
    return _lines(content)


def _raw(tag: str, attributes: str, inner: str) -> str:
    source = dict(_named(attributes)).get("src", "")
    if tag == "script" and 0 < len(inner) <= _SHORT_SCRIPT:
        return f"\n<script>{inner}</script>\n"
    if source:
        return f"\n<{tag} src={source}>\n"
    return f"\n<{tag}, {len(inner):,} characters>\n" if inner and tag != "style" else ""


def _tag(tag: str, close: str, attributes: str, links: list[str]) -> str:
    """What a tag becomes. `links` holds the addresses of the links that are open."""
    if tag == "a":
        if close:
            address = links.pop() if links else ""
            return f"]({address})" if address else ""
        links.append(dict(_named(attributes)).get("href", ""))
        return "[" if links[-1] else ""
    if tag == "img" and not close:
        named = dict(_named(attributes))
        return f"![{named.get('alt', '')}]({named.get('src', '')})"
    if tag in _ACTED_ON:
        if close:
            return "\n" if tag in _BLOCKS else ""
        said = "".join(f" {name}={_quoted(value)}" if value else f" {name}" for name, value in _named(attributes))
        return f"\n<{tag}{said}>" if said or tag != "label" else ""
    identity = dict(_named(attributes))
    mark = "".join(f"<{key}={identity[key]}>" for key in ("backend_node_id", "bid", "data-testid") if key in identity)
    if close:
        return "\n" if tag in _BLOCKS and tag not in _CELLS else " "[: tag in _CELLS]
    if tag[0] == "h" and tag[1:].isdigit():
        return f"\n{'#' * int(tag[1])} {mark}"
    if tag in _CELLS:
        return f"| {mark}"
    return ("\n- " if tag == "li" else "\n" if tag in _BLOCKS else "") + mark


def _named(attributes: str) -> list[tuple[str, str]]:
    """The attributes that stay, in their order."""
    if not attributes.strip(" /\n"):
        return []
    found = [(match[1].lower(), match[2] or match[3] or match[4] or "") for match in _ATTRIBUTE.finditer(attributes)]
    return [(name, value) for name, value in found if name in _KEPT]


def _quoted(value: str) -> str:
    return f'"{value}"' if re.search(r"[\s\"<>]", value) else value


def _lines(text: str) -> str:
    text = _ENTITY.sub(lambda match: _ENTITIES[match[1]], text)
    lines = (_BLANKS.sub(" ", line).strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line not in ("", "-", "|")).replace(_HELD, " ")
