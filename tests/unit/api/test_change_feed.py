"""Queues between the reader of changes and its clients."""

import asyncio

from api.change_feed import ChangeFeedReader, ChangeSubscription, EncodedChange, encode_change, wait_for
from api.metrics import ApiMetrics
from application.ports.changes import Change


def _told(*ids: int) -> list[EncodedChange]:
    return [encode_change(Change(i, 0, "kl", "streetlight", "state", {"n": i})) for i in ids]


def test_a_change_is_framed_with_id_event_and_data() -> None:
    assert _told(7)[0].frame == (
        b'id: 7\nevent: state\ndata: {"at":"1970-01-01T00:00:00.000Z","tenant_id":"kl","kind":"streetlight",'
        b'"data":{"n":7}}\n\n'
    )


def test_data_never_breaks_out_of_its_line() -> None:
    frame = encode_change(Change(1, 0, None, None, "state", {"text": "a\nevent: x\r\n\n"})).frame
    assert frame.count(b"\n") == 4


def test_a_slow_client_is_given_up_and_its_queue_dropped() -> None:
    async def scenario() -> None:
        slow = ChangeSubscription(0, bound=3)
        slow.offer(_told(1, 2))
        slow.offer(_told(3, 4))
        assert slow.overflowed
        slow.offer(_told(5))
        assert await slow.wait_for_changes() == ()

    asyncio.run(scenario())


def test_taking_waits_for_an_offer_or_the_end() -> None:
    async def scenario() -> None:
        subscription = ChangeSubscription(0, bound=9)
        taking = asyncio.create_task(subscription.wait_for_changes())
        await asyncio.sleep(0)
        assert not taking.done()
        subscription.offer(_told(1))
        assert [t.change.change_id for t in await taking] == [1]
        taking = asyncio.create_task(subscription.wait_for_changes())
        subscription.end()
        assert await taking == ()
        assert subscription.ended

    asyncio.run(scenario())


def test_clients_are_counted_and_end_with_the_server() -> None:
    async def scenario() -> None:
        metrics = ApiMetrics()
        tail = ChangeFeedReader(None, metrics)  # type: ignore[arg-type]
        with tail.subscribe() as first:
            assert b"lautern_api_stream_clients 1.0" in metrics.text()
            tail.stop()
        with tail.subscribe() as late:
            assert (first.ended, late.ended) == (True, True)
        assert b"lautern_api_stream_clients 0.0" in metrics.text()

    asyncio.run(scenario())


def test_waiting_ends_with_the_event_or_the_time() -> None:
    async def scenario() -> None:
        event = asyncio.Event()
        assert not await wait_for(event, 0.001)
        event.set()
        assert await wait_for(event, 10)

    asyncio.run(scenario())
