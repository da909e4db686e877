"""An OpenID provider that lies, or answers badly, lets nobody in, breaks nothing and holds nobody up."""

import base64
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from api import oidc
from api.application import create_app
from api.oidc import OpenIdProvider
from application.access.roles import RoleGrant
from application.ports.users import UserRepository
from tests.contracts.api.conftest import ADDRESS, City
from tests.contracts.api.people import person

START: Final = "/api/v1/login/oidc"
OURS: Final = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"})
FOREIGN: Final = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"})
SECRET: Final = "a-secret-of-thirty-two-characters!"
Answer = Callable[[BaseHTTPRequestHandler], None]


def said(status: int, body: bytes, content_type: str = "application/json", **headers: str) -> Answer:
    """Answers so."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", content_type)
        handler.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


@dataclass
class Hostile:
    """A provider whose every answer can be replaced."""

    url: str = ""
    answers: dict[str, Answer] = field(default_factory=dict)
    ended: threading.Event = field(default_factory=threading.Event)
    token: Callable[[dict[str, Any]], object] | None = None
    """Signed with its own key when None."""
    claims: dict[str, object] = field(default_factory=dict)
    nonce: str = ""
    asked: list[str] = field(default_factory=list)

    def about(self, **changed: object) -> bytes:
        """What it says of itself."""
        known: dict[str, object] = {"issuer": self.url, "authorization_endpoint": f"{self.url}/auth"}
        known |= {"token_endpoint": f"{self.url}/token", "jwks_uri": f"{self.url}/keys"}
        return json.dumps(known | changed).encode()

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer a request."""
        path = urlsplit(handler.path).path
        self.asked.append(path)
        if path in self.answers:
            self.answers[path](handler)
        elif path == "/.well-known/openid-configuration":
            said(200, self.about())(handler)
        elif path == "/keys":
            said(200, json.dumps({"keys": [OURS.as_dict(private=False)]}).encode())(handler)
        else:
            now = int(time.time())
            claims: dict[str, object] = {"iss": self.url, "aud": "lautern", "sub": "17", "nonce": self.nonce}
            claims |= {"iat": now, "exp": now + 300, "email": "anna@example.org", "email_verified": True}
            known = {k: v for k, v in (claims | self.claims).items() if v is not None}
            body = {"access_token": "a", "token_type": "Bearer", "id_token": (self.token or sign)(known)}
            said(200, json.dumps(body).encode())(handler)


def sign(claims: dict[str, Any], key: Any = OURS, **header: str) -> str:
    return jwt.encode({"alg": "RS256", "kid": "k1"} | header, claims, key, algorithms=["RS256", "HS256"])


def secretly(claims: dict[str, Any], secret: bytes) -> str:
    """As if what everybody may read were a shared secret."""
    parts = ({"alg": "HS256", "kid": "k1"}, claims)
    head = ".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in parts)
    seal = hmac.digest(secret, head.encode(), "sha256")
    return f"{head}.{base64.urlsafe_b64encode(seal).rstrip(b'=').decode()}"


def plain(claims: dict[str, Any]) -> str:
    """Signed by nobody."""
    parts = ({"alg": "none", "kid": "k1"}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in parts) + "."


@pytest.fixture
def hostile() -> Iterator[Hostile]:
    provider = Hostile()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            # What is left unread makes the kernel reset the connection, with the answer on its way.
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            try:
                provider.handle(self)
            except OSError:
                self.close_connection = True

        do_POST = do_GET  # noqa: N815 - as http.server calls it

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    provider.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield provider
    provider.ended.set()
    server.shutdown()
    server.server_close()
    thread.join(10)


