"""The live stream, over a real socket: TestClient gives streams only when they end."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
import uvicorn

from api.limits import ApiLimits
from api.routes import stream
from application.access.roles import RoleGrant
from application.ports.api_keys import ApiKeys
from application.ports.changes import Change, ChangeFeed
from application.ports.inventory import AssetGroup, GroupRepository
from application.ports.users import SessionRepository
from tests.contracts.api.conftest import NOW_US, City
from tests.contracts.api.people import person, sign_in, towns
from tests.real_parts.ports import claim_port
from tests.real_parts.waiting import wait_until


class Follower:
    """Reads events in a thread until closed."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self.events: list[tuple[str, str, Any]] = []
        self.last_id = ""
        self.comments = 0
        self.ended = threading.Event()
        self.started = threading.Event()
        parts = urlsplit(url)
        self._connection = HTTPConnection(parts.netloc, timeout=30)
        self._connection.request("GET", f"{parts.path}?{parts.query}", headers=headers)
        self._socket = self._connection.sock
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        fields: dict[str, str] = {}
        with contextlib.suppress(OSError, HTTPException), self._connection.getresponse() as response:
            while line := response.readline():
                self._take(line.decode().rstrip("\n"), fields)
        self.ended.set()

    def _take(self, line: str, fields: dict[str, str]) -> None:
        if line.startswith(":"):
            self.comments += 1
            return
        name, _, value = line.partition(": ")
        if name:
            fields[name] = value
            return
        self.last_id = fields.get("id", self.last_id)
        if "data" in fields:
            self.events.append((fields["id"], fields["event"], json.loads(fields["data"])))
        fields.clear()
        self.started.set()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._socket.close()
        self._connection.close()


@pytest.fixture
def address(open_city: Callable[[], City]) -> Iterator[tuple[City, str, uvicorn.Server]]:
    city = open_city()
    port = claim_port()
    config = uvicorn.Config(city.client.app, port=port, log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started)
    yield city, f"http://127.0.0.1:{port}/api/v1/stream", server
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def follow(address: tuple[City, str, uvicorn.Server]) -> Iterator[Callable[..., Follower]]:
    followers: list[Follower] = []

    def open_follower(key: dict[str, str], query: str = "", **headers: str) -> Follower:
        follower = Follower(address[1] + query, key | headers)
        followers.append(follower)
        assert follower.started.wait(10)
        return follower

    yield open_follower
    for follower in followers:
        follower.close()


def _ids(city: City) -> list[int]:
    with city.registry.read() as tx:
        return [c.change_id for c in tx.get(ChangeFeed).after(0)]


def test_changes_arrive_with_their_id_topic_and_data(
    address: tuple[City, str, uvicorn.Server], follow: Callable[..., Follower]
) -> None:
    city = address[0]
    follower = follow(city.key("*"))
    city.change("state", devices=[{"device_id": "a"}])
    wait_until(lambda: follower.events)
    change_id, topic, data = follower.events[0]
    assert (int(change_id), topic) == (_ids(city)[-1], "state")
    assert data["data"] == {"devices": [{"device_id": "a"}]}
    assert (data["kind"], data["tenant_id"]) == ("streetlight", "kl")


def test_a_client_that_comes_back_misses_nothing_and_gets_nothing_twice(
    address: tuple[City, str, uvicorn.Server], follow: Callable[..., Follower]
) -> None:
    city = address[0]
    key = city.key("*")
    first = follow(key)
    city.change("state", n=0)
    wait_until(lambda: first.events)
    first.close()
    with city.registry.write() as tx:
        tx.get(ChangeFeed).add([Change(0, NOW_US, "kl", "streetlight", "state", {"n": n}) for n in range(1, 1201)])
    second = follow(key, **{"Last-Event-ID": first.last_id})
    city.change("state", n=1201)
    wait_until(lambda: len(second.events) >= 1201)
    assert [d["data"]["n"] for _, _, d in second.events] == list(range(1, 1202))


def test_an_id_no_longer_kept_resets(
    address: tuple[City, str, uvicorn.Server], follow: Callable[..., Follower]
) -> None:
    city = address[0]
    for number in range(20):
        city.change("state", n=number)
    with city.registry.write() as tx:
        tx.get(ChangeFeed).trim(5)
    # A stream joins where the server has read to, and what it reads after that follows the reset.
    wait_until(lambda: city.client.app.state.tail.position == _ids(city)[-1])  # type: ignore[attr-defined]
    key = city.key("*")
    for last, reason in (("3", "too_old"), ("999999", "unknown_id")):
        follower = follow(key, **{"Last-Event-ID": last})
        wait_until(lambda f=follower: f.events)  # type: ignore[misc]
        assert [(e, d["reason"]) for _, e, d in follower.events] == [("reset", reason)]
        assert int(follower.last_id) == _ids(city)[-1]


