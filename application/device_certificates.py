"""What the registry keeps of a device's certificate."""

from dataclasses import dataclass
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from devices.errors import Invalid
from devices.time_us import to_us


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """Of one certificate: SHA-256 in hex, and when it ends."""

    fingerprint: str
    end_us: int

    @classmethod
    def of(cls, pem: str) -> Self:
        """Read the first certificate in PEM. Raises Invalid."""
        try:
            found = x509.load_pem_x509_certificate(pem.encode())
        except ValueError as problem:
            raise Invalid("no_pem_certificate", field="certificate") from problem
        return cls(found.fingerprint(hashes.SHA256()).hex(), to_us(found.not_valid_after_utc))
