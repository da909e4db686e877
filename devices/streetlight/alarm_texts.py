"""What the alarms of lamps mean to people."""

from collections.abc import Mapping
from typing import Final

from devices.alarm_texts import AlarmText
from devices.streetlight.rules.reported_faults import PREFIX

_LAMP: Final = ("Leuchte und Vorschaltgerät prüfen.", "Check luminaire and control gear.")
_SUPPLY: Final = ("Sicherung und Zuleitung des Stromkreises prüfen.", "Check fuse and supply of the circuit.")
_SITE: Final = ("Am Mast nachsehen.", "Look at the post.")
_DATA: Final = (
    "Nennwerte auf der Geräteseite mit der Leuchte am Mast vergleichen.",
    "Compare the rated values on the device's page with the lamp at the post.",
)
_FAULTS: Final[Mapping[str, AlarmText]] = {
    "lamp_failure": AlarmText("ausgefallen", "has failed", *_LAMP),
    "lamp_unexpectedly_on": AlarmText(
        "brennt am Tag", "burns by day", "Relais und Programm prüfen.", "Check relay and program."
    ),
    "lamp_power_too_high": AlarmText("nimmt zu viel Leistung auf", "takes too much power", *_DATA),
    "lamp_power_too_low": AlarmText("nimmt zu wenig Leistung auf", "takes too little power", *_LAMP),
    "lamp_voltage_too_high": AlarmText("hat Überspannung", "has overvoltage", *_SUPPLY),
    "lamp_voltage_too_low": AlarmText("hat Unterspannung", "has undervoltage", *_SUPPLY),
    "current_too_high": AlarmText("nimmt zu viel Strom auf", "takes too much current", *_LAMP),
    "current_too_low": AlarmText("nimmt zu wenig Strom auf", "takes too little current", *_LAMP),
    "power_factor_too_low": AlarmText("hat einen schlechten Leistungsfaktor", "has a poor power factor", *_LAMP),
    "high_temperature": AlarmText("ist zu heiß", "is too hot", *_LAMP),
    "cycling_failure": AlarmText("geht an und aus", "goes on and off", *_LAMP),
    "supply_loss": AlarmText("ohne Strom", "has no power", *_SUPPLY),
    "battery_shutdown": AlarmText("Batterie leer", "has an empty battery", *_SITE),
    "button_stuck": AlarmText("Taster klemmt", "has a stuck button", *_SITE),
    "communication_failure": AlarmText("Verbindung gestört", "has trouble to communicate", *_SITE),
    "contactor_error": AlarmText("Schütz gestört", "has a contactor error", *_SUPPLY),
    "control_gear_comm_failure": AlarmText("Vorschaltgerät stumm", "hears nothing of its control gear", *_LAMP),
    "control_gear_failure": AlarmText("Vorschaltgerät ausgefallen", "has a failed control gear", *_LAMP),
    "door_open": AlarmText("Tür offen", "has an open door", *_SITE),
    "ice_warning": AlarmText("meldet Eis", "warns of ice"),
    "invalid_lamp_type": AlarmText("falsche Leuchte eingesetzt", "has a lamp of the wrong type", *_DATA),
    "invalid_program": AlarmText(
        "Lichtprogramm ungültig", "has an invalid program", "Programm neu senden.", "Send the program again."
    ),
    "leakage_detected": AlarmText("Fehlerstrom", "leaks current to earth", *_SUPPLY),
    "relay_failure": AlarmText("Relais defekt", "has a failed relay", *_LAMP),
    "sensor_failure": AlarmText("Sensor defekt", "has a failed sensor", *_SITE),
}
ALARM_TEXTS: Final[Mapping[str, AlarmText]] = {
    **_FAULTS,
    **{
        PREFIX + name: AlarmText(f"meldet: {text.de}", f"reports: {text.en}", text.do_de, text.do_en)
        for name, text in _FAULTS.items()
    },
}
"""By name; what the lamp says of itself is told as such."""
