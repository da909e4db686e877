"""Every block of docs/device-makers-guide.md, run as it stands, and what the guide claims of it."""

import inspect
import json
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

from gateway import admission, decode, deduplication, store_cursor
from tests.documents.blocks import blocks
from tests.documents.shell import Shell, end
from tests.documents.town import Ear, Town
from tests.real_parts.waiting import wait_until

ROOT: Final = Path(__file__).resolve().parents[2]
GUIDE: Final = ROOT / "docs" / "device-makers-guide.md"
BLOCKS: Final = blocks(GUIDE)
BASE: Final = "city/v1/kaiserslautern/streetlight/my-lamp"
pytestmark = pytest.mark.timeout(240)


@dataclass
class Reader:
    """Somebody who follows the guide, with Lautern running and the lamp approved."""

    town: Town
    shell: Shell

    def do(self, name: str) -> Any:
        """Run a block; returns the decoded answer."""
        return json.loads(self.shell.run(BLOCKS[name]))

    def look(self, name: str, wanted: str) -> Any:
        """Run a block until its answer holds a text."""
        return json.loads(self.shell.until(BLOCKS[name], wanted))


@pytest.fixture(scope="module")
def reader(
    mosquitto_pub_program: Path,
    mosquitto_sub_program: Path,
    curl_program: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Reader]:
    folder = tmp_path_factory.mktemp("maker")
    for name in ("python lamp.py", "bash lamp.sh"):
        (folder / name.split()[1]).write_text(BLOCKS[name])
    town = Town(ROOT, folder)
    town.shell.run(BLOCKS["sh init"])
    with town.shell.running(BLOCKS["sh up"], "up.log"):
        town.wait_ready()
        town.shell.run(BLOCKS["sh login"])
        town.shell.run(BLOCKS["sh short"])
        reader = Reader(town, town.shell)
        first_messages(reader)
        yield reader


def first_messages(reader: Reader) -> None:
    """From the login to an approved lamp whose message is seen."""
    assert len(reader.shell.run("echo $PASSWORD").strip()) == 32
    # A new login is good from the broker's next look at its users on.
    reader.shell.until(BLOCKS["sh first"])
    (waiting,) = reader.look("sh unknown", "my-lamp")["items"]
    assert (waiting["device_id"], waiting["tenant_id"], waiting["kind"]) == ("my-lamp", "kaiserslautern", "streetlight")
    assert reader.do("sh approve")["name"] == "Lamp at the gate"
    reader.shell.run(BLOCKS["sh second"])
    (newest,) = reader.look("sh latest", "21.5")["items"]
    assert newest["values"] == {"level_pct": 50, "power_w": 21.5}


@pytest.fixture(params=["sh lamp.py", "sh lamp.sh"])
def lamp_block(request: pytest.FixtureRequest) -> str:
    """Each of the two lamps in turn."""
    return str(request.param)


@pytest.fixture
def ear(reader: Reader) -> Iterator[Ear]:
    """Hears all that the lamp says, and can say what only a gateway may."""
    with reader.town.listening(f"{BASE}/#") as ear:
        yield ear


