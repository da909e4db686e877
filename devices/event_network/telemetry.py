"""Telemetry of a network node: one message is about one `part` (port, VLAN, SSID, queue; empty: the node itself).

Directions are the interface's, as in IF-MIB; which of them is down for users is said by the event's measured object.
Counters are kept in signed 64 bits: the top bit is taken off (value modulo 2^63) and `{counter}_high` true says so.
"""

from typing import Annotated, Final

from pydantic import AwareDatetime, Field

from devices.event_network.enums import BitsPerSecond, LinkMedium, OperStatus, PartName, PowerSource, ServiceClass
from devices.fields import Counter64, FieldUnit, Percent, PlausibleRange
from devices.messages import TelemetryMessage, WireModel
from devices.samples import Value

FOLD: Final = 2**63
COUNTERS: Final = (
    "in_octets",
    "out_octets",
    "in_pkts",
    "out_pkts",
    "in_errors",
    "out_errors",
    "in_discards",
    "out_discards",
    "carrier_transitions",
)

Millis = Annotated[float, Field(ge=0, le=600_000), FieldUnit("ms"), PlausibleRange(0, 10_000)]
Count = Annotated[int, Field(ge=0, le=10_000_000), FieldUnit("1")]
Dbm = Annotated[float, Field(ge=-100, le=30), FieldUnit("dBm"), PlausibleRange(-40, 10)]
Celsius = Annotated[float, Field(ge=-80, le=250), FieldUnit("Cel"), PlausibleRange(-40, 100)]
Seconds = Annotated[float, Field(ge=0, le=10**9), FieldUnit("s")]


class LinkFields(WireModel):
    """Interface: counters every 10 s, the rest on change."""

    in_octets: (
        Annotated[Counter64, FieldUnit("By", ("IF-MIB ifHCInOctets", "OpenConfig counters/in-octets"))] | None
    ) = None
    out_octets: (
        Annotated[Counter64, FieldUnit("By", ("IF-MIB ifHCOutOctets", "OpenConfig counters/out-octets"))] | None
    ) = None
    in_pkts: Annotated[Counter64, FieldUnit("1", ("OpenConfig counters/in-pkts",))] | None = None
    out_pkts: Annotated[Counter64, FieldUnit("1", ("OpenConfig counters/out-pkts",))] | None = None
    in_errors: Annotated[Counter64, FieldUnit("1", ("IF-MIB ifInErrors", "OpenConfig counters/in-errors"))] | None = (
        None
    )
    out_errors: (
        Annotated[Counter64, FieldUnit("1", ("IF-MIB ifOutErrors", "OpenConfig counters/out-errors"))] | None
    ) = None
    in_discards: (
        Annotated[Counter64, FieldUnit("1", ("IF-MIB ifInDiscards", "OpenConfig counters/in-discards"))] | None
    ) = None
    out_discards: (
        Annotated[Counter64, FieldUnit("1", ("IF-MIB ifOutDiscards", "OpenConfig counters/out-discards"))] | None
    ) = None
    last_clear: (
        Annotated[AwareDatetime, FieldUnit("", ("IF-MIB ifCounterDiscontinuityTime", "OpenConfig counters/last-clear"))]
        | None
    ) = None
    counter_bits: Annotated[int, Field(ge=32, le=64, multiple_of=32), FieldUnit("bit")] | None = None
    oper_status: (
        Annotated[OperStatus, FieldUnit("", ("IF-MIB ifOperStatus", "OpenConfig state/oper-status"))] | None
    ) = None
    admin_status: (
        Annotated[OperStatus, FieldUnit("", ("IF-MIB ifAdminStatus", "OpenConfig state/admin-status"))] | None
    ) = None
    last_change: Annotated[AwareDatetime, FieldUnit("", ("OpenConfig state/last-change",))] | None = None
    speed_bps: (
        Annotated[
            BitsPerSecond,
            FieldUnit("bit/s", ("IF-MIB ifHighSpeed × 10⁶", "OpenConfig ethernet/port-speed")),
            PlausibleRange(0, 4e11),
        ]
        | None
    ) = None
    carrier_transitions: Annotated[Counter64, FieldUnit("1", ("OpenConfig counters/carrier-transitions",))] | None = (
        None
    )
    in_bps_max_1s: BitsPerSecond | None = None
    out_bps_max_1s: BitsPerSecond | None = None
    medium: LinkMedium | None = None
    service_class: ServiceClass | None = None


class PathFields(WireModel):
    """Measured path, every 60 s over at least ten probes; the method is named."""

    rtt_ms_min: Annotated[Millis, FieldUnit("ms", ("RFC 5357 TWAMP", "RFC 8762 STAMP"))] | None = None
    rtt_ms_avg: Annotated[Millis, FieldUnit("ms", ("RFC 5357 TWAMP", "RFC 8762 STAMP"))] | None = None
    rtt_ms_p95: Annotated[Millis, FieldUnit("ms", ("RFC 5357 TWAMP", "RFC 8762 STAMP"))] | None = None
    rtt_ms_max: Annotated[Millis, FieldUnit("ms", ("RFC 5357 TWAMP", "RFC 8762 STAMP"))] | None = None
    jitter_ms: Annotated[Millis, FieldUnit("ms", ("RFC 5481 PDV",))] | None = None
    jitter_method: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,32}$")] | None = None
    loss_pct: Annotated[Percent, FieldUnit("%", ("RFC 2680", "RFC 6673"))] | None = None
    probes_sent: Count | None = None
    probes_lost: Count | None = None


