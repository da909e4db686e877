"""The audit log over HTTP: who may read what of it, as pages and files, and whether it is whole."""

import csv
import io
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from api.audit_anchors import AuditKeeper
from api.refusal_audit import RefusalCounter
from application.audit.entry import ANCHORS_LOST
from application.audit.json_lines import parse_entry
from application.audit.verification import verify_chain, verify_each
from application.ports.audit import AuditFilter, AuditLog
from devices.time_us import DAY_US, rfc3339
from devices.wording.catalogue import CodedText
from tests.contracts.api.conftest import NOW_US, City
from tests.real_parts.waiting import wait_until
from tests.unit.application.audit.making import deed

URL = "/api/v1/audit"


@pytest.fixture
def town(city: City) -> City:
    """Deeds of two towns, the brigade and the installation; the third wants to be a formula."""
    kept = [
        deed(1),
        deed(2, tenant_id="speyer"),
        deed(3, name="=HYPERLINK(1)", actor="key:ops", action="device.change"),
        deed(4, object="fire_drone/flight/17", action="flight.read", name="Brand"),
        deed(5, tenant_id=None, action="sign_in", object="user/root", result="unauthenticated"),
        deed(6, object="streetlight/L1/alarm/a", action="alarm.acknowledge"),
    ]
    for one in kept:
        city.clock.now_us += 1_000_000
        with city.registry.write() as tx:
            tx.get(AuditLog).append(one)
    return city


def seqs(city: City, key: dict[str, str], **query: Any) -> Sequence[int]:
    answer = city.client.get(URL, headers=key, params=query)
    assert answer.status_code == 200, answer.text
    return [item["seq"] for item in answer.json()["items"]]


def test_each_sees_what_is_his_and_the_brigades_only_the_brigade(town: City) -> None:
    admin, root = town.key("*", tenant_id="kl"), town.key("*")
    brigade = town.key("audit:read", "fire_drone:read", tenant_id="kl")
    assert seqs(town, admin) == [6, 3, 1]
    assert seqs(town, root) == [6, 5, 3, 2, 1]
    assert seqs(town, brigade) == [6, 4, 3, 1]
    assert seqs(town, town.key("audit:read", "fire_drone:read", tenant_id="speyer")) == [2]
    assert town.client.get(URL, headers=town.key("streetlight:read")).status_code == 403
    assert town.client.get(f"{URL}/verify", headers=town.key("streetlight:read")).status_code == 403
    assert town.client.get(URL).status_code == 401
    for form in ("json", "csv", "jsonl"):
        assert "drone" not in town.client.get(URL, headers=root, params={"format": form}).text
        assert "Brand" not in town.client.get(URL, headers=root, params={"format": form}).text


def test_entries_are_found_by_what_was_asked(town: City) -> None:
    key = town.key("*")
    assert seqs(town, key, actor="key:ops") == [3]
    assert seqs(town, key, object="streetlight/L1") == [6, 1]
    assert seqs(town, key, action="alarm.") == [6]
    assert seqs(town, key, result="unauthenticated") == [5]
    assert seqs(town, key, **{"from": rfc3339(NOW_US + 2_000_000), "to": rfc3339(NOW_US + 5_000_000)}) == [3, 2]
    first = town.client.get(URL, headers=key, params={"limit": 2}).json()
    assert seqs(town, key, limit=2, cursor=first["next_cursor"]) == [3, 2]
    assert town.client.get(URL, headers=key, params={"cursor": "x"}).status_code == 422
    shown = town.client.get(URL, headers=key, params={"actor": "key:ops"}).json()["items"][0]
    assert (shown["at"], shown["name"]) == (rfc3339(NOW_US + 3_000_000), "=HYPERLINK(1)")
    assert shown["detail"] == {"level_pct": 3}


@pytest.mark.parametrize("how", [{"params": {"format": "csv"}}, {"headers": {"Accept": "text/csv"}}])
def test_a_table_runs_nothing_in_a_spreadsheet(town: City, how: dict[str, Any]) -> None:
    key = town.key("*", tenant_id="kl") | how.get("headers", {})
    answer = town.client.get(URL, headers=key, params=how.get("params"))
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["seq"] for row in rows] == ["1", "3", "6"]
    assert rows[1]["name"] == "'=HYPERLINK(1)"


