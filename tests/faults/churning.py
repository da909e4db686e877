"""`python -m tests.faults.churning HOST PORT MODE USER PASSWORD SECONDS`: connects and goes again, as fast as it can.

A process of its own. At its end it prints how often it opened a connection, and what the broker said to CONNECT.
"""

import json
import socket
import struct
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from typing import Final

from tests.faults.rough import connect_packet

AT_ONCE: Final = 16
LINK_S: Final = 2.0
LEAVES: Final = "nobody"
"""CONNECT as somebody unknown, and gone before an answer."""
WRONG: Final = "wrong password"
RIGHT: Final = "right password"
WILL: Final = "will"
"""The right password, and lost without a word, so that the broker publishes the will."""
MODES: Final = (LEAVES, WRONG, RIGHT, WILL)
WILL_BYTES: Final = 65_535
"""As large as MQTT lets it be."""
_RESET: Final = struct.pack("ii", 1, 0)


class Churn:
    """What was done so far."""

    def __init__(self, place: tuple[str, int], mode: str, user: str, password: str) -> None:
        self._place, self._mode = place, mode
        words = f"city/v1/{user}/status".encode(), b"w" * WILL_BYTES
        self._head = connect_packet(
            f"{user}/churn",
            "kl/streetlight/unknown" if mode == LEAVES else user,
            password if mode in {RIGHT, WILL} else "wrong",
            will=words if mode == WILL else None,
        )
        self.opened = 0
        self.said: Counter[str] = Counter()

    def run(self, until: float) -> None:
        """Open one after the other until then."""
        while time.monotonic() < until:
            with suppress(OSError), socket.create_connection(self._place, timeout=LINK_S) as link:
                self.opened += 1
                link.sendall(self._head)
                if self._mode != LEAVES:
                    answer = link.recv(4)
                    self.said[str(answer[3]) if len(answer) == 4 else "closed"] += 1
                # Ports of ours that wait would be used up within seconds; to the broker it is a loss either way.
                link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


def main() -> None:
    """Churn, then tell."""
    host, port, mode, user, password, seconds = sys.argv[1:]
    churns = [Churn((host, int(port)), mode, user, password) for _ in range(AT_ONCE)]
    until = time.monotonic() + float(seconds)
    threads = [threading.Thread(target=churn.run, args=(until,)) for churn in churns]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    said = sum((churn.said for churn in churns), Counter[str]())
    sys.stdout.write(json.dumps({"opened": sum(churn.opened for churn in churns), "said": said}) + "\n")


if __name__ == "__main__":
    main()
