"""The Python examples of an API page that is kept elsewhere."""

from __future__ import annotations

import re
from typing import Any

_CODE = re.compile(r"from [\w.]+ import |\w+ = |print\(|# |if |for |    \w")
"""How a paragraph of Python begins on the page; prose and TypeScript do not."""
_IMPORT = re.compile(r"(?<=^from )headroom(?=[. ])", re.MULTILINE)


def snippets(page: str) -> list[str]:
    """The examples, in order: paragraphs of Python that follow one another are one."""
    found: list[list[str]] = [[]]
    for paragraph in page.split("\n\n"):
        code = paragraph.strip("\n")
        if _CODE.match(code):
            found[-1].append(code)
        elif found[-1]:
            found.append([])
    return ["\n\n".join(run) for run in found if run]


def run(code: str, names: dict[str, Any]) -> None:
    """Run an example as it is written, but for the package's name in imports and the lists that it leaves to its reader."""
    ours = _IMPORT.sub("headroom_stream", code).replace("messages=[...]", "messages=messages").replace("[...]", "records")
    exec(compile(ours, "page", "exec"), names)
