"""What is formatted parses back; what is random never raises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.topics import UplinkTopic, is_id, parse_uplink, uplink_filters, uplink_topic

_IDS = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)


@given(_IDS, _IDS, _IDS, st.sampled_from(["status", "info", "state", "telemetry", "ack"]))
def test_formatted_topics_parse_back(tenant: str, kind: str, device: str, channel: str) -> None:
    source = UplinkTopic(tenant, kind, device, channel)
    assert parse_uplink(uplink_topic(source)) == source


@given(_IDS, _IDS)
def test_event_topics_parse_back(device: str, name: str) -> None:
    source = UplinkTopic("kl", "streetlight", device, "event", name)
    assert parse_uplink(uplink_topic(source, "my/root"), "my/root") == source


@given(_IDS, _IDS, _IDS, st.sampled_from(["status", "telemetry", "event"]))
def test_what_a_connector_says_parses_back(connector: str, kind: str, device: str, channel: str) -> None:
    source = UplinkTopic("kl", kind, device, channel, "fault" if channel == "event" else "", "collector", connector)
    assert uplink_topic(source).startswith(f"city/v1/kl/collector/{connector}/member/{kind}/{device}/{channel}")
    assert parse_uplink(uplink_topic(source)) == source


@pytest.mark.parametrize(
    "topic",
    [
        "kl/lamp/c1/member/lamp/l1",
        "kl/lamp/c1/member/lamp/l1/config",
        "kl/lamp/c1/member/lamp/l1/cmd/dim",
        "kl/lamp/c1/member/lamp/l1/telemetry/more",
        "kl/lamp/c1/member/lamp/l.1/telemetry",
        "kl/lamp/c1/member/+/l1/telemetry",
        "kl/lamp/c1/member/lamp/#/telemetry",
        "kl/lamp/c 1/member/lamp/l1/telemetry",
        "kl//c1/member/lamp/l1/telemetry",
        "kl/lamp/c1/member/zw/lamp/l1/telemetry",
        "kl/lamp/c1/member/lamp/l1/member/lamp/l2/telemetry",
        "kl/lamp/c1/members/lamp/l1/telemetry",
    ],
)
def test_nothing_else_below_a_connector_is_of_the_grammar(topic: str) -> None:
    assert parse_uplink(f"city/v1/{topic}") is None


@given(st.text(max_size=80))
def test_random_text_is_refused_or_valid(text: str) -> None:
    parsed = parse_uplink("city/v1/" + text)
    assert parsed is None or all(map(is_id, (parsed.tenant_id, parsed.kind, parsed.device_id)))


def test_wildcards_and_separators_are_no_ids() -> None:
    for bad in ("", "+", "#", "a/b", "a.b", "a b", "ä", "x" * 65, "a\n"):
        assert not is_id(bad)


def test_subscriptions_name_every_channel_once() -> None:
    member = "city/v1/+/+/+/member/+/+"
    own = ("city/v1/+/+/+/ack", "city/v1/+/+/+/event/+")
    assert uplink_filters(("ack", "event")) == (*own, f"{member}/ack", f"{member}/event/+")
