"""Certificates of a small authority of the tests' own: for a broker on this machine, and for a client of it."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from msgspec import Struct

KEY_PASSWORD = "k3y-secret"


class Certificates(Struct, frozen=True):
    """Files in PEM."""

    ca: str
    broker: str
    """Key and certificate."""
    client: str
    client_key: str
    client_locked_key: str
    """The same key, encrypted with KEY_PASSWORD."""
    client_both: str
    """Key and certificate."""
    stranger: str
    """An authority that signed none of these."""


def certificates(folder: Path) -> Certificates:
    """Made anew in `folder`, good for a day."""

    def write(name: str, *parts: bytes) -> str:
        path = folder / name
        path.write_bytes(b"".join(parts))
        path.chmod(0o600)
        return str(path)

    authority, root = _authority("tests")
    _, other = _authority("strangers")
    broker_key, broker = _issued("broker", authority, root, ["localhost"])
    client_key, client = _issued("client", authority, root, [])
    return Certificates(
        ca=write("ca.pem", _pem(root)),
        broker=write("broker.pem", _key(broker_key), _pem(broker), _pem(root)),
        client=write("client.pem", _pem(client)),
        client_key=write("client.key", _key(client_key)),
        client_locked_key=write("client-locked.key", _key(client_key, KEY_PASSWORD)),
        client_both=write("client-both.pem", _key(client_key), _pem(client)),
        stranger=write("stranger.pem", _pem(other)),
    )


def _authority(name: str) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    built = _builder(name, name, key).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return key, built.sign(key, hashes.SHA256())


def _issued(
    name: str, authority: ec.EllipticCurvePrivateKey, root: x509.Certificate, hosts: Sequence[str]
) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = str(root.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
    built = _builder(name, issuer, key)
    if hosts:
        names = [*map(x509.DNSName, hosts), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        built = built.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return key, built.sign(authority, hashes.SHA256())


def _builder(name: str, issuer: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    def called(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(called(name))
        .issuer_name(called(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def _key(key: ec.EllipticCurvePrivateKey, password: str | None = None) -> bytes:
    how = NoEncryption() if password is None else BestAvailableEncryption(password.encode())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)
