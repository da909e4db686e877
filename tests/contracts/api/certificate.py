"""A device's own certificate, for tests."""

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from devices.time_us import DAY_US, from_us
from tests.contracts.api.conftest import NOW_US


def certificate() -> str:
    """A device's own, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "lamp-1")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(from_us(NOW_US)).not_valid_after(from_us(NOW_US + DAY_US))
    return made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()