class OpticalFields(WireModel):
    """Transceiver, every 60 s. No light is `rx_los` true and no power: minus infinity is not JSON."""

    optical_rx_dbm: Annotated[Dbm, FieldUnit("dBm", ("OpenConfig transceiver input-power/instant",))] | None = None
    optical_tx_dbm: Annotated[Dbm, FieldUnit("dBm", ("OpenConfig transceiver output-power/instant",))] | None = None
    laser_bias_ma: (
        Annotated[
            float,
            Field(ge=0, le=5000),
            FieldUnit("mA", ("OpenConfig transceiver laser-bias-current",)),
            PlausibleRange(0, 500),
        ]
        | None
    ) = None
    xcvr_temp_celsius: Annotated[Celsius, FieldUnit("Cel", ("OpenConfig transceiver laser-temperature",))] | None = None
    laser_age_pct: Annotated[Percent, FieldUnit("%", ("CMIS laser age",))] | None = None
    rx_los: Annotated[bool, FieldUnit("", ("OpenConfig transceiver rx-los",))] | None = None
    tx_fault: Annotated[bool, FieldUnit("", ("OpenConfig transceiver tx-failure", "SFF-8472 TX_FAULT"))] | None = None
    rx_warn_low_dbm: Annotated[Dbm, FieldUnit("dBm", ("OpenConfig thresholds input-power-lower WARNING",))] | None = (
        None
    )
    rx_alarm_low_dbm: Annotated[Dbm, FieldUnit("dBm", ("OpenConfig thresholds input-power-lower CRITICAL",))] | None = (
        None
    )


class AccessFields(WireModel):
    """Radio cell and address pool, every 60 s: counts only, never who."""

    wifi_clients: Annotated[Count, PlausibleRange(0, 10_000)] | None = None
    wifi_clients_2g4: Annotated[Count, PlausibleRange(0, 10_000)] | None = None
    wifi_clients_5g: Annotated[Count, PlausibleRange(0, 10_000)] | None = None
    wifi_clients_6g: Annotated[Count, PlausibleRange(0, 10_000)] | None = None
    channel_utilization_pct: (
        Annotated[Percent, FieldUnit("%", ("IEEE 802.11 BSS Load channel utilization",))] | None
    ) = None
    noise_dbm: Annotated[float, Field(ge=-150, le=30), FieldUnit("dBm"), PlausibleRange(-110, 0)] | None = None
    dhcp_leases_used: Annotated[Count, FieldUnit("1", ("Kea assigned-addresses",))] | None = None
    dhcp_leases_total: Annotated[Count, FieldUnit("1", ("Kea total-addresses",))] | None = None
    fw_states_used: Annotated[int, Field(ge=0, le=10**9), FieldUnit("1")] | None = None
    fw_states_max: Annotated[int, Field(ge=0, le=10**9), FieldUnit("1")] | None = None


class CaseFields(WireModel):
    """The node in its waterproof case, or on its mast."""

    cpu_pct: Percent | None = None
    mem_pct: Percent | None = None
    uptime_s: Seconds | None = None
    case_temp_celsius: Celsius | None = None
    humidity_pct: Percent | None = None
    enclosure_open: bool | None = None
    power_source: PowerSource | None = None
    battery_pct: Annotated[Percent, FieldUnit("%", ("UPS-MIB upsEstimatedChargeRemaining",))] | None = None
    battery_remaining_s: Annotated[Seconds, FieldUnit("s", ("UPS-MIB upsEstimatedMinutesRemaining × 60",))] | None = (
        None
    )
    battery_voltage_v: (
        Annotated[
            float, Field(ge=0, le=2000), FieldUnit("V", ("UPS-MIB upsBatteryVoltage / 10",)), PlausibleRange(0, 500)
        ]
        | None
    ) = None
    load_pct: (
        Annotated[
            float, Field(ge=0, le=1000), FieldUnit("%", ("UPS-MIB upsOutputPercentLoad",)), PlausibleRange(0, 110)
        ]
        | None
    ) = None
    on_battery_s: Annotated[Seconds, FieldUnit("s", ("UPS-MIB upsSecondsOnBattery",))] | None = None
    generator_fuel_pct: Percent | None = None
    lat: Annotated[float, Field(ge=-90, le=90), FieldUnit("deg", ("WGS 84",))] | None = None
    lon: Annotated[float, Field(ge=-180, le=180), FieldUnit("deg", ("WGS 84",))] | None = None
    alt_m: Annotated[float, Field(ge=-500, le=10_000), FieldUnit("m")] | None = None
    hdop: Annotated[float, Field(ge=0, le=100), FieldUnit("1")] | None = None
    fix: Annotated[int, Field(ge=0, le=8), FieldUnit("1", ("NMEA GGA fix quality",))] | None = None
    mast_height_m: Annotated[float, Field(ge=0, le=100), FieldUnit("m"), PlausibleRange(0, 12)] | None = None
    tilt_deg: Annotated[float, Field(ge=0, le=180), FieldUnit("deg"), PlausibleRange(0, 45)] | None = None
    wind_ms: Annotated[float, Field(ge=0, le=150), FieldUnit("m/s"), PlausibleRange(0, 60)] | None = None


class NodeTelemetry(TelemetryMessage, LinkFields, PathFields, OpticalFields, AccessFields, CaseFields):
    """One sample of one measured object, or of the node itself."""

    part: PartName = ""

    def values(self) -> dict[str, Value]:
        """Like any telemetry, with counters folded into 63 bits; samples with octets keep their `boot_id`."""
        values = super().values()
        for name in COUNTERS:
            value = values.get(name)
            if isinstance(value, int) and value >= FOLD:
                values[name] = value - FOLD
                values[f"{name}_high"] = True
        if self.in_octets is not None or self.out_octets is not None:
            values["boot_id"] = self.boot_id
        return values
