"""What a node says of its case and its path: power, battery, temperature, light, round trips."""

from typing import Any, Final

from devices.time_us import DAY_US, HOUR_US, SECOND_US
from simulators.kinds.event_network.crowd import SLOT_US, crowd_share, repeatable_chance
from simulators.kinds.event_network.scene import MeasuredPart, NodePlace

CLEARED_AT_US: Final = 2 * HOUR_US
FAILS_AT_US: Final = 15 * HOUR_US
FAILS_FOR_US: Final = HOUR_US // 2
USED_W: Final = 85.0


def last_clear_us(at_us: int) -> int:
    """When counters were last cleared by then: at two in the morning (UTC)."""
    return at_us - (at_us - CLEARED_AT_US) % DAY_US


def case_values(place: NodePlace, seed: int, at_us: int, boot_us: int) -> dict[str, Any]:
    """Sample of the node itself."""
    dark_us = (at_us - FAILS_AT_US) % DAY_US if place.fails_mains_daily else DAY_US
    on_battery = dark_us < FAILS_FOR_US
    used_wh = USED_W * dark_us / HOUR_US if on_battery else 0.0
    left_wh = max(0.0, place.battery_wh - used_wh)
    values: dict[str, Any] = {
        "part": "",
        "cpu_pct": round(8 + 40 * crowd_share(at_us) + 5 * repeatable_chance(seed, place.device_id, at_us, "cpu"), 1),
        "mem_pct": round(41 + 6 * repeatable_chance(seed, place.device_id, "mem"), 1),
        "uptime_s": (at_us - boot_us) / SECOND_US,
        "case_temp_celsius": round(
            24 + 11 * crowd_share(at_us) + repeatable_chance(seed, place.device_id, at_us // SLOT_US), 1
        ),
        "enclosure_open": False,
        "power_source": "battery" if on_battery else "mains",
        "battery_pct": round(100 * left_wh / place.battery_wh, 1),
        "battery_remaining_s": round(left_wh / USED_W * 3600),
        "lat": place.lat,
        "lon": place.lon,
    }
    if on_battery:
        values["on_battery_s"] = dark_us / SECOND_US
    if place.mast_height_m is not None:
        values |= {"mast_height_m": place.mast_height_m, "tilt_deg": 0.4}
        values["wind_ms"] = round(2 + 7 * repeatable_chance(seed, place.device_id, at_us // HOUR_US), 1)
    return values


def path_values(part: MeasuredPart, seed: int, at_us: int) -> dict[str, Any]:
    """Round trip, loss and light of one part; longer and lossier in the crowd."""
    busy = crowd_share(at_us)
    noise = repeatable_chance(seed, part.object_id, at_us, "path")
    wireless = 6.0 if part.medium == "wifi" else 0.0
    rtt = 3.0 + wireless + 9 * busy * noise
    lost = int(noise > 0.97 - 0.05 * busy)
    values: dict[str, Any] = {
        "rtt_ms_min": round(rtt * 0.8, 2),
        "rtt_ms_avg": round(rtt, 2),
        "rtt_ms_p95": round(rtt * 1.5, 2),
        "rtt_ms_max": round(rtt * 2.1, 2),
        "jitter_ms": round(0.3 + 2 * noise * busy, 2),
        "jitter_method": "rfc5481_pdv",
        "loss_pct": 100 * lost / 200,
        "probes_sent": 200,
        "probes_lost": lost,
    }
    if part.optical_dbm is not None:
        values |= {"optical_rx_dbm": round(part.optical_dbm - 0.4 * noise, 2), "optical_tx_dbm": -2.1, "rx_los": False}
        values |= {"rx_warn_low_dbm": -18.0, "rx_alarm_low_dbm": -20.0, "xcvr_temp_celsius": round(38 + 8 * busy, 1)}
    return values
