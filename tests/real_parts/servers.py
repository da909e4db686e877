"""Server processes of a test run: started, killed, paused and started again on the same port and data."""

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

START_TIMEOUT_S = 40.0
STOP_TIMEOUT_S = 15.0

_running: list["Server"] = []


class Server:
    """One server process with its own folder; its output is in `log`. Start it from the main thread only.

    It dies with the thread that started it (parent-death signal), so that a killed test run leaves nothing behind.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        folder: Path,
        ready: Callable[[], bool],
        user: str | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name = name
        self.folder = folder
        self.log = folder / f"{name}.log"
        self._command = [*_dies_with_us(), *map(str, command)]
        self._ready = ready
        self._user = user
        self._stop_signal = stop_signal
        self._process: subprocess.Popen[bytes] | None = None

    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id, for tests that measure or signal it."""
        if self._process is None:
            message = f"{self.name} was not started"
            raise RuntimeError(message)
        return self._process.pid

    @property
    def exit_code(self) -> int:
        """How it ended; negative: by that signal."""
        code = None if self._process is None else self._process.poll()
        if code is None:
            message = f"{self.name} has not ended"
            raise RuntimeError(message)
        return code

    def start(self) -> None:
        """Start, or do nothing when running; return when it answers."""
        if self.running():
            return
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                user=self._user,
                group=self._user,
                extra_groups=None if self._user is None else [],
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._ready():
            if not self.running() or time.monotonic() > deadline:
                message = f"{self.name} did not start; the end of its log:\n{self.log_tail()}"
                raise RuntimeError(message)
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as a power cut would (SIGKILL); returns when it is gone."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end and wait; kill it when it does not."""
        self._end(self._stop_signal)

    def restart(self) -> None:
        """Stop and start again, same port, same data."""
        self.stop()
        self.start()

    def send(self, number: signal.Signals) -> None:
        """Send a signal, as SIGHUP for a reload."""
        if self._process is not None:
            self._process.send_signal(number)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Frozen inside the block (SIGSTOP): connections stay open and nothing answers."""
        self.send(signal.SIGSTOP)
        # The signal is sent, not obeyed: a thread may still answer what comes meanwhile.
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while not self._stands_still() and time.monotonic() < deadline:
            time.sleep(0.002)
        try:
            yield
        finally:
            self.send(signal.SIGCONT)

    def _stands_still(self) -> bool:
        stats = Path(f"/proc/{self.pid}/task").glob("*/stat")
        return all(stat.read_text().rpartition(")")[2].split()[0] in "Tt" for stat in stats)

    def log_tail(self, lines: int = 30) -> str:
        """The last lines of what it said."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        self._process.send_signal(signal.SIGCONT)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_TIMEOUT_S)


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """Run the server inside the block; a test that leaves it dead finds it running again at the next test."""
    server.start()
    _running.append(server)
    try:
        yield server
    finally:
        _running.remove(server)
        server.stop()


def start_what_was_killed() -> None:
    """Bring back every server that an earlier test killed."""
    for server in _running:
        server.start()


def _dies_with_us() -> list[str]:
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []
