"""Where the calls of each provider's SDK carry their messages, and where their answers say what was used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headroom_stream.providers import AnthropicProvider, Provider

Arguments = dict[str, Any]


class CallShape:
    """`messages`, the system prompt among them: OpenAI's way, and of all who speak like it."""

    field = "messages"

    def messages(self, arguments: Arguments) -> list[Any] | None:
        """The messages of a call, its system prompt aside where it has a place of its own. None: nothing that can be compressed."""
        return _listed(arguments.get(self.field))

    def system(self, arguments: Arguments) -> Any:  # noqa: ARG002 - for those where it has
        """The system prompt, where it has a place of its own; else None."""
        return None

    def put(self, arguments: Arguments, messages: list[Any], system: Any) -> Arguments:
        """The arguments with these messages, and this system prompt where it is not None."""
        beside = {} if system is None else {"system": system}
        return {**arguments, self.field: messages, **beside}

    def marked(self, arguments: Arguments, indexes: Sequence[int], provider: Provider) -> Arguments:  # noqa: ARG002 - for those who take some
        """The arguments with cache breakpoints after the messages at `indexes`. Others find what to cache by themselves."""
        return arguments

    def usage(self, answer: Any) -> dict[str, Any] | None:
        """What an answer says was used, in the provider's names; None: nothing (streams are not looked into)."""
        return _dumped(getattr(answer, "usage", None))


class AnthropicShape(CallShape):
    """`messages`, `system` beside them, and marks for the cache."""

    def system(self, arguments: Arguments) -> Any:
        """The argument `system`. What was not given may be a sentinel of the SDK."""
        given = arguments.get("system")
        return given if isinstance(given, str | list) and given else None

    def marked(self, arguments: Arguments, indexes: Sequence[int], provider: Provider) -> Arguments:
        """With `cache_control` on them, as the provider places it."""
        if not isinstance(provider, AnthropicProvider):
            return arguments
        tools = arguments.get("tools")
        request = provider.place_breakpoints(
            self.system(arguments),
            tools if isinstance(tools, list) else None,
            arguments["messages"],
            indexes,
            model=str(arguments.get("model", "")),
            taken=int(isinstance(arguments.get("cache_control"), dict)),
        )
        return {**arguments, **{name: value for name, value in request._asdict().items() if value is not None}}


class GeminiShape(CallShape):
    """`contents`, if they are a list of contents and not a text or parts. The system prompt lies in a config, and stays there."""

    field = "contents"

    def messages(self, arguments: Arguments) -> list[Any] | None:
        """The contents, if they are messages all."""
        contents = super().messages(arguments)
        whole = contents is not None and all(_is_content(one) for one in contents)
        return contents if whole else None

    def usage(self, answer: Any) -> dict[str, Any] | None:
        """The answer's `usage_metadata`."""
        return _dumped(getattr(answer, "usage_metadata", None))


SHAPES: dict[str, CallShape] = {"openai": CallShape(), "anthropic": AnthropicShape(), "gemini": GeminiShape()}


def _listed(value: Any) -> list[Any] | None:
    """A list or tuple as a list. Generators are for the SDK: reading one here would leave it empty there."""
    return list(value) if isinstance(value, list | tuple) else None


def _is_content(value: Any) -> bool:
    return "parts" in value if isinstance(value, dict) else hasattr(value, "parts") and hasattr(value, "role")


def _dumped(usage: Any) -> dict[str, Any] | None:
    if isinstance(usage, dict):
        return usage
    dump = getattr(usage, "model_dump", None)
    found = dump(mode="json", exclude_none=True) if dump is not None else None
    return found if isinstance(found, dict) else None
