"""Names of models, as gateways and clouds write them."""

from __future__ import annotations

import re

_CLOUD = re.compile(r"\A(?:[a-z]{2,6}\.)?anthropic\.(?=claude)")
"""What Amazon Bedrock puts before the name: the region and the vendor."""


def plain_name(model: str) -> str:
    """The name by which its provider knows the model: lower case, without vendor path, cloud and the mark of a fine-tuned one."""
    name = model.rsplit("/", 1)[-1].lower().removeprefix("ft:")
    return _CLOUD.sub("", name)
