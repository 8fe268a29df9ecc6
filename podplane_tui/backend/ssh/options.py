"""What of a user's own settings reaches OpenSSH: the options of our configuration, and the locale. Pure.

No configuration file of OpenSSH is read, neither the user's nor the system's: what stands there is meant for other
hosts, and may lead elsewhere, run something else or end the connection. Options that are wanted all the same stand in
our own configuration, as `[ssh] options`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from podplane_tui.backend.core.errors import InvalidInput

_SETTABLE = (
    "ChannelTimeout",
    "Ciphers",
    "Compression",
    "DynamicForward",
    "EnableEscapeCommandline",
    "EscapeChar",
    "ExitOnForwardFailure",
    "ForwardAgent",
    "ForwardX11",
    "ForwardX11Timeout",
    "ForwardX11Trusted",
    "GatewayPorts",
    "IPQoS",
    "IdentityAgent",
    "KexAlgorithms",
    "LocalForward",
    "MACs",
    "ObscureKeystrokeTiming",
    "RekeyLimit",
    "RemoteForward",
    "SendEnv",
    "ServerAliveCountMax",
    "ServerAliveInterval",
    "SetEnv",
    "StreamLocalBindMask",
    "StreamLocalBindUnlink",
    "TCPKeepAlive",
)
"""The options that decide neither where a connection leads, nor what runs, nor who is let in or believed."""

_REPEATED = frozenset({"dynamicforward", "localforward", "remoteforward", "sendenv"})
"""Those that add up. Of every other one OpenSSH takes the first and ignores the rest."""

_NAMES = {name.lower(): name for name in _SETTABLE}


def check_options(texts: Iterable[str]) -> tuple[str, ...]:
    """`texts`, each `Name=value`, when OpenSSH may be given all of them, else `InvalidInput`."""
    checked, seen = [], set()
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not name or not equals or not value or not text.isprintable():
            raise InvalidInput(f"invalid ssh option {text[:40]!r}", hint='write it as "Name=value"')
        key = name.lower()
        if key not in _NAMES:
            raise InvalidInput(f"the ssh option {name[:40]!r} can't be set", hint=f"use {', '.join(_SETTABLE)}")
        if key in seen and key not in _REPEATED:
            raise InvalidInput(f"the ssh option {_NAMES[key]!r} is there twice", hint="remove one: ssh takes the first")
        seen.add(key)
        checked.append(f"{_NAMES[key]}={value}")
    return tuple(checked)


def usual_options(chosen: Iterable[str]) -> list[str]:
    """What holds behind the options `chosen` by the user, of which OpenSSH takes the first.

    An ssh-agent is neither passed on nor asked, for the key is our own; whoever wants it passed on needs it.
    """
    names = {option.partition("=")[0] for option in chosen}
    without = [] if "ForwardAgent" in names else ["ForwardAgent=no", "IdentityAgent=none"]
    return [*without, "SendEnv=LANG LC_*"]


def locale_of(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of the locale, which are passed on to the guest, and to the programs that we run."""
    return {name: value for name, value in environment.items() if name == "LANG" or name.startswith("LC_")}
