"""What alarms mean to people, in German and English; each kind declares its own, these hold for all."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Language = Literal["de", "en"]


@dataclass(frozen=True, slots=True)
class AlarmText:
    """What is so, as it follows the device's name ("L07 ausgefallen"), and what to do, as a sentence."""

    de: str
    en: str
    do_de: str = ""
    do_en: str = ""

    def what(self, language: Language) -> str:
        """What is so."""
        return self.de if language == "de" else self.en

    def remedy(self, language: Language) -> str:
        """What to do; empty where that is plain."""
        return self.do_de if language == "de" else self.do_en


GENERIC: Final[Mapping[str, AlarmText]] = {
    "device_silent": AlarmText(
        "sendet nicht mehr",
        "is silent",
        "Strom und Netz am Ort prüfen; das Gerät meldet sich von selbst wieder.",
        "Check power and network on site; the device comes back by itself.",
    ),
    "device_offline": AlarmText(
        "nicht verbunden",
        "is offline",
        "Strom und Netz am Ort prüfen; das Gerät meldet sich von selbst wieder.",
        "Check power and network on site; the device comes back by itself.",
    ),
    "implausible_value": AlarmText(
        "meldet unwahrscheinliche Werte",
        "reports implausible values",
        "Die Werte auf der Geräteseite ansehen; stimmen sie, ist Eile geboten.",
        "Look at the values on the device's page; if they are true, it is urgent.",
    ),
    "login_refused": AlarmText(
        "wird vom Broker immer wieder abgewiesen",
        "is refused by the broker again and again",
        "Grund und Adresse nennt /api/v1/credentials/refused; dem Gerät eine neue Anmeldung geben, ein fremdes vom Netz"
        " nehmen.",
        "/api/v1/credentials/refused has reason and address; give the device a new login, take a stranger off the"
        " network.",
    ),
    "quota_exceeded": AlarmText(
        "sendet viel zu viel und wird zeitweise abgewiesen",
        "sends far too much and is kept out for a time",
        "Das Gerät prüfen: ein Fehler in seinem Programm, oder jemand spricht mit seiner Anmeldung. Die Pausen werden"
        " länger, solange es nicht aufhört; danach kommt es von selbst wieder herein.",
        "Check the device: a fault of its program, or somebody speaks with its login. The pauses grow while it goes on;"
        " afterwards it is let in by itself.",
    ),
}


def text_of(name: str, *tables: Mapping[str, AlarmText]) -> AlarmText:
    """Text of an alarm from the first table that has it; its name as words where nobody does."""
    found = next((table[name] for table in (*tables, GENERIC) if name in table), None)
    return found or AlarmText(name.replace("_", " "), name.replace("_", " "))
