"""Where the parts are and how they run, with the policy they carry out: the one configuration tree. Reading it is `settings`."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from msgspec import Meta, Struct, structs

from headroom_stream.config.cuts import PositiveInt
from headroom_stream.config.policy import Policy
from headroom_stream.errors import ConfigurationError

_SHOWN = "***"
_IN_URL = re.compile(r"//[^@/]*+@")


class KafkaSettings(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The broker, how to be let in, and the names of the topics. Its secrets are not in its `repr`."""

    brokers: str = "127.0.0.1:19092"
    """Comma-separated host:port."""
    turns: str = "headroom.turns"
    contexts: str = "headroom.contexts"
    metrics: str = "headroom.metrics"
    dead: str = "headroom.dead"
    partitions: PositiveInt = 8
    """Of topics that `init` creates."""
    replication: PositiveInt = 1
    max_message_bytes: PositiveInt = 32 * 1024 * 1024
    """Of topics that `init` creates, and of requests. Well above `limits.event_bytes`, or too large turns never reach the worker."""
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """SSL: an encrypted connection; SASL: with a name and a password."""
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    """How the password is shown. With PLAIN it travels as it is: let it be encrypted on the way."""
    username: str = ""
    password: str = ""
    password_file: str = ""
    """In place of `password`: a file that holds it, such as a mounted secret. A line break at its end does not count."""
    ca_file: str = ""
    """Certificates, as PEM, of those who may vouch for the broker. Empty: those that this machine trusts."""
    cert_file: str = ""
    """Our own certificate, as PEM with those between it and the root, for brokers that ask for one."""
    key_file: str = ""
    """Its private key, as PEM. Empty: it is in `cert_file`."""
    key_password: str = ""
    """Of the private key, where it is encrypted."""

    def __repr__(self) -> str:
        values = ((name, _SHOWN if name in SECRETS and value else value) for name, value in _pairs(self))
        return f"KafkaSettings({', '.join(f'{name}={value!r}' for name, value in values)})"


SECRETS = frozenset({"password", "key_password"})
_OF_TLS = {"ca_file", "cert_file", "key_file", "key_password"}
_ACCESS = ("security_protocol", "sasl_mechanism", "username", "password", "password_file", *sorted(_OF_TLS))


def _pairs(settings: KafkaSettings) -> list[tuple[str, str | int]]:
    return [(name, getattr(settings, name)) for name in settings.__struct_fields__]


