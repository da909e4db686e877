"""The mobile event network: nodes, links, and the events they serve."""

from devices.event_network.commands import SetProfile
from devices.event_network.config import NodeConfig
from devices.event_network.events import CapacityTest, Enclosure, LinkChange, PowerChange
from devices.event_network.info import NodeInfo
from devices.event_network.roles import ROLES
from devices.event_network.rules import battery_low, link_down, link_saturated, on_battery, optical_low
from devices.event_network.state import NodeState
from devices.event_network.telemetry import COUNTS_APART, COUNTS_PEOPLE, NodeTelemetry
from devices.generic_rules import login_refused, quota_exceeded
from devices.kind import DeviceKind, KindLimits, RetentionClass

KIND = DeviceKind(
    name="event_network",
    title="Event network",
    telemetry=NodeTelemetry,
    state=NodeState,
    info=NodeInfo,
    config=NodeConfig,
    events={
        "capacity_test": CapacityTest,
        "link_change": LinkChange,
        "power_change": PowerChange,
        "enclosure": Enclosure,
    },
    commands=(SetProfile,),
    rules=(link_down, link_saturated, on_battery, battery_low, optical_low, login_refused, quota_exceeded),
    limits=KindLimits(clock_ahead_s=60, raw_retention_days=40, rollup_retention_days=1100, reporting_interval_s=10),
    roles=ROLES,
    lendable=True,
    counts_people=COUNTS_PEOPLE,
    counts_apart=COUNTS_APART,
    names_nobody=True,
    kept=(
        RetentionClass(
            "events",
            1830,
            365,
            3660,
            {
                "de": "Veranstaltungen mit Buchungen und Verantwortlichen: Abrechnung und Bericht.",
                "en": "Events with bookings and those responsible: billing and report.",
            },
        ),
    ),
    purpose={
        "de": "Auslastung des Veranstaltungsnetzes; Geräte von Besuchern nur als Anzahl, unter 5 nur als „<5“.",
        "en": "Use of the event network; visitors' devices as counts only, under 5 as “<5” only.",
    },
)
