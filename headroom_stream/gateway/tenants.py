"""Who may call: tenants by their keys, each with its own originals, counts and pace."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import time
from collections.abc import Callable, Mapping

from headroom_stream.config import GatewaySettings
from headroom_stream.engine import Originals
from headroom_stream.errors import ConfigurationError
from headroom_stream.gateway.counts import Counts
from headroom_stream.gateway.learnt import Learnt

MIN_KEY = 16
"""Characters of a key: shorter ones can be guessed."""


class Bucket:
    """A pace: so many requests a minute on average, and as many at once. `clock` gives seconds."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_minute / 60
        self._most = float(per_minute)
        self._left = self._most
        self._clock = clock
        self._at = clock()

    def take(self) -> float:
        """0 if a request may pass now, else the seconds until one may."""
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1:
            return (1 - self._left) / self._per_second
        self._left -= 1
        return 0.0


class Tenant:
    """What the server keeps for one tenant."""

    def __init__(self, name: str, settings: GatewaySettings, *, tenants: int) -> None:
        self.name = name
        self.originals = Originals(max_bytes=settings.originals_bytes // tenants, seconds=settings.originals_s)
        self.counts = Counts()
        self.learnt = Learnt()
        self.bucket = Bucket(settings.requests_per_minute) if settings.requests_per_minute else None


class Tenants:
    """All tenants. Where no keys are set there is one, whom everybody is. Raises ConfigurationError for keys that make no sense."""

    def __init__(self, settings: GatewaySettings) -> None:
        keys = keys_of(settings.keys)
        names = sorted(set(keys.values())) or [""]
        self._tenants = {name: Tenant(name, settings, tenants=len(names)) for name in names}
        self._digests = [(hashlib.sha256(key.encode()).digest(), name) for key, name in keys.items()]

    def __len__(self) -> int:
        return len(self._tenants)

    @property
    def open(self) -> bool:
        """Whether no key is asked for."""
        return not self._digests

    @property
    def any(self) -> Tenant:
        """One of them, for routes that are open to everybody and show nothing of any."""
        return next(iter(self._tenants.values()))

    def find(self, key: str) -> Tenant | None:
        """Whose key it is. Takes the same time for any key: all are compared, by their hashes."""
        if self.open:
            return self._tenants[""]
        given = hashlib.sha256(key.encode(errors="replace")).digest()
        found = None
        for digest, name in self._digests:
            if hmac.compare_digest(digest, given):
                found = name
        return None if found is None else self._tenants[found]


def keys_of(by_tenant: Mapping[str, str]) -> dict[str, str]:
    """Tenants by key. Raises ConfigurationError, which never shows a key."""
    out: dict[str, str] = {}
    for tenant, keys in by_tenant.items():
        for key in (one.strip() for one in keys.split(",")):
            if len(key) < MIN_KEY or not key.isascii() or not key.isprintable():
                raise ConfigurationError(f"gateway.keys.{tenant}: a key has at least {MIN_KEY} printable ASCII characters")
            if key in out:
                raise ConfigurationError(f"gateway.keys.{tenant}: the key is also that of {out[key]}")
            out[key] = tenant
    return out


def check_exposure(settings: GatewaySettings) -> None:
    """Raises ConfigurationError where others could reach a gateway that asks for no key."""
    if not settings.keys and not is_loopback(settings.host):
        raise ConfigurationError(
            f"gateway.host is {settings.host}, which others can reach: set gateway.keys (HEADROOM_STREAM_GATEWAY__KEYS__ACME=...), "
            "or listen on 127.0.0.1"
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
