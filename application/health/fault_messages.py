"""What is wrong and what to do, by fault, from the catalogue; /readyz, pages and `lautern doctor` show it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from application.health.faults import SystemFault
from devices.wording.catalogue import Language, require_text


@dataclass(frozen=True, slots=True)
class BilingualText:
    """One half of a sentence in both languages; no full stop at the end."""

    key: str

    def text(self, language: Language) -> str:
        """In one language."""
        return require_text(language, self.key)

    @property
    def en(self) -> str:
        """In English."""
        return self.text("en")

    @property
    def de(self) -> str:
        """In German."""
        return self.text("de")


@dataclass(frozen=True, slots=True)
class FaultMessage:
    """What is wrong and what to do."""

    cause: BilingualText
    remedy: BilingualText

    def text(self, language: Language = "en") -> str:
        """One sentence: cause, then remedy."""
        return f"{self.cause.text(language)}: {self.remedy.text(language)}."


ALL_WELL: Final = BilingualText("fault.none")
SENTENCES: Final[Mapping[SystemFault, FaultMessage]] = {
    fault: FaultMessage(BilingualText(f"fault.{fault}.cause"), BilingualText(f"fault.{fault}.remedy"))
    for fault in SystemFault
}


def summarise_faults(faults: list[SystemFault], language: Language = "en") -> str:
    """One sentence for each of these, or that all is well."""
    if not faults:
        return ALL_WELL.text(language)
    return " ".join(SENTENCES[fault].text(language) for fault in faults)