def test_what_may_not_be_seen_does_not_come(
    address: tuple[City, str, uvicorn.Server], follow: Callable[..., Follower]
) -> None:
    city = address[0]
    operator = follow(city.key("*", tenant_id="kl"))
    brigade = follow(city.key("fire_drone:read", tenant_id="kl"))
    chosen = follow(city.key("*"), "?topics=alarm&kinds=streetlight")
    city.change("telemetry", "fire_drone")
    city.change("alarm", None)
    city.change("alarm", "streetlight", "speyer")
    city.change("alarm", "event_network")
    city.change("system", None, None)
    city.change("alarm", "streetlight", "kl", end=True)
    city.change("alarm", "fire_drone", "kl", end=True)
    wait_until(lambda: all(f.events and f.events[-1][2]["data"].get("end") for f in (operator, brigade, chosen)))
    assert [(e, d["kind"]) for _, e, d in operator.events] == [
        ("alarm", "event_network"),
        ("system", None),
        ("alarm", "streetlight"),
    ]
    assert [(e, d["kind"]) for _, e, d in brigade.events] == [
        ("telemetry", "fire_drone"),
        ("system", None),
        ("alarm", "fire_drone"),
    ]
    assert [d["tenant_id"] for _, _, d in chosen.events] == ["speyer", "kl"]


def test_a_role_within_a_group_follows_what_is_in_the_group_and_no_more(
    address: tuple[City, str, uvicorn.Server], follow: Callable[..., Follower]
) -> None:
    city = address[0]
    for lamp in ("inside", "outside"):
        city.asset(lamp)
    with city.registry.write() as tx:
        tx.get(GroupRepository).put(AssetGroup("g", "kl", "streetlight", "G", ("inside",), 0))
    person(city, "anna", RoleGrant("viewer", "kl", frozenset({"group/g"})))
    cookie = {"Cookie": f"lautern_session={sign_in(city, 'anna').cookies['lautern_session']}"}
    everything, chosen = follow(cookie), follow(cookie, "?kinds=streetlight&topics=telemetry,alarm")
    after = follow(cookie, f"?after={_ids(city)[-1] if _ids(city) else 0}")
    both = [{"device_id": "outside", "values": {"n": 1}}, {"device_id": "inside", "values": {"n": 2}}]
    city.change("telemetry", devices=both)
    city.change("telemetry", devices=both[:1])
    city.change("telemetry", tenant_id="zw", devices=both)
    city.change("telemetry", "event_network", devices=both[:1])
    city.change("alarm", asset_id="outside", name="a")
    city.change("loan", asset_id="outside", name="a")
    city.change("group", group_id="other")
    city.change("alarm", asset_id="inside", name="b")
    wait_until(lambda: all(f.events and f.events[-1][1] == "alarm" for f in (everything, chosen, after)))
    for follower in (everything, chosen, after):
        assert [e for _, e, _ in follower.events] == ["telemetry", "alarm"]
        assert follower.events[0][2]["data"] == {"devices": both[1:]}
        assert "outside" not in json.dumps([d for _, _, d in follower.events])


def test_streams_end_when_the_server_stops(
    address: tuple[City, str, uvicorn.Server], follow: Callable[..., Follower]
) -> None:
    city, _, server = address
    follower = follow(city.key("*"))
    server.should_exit = True
    assert follower.ended.wait(5)


def test_a_client_hears_that_it_is_followed_while_much_happens_that_is_not_for_it(
    address: tuple[City, str, uvicorn.Server], follow: Callable[..., Follower], monkeypatch: pytest.MonkeyPatch
) -> None:
    city = address[0]
    monkeypatch.setattr(stream, "HEARTBEAT_S", 1.0)
    quiet = follow(city.key("*"), "?topics=alarm")
    beside = follow(city.key("*"))

    def heard() -> bool:
        city.change("state", n=1)
        return quiet.comments > 0

    wait_until(heard, what="a sign of life between changes that are not for it")
    assert beside.events
    assert not quiet.events
    before = quiet.last_id
    wait_until(lambda: heard() and int(quiet.last_id) > int(before), what="the id goes on")


def test_streams_of_one_person_are_bounded_and_others_follow(
    address: tuple[City, str, uvicorn.Server], follow: Callable[..., Follower]
) -> None:
    city, url, _ = address
    flood, other = city.key("*"), city.key("*")
    followers = [follow(flood) for _ in range(ApiLimits().streams_per_caller)]
    refused = httpx2.get(url, headers=flood)
    assert (refused.status_code, int(refused.headers["Retry-After"])) == (429, 30)
    follow(other)
    followers[0].close()
    wait_until(lambda: follow_status(url, flood) == 200, what="a place that became free")


def follow_status(url: str, key: dict[str, str]) -> int:
    with httpx2.stream("GET", url, headers=key) as answer:
        return answer.status_code


def test_following_without_a_key_is_refused(address: tuple[City, str, uvicorn.Server]) -> None:
    assert httpx2.get(address[1]).status_code == 401


def test_who_may_no_more_follows_no_more(
    address: tuple[City, str, uvicorn.Server], follow: Callable[..., Follower], monkeypatch: pytest.MonkeyPatch
) -> None:
    city = address[0]
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.1)
    towns(city, "kl")
    person(city, "anna", RoleGrant("viewer", "kl"))
    browser = sign_in(city, "anna")
    stays = follow(city.key("*"))
    by_key = follow(city.key("*", name="lost"))
    by_session = follow({"Cookie": f"lautern_session={browser.cookies['lautern_session']}"})
    with city.registry.write() as tx:
        (lost,) = [key for key in tx.get(ApiKeys).all() if key.name == "lost"]
        tx.get(ApiKeys).revoke(lost.key_id, NOW_US)
        tx.get(SessionRepository).end_of_user("anna")
    assert by_key.ended.wait(10)
    assert by_session.ended.wait(10)
    city.change("state", n=1)
    wait_until(lambda: stays.events)
    assert by_key.events == by_session.events == []
