"""The receiver's process, seen from the gateway."""

import sys
import threading

from gateway.receiver import ReceiverProcess

ENDS_SLOWLY = "import sys, time; print('{}', flush=True); sys.stdin.read(); time.sleep(1)"


def test_release_while_it_is_stopped_is_left_out() -> None:
    receiver = ReceiverProcess([sys.executable, "-c", ENDS_SLOWLY])
    assert receiver.begin(20)
    stopping = threading.Thread(target=receiver.stop)
    stopping.start()
    while stopping.is_alive():
        receiver.release(1)
    assert not receiver.alive()
