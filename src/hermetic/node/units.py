"""The systemd unit of a node, as text: what may be done to it and by it, and how it ends.

What the node itself confines (its workers) needs no right that is taken here: Landlock and
seccomp work without privileges.  Pure: nothing is read or written.
"""

from dataclasses import dataclass
from pathlib import PurePosixPath

from hermetic.errors import BadInput

_OURS_TO_CHOOSE = 1024
"""Ports from here on need no privilege."""


@dataclass(frozen=True)
class Unit:
    """What a unit is written for.

    `command` is the program and what goes before `node run`; paths are absolute.  `port` is the
    one it listens on, `stop_s` how long it may take to finish what was begun.
    """

    role: str
    command: tuple[str, ...]
    account: str
    home: PurePosixPath
    settings: PurePosixPath | None
    port: int
    stop_s: float

    @property
    def name(self) -> str:
        """The unit's name."""
        return f"hermetic-{self.role}.service"

    def text(self) -> str:
        """Return the unit file.

        Raises:
            BadInput: A path or an account cannot stand in one.
        """
        arguments = [*self.command, "node", "run", self.role, "--home", str(self.home)]
        if self.settings is not None:
            arguments += ["--settings", str(self.settings)]
        lines = [
            "[Unit]",
            f"Description=Hermetic {self.role} node",
            "Documentation=man:systemd.service(5)",
            "Wants=network-online.target",
            "After=network-online.target time-sync.target",
            "",
            "[Service]",
            "Type=notify",
            f"ExecStart={_program(arguments[0])} {' '.join(map(_argument, arguments[1:]))}",
            f"User={_word(self.account)}",
            "UMask=0077",
            "Restart=on-failure",
            "RestartSec=1",
            "# 65 and 78 say that a setting or a file is wrong: no start mends that.",
            "RestartPreventExitStatus=65 77 78",
            "WatchdogSec=30",
            "# SIGTERM goes to the node, which lets its workers finish; what is left is killed.",
            "KillMode=mixed",
            f"TimeoutStopSec={int(self.stop_s)}",
            "LimitNOFILE=65536",
            *_confinement(self.home, self.port),
            "",
            "[Install]",
            "WantedBy=multi-user.target",
        ]
        return "\n".join(lines) + "\n"


def _confinement(home: PurePosixPath, port: int) -> list[str]:
    below_home = home.parts[:2] in {("/", "home"), ("/", "root")}
    capability = "CAP_NET_BIND_SERVICE" if port < _OURS_TO_CHOOSE else ""
    return [
        f"AmbientCapabilities={capability}",
        f"CapabilityBoundingSet={capability}",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        f"ReadWritePaths={quoted(str(home))}",
        *([] if below_home else ["ProtectHome=yes"]),
        "PrivateTmp=yes",
        "PrivateDevices=yes",
        "ProtectClock=yes",
        "ProtectControlGroups=yes",
        "ProtectHostname=yes",
        "ProtectKernelLogs=yes",
        "ProtectKernelModules=yes",
        "ProtectKernelTunables=yes",
        "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK",
        "RestrictNamespaces=yes",
        "RestrictRealtime=yes",
        "RestrictSUIDSGID=yes",
        "LockPersonality=yes",
        "SystemCallArchitectures=native",
    ]


def _word(text: str) -> str:
    written = all(char.isalnum() or char in "_-.$" for char in text)
    if not text or text[0] in "-." or not written:
        raise BadInput(f"{text!r} is no account that a unit can name.")
    return text


def _program(text: str) -> str:
    """Return *text* as the program of a command line: variables are not put in there."""
    if any(char in text for char in "\\\"'"):
        raise BadInput(
            f"systemd starts no program whose path has quotes or backslashes, as {text!r} has:"
            " install Hermetic elsewhere."
        )
    return quoted(text)


def _argument(text: str) -> str:
    """Return *text* as a further word of a command line, where `$` begins a variable."""
    return quoted(text.replace("$", "$$"))


def quoted(text: str) -> str:
    """Return *text* as one word of a unit file (systemd.syntax(7), systemd.unit(5))."""
    if any(not char.isprintable() for char in text):
        raise BadInput(f"{text!r} cannot stand in a unit file: it has control characters.")
    escaped = text.replace("%", "%%").replace("\\", "\\\\").replace('"', '\\"')
    is_plain = all(char.isalnum() or char in "/.-_$" for char in text)
    return text if is_plain else f'"{escaped}"'
