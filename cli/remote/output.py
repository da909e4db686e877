"""Answers on the screen: tables on a terminal, plain columns in a pipe, JSON when asked for."""

import json
import sys
from collections.abc import Sequence
from typing import Any

import typer
from rich.console import Console
from rich.table import Table


def print_rows(value: Any, columns: Sequence[str], rows: Sequence[Sequence[object]], *, as_json: bool) -> None:  # noqa: ANN401
    """Print `value` as JSON, or the rows; text from others is printed as it is, without colours or codes of its own."""
    if as_json:
        typer.echo(json.dumps(value, ensure_ascii=False, indent=1))
        return
    texts = [[table_cell(value) for value in row] for row in rows]
    if sys.stdout.isatty():
        _table(columns, texts)
    else:
        _plain(columns, texts)


def print_sentence(text: str, value: Any = None, *, as_json: bool = False) -> None:  # noqa: ANN401
    """Print one sentence, or `value` as JSON."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=1) if as_json else text)


def table_cell(value: object) -> str:
    """A value in a table: nothing is empty, never None; control characters are taken out."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return " ".join(map(table_cell, value))
    if isinstance(value, dict):
        return " ".join(f"{name}={table_cell(part)}" for name, part in value.items())
    return "".join(c if c.isprintable() else " " for c in str(value))


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console(markup=False, highlight=False, emoji=False).print(table)


def _plain(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    for row in (columns, *rows):
        typer.echo("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