@pytest.fixture
def browser(city: City, hostile: Hostile) -> TestClient:
    person(city, "anna", RoleGrant("viewer", "kl"), password=False)
    with city.registry.write() as tx:
        users = tx.get(UserRepository)
        users.change(replace(users.get("anna"), email="anna@example.org"))
    provider = OpenIdProvider(
        issuer=hostile.url, client_id="lautern", client_secret=SECRET, label="Town", trusts_email=True
    )
    app = create_app(replace(city.services, single_sign_on=provider), poll_s=0.02)
    return TestClient(app, base_url=ADDRESS, follow_redirects=False, raise_server_exceptions=False)


def tries(browser: TestClient, hostile: Hostile, code: str = "c") -> str:
    """Where a sign-in ends."""
    begun = browser.get(START)
    assert begun.status_code == 303
    asked = parse_qs(urlsplit(begun.headers["location"]).query)
    if "nonce" not in asked:
        return str(begun.headers["location"])
    hostile.nonce = asked["nonce"][0]
    answer = browser.get(f"{START}/callback", params={"state": asked["state"][0], "code": code})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def test_an_honest_answer_lets_in(browser: TestClient, hostile: Hostile) -> None:
    assert tries(browser, hostile) == "/"
    assert browser.get("/api/v1/me").status_code == 200


NOW: Final = int(time.time())
CLAIMS: Final[dict[str, dict[str, object]]] = {
    "another issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": None},
    "the issuer in a list": {"iss": ["x"]},
    "another audience": {"aud": "another-client"},
    "another audience of which we are the party": {"aud": "another-client", "azp": "lautern"},
    "no audience": {"aud": None},
    "several audiences and another party": {"aud": ["lautern", "other"], "azp": "other"},
    "expired": {"exp": NOW - 3600},
    "no end": {"exp": None},
    "the end is text": {"exp": "soon"},
    "not yet": {"nbf": NOW + 3600},
    "issued in the future": {"iat": NOW + 3600},
    "no time of issue": {"iat": None},
    "another nonce": {"nonce": "n"},
    "no nonce": {"nonce": None},
    "no subject": {"sub": None},
    "an empty subject": {"sub": ""},
    "a subject that is no text": {"sub": {"a": 1}},
    "an endless subject": {"sub": "x" * 10_000},
    "a subject with a line's end": {"sub": "a\r\nSet-Cookie: x=y"},
    "an address in a list, by a stranger": {"email": ["anna@example.org"]},
    "an address that is not verified": {"email_verified": "true"},
}


@pytest.mark.parametrize("claims", CLAIMS.values(), ids=CLAIMS.keys())
def test_no_other_claims_let_in(browser: TestClient, hostile: Hostile, claims: dict[str, object]) -> None:
    hostile.claims = claims
    assert tries(browser, hostile) in {"/sign-in?error=refused", "/sign-in?error=unknown"}
    assert browser.get("/api/v1/me").status_code == 401


TOKENS: Final[dict[str, Callable[[dict[str, Any]], object]]] = {
    "signed by nobody": plain,
    "signed with another key": lambda c: sign(c, FOREIGN),
    "signed with the client's secret": lambda c: sign(c, OctKey.import_key(SECRET), alg="HS256"),
    "signed with the public key as a secret": lambda c: secretly(c, OURS.as_pem(private=False)),
    "a key's name that is a path": lambda c: sign(c, FOREIGN, kid="../../../../dev/null"),
    "a key's name that is SQL": lambda c: sign(c, FOREIGN, kid="' UNION SELECT 'x"),
    "a key elsewhere": lambda c: sign(c, FOREIGN, jku="http://127.0.0.1:9/keys", kid="other"),
    "cut off": lambda c: sign(c)[:-20],
    "no signature": lambda c: sign(c).rpartition(".")[0] + ".",
    "no token": lambda _: None,
    "a number": lambda _: 7,
    "a list": lambda c: [sign(c)],
    "nonsense": lambda _: "a.b.c",
    "endless": lambda _: "a" * 500_000 + ".b.c",
}  # fmt: skip


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS.keys())
def test_no_other_token_lets_in(browser: TestClient, hostile: Hostile, token: Callable[..., object]) -> None:
    hostile.token = token
    assert tries(browser, hostile) == "/sign-in?error=refused"
    assert browser.get("/api/v1/me").status_code == 401


