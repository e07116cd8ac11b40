"""Examples in docstrings, to be run: text for readers that is code."""

from __future__ import annotations

import re
import textwrap
from types import ModuleType
from typing import Any

_BLOCK = re.compile(r"(?:^ {4}.*\n|^\n(?= {4}))+", re.MULTILINE)


def examples(module: ModuleType) -> list[str]:
    """The indented blocks of a module's docstring."""
    return [textwrap.dedent(found[0]) for found in _BLOCK.finditer(f"{module.__doc__}\n")]


def defined(module: ModuleType, **names: Any) -> dict[str, Any]:
    """What the blocks define, run one after the other with `names` beside what the module has."""
    scope = {**vars(module), **names}
    for block in examples(module):
        exec(compile(block, f"example of {module.__name__}", "exec"), scope)
    return scope
