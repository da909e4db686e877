"""A night on the Fauthweg with a command, a configuration and a cancellation, the same in every run."""

import json
import random
from datetime import datetime
from typing import Any

from devices.kind_catalog import discover_kinds
from devices.streetlight.config import LampConfig, LightProgram, LightStep, StepBase
from devices.time_us import HOUR_US, MINUTE_US, SECOND_US, rfc3339, to_us
from simulators.device import FleetOptions
from simulators.envelope_sender import EnvelopeSender, WireMessage
from simulators.faults import FaultStage
from simulators.host import DeviceHost
from simulators.kinds.streetlight import build_fleet
from simulators.options import FaultOptions

NIGHT_US = to_us(datetime.fromisoformat("2026-11-23T20:00:00+01:00"))


def host(number: int = 1, faults: FaultOptions | None = None, at: str = "fauthweg", **options: Any) -> DeviceHost:
    """One lamp, ready to start; boot ids count up."""
    count = 10 if at == "fauthweg" else number
    device = build_fleet(FleetOptions(count=count, seed=1, prefix=None if at == "fauthweg" else at, **options))[
        number - 1
    ]
    boots = iter(f"boot{n}" for n in range(1, 1000))
    faults = faults or FaultOptions()
    return DeviceHost(
        device=device,
        kind=discover_kinds()["streetlight"],
        sender=EnvelopeSender(device_id=device.device_id, kind="streetlight", tenant_id="kl", boot_id=next(boots)),
        stage=FaultStage(faults, random.Random(1)),
        chance=random.Random(1),
        new_boot=lambda: next(boots),
        skew_s=faults.skew_s,
    )


def dim(command_id: str, now_us: int, **arguments: Any) -> bytes:
    """A dim command as the gateway sends it, for an hour unless `until` says otherwise."""
    body = {
        "v": 1,
        "command_id": command_id,
        "name": "dim",
        "issued_at": rfc3339(now_us),
        "deliver_by": rfc3339(now_us + 10 * SECOND_US),
        "until": rfc3339(now_us + HOUR_US),
        "issuer": "test",
        **arguments,
    }
    return json.dumps(body).encode()


def bodies(wires: list[WireMessage], channel: str) -> list[dict[str, Any]]:
    """Decoded payloads of one channel."""
    return [json.loads(w.payload) for w in wires if w.channel == channel]


def run(lamp: DeviceHost, from_us: int, to_us: int) -> list[WireMessage]:
    """Everything the lamp says in [from, to) after its start."""
    wires: list[WireMessage] = []
    now_us = from_us
    while (now_us := max(now_us, lamp.due_us())) < to_us:
        wires += lamp.tick(now_us)
    return wires


def evening_program() -> LampConfig:
    """A program with steps by the sun and by local time."""
    return LampConfig(
        groups=("fauthweg", "festival"),
        reporting_interval_s=30,
        time_zone="Europe/Berlin",
        program_id="half-night",
        programs=(
            LightProgram(
                program_id="half-night",
                steps=(
                    LightStep(base=StepBase.SUNSET, offset_min=15, level_pct=80),
                    LightStep(base=StepBase.CLOCK, at="22:00", level_pct=20),
                    LightStep(base=StepBase.CLOCK, at="05:30", level_pct=60),
                    LightStep(base=StepBase.SUNRISE, offset_min=-15, level_pct=0),
                ),
            ),
        ),
    )


def messages() -> dict[str, Any]:
    """One message of every sort, by name of its pinned file."""
    lamp, now_us = host(), NIGHT_US
    started = lamp.start(now_us)
    lived = run(lamp, now_us, now_us + 5 * MINUTE_US)
    now_us += 5 * MINUTE_US
    dimmed = lamp.receive_command("dim", dim("c1", now_us, level_pct=80), now_us, retained=False)
    refused = lamp.receive_command("dim", dim("c2", now_us, level_pct=800), now_us, retained=False)
    config = {"v": 1, "version": 3, **evening_program().model_dump(mode="json", exclude_none=True)}
    configured = lamp.receive_config(json.dumps(config).encode(), now_us + SECOND_US)
    broken = host(7)
    failed = [*broken.start(now_us), *run(broken, now_us, now_us + 2 * MINUTE_US)]
    bare = host(1, at="lamp-")
    plain = [*bare.start(now_us), *run(bare, now_us, now_us + 2 * MINUTE_US)]
    return {
        "status": bodies([lamp.online()], "status")[0],
        "info": bodies(started, "info")[0],
        "state-plan": bodies(started, "state")[0],
        "telemetry-sensors": bodies(lived, "telemetry")[0],
        "telemetry": bodies(plain, "telemetry")[0],
        "event.lamp_failure": bodies(failed, "event")[0],
        "state-fault": bodies(failed, "state")[-1],
        "ack-applied": bodies(dimmed, "ack")[0],
        "state-override": bodies(dimmed, "state")[-1],
        "ack-rejected": bodies(refused, "ack")[0],
        "config": config,
        "state-configured": bodies(configured, "state")[-1],
    }
