"""How every Kafka client of this package reaches the broker and is let in: one place for addresses, certificates and passwords."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path
from typing import Any

from headroom_stream.config import KafkaSettings, check_access
from headroom_stream.errors import ConfigurationError, TransportError


def access(kafka: KafkaSettings) -> dict[str, Any]:
    """The arguments of an aiokafka client that say where the broker is and how to be let in.

    Raises ConfigurationError, which names the setting and the file, and never what is in it.
    """
    check_access(kafka)
    arguments: dict[str, Any] = {"bootstrap_servers": kafka.brokers, "security_protocol": kafka.security_protocol}
    if kafka.security_protocol.endswith("SSL"):
        arguments["ssl_context"] = tls(kafka)
    if kafka.security_protocol.startswith("SASL"):
        logging.getLogger("aiokafka.conn").addFilter(_without_passwords)
        arguments["sasl_mechanism"] = kafka.sasl_mechanism
        arguments["sasl_plain_username"] = kafka.username
        arguments["sasl_plain_password"] = password(kafka)
    return arguments


def tls(kafka: KafkaSettings) -> ssl.SSLContext:
    """Checks the broker's certificate and its name, and shows ours where there is one."""
    try:
        context = ssl.create_default_context(cafile=kafka.ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"kafka.ca_file {kafka.ca_file} is no file of PEM certificates", {"cause": _cause(error)}
        ) from error
    if kafka.cert_file:
        try:
            # With no password given, OpenSSL would ask for one at the terminal.
            context.load_cert_chain(kafka.cert_file, kafka.key_file or None, lambda: kafka.key_password)
        except (OSError, ssl.SSLError) as error:
            what = f"kafka.cert_file {kafka.cert_file}" + (f" and kafka.key_file {kafka.key_file}" if kafka.key_file else "")
            raise ConfigurationError(
                f"can't use {what}: is it PEM, and does kafka.key_password fit?", {"cause": _cause(error)}
            ) from error
    return context


def password(kafka: KafkaSettings) -> str:
    """The password, as it is given or as its file holds it."""
    if not kafka.password_file:
        return kafka.password
    try:
        found = Path(kafka.password_file).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"can't read kafka.password_file {kafka.password_file}", {"cause": type(error).__name__}
        ) from error
    if not found:
        raise ConfigurationError(f"kafka.password_file {kafka.password_file} is empty")
    return found


def unreachable(kafka: KafkaSettings, error: Exception) -> TransportError:
    """What to say of a client that could not start. aiokafka tells of a refused password or certificate in its log alone."""
    details = {"cause": str(error) or "no answer"}
    hint = ""
    if kafka.security_protocol != "PLAINTEXT":
        hint = ", or it does not let us in"
        details["protocol"] = kafka.security_protocol
    if kafka.username:
        details |= {"user": kafka.username, "mechanism": kafka.sasl_mechanism}
    return TransportError(f"can't reach a Kafka broker at {kafka.brokers}{hint}", details)


def _without_passwords(record: logging.LogRecord) -> bool:
    """Keeps aiokafka from logging, at level debug, the request that has the password."""
    values = record.args if isinstance(record.args, tuple) else ()
    return not any("SaslAuthenticate" in type(value).__name__ for value in values)


def _cause(error: OSError) -> str:
    return error.strerror or type(error).__name__
