"""Proving who one is a second time, and enrolling what proves it: one place for sign-in, account and administrators."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog

from api.passkeys import RelyingParty, credential_id_of
from application.access.api_keys import secret_digest
from application.access.second_factor import (
    SecondFactorMethod,
    SecondFactorPolicy,
    SignInStep,
    needs_second_factor,
    new_recovery_codes,
    new_totp_secret,
    plain_recovery_code,
    totp_step,
)
from application.ports.registry import RegistryTransaction
from application.ports.second_factors import SecondFactor, SecondFactors
from application.ports.secret_box import SecretBox, SecretUnreadable
from application.ports.users import BrowserSession, User
from devices.errors import ConfigurationError, Conflict, Forbidden, Invalid
from devices.time_us import MINUTE_US

FRESH_US: Final = 15 * MINUTE_US
"""Factors are changed within this time of a proof."""
HALF_US: Final = 30 * MINUTE_US
"""A session that still owes its second step lasts this long."""
MOST: Final = 10
_LOG = structlog.get_logger()


class SecondFactorNeeded(Forbidden):
    """The second step of signing in is still to be done."""


class ProofTooOld(Forbidden):
    """Show your second factor again: that is asked for before it is changed."""


def step_of(
    tx: RegistryTransaction,
    session: BrowserSession,
    user: User,
    policy: SecondFactorPolicy,
    known: Mapping[str, frozenset[str]],
) -> SignInStep | None:
    """What a session still owes; `known`: scopes of each role."""
    if session.proved_by is not None:
        return None
    if tx.get(SecondFactors).of_user(user.user_id):
        return SignInStep.PROVE
    return (
        SignInStep.ENROL if policy is SecondFactorPolicy.REQUIRED and needs_second_factor(user.grants, known) else None
    )


@dataclass(frozen=True, slots=True)
class FactorVerifier:
    """Checks what one user shows, in one transaction."""

    tx: RegistryTransaction
    user: User
    now_us: int
    box: SecretBox | None

    def by_code(self, code: str) -> SecondFactorMethod | None:
        """Check a code of an app; None when it is wrong or was used."""
        for factor in self._of(SecondFactorMethod.TOTP):
            try:
                secret = open_secret(self.box, factor)
            except SecretUnreadable as error:
                # Passkeys and recovery codes go on; the key may be put back.
                _LOG.warning("second_factor_unreadable", error=str(error))
                continue
            step = totp_step(secret, code, self.now_us, factor.counter)
            if step is not None and self._use(factor, step):
                return SecondFactorMethod.TOTP
        return None

    def by_recovery_code(self, code: str) -> SecondFactorMethod | None:
        """Use a recovery code up; None when there is none such."""
        taken = self._factors.take_recovery_code(self.user.user_id, recovery_digest(self.user.user_id, code))
        return SecondFactorMethod.RECOVERY if taken else None

    def by_passkey(
        self, answer: Mapping[str, Any], party: RelyingParty, challenge: bytes | None
    ) -> SecondFactorMethod | None:
        """Check what a passkey signed; None when that is not what was asked."""
        wanted = credential_id_of(answer)
        factor = next((f for f in self._of(SecondFactorMethod.PASSKEY) if f.credential_id == wanted), None)
        if factor is None or challenge is None:
            return None
        count = party.signed(answer, challenge, factor.proof, factor.counter)
        return SecondFactorMethod.PASSKEY if count is not None and self._use(factor, count) else None

    @property
    def _factors(self) -> SecondFactors:
        return self.tx.get(SecondFactors)

    def _of(self, method: SecondFactorMethod) -> Sequence[SecondFactor]:
        return [f for f in self._factors.of_user(self.user.user_id) if f.method is method]

    def _use(self, factor: SecondFactor, counter: int) -> bool:
        return self._factors.use(factor.factor_id, counter, self.now_us, after=factor.counter)


@dataclass(frozen=True, slots=True)
class FactorEnroller:
    """Takes what will prove it for one user, in one transaction."""

    tx: RegistryTransaction
    user: User
    now_us: int
    box: SecretBox | None

    def begin_app(self) -> tuple[str, bytes]:
        """Id and secret of an app that counts once it has shown a code. Raises Conflict."""
        self._leave_room()
        factor_id, secret = uuid.uuid4().hex, new_totp_secret()
        sealed = _box(self.box).seal(_purpose(self.user.user_id, factor_id), secret)
        self._factors.add(SecondFactor(factor_id, self.user.user_id, SecondFactorMethod.TOTP, "", self.now_us, sealed))
        return factor_id, secret

    def confirm_app(self, code: str, name: str) -> Sequence[str]:
        """The app shows its first code; returns recovery codes where these are new. Raises Invalid."""
        waiting = self._factors.of_user(self.user.user_id, unconfirmed=True)
        if not waiting:
            raise Conflict("no_app_set_up")
        factor = waiting[-1]
        step = totp_step(open_secret(self.box, factor), code, self.now_us, factor.counter)
        if step is None:
            raise Invalid("not_the_apps_code", field="code")
        self._factors.use(factor.factor_id, step, self.now_us, after=factor.counter)
        first = not self._factors.of_user(self.user.user_id)
        self._factors.confirm(factor.factor_id, name, self.now_us)
        return self.new_codes() if first else []

    def take_passkey(self, credential_id: bytes, public_key: bytes, count: int, name: str) -> Sequence[str]:
        """Take a passkey; returns recovery codes where these are new. Raises Conflict."""
        self._leave_room()
        first = not self._factors.of_user(self.user.user_id)
        self._factors.add(
            SecondFactor(
                uuid.uuid4().hex,
                self.user.user_id,
                SecondFactorMethod.PASSKEY,
                name,
                self.now_us,
                public_key,
                credential_id,
                count,
                confirmed_us=self.now_us,
            )
        )
        return self.new_codes() if first else []

    def new_codes(self) -> Sequence[str]:
        """Fresh recovery codes; earlier ones end."""
        codes = new_recovery_codes()
        digests = [recovery_digest(self.user.user_id, code) for code in codes]
        self._factors.put_recovery_codes(self.user.user_id, digests, self.now_us)
        return codes

    @property
    def _factors(self) -> SecondFactors:
        return self.tx.get(SecondFactors)

    def _leave_room(self) -> None:
        if len(self._factors.of_user(self.user.user_id)) >= MOST:
            raise Conflict("too_many_factors", most=MOST)


def recovery_digest(user_id: str, code: str) -> bytes:
    """What is stored of a recovery code: too random to be guessed from it."""
    return secret_digest(f"{user_id} {plain_recovery_code(code)}")


def open_secret(box: SecretBox | None, factor: SecondFactor) -> bytes:
    """Secret of an app. Raises SecretUnreadable."""
    return _box(box).open(_purpose(factor.user_id, factor.factor_id), factor.proof)


def _purpose(user_id: str, factor_id: str) -> str:
    return f"totp/{user_id}/{factor_id}"


def _box(box: SecretBox | None) -> SecretBox:
    if box is None:
        raise ConfigurationError("there is no key to seal secrets with (secrets.key_file)")
    return box
