"""The systemd unit of an installation: hardened, restarted for ever, started at boot."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

NAME: Final = "lautern.service"
OPEN_FILES: Final = 65_536
_HOMES: Final = (Path("/home"), Path("/root"), Path("/run/user"))
_TEMPORARY: Final = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108 - not written to: PrivateTmp hides them
_UNIT: Final = """\
# Written by `lautern service install`; changes of your own: systemctl edit {name}
[Unit]
Description=Lautern, the device backend of a city
Wants=network-online.target
After=network-online.target time-sync.target influxdb.service postgresql.service mosquitto.service
# However often it dies, it is started again.
StartLimitIntervalSec=0

[Service]
Type=exec
User={user}
Group={user}
UMask=0077
WorkingDirectory={data_dir}
# Secrets and settings that are not in lautern.toml, such as LAUTERN_STORE__TOKEN_FILE=…; root's, mode 0600.
EnvironmentFile=-/etc/lautern/environment
ExecStart={command}
Restart=always
RestartSec=5
# It ends its parts itself, in order, within 10 s.
KillMode=mixed
TimeoutStopSec=30
LimitNOFILE={open_files}
LimitCORE=0
TasksMax=1024
MemoryHigh={memory_high}
MemoryMax={memory_max}
# A part that takes too much is started again; the others go on.
OOMPolicy=continue
StandardOutput=journal
StandardError=journal
SyslogIdentifier=lautern
LogRateLimitIntervalSec=30s
LogRateLimitBurst=3000

CapabilityBoundingSet={capabilities}
AmbientCapabilities={capabilities}
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths={writable}
ProtectHome={home}
PrivateTmp={private_tmp}
PrivateDevices=yes
PrivateUsers={private_users}
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RemoveIPC=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True, slots=True)
class ServiceUnit:
    """What the unit is made of. `writable`: folders beside the data directory that settings name for writing."""

    data_dir: Path
    user: str
    program: Path
    """Python of the environment that Lautern is installed in."""
    config: Path | None = None
    writable: Sequence[Path] = ()
    low_ports: bool = False
    """It listens below 1024, which needs a capability."""
    memory_max: str = "80%"

    def text(self) -> str:
        """The unit file."""
        config = ["--config", self.config] if self.config else []
        command = [self.program, "-m", "cli.up", "--data-dir", self.data_dir, *config]
        return _UNIT.format(
            name=NAME,
            user=self.user,
            data_dir=_escaped(self.data_dir),
            command=" ".join(map(_quoted, command)),
            open_files=OPEN_FILES,
            memory_high=self.memory_max if not self.memory_max.endswith("%") else "70%",
            memory_max=self.memory_max,
            capabilities="CAP_NET_BIND_SERVICE" if self.low_ports else "",
            private_users="no" if self.low_ports else "yes",
            writable=" ".join(_quoted(path) for path in (self.data_dir, *self.writable)),
            home="read-only" if self._needs(_HOMES) else "yes",
            private_tmp="no" if self._needs(_TEMPORARY) else "yes",
        )

    def _needs(self, folders: Sequence[Path]) -> bool:
        """Whether what it runs or uses is below one of them, also by a link: an environment's python is one."""
        named = (self.data_dir, self.program, *self.writable, *([self.config] if self.config else []))
        used = (*named, *(path.resolve() for path in named))
        return any(path.is_relative_to(folder) for path in used for folder in folders)


def _quoted(text: object) -> str:
    """One word of a line of several."""
    return f'"{_escaped(text)}"' if any(one in str(text) for one in " \t\"'\\;") else _escaped(text)


def _escaped(text: object) -> str:
    """`%` begins a specifier and `$` a variable; what is more than one line would be another setting."""
    found = str(text)
    if not found.isprintable():
        raise ValueError("a path with a line break in it")
    return found.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
