"""An API for a data directory on this machine, as a child that answers on its standard output."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from cli.remote.api_client import ApiClient, open_remote_api
from cli.remote.responses import ApiResponse

Here = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Work on this installation's data, on its machine, without signing in."),
]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
Count = Annotated[int, typer.Option("--count", help="At most so many.", min=1)]
_END_S: Final = 20


@contextmanager
def api_of(data_dir: Path | None) -> Iterator[ApiClient]:
    """The API of a data directory on this machine, or without one the API that this user signed in to."""
    if data_dir is None:
        with open_remote_api() as api:
            yield api
        return
    command = [sys.executable, "-m", "cli.remote.asgi_transport", "--data-dir", str(data_dir.absolute())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            yield ApiClient(_Child(child))
        finally:
            if child.stdin:
                child.stdin.close()
            child.wait(_END_S)


class _Child:
    def __init__(self, child: subprocess.Popen[str]) -> None:
        self._child = child

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> ApiResponse:
        """The answer, whatever its status. Ends the program when there is none: the child said why."""
        asked = {"method": method, "path": path, "headers": dict(headers), "body": body.decode() if body else None}
        answered = ""
        if self._child.stdin and self._child.stdout:
            try:
                self._child.stdin.write(json.dumps(asked) + "\n")
                self._child.stdin.flush()
                answered = self._child.stdout.readline()
            except BrokenPipeError:
                answered = ""
        if not answered:
            raise typer.Exit(self._child.wait(_END_S) or 1)
        found = json.loads(answered)
        return ApiResponse(found["status"], found["body"].encode(), found["headers"])
