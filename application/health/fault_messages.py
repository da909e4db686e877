"""The one table from fault to cause and remedy, in English and German; /readyz, pages and `lautern doctor` show it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from application.health.faults import SystemFault

Language = Literal["en", "de"]


@dataclass(frozen=True, slots=True)
class BilingualText:
    """One half of a sentence in both languages; no full stop at the end."""

    en: str
    de: str


@dataclass(frozen=True, slots=True)
class FaultMessage:
    """What is wrong and what to do."""

    cause: BilingualText
    remedy: BilingualText

    def text(self, language: Language = "en") -> str:
        """One sentence: cause, then remedy."""
        return f"{getattr(self.cause, language)}: {getattr(self.remedy, language)}."


ALL_WELL: Final = BilingualText("Everything works.", "Alles arbeitet.")

SENTENCES: Final[Mapping[SystemFault, FaultMessage]] = {
    SystemFault.REGISTRY_AWAY: FaultMessage(
        BilingualText("The registry database does not answer", "Die Registerdatenbank antwortet nicht"),
        BilingualText(
            "start PostgreSQL or correct registry.url; with SQLite see that the data directory can be read",
            "PostgreSQL starten oder registry.url berichtigen; bei SQLite prüfen, ob das Datenverzeichnis lesbar ist",
        ),
    ),
    SystemFault.REGISTRY_READ_ONLY: FaultMessage(
        BilingualText("The registry database cannot be written", "Die Registerdatenbank lässt sich nicht beschreiben"),
        BilingualText(
            "see that it is no read-only copy, that no other program holds a lock on it, and that its disk has room and"
            " may be written",
            "prüfen, ob sie eine schreibgeschützte Kopie ist, ein anderes Programm sie sperrt oder ihre Festplatte voll"
            " oder schreibgeschützt ist",
        ),
    ),
    SystemFault.PORT_TAKEN: FaultMessage(
        BilingualText(
            "Another program listens on a port of Lautern, and what devices or people say there goes to it",
            "Ein anderes Programm belegt einen Port von Lautern und bekommt, was Geräte oder Menschen dort sagen",
        ),
        BilingualText(
            "end that program (`ss -ltnp` names it; `lautern doctor` says which port), or set another port (broker.url,"
            " http.port, gateway.metrics_port) and start Lautern again; once the port is free all goes on by itself",
            "dieses Programm beenden (`ss -ltnp` nennt es, `lautern doctor` den Port) oder einen anderen Port setzen"
            " (broker.url, http.port, gateway.metrics_port) und Lautern neu starten; ist der Port frei, geht alles von"
            " selbst weiter",
        ),
    ),
    SystemFault.PROCESS_DIES: FaultMessage(
        BilingualText("A process of Lautern ends again and again", "Ein Prozess von Lautern endet immer wieder"),
        BilingualText(
            "it is started again by itself, at the latest after 20 s; `lautern doctor` says which it is, since when and"
            " with what last words",
            "er startet von selbst neu, spätestens nach 20 s; `lautern doctor` nennt ihn, seit wann und mit welchen"
            " letzten Worten",
        ),
    ),
    SystemFault.GATEWAY_DEAD: FaultMessage(
        BilingualText("The gateway does not run or hangs", "Das Gateway läuft nicht oder hängt"),
        BilingualText(
            "start it again (`lautern up` or `lautern gateway`); the end of its log says why it ended",
            "neu starten (`lautern up` oder `lautern gateway`); das Ende seines Protokolls nennt den Grund",
        ),
    ),
    SystemFault.SECOND_GATEWAY: FaultMessage(
        BilingualText("A second gateway was started and refused", "Ein zweites Gateway wurde gestartet und abgewiesen"),
        BilingualText(
            "end it, or give it a data directory and a registry of its own; the first one works on",
            "beenden oder ihm ein eigenes Datenverzeichnis und Register geben; das erste arbeitet weiter",
        ),
    ),
    SystemFault.LOOP_DEAD: FaultMessage(
        BilingualText("A thread of the gateway ended with an error", "Ein Thread des Gateways endete mit einem Fehler"),
        BilingualText(
            "the gateway restarts by itself; where this repeats, report the error in its log",
            "das Gateway startet von selbst neu; bei Wiederholung den Fehler im Protokoll melden",
        ),
    ),
    SystemFault.LOOP_STUCK: FaultMessage(
        BilingualText("A thread of the gateway hangs", "Ein Thread des Gateways hängt"),
        BilingualText(
            "the gateway restarts by itself; where this repeats, report the stacks in its log",
            "das Gateway startet von selbst neu; bei Wiederholung die Stapel im Protokoll melden",
        ),
    ),
    SystemFault.RECEIVER_SILENT: FaultMessage(
        BilingualText("The process that receives telemetry hangs", "Der Prozess, der Telemetrie empfängt, hängt"),
        BilingualText(
            "the gateway restarts by itself; where this repeats, see that the machine is not overloaded",
            "das Gateway startet von selbst neu; bei Wiederholung die Last der Maschine prüfen",
        ),
    ),
    SystemFault.SCHEDULER_DEAD: FaultMessage(
        BilingualText("The scheduler has stopped", "Der Zeitgeber steht"),
        BilingualText(
            "the gateway restarts by itself; where this repeats, report the error in its log",
            "das Gateway startet von selbst neu; bei Wiederholung den Fehler im Protokoll melden",
        ),
    ),
    SystemFault.DISK_FULL: FaultMessage(
        BilingualText(
            "The disk of the data directory is full, so nothing more is acknowledged to devices",
            "Die Festplatte des Datenverzeichnisses ist voll, deshalb wird Geräten nichts mehr bestätigt",
        ),
        BilingualText(
            "make room on it; what waits at the broker then comes by itself",
            "Platz schaffen; was beim Broker wartet, kommt dann von selbst",
        ),
    ),
    SystemFault.AUDIT_BROKEN: FaultMessage(
        BilingualText(
            "The audit log cannot be written, so nothing is done that must be on record",
            "Das Audit-Protokoll lässt sich nicht beschreiben, deshalb geschieht nichts, was darin stehen muss",
        ),
        BilingualText(
            "the API's log says under `audit_not_written` what the database refuses; its user must be allowed to insert"
            " into the table audit",
            "im Log der API steht unter `audit_not_written`, was die Datenbank ablehnt; ihr Benutzer muss in die"
            " Tabelle audit einfügen dürfen",
        ),
    ),
    SystemFault.JOURNAL_BROKEN: FaultMessage(
        BilingualText("The journal cannot be written", "Das Journal lässt sich nicht beschreiben"),
        BilingualText(
            "see that the data directory may be written and that its disk is sound",
            "prüfen, ob das Datenverzeichnis beschreibbar und die Festplatte in Ordnung ist",
        ),
    ),
    SystemFault.STORE_AWAY: FaultMessage(
        BilingualText(
            "The telemetry store does not answer, so telemetry waits in the journal",
            "Der Telemetriespeicher antwortet nicht, deshalb wartet Telemetrie im Journal",
        ),
        BilingualText(
            "start InfluxDB or correct store.url; with SQLite see that the data directory may be written",
            "InfluxDB starten oder store.url berichtigen; bei SQLite prüfen, ob das Datenverzeichnis beschreibbar ist",
        ),
    ),
    SystemFault.STORE_TOKEN: FaultMessage(
        BilingualText(
            "InfluxDB does not accept the token, so telemetry waits in the journal",
            "InfluxDB nimmt das Token nicht an, deshalb wartet Telemetrie im Journal",
        ),
        BilingualText(
            "make a token that may read and write the buckets, set it as store.token and restart gateway and API",
            "ein Token mit Lese- und Schreibrecht erzeugen, als store.token setzen, Gateway und API neu starten",
        ),
    ),
    SystemFault.STORE_FORBIDDEN: FaultMessage(
        BilingualText(
            "The token may not write in InfluxDB, so telemetry waits in the journal",
            "Das Token darf in InfluxDB nicht schreiben, deshalb wartet Telemetrie im Journal",
        ),
        BilingualText(
            "use a token that may read and write the buckets as store.token and restart gateway and API",
            "ein Token mit Lese- und Schreibrecht als store.token setzen, Gateway und API neu starten",
        ),
    ),
    SystemFault.STORE_NEEDS_RESTART: FaultMessage(
        BilingualText(
            "InfluxDB could not open files of its own and does not try again, so telemetry waits in the journal",
            "InfluxDB konnte eigene Dateien nicht öffnen und versucht es nicht mehr, deshalb wartet Telemetrie im"
            " Journal",
        ),
        BilingualText(
            "see that its disk has room, then restart InfluxDB; nothing is lost",
            "für Platz auf seiner Platte sorgen, dann InfluxDB neu starten; es geht nichts verloren",
        ),
    ),
    SystemFault.STORE_PLACE_MISSING: FaultMessage(
        BilingualText(
            "InfluxDB does not know the organisation or a bucket, so telemetry waits in the journal",
            "InfluxDB kennt die Organisation oder einen Bucket nicht, deshalb wartet Telemetrie im Journal",
        ),
        BilingualText(
            "correct store.org, or use a token that sees the buckets; a restart of the gateway makes buckets that are"
            " missing",
            "store.org berichtigen oder ein Token verwenden, das die Buckets sieht; ein Neustart des Gateways legt"
            " fehlende an",
        ),
    ),
    SystemFault.JOURNAL_FULL: FaultMessage(
        BilingualText(
            "The journal is full or nearly so, and nothing is acknowledged at its bound",
            "Das Journal ist voll oder fast voll, und an seiner Grenze wird nichts mehr bestätigt",
        ),
        BilingualText(
            "see why the store is slow, or raise journal.telemetry_bound_mb or journal.control_bound_mb where the disk"
            " has room",
            "prüfen, warum der Speicher langsam ist, oder journal.telemetry_bound_mb oder journal.control_bound_mb"
            " erhöhen, wo Platz ist",
        ),
    ),
    SystemFault.STARTING: FaultMessage(
        BilingualText("Lautern is starting", "Lautern startet gerade"),
        BilingualText(
            "wait some seconds; what does not come up by then is told",
            "einige Sekunden warten; was bis dahin nicht läuft, wird genannt",
        ),
    ),
    SystemFault.BROKER_AWAY: FaultMessage(
        BilingualText("The MQTT broker does not answer", "Der MQTT-Broker antwortet nicht"),
        BilingualText("start it or correct broker.url", "starten oder broker.url berichtigen"),
    ),
    SystemFault.BROKER_REFUSES: FaultMessage(
        BilingualText(
            "The MQTT broker refuses the gateway or its subscriptions",
            "Der MQTT-Broker weist das Gateway oder seine Abonnements ab",
        ),
        BilingualText(
            "correct broker.username and broker.password, and let this user read and write below topic_root",
            "broker.username und broker.password berichtigen und diesem Benutzer unter topic_root Lesen und Schreiben"
            " erlauben",
        ),
    ),
    SystemFault.AUTH_CALLOUT_AWAY: FaultMessage(
        BilingualText(
            "What lets devices in at the broker does not run or does not reach it, so no device can connect anew",
            "Was Geräte beim Broker einlässt, läuft nicht oder erreicht ihn nicht, deshalb kann sich kein Gerät neu"
            " verbinden",
        ),
        BilingualText(
            "start it again (`lautern up` or `lautern auth-callout`); the end of its log says why it ended",
            "neu starten (`lautern up` oder `lautern auth-callout`); das Ende seines Protokolls nennt den Grund",
        ),
    ),
    SystemFault.BROKER_FULL: FaultMessage(
        BilingualText(
            "The broker refuses subscriptions, so some devices hear no commands",
            "Der Broker lehnt Abonnements ab, deshalb hören manche Geräte keine Befehle",
        ),
        BilingualText(
            "/api/v1/devices/credentials/refused names them; let devices subscribe with QoS 0, of which the broker"
            " bears any number, while it keeps 10,000 filters of QoS 1",
            "/api/v1/devices/credentials/refused nennt sie; Geräte mit QoS 0 abonnieren lassen, wovon der Broker"
            " beliebig viele trägt, während er 10.000 Filter mit QoS 1 hält",
        ),
    ),
    SystemFault.CANARY_LOST: FaultMessage(
        BilingualText(
            "A message that the gateway sends to itself does not arrive in the store",
            "Eine Nachricht des Gateways an sich selbst kommt nicht im Speicher an",
        ),
        BilingualText(
            "see in the gateway's log whether broker or store is slow; the token must be allowed to read, too",
            "im Protokoll des Gateways prüfen, ob Broker oder Speicher langsam ist; das Token muss auch lesen dürfen",
        ),
    ),
    SystemFault.FILES_SHORT: FaultMessage(
        BilingualText(
            "A process of Lautern may soon open no more files and connections",
            "Ein Prozess von Lautern darf bald keine Dateien und Verbindungen mehr öffnen",
        ),
        BilingualText(
            "`lautern doctor` says which and how many; raise the limit (`ulimit -Hn`, LimitNOFILE= of the service,"
            " ulimits of the container), or see who holds so many connections, and start Lautern again",
            "`lautern doctor` nennt ihn und wie viele; die Grenze erhöhen (`ulimit -Hn`, LimitNOFILE= des Dienstes,"
            " ulimits des Containers) oder prüfen, wer so viele Verbindungen hält, und Lautern neu starten",
        ),
    ),
    SystemFault.MAIL_AWAY: FaultMessage(
        BilingualText(
            "The mail server takes no messages, so they wait", "Der Mailserver nimmt nichts an, die Nachrichten warten"
        ),
        BilingualText(
            "start it or correct mail.host and its login; each message under notifications has the reason",
            "ihn starten oder mail.host und die Anmeldung berichtigen; jede Nachricht nennt den Grund",
        ),
    ),
    SystemFault.NOTIFICATION_FAILED: FaultMessage(
        BilingualText(
            "The last message to somebody who is to be told of alarms could not be delivered",
            "Die letzte Nachricht an jemanden, der Alarme erfahren soll, war nicht zustellbar",
        ),
        BilingualText(
            "the reason stands at the message under notifications; correct the target and send it a test",
            "der Grund steht bei ihr unter Benachrichtigungen; das Ziel berichtigen und ihm eine Probe schicken",
        ),
    ),
}


def summarise_faults(faults: list[SystemFault], language: Language = "en") -> str:
    """One sentence for each of these, or that all is well."""
    if not faults:
        return str(getattr(ALL_WELL, language))
    return " ".join(SENTENCES[fault].text(language) for fault in faults)
