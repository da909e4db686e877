"""The register of processing as JSON, Markdown and HTML."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

from application.privacy.processing_register import ProcessingRegister

Words = Mapping[str, str]
_WORDS: Final[Mapping[str, Words]] = {
    "de": {
        "title": "Verzeichnis von Verarbeitungstätigkeiten",
        "law": "nach Artikel 30 DSGVO, erzeugt aus den Einstellungen dieser Installation",
        "controller": "Verantwortlich",
        "contact": "Kontakt",
        "officer": "Datenschutzbeauftragte",
        "missing": "(nicht angegeben: privacy.{key} in lautern.toml)",
        "purpose": "Zweck und Daten",
        "kept": "Aufbewahrung",
        "days": "{days} Tage",
        "for_ever": "ohne Frist",
        "readers": "Wer es lesen darf",
        "recipients": "Empfänger",
        "nobody": "keine außerhalb dieser Installation",
        "transfer": "Übermittlung in Drittländer: durch das Programm keine.",
        "measures": "Technische und organisatorische Maßnahmen",
        "list": "Rollen je Kommune, Gruppe und Veranstaltung; Daten der Feuerwehr nur für deren Rollen|TLS auf allen"
        " Zugängen, die nicht auf derselben Maschine liegen|Kennwörter als Argon2id, Schlüssel als SHA-256, Sperre nach"
        " zehn Fehlversuchen je Minute|Protokoll als Kette mit Schlüssel außerhalb der Datenbank, jederzeit prüfbar"
        "|Löschung nach Frist mit Löschprotokoll|keine MAC-Adressen, Netznamen oder IP-Adressen von Besuchern; Anzahlen"
        " unter 5 nur als „<5“",
    },
    "en": {
        "title": "Register of processing activities",
        "law": "under Article 30 GDPR, made from the settings of this installation",
        "controller": "Controller",
        "contact": "Contact",
        "officer": "Data protection officer",
        "missing": "(not given: privacy.{key} in lautern.toml)",
        "purpose": "Purpose and data",
        "kept": "Kept for",
        "days": "{days} days",
        "for_ever": "no set time",
        "readers": "Who may read it",
        "recipients": "Recipients",
        "nobody": "none outside this installation",
        "transfer": "Transfers to third countries: none by the program.",
        "measures": "Technical and organisational measures",
        "list": "roles by town, group and event; the fire brigade's data for its roles only|TLS on every listener that"
        " is not on the same machine|passwords as Argon2id, keys as SHA-256, locked after ten failures a minute"
        "|audit log as a chain with its key outside the database, verifiable at any time"
        "|deletion when the time is over, with a log of it"
        "|no MAC addresses, network names or IP addresses of visitors; counts under 5 as “<5” only",
    },
}


def as_json(register: ProcessingRegister, language: str) -> dict[str, Any]:
    """The register as a JSON object."""
    facts, words = register.facts, _WORDS[language]
    return {
        "language": language,
        "title": words["title"],
        "controller": facts.controller,
        "contact": facts.contact,
        "data_protection_officer": facts.officer,
        "activities": [
            {
                "name": activity.name[language],
                "purpose": activity.purpose[language],
                "kept": [{"what": what[language], "days": days} for what, days in activity.kept],
                "readers": list(activity.readers),
            }
            for activity in register.activities
        ],
        "recipients": list(facts.recipients),
        "measures": words["list"].split("|"),
    }


def register_markdown(register: ProcessingRegister, language: str) -> str:
    """The register as a document."""
    return "\n".join(_lines(as_json(register, language), _WORDS[language])) + "\n"


def register_html(register: ProcessingRegister, language: str) -> str:
    """The register as a page that stands alone."""
    found, words = as_json(register, language), _WORDS[language]
    body = "\n".join(_tagged(line) for line in _lines(found, words))
    head = (
        f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8"><title>{escape(words["title"])}</title>'
    )
    return f"{head}</head><body>\n{body}\n</body></html>\n"


def _lines(found: Mapping[str, Any], words: Words) -> Iterator[str]:
    yield from (f"# {found['title']}", "", words["law"] + ".", "")
    keys = {"controller": "controller", "contact": "contact", "officer": "data_protection_officer"}
    for key, name in keys.items():
        yield f"- {words[key]}: {found[name] or words['missing'].format(key=key)}"
    for activity in found["activities"]:
        yield from ("", f"## {activity['name']}", "", f"- {words['purpose']}: {activity['purpose']}")
        yield f"- {words['readers']}: {', '.join(activity['readers']) or '-'}"
        for kept in activity["kept"]:
            time = words["for_ever"] if kept["days"] is None else words["days"].format(days=kept["days"])
            yield f"- {words['kept']}: {kept['what']}: {time}"
    yield from ("", f"## {words['recipients']}", "")
    yield from (f"- {recipient}" for recipient in found["recipients"] or [words["nobody"]])
    yield from (f"- {words['transfer']}", "", f"## {words['measures']}", "")
    yield from (f"- {measure}" for measure in found["measures"])


def _tagged(line: str) -> str:
    """One line of the Markdown above."""
    for begin, tag in (("## ", "h2"), ("# ", "h1"), ("- ", "p")):
        if line.startswith(begin):
            return f"<{tag}>{escape(line.removeprefix(begin))}</{tag}>"
    return f"<p>{escape(line)}</p>" if line else ""
