"""What alarms mean to people: the catalogue's texts of an alarm, the kind's own before those that hold for all."""

from collections.abc import Sequence
from dataclasses import dataclass

from devices.wording.catalogue import Language, all_words, find_text


@dataclass(frozen=True, slots=True)
class AlarmText:
    """The words for one alarm of a kind."""

    kind: str
    name: str

    def what(self, language: Language) -> str:
        """What is so, as it follows the device's name ("L07 ausgefallen"); its name as words where nobody says it."""
        return self._text(language, "alarm_text") or self.name.replace("_", " ")

    def remedy(self, language: Language) -> str:
        """What to do, as a sentence; empty where that is plain."""
        return self._text(language, "alarm_remedy") or ""

    def _text(self, language: Language, section: str) -> str | None:
        own = find_text(language, f"{self.kind}.{section}.{self.name}")
        return find_text(language, f"{section}.{self.name}") if own is None else own


def alarms_with_text(kind: str) -> Sequence[str]:
    """Names of the alarms that a kind's devices may have and the catalogue has words for."""
    names = (key.rpartition("alarm_text.") for key in all_words()["en"])
    return list(dict.fromkeys(name for lead, found, name in names if found and lead in {"", f"{kind}."}))
