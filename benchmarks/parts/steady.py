"""The load at a steady rate, as a process of its own."""

import subprocess
import sys
import time


class Load:
    """Publishes `rate` messages a second, in bursts twenty times a second, and knows when each went out."""

    def __init__(self, port: int, rate: float, seconds: float, devices: int, first_us: int) -> None:
        self.messages = round(rate * seconds)
        self._rate = rate
        self.burst = max(1, round(rate / 20))
        command = [sys.executable, "-m", "benchmarks.parts.load", "--port", str(port), "--first-us", str(first_us)]
        command += ["--messages", str(self.messages), "--devices", str(devices), "--rate", str(rate)]
        command += ["--boot-id", f"b{first_us}"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._began = 0.0
        self._said()

    def start(self) -> None:
        """Begin to publish."""
        if self._process.stdin is None:
            raise RuntimeError("no pipe to the load")
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        self._began = time.time()

    def published_at(self, number: int) -> float:
        """Seconds since 1970 at which message `number` went out, to the length of a burst."""
        return self._began + number // self.burst * self.burst / self._rate

    def sent(self) -> int:
        """How many have gone out by now, to the length of a burst."""
        return min(self.messages, round((time.time() - self._began) * self._rate))

    def end(self) -> None:
        """Wait until all is published and acknowledged by the broker."""
        self._process.wait(900)

    def _said(self) -> str:
        if self._process.stdout is None:
            raise RuntimeError("no pipe from the load")
        return self._process.stdout.readline()
