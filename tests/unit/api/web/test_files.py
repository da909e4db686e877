"""Files for browsers: cached for ever under a digest of all, loaded with what they import."""

import gzip
from pathlib import Path

import brotli
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.requests import Request

import api.kinds
from api.web.files import STATIC, Files, read
from api.web.routes import build
from api.web.shell import Shell, WebOptions, of_kinds

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
    assert Files(FILES).loads("pages/a.js") == ("pages/a.js", "lib/b.js", "lib/c.js")


def test_the_digest_changes_with_any_file() -> None:
    assert Files(FILES).digest != Files({**FILES, "lib/c.js": b"export const c = 2;\n"}).digest
    assert Files(FILES).digest == Files(dict(reversed(FILES.items()))).digest


def test_files_are_immutable_under_the_digest_and_checked_under_an_older_one() -> None:
    files = Files(FILES)
    now, before = files.answer(request(), files.digest, "style.css"), files.answer(request(), "0" * 16, "style.css")
    assert now is not None
    assert before is not None
    assert "immutable" in now.headers["cache-control"]
    assert before.headers["cache-control"] == "no-cache"
    known = files.answer(request(if_none_match=now.headers["etag"]), "0" * 16, "style.css")
    assert known is not None
    assert (known.status_code, known.body) == (304, b"")


def test_files_are_compressed_for_those_who_ask() -> None:
    files = Files(FILES)
    for accepted, decompress in (("gzip, br", brotli.decompress), ("gzip, deflate", gzip.decompress), ("", bytes)):
        answer = files.answer(request(accept_encoding=accepted), files.digest, "style.css")
        assert answer is not None
        assert decompress(bytes(answer.body)) == FILES["style.css"]
        assert (len(answer.body) < len(FILES["style.css"])) == bool(accepted)


def test_our_files_are_sent_without_what_only_people_read_and_are_else_the_same(tmp_path: Path) -> None:
    kept = b'const a = "http://x"; // told\nconst b = `/** not */`;\n\nif (a) {\n'
    (tmp_path / "a.js").write_bytes(b"// why\n  /** What\n   * it does. */\n" + kept + b"    // so\n  b();\n}\n")
    (tmp_path / "a.css").write_bytes(
        b'/* why */\na:hover, b::before {\n  margin: 0 -1px;\n  content: "a  b" }\n\nb { top: 0 }\n'
    )
    styles = b'a:hover, b::before{margin:0 -1px;content:"a  b"}b{top:0}'
    assert read(tmp_path) == {"a.js": kept + b"b();\n}\n", "a.css": styles}
    ours = [path for path in STATIC.rglob("*.js") if "vendor" not in path.parts]
    shorter = sum(
        len(content) for name, content in read(STATIC).items() if name.endswith(".js") and "vendor" not in name
    )
    assert shorter < sum(path.stat().st_size for path in ours) * 0.97


def test_no_text_of_our_scripts_goes_over_lines() -> None:
    """Lines are sent without their indentation."""
    for path in STATIC.parents[1].rglob("*.js"):
        if "vendor" not in path.parts:
            assert all(line.count("`") % 2 == 0 for line in path.read_text(encoding="utf-8").splitlines()), path


def test_all_scripts_and_styles_together_are_light() -> None:
    """200 kB compressed: a phone at a lamp post."""
    assert Shell(of_kinds(api.kinds), WebOptions()).files.weight((".js", ".css")) <= 200_000


def test_only_a_tile_server_that_was_set_may_be_asked() -> None:
    kinds = of_kinds(api.kinds)
    for options, images in (
        (WebOptions(), "img-src 'self';"),
        (WebOptions("https://t.example/{z}/{x}/{y}.png"), "img-src 'self' data: https://t.example;"),
    ):
        with TestClient(FastAPI(routes=build(Shell(kinds, options)).routes)) as client:
            policy = client.get("/sign-in").headers["content-security-policy"]
        assert policy.startswith("default-src 'self';")
        assert images in policy
        assert "unsafe" not in policy


def test_there_is_no_way_out_of_the_files() -> None:
    files = Files(FILES)
    assert files.answer(request(), files.digest, "../../settings.py") is None
    with pytest.raises(KeyError):
        files.address("style2.css")
