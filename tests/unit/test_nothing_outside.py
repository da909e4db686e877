"""A unit test that connects or starts something fails."""

import socket
import subprocess
import sys

import pytest


def test_a_connection_is_refused() -> None:
    with socket.socket() as link, pytest.raises(RuntimeError, match=r"socket\.bind"):
        link.bind(("127.0.0.1", 0))
    with socket.socket() as link, pytest.raises(RuntimeError, match=r"socket\.connect"):
        link.connect(("127.0.0.1", 9))


def test_a_program_is_refused() -> None:
    with pytest.raises(RuntimeError, match=r"subprocess\.Popen"):
        subprocess.run([sys.executable, "-c", ""], check=False)
