"""What is formatted parses back; what is random never raises."""

from hypothesis import given
from hypothesis import strategies as st

from devices.topics import Uplink, is_id, parse_uplink, subscriptions, uplink

_IDS = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)


@given(_IDS, _IDS, _IDS, st.sampled_from(["status", "info", "state", "telemetry", "ack"]))
def test_formatted_topics_parse_back(tenant: str, kind: str, device: str, channel: str) -> None:
    source = Uplink(tenant, kind, device, channel)
    assert parse_uplink(uplink(source)) == source


@given(_IDS, _IDS)
def test_event_topics_parse_back(device: str, name: str) -> None:
    source = Uplink("kl", "streetlight", device, "event", name)
    assert parse_uplink(uplink(source, "my/root"), "my/root") == source


@given(st.text(max_size=80))
def test_random_text_is_refused_or_valid(text: str) -> None:
    parsed = parse_uplink("city/v1/" + text)
    assert parsed is None or all(map(is_id, (parsed.tenant_id, parsed.kind, parsed.device_id)))


def test_wildcards_and_separators_are_no_ids() -> None:
    for bad in ("", "+", "#", "a/b", "a.b", "a b", "ä", "x" * 65, "a\n"):
        assert not is_id(bad)


def test_subscriptions_name_every_channel_once() -> None:
    assert subscriptions(("ack", "event")) == ("city/v1/+/+/+/ack", "city/v1/+/+/+/event/+")
