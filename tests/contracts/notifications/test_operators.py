"""Who runs the machine hears by mail that a process keeps dying, once, and once that it works; through an outage."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime import operators, process_faults, processes
from runtime.operators import TOLD, Operators, mailing
from runtime.processes import ChildProgram, ProcessSupervisor
from tests.real_parts.mail import mail_box
from tests.real_parts.waiting import wait_until

BROKEN = [sys.executable, "-c", "raise SystemExit('no bulb')"]
SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
SETTINGS = """
[mail]
host = "localhost"
port = {port}
security = "none"
sender = "Lautern <lautern@stadt.example>"

[notifications]
operators = ["it@stadt.example"]
"""


@pytest.mark.timeout(120)
def test_operators_are_told_of_what_keeps_dying_and_of_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "BACK_OFF_S", (0.01,))
    monkeypatch.setattr(operators, "PAUSE_S", 0.2)
    box = mail_box(tmp_path / "post")
    (tmp_path / "lautern.toml").write_text(SETTINGS.format(port=box.port))
    supervisor = ProcessSupervisor(lambda _: None, record=tmp_path / process_faults.FILE)
    told = Operators(supervisor, mailing(["--data-dir", str(tmp_path)], tmp_path / "log"), tmp_path / TOLD)

    def look_until(condition: Callable[[], bool], what: str) -> None:
        def looked() -> bool:
            supervisor.restart_dead()
            told.tell_operators()
            return condition()

        wait_until(looked, timeout_s=40, what=what)

    try:
        lamp = supervisor.start(ChildProgram("lamp", BROKEN))
        look_until(lambda: "not told yet" in _text(tmp_path / "log"), "the mail server is away")
        box.server.start()
        look_until(lambda: len(box.mails()) == 1, "a mail")
        deaths = len(lamp.deaths)
        look_until(lambda: len(lamp.deaths) > deaths + 20, "more deaths")
        (mail,) = box.mails()
        assert mail["X-RcptTo"] == "it@stadt.example"
        assert "lamp: Ein Prozess von Lautern endet immer wieder" in str(mail["Subject"])
        assert "A process of Lautern ends again and again" in mail.get_content()
        assert "no bulb" not in mail.get_content(), "its last words are for the machine"
        lamp.program = ChildProgram("lamp", SLEEP)
        monkeypatch.setattr(processes, "WITHIN_S", 0.5)
        look_until(lambda: len(box.mails()) == 2, "its end")
        assert "behoben: lamp" in str(box.mails()[1]["Subject"])
        look_until(lambda: not (tmp_path / TOLD).exists(), "nothing is left to tell of")
    finally:
        supervisor.stop(2)
        box.server.stop()


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""
