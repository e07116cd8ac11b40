"""How clients are let in: what each setting does, what does not go together, and that secrets are nowhere to be read."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from headroom_stream.broker_access import access, unreachable
from headroom_stream.config import KafkaSettings, Settings, open_to_all
from headroom_stream.errors import ConfigurationError
from headroom_stream.settings import load_settings
from tests.support.certificates import KEY_PASSWORD, Certificates, certificates

SECRET = "hush-hush"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("certificates"))


def settings(**fields: Any) -> KafkaSettings:
    return KafkaSettings(brokers="kafka-1:9092", **fields)


def test_without_anything_a_client_connects_as_before() -> None:
    assert access(settings()) == {"bootstrap_servers": "kafka-1:9092", "security_protocol": "PLAINTEXT"}


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_password_goes_with_a_name_and_a_mechanism(mechanism: Any) -> None:
    made = access(settings(security_protocol="SASL_PLAINTEXT", sasl_mechanism=mechanism, username="ann", password=SECRET))
    assert made == {
        "bootstrap_servers": "kafka-1:9092",
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": mechanism,
        "sasl_plain_username": "ann",
        "sasl_plain_password": SECRET,
    }


def test_a_password_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(f"{SECRET} \n", encoding="utf-8")
    given = settings(security_protocol="SASL_PLAINTEXT", username="ann", password_file=str(file))
    assert access(given)["sasl_plain_password"] == f"{SECRET} "
    file.write_text("\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="is empty"):
        access(given)
    file.unlink()
    with pytest.raises(ConfigurationError, match="can't read"):
        access(given)


def test_the_broker_has_to_show_a_certificate_for_its_name(files: Certificates) -> None:
    context = access(settings(security_protocol="SSL", ca_file=files.ca))["ssl_context"]
    assert context.verify_mode is ssl.CERT_REQUIRED and context.check_hostname
    assert [dict(*one["subject"])["commonName"] for one in context.get_ca_certs()] == ["tests"]
    usual = access(settings(security_protocol="SASL_SSL", username="ann", password=SECRET))["ssl_context"]
    assert usual.verify_mode is ssl.CERT_REQUIRED and usual.check_hostname


def test_our_own_certificate_is_read_with_its_key(files: Certificates) -> None:
    good: list[dict[str, str]] = [
        {"cert_file": files.client, "key_file": files.client_key},
        {"cert_file": files.client, "key_file": files.client_locked_key, "key_password": KEY_PASSWORD},
        {"cert_file": files.client_both},
    ]
    for fields in good:
        assert access(settings(security_protocol="SSL", **fields))["ssl_context"]
    bad: list[dict[str, str]] = [
        {"cert_file": files.client},
        {"cert_file": files.client, "key_file": files.client_locked_key},
        {"cert_file": files.client, "key_file": files.client_locked_key, "key_password": SECRET},
        {"cert_file": files.client + "x"},
    ]
    for fields in bad:
        with pytest.raises(ConfigurationError, match=r"kafka\.cert_file") as raised:
            access(settings(security_protocol="SSL", **fields))
        assert SECRET not in str(raised.value)
    with pytest.raises(ConfigurationError, match=r"kafka\.ca_file"):
        access(settings(security_protocol="SSL", ca_file=files.client_key))


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"security_protocol": "SASL_SSL"}, ["username", "password"]),
        ({"security_protocol": "SASL_SSL", "username": "ann"}, ["password"]),
        ({"security_protocol": "SASL_SSL", "password": SECRET}, ["username"]),
        ({"security_protocol": "SASL_SSL", "username": "ann", "password": SECRET, "password_file": "p"}, ["not both"]),
        ({"username": "ann", "password": SECRET}, ["PLAINTEXT", "kafka.password, kafka.username", "SASL_SSL"]),
        ({"security_protocol": "SSL", "username": "ann"}, ["SSL", "kafka.username"]),
        ({"ca_file": "ca.pem"}, ["PLAINTEXT", "kafka.ca_file"]),
        ({"security_protocol": "SASL_PLAINTEXT", "username": "a", "password": SECRET, "ca_file": "c"}, ["kafka.ca_file"]),
        ({"security_protocol": "SSL", "key_file": "k"}, ["cert_file"]),
        ({"security_protocol": "SSL", "key_password": SECRET}, ["cert_file"]),
    ],
)
def test_what_does_not_go_together_is_an_error(fields: dict[str, Any], names: list[str]) -> None:
    with pytest.raises(ConfigurationError) as raised:
        access(settings(**fields))
    assert all(name in str(raised.value) for name in names)
    assert SECRET not in str(raised.value)
    with pytest.raises(ConfigurationError):
        load_settings(environ={f"HEADROOM_STREAM_KAFKA__{name.upper()}": str(value) for name, value in fields.items()})


def test_a_password_comes_from_the_environment_as_it_stands() -> None:
    environ = {
        "HEADROOM_STREAM_KAFKA__SECURITY_PROTOCOL": "SASL_SSL",
        "HEADROOM_STREAM_KAFKA__USERNAME": "007",
        "HEADROOM_STREAM_KAFKA__PASSWORD": "null",
    }
    kafka = load_settings(environ=environ).kafka
    assert (kafka.username, kafka.password) == ("007", "null")
    with pytest.raises(ConfigurationError, match="security_protocol"):
        load_settings(environ=environ | {"HEADROOM_STREAM_KAFKA__SECURITY_PROTOCOL": "TLS"})


def test_secrets_are_not_printed() -> None:
    kafka = settings(
        security_protocol="SASL_SSL", username="ann", password=SECRET, cert_file="c.pem", key_file="k.pem", key_password=SECRET
    )
    whole = Settings(kafka=kafka, clickhouse=structs.replace(Settings().clickhouse, url=f"https://ann:{SECRET}@clickhouse:8443"))
    told = f"{kafka} {kafka!r} {whole!r} {unreachable(kafka, OSError('gone'))}"
    assert SECRET not in told
    assert "password='***'" in told and "username='ann'" in told and "https://***@clickhouse:8443" in told
    assert "password=''" in repr(settings()) and "url='http://127.0.0.1:18123'" in repr(Settings())


def test_a_broker_that_asks_for_nothing_gets_nothing(files: Certificates) -> None:
    kafka = settings(security_protocol="SASL_SSL", username="ann", password=SECRET, ca_file=files.ca, turns="mine")
    assert open_to_all(kafka) == settings(turns="mine")
