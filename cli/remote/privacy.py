"""`lautern privacy`: what was deleted when its time was over, and the register of processing."""

from enum import StrEnum
from typing import Annotated, Final

import typer

from cli.remote import output
from cli.remote.local_api import Count, Here, Json, api_of
from runtime import program_support

app = program_support.new_app("Show what was deleted when its time was over, and the register of processing.")
COLUMNS: Final = ("deleted at", "class", "kind", "town", "from", "to", "records")
NAMES: Final = ("at", "data_class", "kind", "tenant_id", "from", "to", "count")


class RegisterFormat(StrEnum):
    """Forms of the register."""

    MARKDOWN = "markdown"
    HTML = "html"
    JSON = "json"


class RegisterLanguage(StrEnum):
    """Languages of the register."""

    GERMAN = "de"
    ENGLISH = "en"


@app.command("deletions")
def deletions(*, count: Count = 100, as_json: Json = False, data_dir: Here = None) -> None:
    """List what was deleted, newest first.

    Example:  lautern privacy deletions --count 20
    """
    with api_of(data_dir) as api:
        found = api.items("/privacy/deletions", count)
    output.print_rows(found, COLUMNS, [[deletion[name] for name in NAMES] for deletion in found], as_json=as_json)


@app.command("register")
def register(
    *,
    form: Annotated[RegisterFormat, typer.Option("--format", help="Of the document.")] = RegisterFormat.MARKDOWN,
    language: Annotated[
        RegisterLanguage, typer.Option("--language", help="Of the document.")
    ] = RegisterLanguage.GERMAN,
    data_dir: Here = None,
) -> None:
    """Print the register of processing activities (GDPR, Article 30), made from the settings.

    \b
    Examples:
      lautern privacy register > verzeichnis.md
      lautern privacy register --format html --language en --data-dir /srv/lautern > register.html
    """  # noqa: D301 - typer keeps the lines after it
    with api_of(data_dir) as api:
        query = {"format": form.value, "language": language.value}
        answer = api.call("GET", "/privacy/register", query=query)
    typer.echo(answer.body.decode(), nl=False)


if __name__ == "__main__":
    program_support.run_program("privacy", app)
