"""The second step of signing in; apps, passkeys and recovery codes on one's own account."""

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field, model_validator

from api import passkeys, sessions
from api.authentication import HalfWay, authentication_state
from api.fields import IdInPath, Name, RequestBody
from api.login_throttle import Locked
from api.passkeys import CHALLENGE_US, ISSUER, PasskeysNeedAName, PasskeysNeedPublicUrl, RelyingParty
from api.problems import problem_responses
from api.refusal_audit import RefusalGroup, refusals_of
from api.routes.login import CurrentUser, my_account
from api.second_factor import FRESH_US, FactorEnroller, FactorVerifier, ProofTooOld, SecondFactorNeeded
from api.services import Services, Use
from api.sessions import SignedIn
from api.time_parameters import TimeOut
from application.access.second_factor import (
    SecondFactorMethod,
    SecondFactorPolicy,
    SignInStep,
    needs_second_factor,
    totp_uri,
)
from application.audit.audit_trail import object_name, record_action
from application.ports.registry import RegistryTransaction
from application.ports.second_factors import SecondFactor, SecondFactors
from application.ports.users import SessionRepository
from devices.deferred_module import DeferredModule
from devices.errors import Conflict, Invalid, ValueRefused
from devices.time_us import SECOND_US

if TYPE_CHECKING:
    import segno
else:
    segno = DeferredModule("segno")

Code = Annotated[str, Field(pattern=r"^[0-9]{6}$")]
RecoveryCode = Annotated[str, Field(min_length=10, max_length=64)]
Answer = Annotated[dict[str, Any], Field(max_length=20)]
"""Of the browser, as `PublicKeyCredential.toJSON` makes it."""
PROVE: Final = "second_factor.prove"
router = APIRouter(tags=["access"])


class ProofRequest(RequestBody):
    """One of the three."""

    code: Code | None = None
    """What the authenticator app shows now."""
    recovery_code: RecoveryCode | None = None
    passkey: Answer | None = None

    @model_validator(mode="after")
    def _one(self) -> "ProofRequest":
        if sum(given is not None for given in (self.code, self.recovery_code, self.passkey)) != 1:
            raise ValueRefused("one_second_factor")
        return self


class SecondStep(BaseModel):
    """What is still to be done, null: nothing; by what it can be proved."""

    step: Literal["prove", "enrol"] | None
    methods: list[Literal["totp", "passkey", "recovery"]]
    passkeys_possible: bool
    """False without `http.public_url` unless the page was opened at localhost, and where that is no name."""


class FactorSchema(BaseModel):
    """An app or a passkey, without its secret."""

    id: str
    method: Literal["totp", "passkey"]
    name: str
    created_at: TimeOut
    last_used_at: TimeOut | None


class FactorsSchema(BaseModel):
    """What proves me; `required`: my role needs at least one."""

    items: list[FactorSchema]
    recovery_codes_left: int
    required: bool
    passkeys_possible: bool


class AuthenticatorApp(BaseModel):
    """An app that counts once it has shown a code; shown this once."""

    secret: str
    """Base32, to type in."""
    uri: str
    qr_svg: str


class FirstCode(RequestBody):
    """The app's first code, and what to call it."""

    code: Code
    name: Name = "App"


class NewPasskey(RequestBody):
    """What the browser made, and what to call it."""

    name: Name = "Passkey"
    passkey: Answer


class EnrolmentResult(BaseModel):
    """Recovery codes where these are new: shown this once."""

    recovery_codes: list[str]


@router.get("/login/second-factor")
def second_step(request: Request, half: HalfWay, services: Use) -> SecondStep:
    """Show what is still to be done to be signed in, and how."""
    with services.registry.read() as tx:
        mine = tx.get(SecondFactors).of_user(half.user.user_id)
        left = tx.get(SecondFactors).recovery_codes_left(half.user.user_id)
    methods: list[Any] = sorted({f.method.value for f in mine}, reverse=True)
    return SecondStep(
        step=None if half.step is None else half.step.value,
        methods=[*methods, "recovery"] if mine and left else methods,
        passkeys_possible=_party(request, services) is not None,
    )


