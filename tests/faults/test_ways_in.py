"""The running program by IPv6, below a path of a proxy, and asked with HEAD: as by any other way."""

import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from tests.faults.conftest import Report
from tests.faults.embedded import embedded
from tests.faults.rough import rough
from tests.faults.test_stuck import Lamp
from tests.real_parts.brokers import Broker
from tests.real_parts.ports import answers, claim_port
from tests.real_parts.waiting import wait_until

HERE: Final = "::1"
ROOT: Final = "/lautern"
PATHS: Final = ("/healthz", "/readyz", "/docs", "/sign-in", "/openapi.json")


@pytest.mark.timeout(120)
def test_ipv6_a_sub_path_and_head_lead_to_the_same(tmp_path: Path, report: Report) -> None:
    port = claim_port()
    more: dict[str, object] = {
        "BROKER__URL": f"mqtt://[{HERE}]:{port}",
        "HTTP__HOST": HERE,
        "HTTP__PUBLIC_URL": f"http://[{HERE}]{ROOT}",
    }
    with embedded(tmp_path / "data", ["L1"], more=more, host=HERE, port=port) as (town, logins):
        wait_until(lambda: answers(town.http_port, HERE), timeout_s=40, what="the API")
        lamp = Lamp(town, logins["L1"])
        broker = Broker(name="embedded", host=HERE, port=port, gateway=lamp.login, device=lamp.login,
                        server=town.server)  # fmt: skip
        with rough(broker, lamp.login.user, patience_s=10) as link:
            assert lamp.publish(link, 3)
        wait_until(lambda: _status(town.http_port, "/readyz") == 200, timeout_s=40, what="ready")
        found = {}
        for method in ("GET", "HEAD"):
            for path in PATHS:
                for prefix in ("", ROOT):
                    found[method, path, prefix] = _asked(town.http_port, method, prefix + path)
        assert not answers(town.http_port), "only where it was told to listen"
    for path in PATHS:
        statuses = {found[method, path, prefix][0] for method in ("GET", "HEAD") for prefix in ("", ROOT)}
        assert statuses == {200}, path
        assert found["HEAD", path, ROOT][1] == 0
        assert found["GET", path, ROOT][1] > 0
    report("ways in", "on [::1] only, below /lautern and not, by GET and HEAD; a lamp speaks", "embedded", None,
           asked=len(found), differ=0)  # fmt: skip


def _status(port: int, path: str) -> int:
    with suppress(urllib.error.HTTPError):
        return _asked(port, "GET", path)[0]
    return 0


def _asked(port: int, method: str, path: str) -> tuple[int, int]:
    """Status, and bytes of the body."""
    request = urllib.request.Request(f"http://[{HERE}]:{port}{path}", method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.status, len(answer.read())
