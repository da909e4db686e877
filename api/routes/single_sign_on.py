"""Signing in with an account that people have elsewhere (OpenID Connect); the browser goes there and comes back."""

import json
from dataclasses import replace
from typing import Annotated, Final

import structlog
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ValidationError

from api import sessions
from api.authentication import authentication_state
from api.fields import RequestBody
from api.problems import request_id
from api.refusal_audit import RefusalGroup, refusals_of
from api.routes.login import PUBLIC
from api.services import Services, Use
from api.single_sign_on import PendingSignIn, ProviderIdentity, ProviderRefused, ProviderUnavailable, SingleSignOn
from application.access.second_factor import SecondFactorMethod
from application.audit.audit_trail import object_name, record_action
from application.ports.registry import RegistryTransaction
from application.ports.users import User, UserRepository
from devices.errors import ConfigurationError, LauternError, NotFound

COOKIE: Final = "lautern_sign_in"
HERE: Final = "/api/v1/login/oidc"
MINUTES: Final = 10
_LOG = structlog.get_logger()
router = APIRouter(prefix="/login", tags=["access"], dependencies=[PUBLIC])


class SignInMethods(BaseModel):
    """How people may sign in."""

    password: bool
    oidc: str | None
    """Label of the provider; null when there is none."""


class _Kept(RequestBody):
    state: str
    nonce: str
    verifier: str


class Unknown(LauternError):
    """The provider knows you, we do not: ask who keeps the users."""


@router.get("/methods")
def list_methods(services: Use) -> SignInMethods:
    """Show how people may sign in."""
    return SignInMethods(password=True, oidc=None if services.single_sign_on is None else services.single_sign_on.label)


@router.get("/oidc", status_code=303, response_class=Response)
def begin(request: Request, services: Use) -> Response:
    """Send the browser to the provider."""
    try:
        begun = _provider(services).begin(_redirect_uri(request))
    except (ProviderUnavailable, ConfigurationError) as error:
        return _failed(error)
    response = Response(status_code=303, headers={"Location": begun.url})
    response.set_cookie(
        COOKIE,
        json.dumps(begun.kept(), separators=(",", ":")),
        max_age=60 * MINUTES,
        path=HERE,
        httponly=True,
        samesite="lax",
        secure=sessions.needs_tls(request),
    )
    return response


@router.get("/oidc/callback", status_code=303, response_class=Response)
def finish(
    request: Request,
    services: Use,
    state: Annotated[str, Query(max_length=200)] = "",
    code: Annotated[str, Query(max_length=4000)] = "",
) -> Response:
    """Take the browser back from the provider, signed in or with the reason why not."""
    provider = _provider(services)
    try:
        begun = _begun(request, state)
        identity = provider.finish(_redirect_uri(request), code, begun)
        response = _sign_in(request, services, identity, provider)
    except (ProviderRefused, ProviderUnavailable, Unknown, ConfigurationError) as error:
        response = _failed(error)
        refused = RefusalGroup("sign_in", "user", "unauthenticated", sessions.address_of(request))
        refusals_of(request).note(refused, request_id(request))
    response.delete_cookie(COOKIE, path=HERE)
    return response


def _sign_in(request: Request, services: Services, identity: ProviderIdentity, provider: SingleSignOn) -> Response:
    with services.registry.write() as tx:
        user = _user(tx, identity, provider)
        proved_by = SecondFactorMethod.PROVIDER.value if identity.proved else None
        secret, session = sessions.open_session(
            tx, request, user, services.lifetime, services.now_us(), proved_by=proved_by
        )
        known = authentication_state(request)
        who = sessions.caller_of(tx, session, user, known.roles, known.restricted)
        who = replace(who, address=session.address, request_id=request_id(request))
        detail = {"by": provider.label, "second_factor": proved_by or "none"}
        record_action(tx, who, "sign_in", object_name("user", user.user_id), detail=detail)
    response = Response(status_code=303, headers={"Location": "/"})
    sessions.give_cookie(request, response, secret, services.lifetime)
    return response


def _user(tx: RegistryTransaction, identity: ProviderIdentity, provider: SingleSignOn) -> User:
    users = tx.get(UserRepository)
    user = users.by_subject(identity.subject)
    if user is None and provider.trusts_email and identity.email is not None:
        found = [u for u in users.by_email(identity.email) if u.subject is None]
        if len(found) == 1:
            user = users.change(replace(found[0], subject=identity.subject))
    if user is None or user.disabled_us is not None:
        raise Unknown
    return user


def _begun(request: Request, state: str) -> PendingSignIn:
    try:
        kept = _Kept.model_validate_json(request.cookies.get(COOKIE, ""))
    except ValidationError:
        raise ProviderRefused("the sign-in was not begun here, or too long ago") from None
    if not state or kept.state != state:
        raise ProviderRefused("the answer belongs to another sign-in")
    return PendingSignIn("", kept.state, kept.nonce, kept.verifier)


def _provider(services: Services) -> SingleSignOn:
    if services.single_sign_on is None:
        raise NotFound("oidc")
    return services.single_sign_on


def _redirect_uri(request: Request) -> str:
    return f"{sessions.base_url(request)}{HERE}/callback"


def _failed(error: LauternError) -> Response:
    _LOG.warning("single_sign_on_failed", error=str(error), cause=repr(error.__cause__))
    reason = {"ProviderUnavailable": "unavailable", "Unknown": "unknown"}.get(type(error).__name__, "refused")
    return Response(status_code=303, headers={"Location": f"/sign-in?error={reason}"})
