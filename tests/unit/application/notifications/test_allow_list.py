"""Where messages may go."""

from ipaddress import ip_address

import pytest

from application.notifications.allow_list import NotAllowed, TargetAllowList, check_addresses
from devices.errors import Invalid

ANYWHERE = TargetAllowList(("*",), ("*",))
INSIDE = TargetAllowList(
    (),
    (
        "ticket.stadt.example",
        "ticket.stadt.example:80",
        "tls.example",
        "10.1.2.3:8443",
        "*.hooks.example",
        "[fd00::7]:8443",
    ),
)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "https://user:secret@example.org/",
        "https://example.org/#x",
        "https:///x",
        "https://exa mple.org/",
        "https://example.org:99999/",
        "https://example.org:0/",
        "https://[::1/",
        "https://example.org\\@10.0.0.1/",
        "https://example.org/" + "x" * 2000,
    ],
)
def test_what_is_no_plain_url_is_refused(url: str) -> None:
    with pytest.raises(Invalid):
        ANYWHERE.webhook(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/",
        "https://example.org:8443/",
        "https://127.0.0.1/",
        "https://10.1.2.3/",
        "https://172.16.0.1/",
        "https://192.168.1.1/",
        "https://100.64.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://[fd00::7]/",
        "https://[fe80::1]/",
        "https://224.0.0.1/",
        "https://0.0.0.0/",
        "https://255.255.255.255/",
    ],
)
def test_any_public_host_is_https_on_its_usual_port_and_no_address_inside(url: str) -> None:
    with pytest.raises(NotAllowed):
        ANYWHERE.webhook(url)


def test_a_host_that_is_named_may_be_inside_and_speak_plain_http() -> None:
    assert INSIDE.webhook("http://ticket.stadt.example/x?y=1").path == "/x?y=1"
    assert INSIDE.webhook("https://10.1.2.3:8443/").named
    assert INSIDE.webhook("https://[fd00::7]:8443/").named
    assert INSIDE.webhook("https://a.hooks.example/").named is False
    for other in (
        "https://10.1.2.3/",
        "https://ticket.stadt.example:6379/",
        "https://hooks.example/",
        "https://b.example/",
        "http://tls.example/",
    ):
        with pytest.raises(NotAllowed):
            INSIDE.webhook(other)


def test_nothing_is_allowed_where_nothing_is_listed() -> None:
    with pytest.raises(NotAllowed):
        TargetAllowList().webhook("https://example.org/")
    with pytest.raises(NotAllowed):
        TargetAllowList().mail("eva@example.org")


def test_a_name_that_leads_inside_is_refused_if_only_one_of_its_addresses_does() -> None:
    place = ANYWHERE.webhook("https://rebinding.example/")
    check_addresses([ip_address("93.184.216.34")], place)
    for inside in ("10.0.0.1", "127.0.0.1", "100.100.0.1", "::1", "fd00::1", "2002:0a00:0001::1", "169.254.169.254"):
        with pytest.raises(NotAllowed):
            check_addresses([ip_address("93.184.216.34"), ip_address(inside)], place)


def test_not_even_a_named_host_leads_to_link_local_or_multicast() -> None:
    place = INSIDE.webhook("https://ticket.stadt.example/")
    check_addresses([ip_address("10.0.0.1"), ip_address("127.0.0.1"), ip_address("::1")], place)
    for never in ("169.254.169.254", "224.0.0.1", "fe80::1", "0.0.0.0", "::ffff:169.254.169.254", "240.0.0.1"):
        with pytest.raises(NotAllowed):
            check_addresses([ip_address(never)], place)


def test_mail_goes_to_listed_domains_only() -> None:
    town = TargetAllowList(("stadt.example", "*.stadt.example"))
    assert town.mail("licht.dienst+nacht@stadt.example")
    assert town.mail("a@mail.stadt.example")
    for elsewhere in ("a@example.org", "a@stadt.example.org", "a@badstadt.example"):
        with pytest.raises(NotAllowed):
            town.mail(elsewhere)


@pytest.mark.parametrize(
    "address", ["a", "a@b@stadt.example", "a b@stadt.example", ".a@stadt.example", "a@stadt.example\nBcc: x@y.example"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(Invalid):
        TargetAllowList(("*",)).mail(address)