@router.post("/login/second-factor", responses=problem_responses(409, 429))
def prove(request: Request, response: Response, half: HalfWay, services: Use, body: ProofRequest) -> CurrentUser:
    """Prove it is you: the session may then do what you may, and goes by a new cookie.

    Five wrong ones in a row are free; after that the next must wait, up to a quarter of an hour. A code works once.
    """
    party = None if body.passkey is None else _must_be_party(request, services)
    now_us = services.now_us()
    with services.registry.write() as tx:
        # Six digits can be guessed; a signature and 74 bits cannot, and still let in whose app is under attack.
        wait_us = 0 if body.code is None else tx.get(SecondFactors).begin_try(half.user.user_id, now_us)
        method = None if wait_us else _shown(tx, half, services, body, party)
        if method is not None:
            tx.get(SecondFactors).end_tries(half.user.user_id)
            return _proved(tx, request, response, half, services, method)
    wrong = RefusalGroup(
        PROVE, object_name("user", half.user.user_id), "limited" if wait_us else "wrong", half.who.address
    )
    wrong = replace(wrong, actor=half.who.actor, name=half.who.name, tenant_id=half.session.tenant_id)
    refusals_of(request).note(wrong, half.who.request_id)
    if wait_us:
        raise Locked(retry_after_s=-(-wait_us // SECOND_US))
    raise Invalid("second_factor_wrong", field=next(iter(body.model_dump(exclude_none=True))))


@router.post("/login/second-factor/passkey", responses=problem_responses(409))
def ask_passkey(request: Request, half: HalfWay, services: Use) -> dict[str, Any]:
    """Ask for a passkey's signature: what `navigator.credentials.get` wants. 409 where there is none."""
    party, challenge = _must_be_party(request, services), passkeys.new_challenge()
    with services.registry.write() as tx:
        known = _credentials(tx.get(SecondFactors).of_user(half.user.user_id))
        if not known:
            raise Conflict("no_passkey_enrolled")
        tx.get(SessionRepository).challenge(half.session.secret_sha256, challenge, services.now_us() + CHALLENGE_US)
    return party.ask_for_proof(known, challenge)


@router.get("/me/second-factors")
def list_my_second_factors(request: Request, half: HalfWay, services: Use) -> FactorsSchema:
    """List the apps and passkeys that prove me, oldest first."""
    _must_be_through(half)
    with services.registry.read() as tx:
        mine = tx.get(SecondFactors).of_user(half.user.user_id)
        left = tx.get(SecondFactors).recovery_codes_left(half.user.user_id)
    return FactorsSchema(
        items=[_factor(f) for f in mine],
        recovery_codes_left=left,
        required=_required(request, half, services),
        passkeys_possible=_party(request, services) is not None,
    )


@router.post("/me/second-factors/app", status_code=201, responses=problem_responses(409))
def begin_app(half: HalfWay, services: Use) -> AuthenticatorApp:
    """Begin to enrol an authenticator app: shows its secret this once; it counts when it has shown a code."""
    with services.registry.write() as tx:
        _may_enrol(tx, half, services)
        _, secret = _enrolling(tx, half, services).begin_app()
    uri = totp_uri(secret, half.user.user_id, ISSUER)
    picture = io.BytesIO()
    segno.make(uri, error="m").save(picture, kind="svg", xmldecl=False, omitsize=True, border=4, light="#fff")
    typed = uri.partition("secret=")[2].partition("&")[0]
    return AuthenticatorApp(secret=typed, uri=uri, qr_svg=picture.getvalue().decode())


@router.post("/me/second-factors/app/confirm", status_code=201, responses=problem_responses(409, 429))
def confirm_app(request: Request, response: Response, half: HalfWay, services: Use, body: FirstCode) -> EnrolmentResult:
    """Enrol the app by a code that it shows; with the first factor come recovery codes."""
    with services.registry.write() as tx:
        _may_enrol(tx, half, services)
        codes = _enrolling(tx, half, services).confirm_app(body.code, body.name)
        _enrolled(tx, request, response, half, services, SecondFactorMethod.TOTP, body.name)
    return EnrolmentResult(recovery_codes=list(codes))


@router.post("/me/second-factors/passkey-options", responses=problem_responses(409))
def ask_new_passkey(request: Request, half: HalfWay, services: Use) -> dict[str, Any]:
    """Begin to enrol a passkey: what `navigator.credentials.create` wants."""
    party, challenge = _must_be_party(request, services), passkeys.new_challenge()
    with services.registry.write() as tx:
        _may_enrol(tx, half, services)
        known = _credentials(tx.get(SecondFactors).of_user(half.user.user_id))
        tx.get(SessionRepository).challenge(half.session.secret_sha256, challenge, services.now_us() + CHALLENGE_US)
    return party.ask_for_new(half.user, known, challenge)


@router.post("/me/second-factors/passkeys", status_code=201, responses=problem_responses(409))
def add_passkey(
    request: Request, response: Response, half: HalfWay, services: Use, body: NewPasskey
) -> EnrolmentResult:
    """Enrol a passkey that the browser made; with the first factor come recovery codes."""
    party = _must_be_party(request, services)
    with services.registry.write() as tx:
        _may_enrol(tx, half, services)
        challenge = _challenge(half, services)
        if challenge is None:
            raise Conflict("no_passkey_asked")
        codes = _enrolling(tx, half, services).take_passkey(*party.made(body.passkey, challenge), body.name)
        _enrolled(tx, request, response, half, services, SecondFactorMethod.PASSKEY, body.name)
    return EnrolmentResult(recovery_codes=list(codes))


@router.delete("/me/second-factors/{factor_id}", status_code=204, responses=problem_responses(409))
def remove_my_second_factor(request: Request, factor_id: IdInPath, half: HalfWay, services: Use) -> None:
    """Remove an app or passkey; asks for a proof of the last quarter of an hour. 409 for the last that a role needs."""
    with services.registry.write() as tx:
        _must_be_fresh(tx, half, services)
        factors = tx.get(SecondFactors)
        mine = factors.of_user(half.user.user_id)
        if len(mine) == 1 and mine[0].factor_id == factor_id and _required(request, half, services):
            raise Conflict("role_needs_factor")
        factors.remove(half.user.user_id, factor_id)
        if len(mine) == 1:
            factors.remove_all(half.user.user_id)
        detail = {"left": len(mine) - 1}
        record_action(tx, half.who, "second_factor.remove", object_name("user", half.user.user_id), detail=detail)


@router.post("/me/recovery-codes", status_code=201, responses=problem_responses(409))
def renew_recovery_codes(half: HalfWay, services: Use) -> EnrolmentResult:
    """Make new recovery codes, shown this once; the earlier ones end. Asks for a proof of the last quarter hour."""
    with services.registry.write() as tx:
        _must_be_fresh(tx, half, services)
        if not tx.get(SecondFactors).of_user(half.user.user_id):
            raise Conflict("no_factor_to_recover")
        codes = _enrolling(tx, half, services).new_codes()
        record_action(tx, half.who, "second_factor.recovery_codes", object_name("user", half.user.user_id))
    return EnrolmentResult(recovery_codes=list(codes))


def _shown(
    tx: RegistryTransaction, half: SignedIn, services: Services, body: ProofRequest, party: RelyingParty | None
) -> SecondFactorMethod | None:
    proving = FactorVerifier(tx, half.user, services.now_us(), services.secret_box)
    if body.passkey is not None and party is not None:
        challenge = _challenge(half, services)
        # Whatever comes of it: a challenge is answered once.
        tx.get(SessionRepository).challenge(half.session.secret_sha256, None, 0)
        return proving.by_passkey(body.passkey, party, challenge)
    if body.code is not None:
        return proving.by_code(body.code)
    return proving.by_recovery_code(body.recovery_code or "")


def _proved(  # noqa: PLR0917
    tx: RegistryTransaction,
    request: Request,
    response: Response,
    half: SignedIn,
    services: Services,
    method: SecondFactorMethod,
) -> CurrentUser:
    who, user = _through(tx, request, response, half, services, method), half.user
    left = tx.get(SecondFactors).recovery_codes_left(user.user_id)
    detail = {"by": method.value} | ({"left": left} if method is SecondFactorMethod.RECOVERY else {})
    shown = my_account(tx, services, who.who, user, authentication_state(request).roles)
    record_action(tx, who.who, PROVE, object_name("user", user.user_id), detail=detail)
    return shown


def _enrolled(  # noqa: PLR0917
    tx: RegistryTransaction,
    request: Request,
    response: Response,
    half: SignedIn,
    services: Services,
    method: SecondFactorMethod,
    name: str,
) -> None:
    who = _through(tx, request, response, half, services, method).who
    record_action(
        tx,
        who,
        "second_factor.enrol",
        object_name("user", half.user.user_id),
        detail={"method": method.value, "name": name},
    )


def _through(  # noqa: PLR0917
    tx: RegistryTransaction,
    request: Request,
    response: Response,
    half: SignedIn,
    services: Services,
    method: SecondFactorMethod,
) -> SignedIn:
    """The session as it goes on: proved, under a new secret."""
    secret, session = sessions.prove_second_factor(tx, half.session, method.value, services.now_us())
    sessions.give_cookie(request, response, secret, services.lifetime)
    known = authentication_state(request)
    who = sessions.caller_of(tx, session, half.user, known.roles, known.restricted)
    who = replace(who, address=half.who.address, request_id=half.who.request_id)
    return replace(half, session=session, step=None, who=who)


def _may_enrol(tx: RegistryTransaction, half: SignedIn, services: Services) -> None:
    if half.step is SignInStep.ENROL:
        return
    _must_be_through(half)
    if tx.get(SecondFactors).of_user(half.user.user_id):
        _must_be_fresh(tx, half, services)


def _must_be_through(half: SignedIn) -> None:
    if half.step is not None:
        raise SecondFactorNeeded


def _must_be_fresh(tx: RegistryTransaction, half: SignedIn, services: Services) -> None:
    _must_be_through(half)
    proved_us, now_us = half.session.proved_us, services.now_us()
    if tx.get(SecondFactors).of_user(half.user.user_id) and not (
        proved_us is not None and 0 <= now_us - proved_us < FRESH_US
    ):
        raise ProofTooOld


def _enrolling(tx: RegistryTransaction, half: SignedIn, services: Services) -> FactorEnroller:
    return FactorEnroller(tx, half.user, services.now_us(), services.secret_box)


def _challenge(half: SignedIn, services: Services) -> bytes | None:
    left_us = half.session.challenge_until_us - services.now_us()
    return half.session.challenge if 0 < left_us <= CHALLENGE_US else None


def _credentials(factors: Any) -> list[bytes]:  # noqa: ANN401 - a sequence of factors
    return [f.credential_id for f in factors if f.credential_id is not None]


def _party(request: Request, services: Services) -> RelyingParty | None:
    try:
        return _must_be_party(request, services)
    except (PasskeysNeedAName, PasskeysNeedPublicUrl):
        return None


def _must_be_party(request: Request, services: Services) -> RelyingParty:
    return RelyingParty.of(request, services.public_url)


def _required(request: Request, half: SignedIn, services: Services) -> bool:
    return services.second_factor is SecondFactorPolicy.REQUIRED and needs_second_factor(
        half.user.grants, authentication_state(request).roles
    )


def _factor(factor: SecondFactor) -> FactorSchema:
    return FactorSchema(
        id=factor.factor_id,
        method="passkey" if factor.method is SecondFactorMethod.PASSKEY else "totp",
        name=factor.name,
        created_at=factor.created_us,
        last_used_at=factor.last_used_us,
    )
