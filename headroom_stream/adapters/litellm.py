"""LiteLLM: its proxy, and its calls.

In the proxy, `callbacks: headroom_stream.adapters.litellm.hook` in `litellm_settings`; in a program `completion` and `acompletion` in place
of LiteLLM's own. Messages stay as they are but for the text of tool outputs: LiteLLM's are chat messages already.
"""

from __future__ import annotations

import asyncio
from typing import Any

import litellm
from litellm.integrations.custom_logger import CustomLogger

from headroom_stream.adapters.bridge import Bridge
from headroom_stream.engine import Compressor

_CALLS = frozenset(("completion", "acompletion", "anthropic_messages"))
"""Kinds of calls that carry chat messages."""


class HeadroomHook(CustomLogger):  # type: ignore[misc]  # LiteLLM's types are not looked at: it is a large package that few need
    """Compresses the messages of calls through LiteLLM's proxy.

    The session is the `session_id` of the call's metadata (or `litellm_session_id`), else it is found by its messages; teams of keys
    never share one. `compressor` and the options are those of `Bridge`.
    """

    def __init__(self, compressor: Compressor | None = None, **options: Any) -> None:
        super().__init__()
        self.bridge = Bridge(compressor, **options)

    async def async_pre_call_hook(self, user_api_key_dict: Any, cache: Any, data: dict[str, Any], call_type: str) -> dict[str, Any]:  # noqa: ARG002 - LiteLLM's signature
        """The request to send on."""
        messages = data.get("messages")
        if call_type not in _CALLS or not isinstance(messages, list) or not messages:
            return data
        metadata = data.get("metadata") or {}
        session = metadata.get("session_id") or data.get("litellm_session_id")
        tenant = getattr(user_api_key_dict, "team_id", None) or getattr(user_api_key_dict, "user_id", None) or ""
        known = {"session": f"{tenant}/{session}" if session and tenant else session, "tenant": tenant, "model": data.get("model")}
        return {**data, "messages": await asyncio.to_thread(_compressed, self.bridge, messages, known)}


hook = HeadroomHook()
"""For the proxy's configuration: with the default policy, and sessions of the proxy's process."""


def completion(
    model: str,
    messages: list[Any],
    *,
    headroom_session: str | None = None,
    headroom_query: str | None = None,
    compressor: Compressor | None = None,
    **arguments: Any,
) -> Any:
    """`litellm.completion` with compressed messages; all other arguments are its own, and so is what it returns and raises."""
    known = {"session": headroom_session, "query": headroom_query, "model": model}
    return litellm.completion(model=model, messages=_compressed(Bridge(compressor), messages, known), **arguments)


async def acompletion(
    model: str,
    messages: list[Any],
    *,
    headroom_session: str | None = None,
    headroom_query: str | None = None,
    compressor: Compressor | None = None,
    **arguments: Any,
) -> Any:
    """The same of `litellm.acompletion`. The work is done in another thread."""
    known = {"session": headroom_session, "query": headroom_query, "model": model}
    sent = await asyncio.to_thread(_compressed, Bridge(compressor), messages, known)
    return await litellm.acompletion(model=model, messages=sent, **arguments)


def _compressed(bridge: Bridge, messages: list[Any], known: dict[str, Any]) -> list[Any]:
    sent = bridge.compress(messages, **known)
    return messages if sent is None else sent
