"""Certificates for a first try: an authority of our own, what it signs, and when a certificate ends."""

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from devices.errors import ConfigurationError
from runtime.private_file import replace_private_file

AUTHORITY_DAYS: Final = 3650
SERVER_DAYS: Final = 397
"""What browsers accept at most."""
CLIENT_DAYS: Final = 1826
_BEFORE: Final = timedelta(hours=1)
"""Clocks of lamps may be behind."""


@dataclass(frozen=True, slots=True)
class SignedCertificate:
    """A certificate (PEM) and its key (PEM)."""

    certificate: str
    key: str


@dataclass(frozen=True, slots=True)
class CertificateAuthority:
    """Signs; kept in the folder `tls` as ca.pem and ca.key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def of(cls, folder: Path) -> Self:
        """The authority of this folder, made when first asked for."""
        certificate, key = folder / "ca.pem", folder / "ca.key"
        if not certificate.exists():
            made = _self_signed("Lautern, first try")
            replace_private_file(key, made.key)
            replace_private_file(certificate, made.certificate)
        found = serialization.load_pem_private_key(key.read_bytes(), None)
        if not isinstance(found, ec.EllipticCurvePrivateKey):
            raise ConfigurationError(f"{key}: not a key that we made")
        return cls(x509.load_pem_x509_certificate(certificate.read_bytes()), found)

    def server(self, names: Sequence[str], days: int = SERVER_DAYS) -> SignedCertificate:
        """A certificate for a server under these host names and addresses."""
        alternatives = x509.SubjectAlternativeName([_general(name) for name in names])
        return self._sign(names[0], [alternatives], ExtendedKeyUsageOID.SERVER_AUTH, days)

    def client(self, user: str, days: int) -> SignedCertificate:
        """A certificate for a device: its common name is its user name."""
        return self._sign(user, [], ExtendedKeyUsageOID.CLIENT_AUTH, days)

    def _sign(
        self, common_name: str, more: Sequence[x509.ExtensionType], use: x509.ObjectIdentifier, days: int
    ) -> SignedCertificate:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(common_name, self.certificate.subject, key.public_key(), days)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        for extension in (issuer, *more):
            builder = builder.add_extension(extension, critical=False)
        return SignedCertificate(_pem(builder.sign(self.key, hashes.SHA256())), _key_pem(key))


def make_server_files(folder: Path, names: Sequence[str]) -> tuple[Path, Path]:
    """Certificate and key of a server in this folder; what is there stays. Names of this machine are added."""
    certificate, key = folder / "server.pem", folder / "server.key"
    if not certificate.exists():
        made = CertificateAuthority.of(folder).server(list(dict.fromkeys([*names, *own_names()])))
        replace_private_file(key, made.key)
        replace_private_file(certificate, made.certificate)
    return certificate, key


def make_client_files(folder: Path, user: str) -> tuple[Path, Path]:
    """Certificate and key of a user of ours, signed by the folder's authority; made anew when they end soon."""
    certificate, key = folder / f"{user}.pem", folder / f"{user}.key"
    if not certificate.exists() or certificate_end(certificate) - datetime.now(UTC) < timedelta(days=CLIENT_DAYS / 2):
        made = CertificateAuthority.of(folder).client(user, CLIENT_DAYS)
        replace_private_file(key, made.key)
        replace_private_file(certificate, made.certificate)
    return certificate, key


def own_names() -> list[str]:
    """Names under which programs on this machine, or beside it, may call it."""
    return ["localhost", "127.0.0.1", "::1", socket.gethostname()]


def certificate_end(path: Path) -> datetime:
    """When the first certificate of a PEM file ends. Raises ConfigurationError."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    except (OSError, ValueError) as problem:
        raise ConfigurationError(f"{path}: {problem}") from problem


def _self_signed(common_name: str) -> SignedCertificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = _builder(common_name, name, key.public_key(), AUTHORITY_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(
        x509.KeyUsage(
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        ),
        critical=True,
    )
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    return SignedCertificate(_pem(builder.sign(key, hashes.SHA256())), _key_pem(key))


def _builder(common_name: str, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BEFORE)
        .not_valid_after(now + timedelta(days=days))
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode()