def test_lines_are_a_chain_that_can_be_verified_elsewhere(town: City) -> None:
    signer = town.services.signer
    assert signer is not None
    key = town.key("audit:read", tenant_id="kl")
    answer = town.client.get(URL, headers=key | {"Accept": "application/jsonl"})
    assert answer.headers["content-type"] == "application/jsonl"
    entries = [parse_entry(line, n) for n, line in enumerate(answer.content.splitlines(), 1)]
    verdict = verify_chain(entries, signer, [])
    assert (verdict.finding, verdict.entries, verdict.closed) == (None, 6, 3)
    assert "speyer" not in answer.text
    some = town.client.get(URL, headers=key, params={"format": "jsonl", "action": "command.issue"})
    lines = [parse_entry(line, n) for n, line in enumerate(some.content.splitlines(), 1)]
    assert [e.seq for e in lines] == [1]
    assert verify_each(lines, signer).finding is None


def test_verifying_names_the_first_bad_entry_without_telling_what_it_was(town: City) -> None:
    key = town.key("audit:read", tenant_id="kl")
    anchors = town.services.anchors
    assert anchors is not None
    wait_until(lambda: any(anchor.seq == 6 for anchor in anchors.all()), what="the anchor of the newest entry")
    whole = town.client.get(f"{URL}/verify", headers=key).json()
    assert (whole["ok"], whole["entries"], whole["last_seq"], whole["first_bad"]) == (True, 6, 6, None)
    assert whole["anchors"] >= 1
    for statement, seq, fault in (
        ("DELETE FROM audit WHERE seq = 6", 6, "cut"),
        ("UPDATE audit SET name = 'Nobody' WHERE seq = 4", 4, "changed"),
        ("DELETE FROM audit WHERE seq = 2", 2, "deleted"),
    ):
        alter(town, statement)
        found = town.client.get(f"{URL}/verify", headers=key).json()
        assert (found["ok"], found["first_bad"]["seq"], found["first_bad"]["fault"]) == (False, seq, fault)
        assert found["first_bad"]["params"]["seq"] == seq
        assert (
            CodedText(found["first_bad"]["code"], found["first_bad"]["params"]).text() == found["first_bad"]["sentence"]
        )
        assert "flight" not in str(found)


def alter(city: City, statement: str) -> None:
    """Go around the refusal, as whoever has the file can."""
    engine = create_engine(f"sqlite:///{city.registry._reader.url.database}")
    with engine.begin() as connection:
        for verb in ("update", "delete"):
            connection.execute(text(f"DROP TRIGGER IF EXISTS audit_no_{verb}"))
        connection.execute(text(statement))
    engine.dispose()


def test_a_long_log_is_verified_and_exported_in_pieces(city: City) -> None:
    with city.registry.write() as tx:
        for number in range(5000):
            tx.get(AuditLog).append(deed(number))
    key = city.key("audit:read")
    assert city.client.get(f"{URL}/verify", headers=key).json()["entries"] == 5000
    assert len(city.client.get(URL, headers=key, params={"format": "jsonl"}).content.splitlines()) == 5000


def test_anchors_that_are_gone_begin_anew_on_record_only(open_city: Callable[[], City], tmp_path: Path) -> None:
    """Whoever cut the chain may have taken them away: that it happened stays to be read."""
    city = open_city()
    anchors, lost = city.services.anchors, AuditFilter(action=ANCHORS_LOST)
    assert anchors is not None

    def recorded() -> Sequence[int]:
        with city.registry.read() as tx:
            return [entry.seq for entry in tx.get(AuditLog).find(lost).items]

    for number in (1, 2):
        with city.registry.write() as tx:
            tx.get(AuditLog).append(deed(number))
    keeper = AuditKeeper(city.services, RefusalCounter())
    keeper.anchor()
    assert ([anchor.seq for anchor in anchors.all()], recorded()) == ([2], [])
    (tmp_path / "audit.anchors").unlink()
    keeper.anchor()
    assert list(anchors.all()) == [], "a chain that did not grow"
    later = replace(city.services, now_us=lambda: time.time_ns() // 1000 + 10 * 365 * DAY_US)
    AuditKeeper(later, RefusalCounter()).anchor()
    assert ([anchor.seq for anchor in anchors.all()], recorded()) == ([3], [3])
    AuditKeeper(later, RefusalCounter()).anchor()
    assert recorded() == [3]
