"""An Apache Kafka that asks who is there: with passwords and TLS, with certificates, with passwords alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from tests.support.apache_kafka import RestartableKafka
from tests.support.certificates import Certificates, certificates
from tests.support.children import free_port

USER = "fleet"
PASSWORD = 's3cret-"word'
_SCRAM = ("SCRAM-SHA-256", "SCRAM-SHA-512")


class SecureKafka(Struct, frozen=True):
    """Addresses of one broker."""

    passwords: str
    """SASL_SSL."""
    mutual: str
    """SSL; the client needs a certificate."""
    unencrypted: str
    """SASL_PLAINTEXT."""
    files: Certificates


@contextmanager
def secure_kafka(folder: Path) -> Iterator[SecureKafka]:
    """Runs until the block ends. Raises KafkaUnavailableError."""
    files = certificates(folder)
    ports = {name: free_port() for name in ("PASSWORDS", "MUTUAL", "UNENCRYPTED")}
    addresses = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
    listeners = ",".join(f"{name}://{address}" for name, address in addresses.items())
    quoted = PASSWORD.replace("\\", "\\\\").replace('"', '\\"')
    plain = f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}="{quoted}";'
    more = {
        "listeners": listeners,
        "advertised.listeners": listeners,
        "listener.security.protocol.map": "PASSWORDS:SASL_SSL,MUTUAL:SSL,UNENCRYPTED:SASL_PLAINTEXT",
        "sasl.enabled.mechanisms": ",".join(("PLAIN", *_SCRAM)),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": files.broker,
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": files.ca,
        "listener.name.mutual.ssl.client.auth": "required",
    }
    for name in ("passwords", "unencrypted"):
        # A backslash in a file of properties is written twice.
        more[f"listener.name.{name}.plain.sasl.jaas.config"] = plain.replace("\\", "\\\\")
        for mechanism in _SCRAM:
            more[f"listener.name.{name}.{mechanism.lower()}.sasl.jaas.config"] = (
                "org.apache.kafka.common.security.scram.ScramLoginModule required;"
            )
    users = [part for mechanism in _SCRAM for part in ("--add-scram", f"{mechanism}=[name={USER},password={PASSWORD}]")]
    broker = RestartableKafka(folder, more=more, format_with=users)
    try:
        yield SecureKafka(addresses["PASSWORDS"], addresses["MUTUAL"], addresses["UNENCRYPTED"], files)
    finally:
        broker.stop()
