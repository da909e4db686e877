"""Files for browsers: cached for ever under a digest of all, loaded with what they import."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import brotli
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.requests import Request

import api.kinds
from api.web.encoding import choose
from api.web.files import WebFiles, read_web_files
from api.web.routes import build_page_routes
from api.web.shell import PageShell, WebOptions, of_kinds

PAGE_BYTES: Final = 120_000
ALL_BYTES: Final = 200_000
ADDRESS: Final = re.compile(r'"(/static/[0-9a-f]+/[^"#]+)')
LATER: Final = re.compile(r'\bfile\("([^"]+)"\)')
FILES = {
    "pages/a.js": b'import { b } from "../lib/b.js";\nimport "../lib/c.js";\n',
    "lib/b.js": b'import {\n  one,\n  two,\n} from "./c.js";\nexport const b = 1;\n',
    "lib/c.js": b'export const c = "import { x } from \\"./no.js\\"";\n',
    "style.css": b"p { margin: 0 }" * 50,
}


def request(**headers: str) -> Request:
    given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": given})


def test_a_module_is_loaded_with_all_that_it_imports() -> None:
    assert WebFiles(FILES).loads("pages/a.js") == ("pages/a.js", "lib/b.js", "lib/c.js")


def test_the_digest_changes_with_any_file() -> None:
    assert WebFiles(FILES).digest != WebFiles({**FILES, "lib/c.js": b"export const c = 2;\n"}).digest
    assert WebFiles(FILES).digest == WebFiles(dict(reversed(FILES.items()))).digest


def test_files_are_immutable_under_the_digest_and_checked_under_an_older_one() -> None:
    files = WebFiles(FILES)
    now, before = files.answer(request(), files.digest, "style.css"), files.answer(request(), "0" * 16, "style.css")
    assert now is not None
    assert before is not None
    assert "immutable" in now.headers["cache-control"]
    assert before.headers["cache-control"] == "no-cache"
    known = files.answer(request(if_none_match=now.headers["etag"]), "0" * 16, "style.css")
    assert known is not None
    assert (known.status_code, known.body) == (304, b"")


def test_files_are_compressed_for_those_who_ask() -> None:
    files = WebFiles(FILES)
    for accepted, decompress in (("gzip, br", brotli.decompress), ("gzip, deflate", gzip.decompress), ("", bytes)):
        answer = files.answer(request(accept_encoding=accepted), files.digest, "style.css")
        assert answer is not None
        assert decompress(bytes(answer.body)) == FILES["style.css"]
        assert (len(answer.body) < len(FILES["style.css"])) == bool(accepted)


def test_what_a_client_refuses_is_not_sent() -> None:
    wishes = {"br;q=0, gzip;q=0.5": "gzip", "gzip; q=0.0": None, "brotli": None, "BR ;q=1": "br", "*": None}
    assert {header: choose(header) for header in wishes} == wishes


def test_files_are_sent_as_they_were_written(tmp_path: Path) -> None:
    written = b"// why\n  /** What it does. */\nexport const a = `/** not */`;\n"
    (tmp_path / "a.js").write_bytes(written)
    assert read_web_files(tmp_path, "lib") == {"lib/a.js": written}


@pytest.fixture(scope="module")
def shell() -> PageShell:
    return PageShell(of_kinds(api.kinds), WebOptions())


@pytest.fixture
def client(shell: PageShell) -> Iterator[TestClient]:
    with TestClient(FastAPI(routes=build_page_routes(shell).routes), headers={"Accept-Encoding": "br"}) as client:
        yield client


def sent(client: TestClient, address: str) -> int:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return int(answer.headers["content-length"])


def test_every_page_is_light(shell: PageShell, client: TestClient) -> None:
    """120 kB as sent, with its words and what it loads later: a phone at a lamp post."""
    too_heavy = {}
    for path in shell.pages:
        html = client.get(path).text
        found = set(ADDRESS.findall(html))
        scripts = [client.get(address).text for address in found if address.endswith(".js")]
        found |= {shell.files.address(name) for script in scripts for name in LATER.findall(script)}
        weight = sent(client, path) + sum(sent(client, address) for address in found)
        if weight > PAGE_BYTES:
            too_heavy[path] = weight
    assert too_heavy == {}


def test_all_scripts_and_styles_together_are_light(shell: PageShell) -> None:
    assert shell.files.weight((".js", ".css")) <= ALL_BYTES


def test_only_a_tile_server_that_was_set_may_be_asked() -> None:
    kinds = of_kinds(api.kinds)
    for options, images in (
        (WebOptions(), "img-src 'self';"),
        (WebOptions("https://t.example/{z}/{x}/{y}.png"), "img-src 'self' data: https://t.example;"),
    ):
        with TestClient(FastAPI(routes=build_page_routes(PageShell(kinds, options)).routes)) as client:
            policy = client.get("/sign-in").headers["content-security-policy"]
        assert policy.startswith("default-src 'self';")
        assert images in policy
        assert "unsafe" not in policy


def test_pages_are_compressed_for_those_who_ask(client: TestClient) -> None:
    plain = client.get("/sign-in", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    for encoding in ("br", "gzip"):
        answer = client.get("/sign-in", headers={"Accept-Encoding": encoding})
        assert (answer.headers["content-encoding"], answer.text) == (encoding, plain.text)
        assert "Accept-Encoding" in answer.headers["vary"]
        assert int(answer.headers["content-length"]) < len(plain.content) / 2


def test_there_is_no_way_out_of_the_files() -> None:
    files = WebFiles(FILES)
    assert files.answer(request(), files.digest, "../../settings.py") is None
    with pytest.raises(KeyError):
        files.address("style2.css")
