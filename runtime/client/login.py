"""`lautern login`: who works at this command line, and with which API."""

import getpass
import sys
from http.cookies import SimpleCookie
from typing import Annotated, Any, Final
from urllib.parse import parse_qs, urlsplit

import typer

from runtime import saying
from runtime.client import door, kept, showing
from runtime.client.answers import Answer, Unfit
from runtime.client.here import Json
from runtime.client.kept import Login

_CODE_DIGITS: Final = 6
_TOKEN = "token"  # noqa: S105 - its name in a link


def login(
    url: Annotated[str, typer.Argument(help="Of the API, or a link that works once.")],
    *,
    name: Annotated[str | None, typer.Option("--name", help="Sign-in name; asked for when left out.")] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="An API key instead of name and password; '-' reads standard input.")
    ] = None,
    ca_file: Annotated[str | None, typer.Option("--ca-file", help="Certificates to trust, PEM.")] = None,
    as_json: Json = False,
) -> None:
    """Sign in; kept for this user of this machine (mode 0600) until `lautern logout`, a session ends by itself.

    LAUTERN_URL and LAUTERN_API_KEY in the environment go before it. The password is asked for, or read from standard
    input where that is no terminal.

    \b
    Examples:
      lautern login https://lautern.example.org --name anna
      lautern login https://lautern.example.org --key - < key.txt
      lautern login 'https://lautern.example.org/sign-in#token=…'
    """  # noqa: D301 - typer keeps the lines after it
    to = Login(kept.address(url), ca_file=ca_file or door.own_ca_file())
    token = parse_qs(urlsplit(url).fragment).get(_TOKEN)
    if key is not None:
        signed_in = Login(to.url, key=sys.stdin.readline().strip() if key == "-" else key, ca_file=to.ca_file)
    elif token:
        signed_in = _signed_in(to, {"token": token[0]})
    else:
        name = name or _asked("Name: ")
        signed_in = _signed_in(to, {"name": name, "password": _secret("Password: ")})
    api = door.Api(door.Network(signed_in))
    me = api.get("/me")
    if me["second_step"] is not None:
        signed_in = _proved(api, signed_in, me["second_step"])
        api = door.Api(door.Network(signed_in))
        me = api.get("/me")
    if me["must_set_password"]:
        _choose(api)
    kept.keep(signed_in)
    town = me["tenant_id"] or "all towns"
    showing.tell(f"signed in as {me['name']} ({me['actor']}) at {signed_in.url}, in {town}", me, as_json=as_json)


def _signed_in(to: Login, proof: dict[str, str]) -> Login:
    answer = door.Api(door.Network(to)).call("POST", "/login", proof)
    return Login(to.url, session=_session(answer), ca_file=to.ca_file)


def _proved(api: door.Api, to: Login, step: str) -> Login:
    """The session after its second step. Raises Unfit where that takes a browser."""
    if step == "enrol":
        raise Unfit(f"your role needs a second factor: sign in at {to.url} with a browser once, and enrol one")
    code = _secret("Code of your app, or a recovery code: ").strip()
    shown = {"code": code} if len(code) == _CODE_DIGITS and code.isdigit() else {"recovery_code": code}
    return Login(to.url, session=_session(api.call("POST", "/login/second-factor", shown)), ca_file=to.ca_file)


def _session(answer: Answer) -> str:
    cookie = SimpleCookie(answer.headers.get("set-cookie", "")).get(door.COOKIE)
    if cookie is None:
        raise Unfit("what answers there gave no session")
    return cookie.value


def _choose(api: door.Api) -> None:
    """Set the first password. Raises Unfit when the two that were typed differ."""
    new = _secret("New password, at least 12 characters: ")
    if sys.stdin.isatty() and getpass.getpass("The same again: ") != new:
        raise Unfit("the two passwords differ; ask for a new link")
    api.post("/me/password", {"new": new})


def _asked(question: str) -> str:
    if not sys.stdin.isatty():
        raise Unfit("--name is needed where nobody can be asked")
    return input(question).strip()


def _secret(question: str) -> str:
    return getpass.getpass(question) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")


def told(me: Any) -> list[tuple[str, object]]:  # noqa: ANN401 - what the API says
    """Who somebody is, line by line."""
    towns = [town["id"] or "all towns" for town in me["tenants"]]
    return [
        ("name", me["name"]),
        ("actor", me["actor"]),
        ("at work in", me["tenant_id"] or "all towns"),
        ("may work in", towns),
        ("roles", me["roles"]),
        ("only", me["limits"]),
        ("kinds", me["kinds"]),
    ]


if __name__ == "__main__":
    saying.run("login", login)
