"""`lautern login`: who works at this command line, and with which API."""

import getpass
import sys
from http.cookies import SimpleCookie
from typing import Annotated, Any, Final
from urllib.parse import parse_qs, urlsplit

import typer

from cli.remote import api_client, credential_store, output
from cli.remote.credential_store import StoredLogin
from cli.remote.local_api import Json
from cli.remote.responses import ApiResponse, Unfit
from runtime import program_support

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
    to = StoredLogin(credential_store.normalise_url(url), ca_file=ca_file or api_client.own_ca_file())
    token = parse_qs(urlsplit(url).fragment).get(_TOKEN)
    if key is not None:
        signed_in = StoredLogin(to.url, key=sys.stdin.readline().strip() if key == "-" else key, ca_file=to.ca_file)
    elif token:
        signed_in = _signed_in(to, {"token": token[0]})
    else:
        name = name or _asked("Name: ")
        signed_in = _signed_in(to, {"name": name, "password": _secret("Password: ")})
    api = api_client.ApiClient(api_client.NetworkTransport(signed_in))
    me = api.get("/me")
    if me["second_step"] is not None:
        signed_in = _proved(api, signed_in, me["second_step"])
        api = api_client.ApiClient(api_client.NetworkTransport(signed_in))
        me = api.get("/me")
    if me["must_set_password"]:
        _choose(api)
    credential_store.keep_login(signed_in)
    town = me["tenant_id"] or "all towns"
    output.print_sentence(
        f"signed in as {me['name']} ({me['actor']}) at {signed_in.url}, in {town}", me, as_json=as_json
    )


def _signed_in(to: StoredLogin, proof: dict[str, str]) -> StoredLogin:
    answer = api_client.ApiClient(api_client.NetworkTransport(to)).call("POST", "/login", proof)
    return StoredLogin(to.url, session=_session(answer), ca_file=to.ca_file)


def _proved(api: api_client.ApiClient, to: StoredLogin, step: str) -> StoredLogin:
    """The session after its second step. Raises Unfit where that takes a browser."""
    if step == "enrol":
        raise Unfit(f"your role needs a second factor: sign in at {to.url} with a browser once, and enrol one")
    code = _secret("Code of your app, or a recovery code: ").strip()
    shown = {"code": code} if len(code) == _CODE_DIGITS and code.isdigit() else {"recovery_code": code}
    return StoredLogin(to.url, session=_session(api.call("POST", "/login/second-factor", shown)), ca_file=to.ca_file)


def _session(answer: ApiResponse) -> str:
    cookie = SimpleCookie(answer.headers.get("set-cookie", "")).get(api_client.COOKIE)
    if cookie is None:
        raise Unfit("what answers there gave no session")
    return cookie.value


def _choose(api: api_client.ApiClient) -> None:
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


def identity_lines(me: Any) -> list[tuple[str, object]]:  # noqa: ANN401 - what the API says
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
    program_support.run_program("login", login)