@pytest.fixture
def lamp(reader: Reader, ear: Ear, unique_id: str, lamp_block: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A lamp that answers, at its default level."""
    with reader.shell.running(BLOCKS[lamp_block], "lamp.log") as process:
        wake(ear, unique_id)
        reader.shell.until("api /devices/my-lamp", '"status":"online"')
        wait_until(lambda: level_of(reader) == 60, what="its default level")
        yield process


def dim(command_id: str, level_pct: float, deliver_in_s: float = 60, lasts_s: float = 600) -> dict[str, Any]:
    now = datetime.now(UTC)
    times = {
        "issued_at": now,
        "deliver_by": now + timedelta(seconds=deliver_in_s),
        "until": now + timedelta(seconds=lasts_s),
    }
    said = {name: at.isoformat(timespec="milliseconds").replace("+00:00", "Z") for name, at in times.items()}
    return {"v": 1, "command_id": command_id, "name": "dim", "issuer": "test", "level_pct": level_pct, **said}


def level_of(reader: Reader) -> float:
    items = reader.do("sh latest")["items"]
    return float(next(i["values"]["level_pct"] for i in items if i["channel"] == "state"))


def test_a_lamp_is_dimmed_and_given_back_over_rest(reader: Reader, lamp: "subprocess.Popen[bytes]") -> None:
    command = reader.do("sh dim")
    assert (command["delivery"], command["effect"]) == ("applied", "in_force")
    wait_until(lambda: level_of(reader) == 20, what="level 20 in its state")
    reader.do("sh cancel")
    reader.shell.until(f"api /commands/{command['id']}", '"effect":"cancelled"')
    wait_until(lambda: level_of(reader) == 60, what="the default level in its state")


def test_a_lamp_acts_once_and_in_time_and_ignores_what_is_retained(
    reader: Reader, ear: Ear, unique_id: str, lamp_block: str
) -> None:
    once, late, old = f"{unique_id}-once", f"{unique_id}-late", f"{unique_id}-old"
    ear.say(f"{BASE}/cmd/dim", dim(old, 10), retain=True)
    try:
        with reader.shell.running(BLOCKS[lamp_block], "lamp.log"):
            wake(ear, unique_id)
            for command in (dim(once, 30), dim(once, 30), dim(late, 90, deliver_in_s=-5)):
                ear.say(f"{BASE}/cmd/dim", command)
            wait_until(lambda: len(answers(ear, late)) == 1, what="an answer to the late one")
    finally:
        ear.clear(f"{BASE}/cmd/dim")
    assert [(a["status"], a.get("reason")) for a in answers(ear, once)] == [("applied", None)] * 2
    assert [(a["status"], a.get("reason")) for a in answers(ear, late)] == [("rejected", "expired")]
    assert len({a["seq"] for a in (*answers(ear, once), *answers(ear, late))}) == 3
    assert answers(ear, old) == []
    boot_id = ear.of("state")[-1]["boot_id"]
    levels = [s["level_pct"] for s in ear.of("state") if s["boot_id"] == boot_id]
    assert (levels.count(30), levels.count(90), levels.count(10)) == (1, 0, 0)


def test_a_lamp_returns_by_itself(reader: Reader, ear: Ear, unique_id: str, lamp_block: str) -> None:
    with reader.shell.running(BLOCKS[lamp_block], "lamp.log"):
        wake(ear, unique_id)
        ear.say(f"{BASE}/cmd/dim", dim(unique_id, 35, lasts_s=2))
        wait_until(
            lambda: [s["level_pct"] for s in ear.of("state")][-2:] == [35, 60], what="35 %, then the default again"
        )
    assert "applied_command_id" not in ear.of("state")[-1]


def test_the_last_will_of_a_lamp_that_is_killed_is_seen(reader: Reader, lamp: "subprocess.Popen[bytes]") -> None:
    end(lamp, signal.SIGKILL)
    reader.shell.until("api /devices/my-lamp", '"status":"offline"')


def test_a_batch_is_kept_at_its_own_times_and_twice_changes_nothing(reader: Reader) -> None:
    for _ in range(2):
        reader.shell.run(BLOCKS["sh batch"])
    found = reader.look("sh history", '"power_w":21.6')["items"]
    late = [i for i in found if i["values"]["power_w"] == 21.6]
    assert len(late) == 1
    assert timedelta(minutes=1) < instant(late[0]["received_at"]) - instant(late[0]["ts"]) < timedelta(minutes=3)


def test_a_sample_without_a_time_gets_that_of_receipt(reader: Reader) -> None:
    reader.shell.run(BLOCKS["sh clockless"])
    found = reader.look("sh history", '"power_w":21.7')["items"]
    (sample,) = (i for i in found if i["values"]["power_w"] == 21.7)
    assert (sample["ts_source"], sample["ts"]) == ("receipt", sample["received_at"])


def test_a_box_speaks_for_a_lamp_without_a_modem(reader: Reader) -> None:
    reader.shell.run(BLOCKS["sh connector"])
    assert len(reader.shell.run("echo $SECRET").strip()) == 32
    reader.shell.until(BLOCKS["sh member"])
    (newest,) = reader.look("sh heard", "17.5")["items"]
    assert newest["values"] == {"level_pct": 40, "power_w": 17.5}
    reader.shell.run(BLOCKS["sh member"].replace("lamp-2", "my-lamp"))
    assert "not_its_connector" in reader.shell.until("api '/dead-letters?device_id=my-lamp'", "not_its_connector")


def test_what_is_wrong_becomes_a_dead_letter_with_the_reason_that_the_guide_tells(reader: Reader) -> None:
    reader.shell.run(BLOCKS["sh wrong"])
    reader.shell.until(BLOCKS["sh letters"], "bad_json")
    reasons = {letter["reason"] for letter in reader.do("sh letters")["items"]}
    sent = {"out_of_range", "not_finite", "wrong_device", "unknown_version", "clock_ahead", "missing_field", "bad_json"}
    assert reasons - {"not_its_connector"} == {"unregistered", *sent}


def test_the_guide_tells_every_reason_there_is() -> None:
    table = GUIDE.read_text().partition("| reason |")[2].partition("\n\n")[0]
    told = {name for row in table.splitlines() for name in re.findall(r"`([a-z_]+)`", row.split("|")[1])}
    assert told == reasons_in(decode, deduplication, store_cursor)


def test_the_guide_keeps_its_promise_of_size() -> None:
    assert sum(bool(line.strip()) for line in BLOCKS["python lamp.py"].splitlines()) < 60
    assert {name for name in BLOCKS if name.startswith("sh ")} <= set(
        re.findall(r'"(sh [\w.]+)"', Path(__file__).read_text())
    )


def reasons_in(*modules: ModuleType) -> set[str]:
    """Reasons in the source: given to `RefusedMessage` and `_unfit`, in the decoder's table, the store's own."""
    found: set[str] = set(decode._REASONS.values())
    found |= {admission.NOT_ITS_CONNECTOR, admission.HAS_A_CONNECTOR}
    for module in modules:
        text = inspect.getsource(module)
        found |= set(re.findall(r'RefusedMessage\(\s*"([a-z_]+)"', text))
        found |= set(re.findall(r'_unfit\(message, "([a-z_]+)"', text))
        found |= set(re.findall(r'"(store_refused)"', text))
    return found


def wake(ear: Ear, unique_id: str) -> None:
    """Wait until the lamp answers; it has subscribed then."""
    probe = f"{unique_id}-probe"

    def answered() -> bool:
        ear.say(f"{BASE}/cmd/cancel", {"v": 1, "command_id": probe})
        return bool(answers(ear, probe))

    wait_until(answered, what="a lamp that answers")


def answers(ear: Ear, command_id: str) -> list[dict[str, Any]]:
    return [a for a in ear.of("ack") if a["command_id"] == command_id]


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