ABOUT: Final = "/.well-known/openid-configuration"
BODIES: Final[dict[str, Answer]] = {
    "a page": said(200, b"<html>sign in</html>", "text/html"),
    "a list": said(200, b"[]"),
    "a number": said(200, b"7"),
    "nothing": said(200, b""),
    "deep": said(200, b"[" * 100_000),
    "an error": said(500, b"{}"),
    "elsewhere": said(302, b"", Location="http://127.0.0.1:9/elsewhere"),
    "to a file": said(302, b"", Location="file:///etc/passwd"),
    "two megabytes": said(200, b'{"a":"' + b"x" * 2_000_000 + b'"}'),
    "packed": said(200, b"x", **{"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("place", [ABOUT, "/keys", "/token"])
@pytest.mark.parametrize("answer", BODIES.values(), ids=BODIES.keys())
def test_no_other_answer_lets_in(browser: TestClient, hostile: Hostile, place: str, answer: Answer) -> None:
    hostile.answers[place] = answer
    assert tries(browser, hostile).startswith("/sign-in?error=")
    assert browser.get("/api/v1/me").status_code == 401
    del hostile.answers[place]
    assert tries(browser, hostile) == "/"


@pytest.mark.parametrize(
    "about",
    [
        {"issuer": "https://evil.example"}, {"issuer": 7}, {"issuer": None}, {"authorization_endpoint": None},
        {"authorization_endpoint": "javascript:alert(1)"}, {"authorization_endpoint": ["x"]},
        {"jwks_uri": "file:///etc/passwd"}, {"jwks_uri": 7}, {"token_endpoint": "ftp://127.0.0.1/"},
    ],
)  # fmt: skip
def test_what_it_says_of_itself_is_not_believed(
    browser: TestClient, hostile: Hostile, about: dict[str, object]
) -> None:
    hostile.answers[ABOUT] = said(200, hostile.about(**about))
    assert tries(browser, hostile).startswith("/sign-in?error=")


def test_an_answer_that_never_ends_holds_up_nobody_else(
    browser: TestClient, hostile: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc, "EXCHANGE_S", 1.0)

    def drips(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.end_headers()
        while not hostile.ended.wait(0.05):
            handler.wfile.write(b" ")

    hostile.answers[ABOUT] = drips
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(tries(browser, hostile))) for _ in range(6)]
    for thread in threads:
        thread.start()
    assert browser.get("/healthz").status_code in {200, 503}
    for thread in threads:
        thread.join(30)
    assert found == ["/sign-in?error=unavailable"] * 6
    hostile.answers.clear()
    assert tries(browser, hostile) == "/"


def test_state_and_nonce_work_once(browser: TestClient, hostile: Hostile) -> None:
    begun = browser.get(START)
    asked = parse_qs(urlsplit(begun.headers["location"]).query)
    hostile.nonce = asked["nonce"][0]
    back = {"state": asked["state"][0], "code": "c"}
    assert browser.get(f"{START}/callback", params=back).headers["location"] == "/"
    assert browser.get(f"{START}/callback", params=back).headers["location"] == "/sign-in?error=refused"
    second = TestClient(browser.app, base_url=ADDRESS, follow_redirects=False)
    fresh = parse_qs(urlsplit(second.get(START).headers["location"]).query)
    answer = second.get(f"{START}/callback", params={"state": fresh["state"][0], "code": "c"})
    assert answer.headers["location"] == "/sign-in?error=refused", "the token holds the nonce of another sign-in"
    hostile.nonce = parse_qs(urlsplit(second.get(START).headers["location"]).query)["nonce"][0]
    answer = second.get(f"{START}/callback", params={"state": fresh["state"][0], "code": "c"})
    assert answer.headers["location"] == "/sign-in?error=refused", "the answer holds the state of another sign-in"
