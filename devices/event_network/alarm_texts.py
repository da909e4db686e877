"""What the alarms of network nodes mean to people."""

from collections.abc import Mapping
from typing import Final

from devices.alarm_texts import AlarmText

ALARM_TEXTS: Final[Mapping[str, AlarmText]] = {
    "link_down": AlarmText(
        "Verbindung unterbrochen",
        "has a link down",
        "Kabel, Stecker und Strom der Gegenstelle prüfen.",
        "Check cable, plugs and the other side's power.",
    ),
    "link_saturated": AlarmText(
        "Verbindung ausgelastet",
        "has a saturated link",
        "Auf der Seite der Veranstaltung sehen, wer sie füllt.",
        "See on the event's page who fills it.",
    ),
    "on_battery": AlarmText(
        "läuft auf Batterie",
        "runs on battery",
        "Netzanschluss am Knoten prüfen.",
        "Check mains at the node.",
    ),
    "battery_low": AlarmText(
        "Batterie reicht keine 30 Minuten mehr",
        "has less than 30 minutes of battery",
        "Sofort für Strom sorgen, Netz oder Aggregat.",
        "Provide power at once, mains or generator.",
    ),
    "optical_low": AlarmText(
        "empfängt zu wenig Licht",
        "receives too little light",
        "Stecker reinigen, Biegungen der Faser prüfen.",
        "Clean the plugs, look for bends of the fibre.",
    ),
}
"""By name."""
