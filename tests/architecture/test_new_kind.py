"""A kind is added by folders alone: docs/add-a-device-kind.md, followed word by word in a copy of the tree."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.architecture import imports, source
from tests.documents.blocks import blocks
from tests.documents.town import Town
from tests.real_parts.waiting import wait_until

BLOCKS: Final = blocks(source.ROOT / "docs" / "add-a-device-kind.md")
FILES: Final = {name.split()[1]: text for name, text in BLOCKS.items() if name.startswith(("python ", "json "))}
CODE: Final = {name: text for name, text in FILES.items() if name.endswith(".py")}
KIND: Final = "parking_sensor"
EVERY_KIND: Final = (
    "tests/architecture/test_kinds_alike.py",
    "tests/architecture/test_imports.py",
    "tests/architecture/test_names.py",
    "tests/contracts/test_asyncapi.py",
    "tests/contracts/test_names_table.py",
    "tests/unit/api/web/test_translations.py",
    "tests/unit/application/notifications/test_wording.py",
    "tests/unit/application/access/test_actor.py",
    "tests/unit/devices/test_bounds.py",
    "tests/unit/devices/commands/test_wire.py",
    "tests/unit/runtime/test_openapi.py",
)
"""The part of the suite that goes over all kinds."""
pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages and the settings of the tools, with the new folders; no file that was there is another."""
    root = tmp_path_factory.mktemp("copy")
    for folder in (*source.PACKAGES, "docs", "tests"):
        made = shutil.ignore_patterns("__pycache__", "node_modules")
        shutil.copytree(source.ROOT / folder, root / folder, ignore=made)
    for name in ("pyproject.toml", "README.md", "ARCHITECTURE.md", *source.SCRIPTS):
        shutil.copy(source.ROOT / name, root)
    before = digests(root)
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x") as file:
            file.write(text)
    after = digests(root)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == set(FILES)
    return root


@pytest.fixture(scope="module")
def described(copy: Path) -> Path:
    """The copy with both descriptions made anew, by the guide's command."""
    subprocess.run([sys.executable, *BLOCKS["sh describe"].split()[1:]], cwd=copy, check=True, timeout=60)
    return copy


@pytest.fixture(scope="module")
def town(curl_program: Path, copy: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The copy as a running program, with a simulated bay that speaks MQTT to it."""
    town = Town(copy, tmp_path_factory.mktemp("town"))
    shell = town.shell
    shell.run(BLOCKS["sh init"])
    with shell.running(BLOCKS["sh up"], "up.log"):
        town.wait_ready()
        shell.run(BLOCKS["sh login"])
        # The broker looks at its users twice a second, and the simulator keeps trying until it is let in.
        with shell.running(BLOCKS["sh simulate"], "simulate.log"):
            shell.until("api /devices/unknown", '"bay-1"', timeout_s=40)
            yield town


def digests(root: Path) -> dict[str, str]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def answer(town: Town, name: str, wanted: str = "") -> Any:
    return json.loads(town.shell.until(BLOCKS[name], wanted))


def test_a_new_kind_works_from_mqtt_to_http(town: Town) -> None:
    device = answer(town, "sh approve")
    assert (device["id"], device["kind"], device["tenant_id"]) == ("bay-1", KIND, "kaiserslautern")

    newest = {item["channel"]: item["values"] for item in answer(town, "sh latest", '"telemetry"')["items"]}
    assert set(newest["telemetry"]) == {"occupied", "field_ut", "battery_pct"}

    stored = answer(town, "sh telemetry", '"occupied"')["items"]
    assert set(stored[0]["values"]) == {"occupied", "battery_pct"}

    command = answer(town, "sh command")
    assert (command["delivery"], command["arguments"]) == ("applied", {"threshold_ut": 55.0})
    wait_until(lambda: state(town).get("threshold_ut") == 55, what="the threshold in the sensor's state")

    counted = answer(town, "sh parking")
    assert counted["free"] + counted["occupied"] == 1


def test_its_commands_are_checked_and_described(town: Town) -> None:
    refused = json.loads(town.shell.run(BLOCKS["sh command"].replace("55", "5000")))
    assert refused["status"] == 422
    described = json.loads(town.shell.run("curl -sS ${API%/api/v1}/openapi.json"))
    assert f"/api/v1/{KIND}/{{asset_id}}/commands/set_threshold" in described["paths"]
    assert "/api/v1/parking" in described["paths"]


def test_what_it_must_not_say_becomes_a_dead_letter(town: Town) -> None:
    with town.listening("city/v1/#") as ear:
        head = {"v": 1, "device_id": "bay-1", "boot_id": "b1", "seq": 1}
        ear.say(f"city/v1/kaiserslautern/{KIND}/bay-1/telemetry", {**head, "field_ut": 5000})
    letters = json.loads(town.shell.until(f"api '/dead-letters?kind={KIND}'", "out_of_range"))["items"]
    assert any(letter["reason"] == "out_of_range" and "field_ut" in letter["detail"] for letter in letters)


def test_its_rule_raises_an_alarm(town: Town) -> None:
    bay = {"id": "bay-2", "device_id": "bay-2", "kind": KIND, "name": "Bay 2", "tenant_id": "kaiserslautern"}
    town.shell.run(f"api /devices -d '{json.dumps(bay)}'")
    with town.listening("city/v1/#") as ear:
        head = {"v": 1, "device_id": "bay-2", "boot_id": "b1", "seq": 1}
        ear.say(f"city/v1/kaiserslautern/{KIND}/bay-2/telemetry", {**head, "battery_pct": 3})
    (alarm,) = json.loads(town.shell.until("api '/alarms?device=bay-2'", "battery_low"))["items"]
    assert (alarm["kind"], alarm["name"]) == (KIND, "battery_low")


def test_its_messages_are_described_without_a_line_for_them(described: Path) -> None:
    protocol = yaml.load((described / "docs/reference/asyncapi.yaml").read_text(), Loader=yaml.CSafeLoader)
    assert f"{KIND}.cmd.set_threshold" in protocol["channels"]
    bay = protocol["components"]["schemas"]["BayTelemetry"]["properties"]["field_ut"]
    assert (bay["x-unit"], bay["maximum"], bay["x-plausible"]) == ("µT", 1000, [-300, 300])
    assert (
        "| `occupied` | telemetry | – | FIWARE ParkingSpot.status |"
        in (described / f"docs/reference/names/{KIND}.md").read_text()
    )


def test_it_passes_what_every_kind_is_asked(described: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *EVERY_KIND]
    done = subprocess.run(command, cwd=described, capture_output=True, text=True, check=False, timeout=170)
    assert done.returncode == 0, done.stdout[-4000:]


def test_the_guides_code_is_as_we_write_ours(copy: Path) -> None:
    ruff = Path(sys.executable).with_name("ruff")
    for check in (["check"], ["format", "--check"]):
        done = subprocess.run([ruff, *check, *CODE], cwd=copy, capture_output=True, text=True, check=False, timeout=30)
        assert done.returncode == 0, done.stdout
    found = tuple(source.parse(Path(name), text) for name, text in CODE.items())
    assert KIND in imports.kinds(found)
    kinds = imports.kinds(source.program()) | {KIND}
    assert [line for file in found for line in (*imports.strangers(file, kinds), *imports.local(file))] == []


def state(town: Town) -> dict[str, Any]:
    items = answer(town, "sh latest")["items"]
    return next((dict(item["values"]) for item in items if item["channel"] == "state"), {})