class ClickHouseSettings(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Where metrics are kept."""

    url: str = "http://127.0.0.1:18123"
    """`http[s]://[user:password@]host:port`."""
    database: str = "headroom"

    def __repr__(self) -> str:
        return f"ClickHouseSettings(url={_IN_URL.sub(f'//{_SHOWN}@', self.url)!r}, database={self.database!r})"


class WorkerSettings(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The Faust worker."""

    group: str = "headroom-worker"
    """Consumer group, and the prefix of the changelog topic: workers of one group share the partitions."""
    store: str = "memory://"
    """Faust's table store: `memory://` or `rocksdb://?driver=rocksdict`."""
    data_dir: str | None = None
    """Where an on-disk store lives."""
    batch_wait_ms: Annotated[int, Meta(ge=0)] = 0
    """Time given to a batch to fill after its first event. Under load batches fill by themselves while the one before is committed."""
    batch_events: PositiveInt = 500
    fetch_wait_ms: PositiveInt = 20
    """Longest wait of a fetch for new records. On Apache Kafka it is only how often an idle worker asks; on the embedded broker it is
    most of a turn's latency."""
    session_timeout_s: Annotated[float, Meta(ge=1)] = 6.0
    """A dead worker's partitions move after this."""
    cache_bytes: PositiveInt = 512 * 1024 * 1024
    """Decoded sessions kept in memory, by the size of their messages and of the index of what they were shown."""


class SinkSettings(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """From the metrics topic to ClickHouse."""

    group: str = "headroom-sink"
    batch_rows: PositiveInt = 20_000
    batch_wait_ms: PositiveInt = 500


class GatewaySettings(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The HTTP API. Beyond this machine it is served with keys only."""

    host: str = "127.0.0.1"
    """Address to listen on. One that others can reach needs `keys`."""
    port: Annotated[int, Meta(ge=0, le=65535)] = 8787
    """0: one that is free."""
    keys: dict[str, str] = {}  # msgspec copies an empty default
    """Bearer keys by tenant; several of a tenant separated by commas. Sessions, originals and counts of tenants are apart."""
    processes: Annotated[int, Meta(ge=0)] | None = None
    """That compress, each with its share of the sessions; null: one a core; 0: a thread of the server's own process."""
    cache_bytes: PositiveInt = 192 * 1024 * 1024
    """Of sessions kept, in all processes together. One that is forgotten begins anew from its next call's history."""
    originals_bytes: PositiveInt = 64 * 1024 * 1024
    """Of what was left out and can be asked for, of all tenants together."""
    originals_s: Annotated[float, Meta(gt=0)] = 6 * 3600.0
    """How long it can be asked for."""
    body_bytes: PositiveInt = 16 * 1024 * 1024
    """Of a request. Larger ones are refused before they are read."""
    pending_bytes: PositiveInt = 256 * 1024 * 1024
    """Of all requests at work; further ones are refused until there is room, so that memory stays bounded."""
    requests_per_minute: PositiveInt | None = None
    """That a tenant may send on average, with as many at once; null: no such limit."""
    timeout_s: Annotated[float, Meta(gt=0)] = 20.0
    """Given to the compression of a request. Below the 30 seconds after which the npm package gives up by itself."""
    read_timeout_s: Annotated[float, Meta(gt=0)] = 15.0
    """Given to a client to send a request's head, and again its body."""
    stop_timeout_s: Annotated[float, Meta(gt=0)] = 10.0
    """Given to the requests at work when the gateway stops."""
    openai_url: str | None = None
    """Where `/v1/chat/completions` goes on to, such as `https://api.openai.com/v1`; null: it is not served."""
    anthropic_url: str | None = None
    """Where `/v1/messages` goes on to, such as `https://api.anthropic.com`; null: it is not served."""
    openai_key: str | None = None
    """OpenAI's key for calls that bring none, such as those whose `Authorization` is a key of this gateway. Whoever may call may use it."""
    anthropic_key: str | None = None
    """The same of Anthropic."""
    upstream_timeout_s: Annotated[float, Meta(gt=0)] = 600.0
    """Longest silence of a provider."""
    store_url: str = "memory://"
    """Where a row of each call is kept, numbers and names only: as `open_store` takes it."""


class Settings(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Everything that can be set, in one tree."""

    kafka: KafkaSettings = KafkaSettings()
    clickhouse: ClickHouseSettings = ClickHouseSettings()
    worker: WorkerSettings = WorkerSettings()
    sink: SinkSettings = SinkSettings()
    gateway: GatewaySettings = GatewaySettings()
    policy: Policy = Policy()


def check_access(kafka: KafkaSettings) -> None:
    """Raises ConfigurationError where what is given to be let in at the broker does not go together: it would go unused, or not suffice."""
    protocol = kafka.security_protocol
    sasl, tls = protocol.startswith("SASL"), protocol.endswith("SSL")
    given = {name for name in _ACCESS[2:] if getattr(kafka, name)}
    passwords = given & {"password", "password_file"}
    if len(passwords) > 1:
        raise ConfigurationError("give kafka.password or kafka.password_file, not both")
    if sasl and not ("username" in given and passwords):
        raise ConfigurationError(f"kafka.security_protocol {protocol} needs kafka.username and kafka.password (or password_file)")
    unused = (set() if sasl else given & {"username", *passwords}) | (set() if tls else given & _OF_TLS)
    if unused:
        named = ", ".join(f"kafka.{name}" for name in sorted(unused))
        raise ConfigurationError(f"kafka.security_protocol {protocol} has no use for {named}: did you mean SSL or SASL_SSL?")
    if given & {"key_file", "key_password"} and "cert_file" not in given:
        raise ConfigurationError("kafka.key_file and kafka.key_password go with kafka.cert_file")


def open_to_all(kafka: KafkaSettings) -> KafkaSettings:
    """The settings for a broker that asks for nothing."""
    usual = KafkaSettings()
    return structs.replace(kafka, **{name: getattr(usual, name) for name in _ACCESS})


def check_sizes(settings: Settings) -> None:
    """Raises ConfigurationError where a record that is allowed could not be sent: it would stop the worker for good."""
    room = settings.kafka.max_message_bytes * 3 // 4
    for name in ("event_bytes", "session_bytes"):
        value = getattr(settings.policy.limits, name)
        if value > room:
            raise ConfigurationError(f"policy.limits.{name} is {value}: at most three quarters of kafka.max_message_bytes, {room}")
