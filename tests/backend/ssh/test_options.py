"""Which options of a user's configuration reach OpenSSH."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from podplane_tui.backend.core.errors import InvalidInput
from podplane_tui.backend.ssh.options import _SETTABLE, check_options, locale_of, usual_options
from tests.conftest import missing


def test_options_are_spelled_as_openssh_does() -> None:
    texts = ["serveraliveinterval=15", " SetEnv = A=1 B='2 3' ", "LocalForward=1 h:2", "LocalForward=3 h:4"]
    checked = ("ServerAliveInterval=15", "SetEnv=A=1 B='2 3'", "LocalForward=1 h:2", "LocalForward=3 h:4")
    assert check_options(texts) == checked
    assert check_options([]) == ()


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["Ciphers"], "invalid ssh option 'Ciphers': write it as \"Name=value\""),
        (["Ciphers="], "invalid ssh option"),
        (["=x"], "invalid ssh option"),
        (["Ciphers=a\nProxyCommand=id"], "invalid ssh option"),
        (["Ciphers aes128-ctr=x"], "the ssh option 'Ciphers aes128-ctr' can't be set"),
        (["-oProxyCommand=id"], "can't be set"),
        (["Compression=yes", "compression=no"], "the ssh option 'Compression' is there twice"),
    ],
)
def test_what_is_no_option_or_would_be_ignored_is_refused(texts: list[str], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        check_options(texts)


DECISIVE = """
    ProxyCommand ProxyJump ProxyUseFdpass HostName Host Match Include Port User RemoteCommand LocalCommand
    PermitLocalCommand RequestTTY SessionType StdinNull ForkAfterAuthentication BindAddress BindInterface
    AddressFamily KnownHostsCommand UserKnownHostsFile GlobalKnownHostsFile HostKeyAlias StrictHostKeyChecking
    HostKeyAlgorithms UpdateHostKeys VerifyHostKeyDNS CheckHostIP NoHostAuthenticationForLocalhost
    CASignatureAlgorithms RevokedHostKeys HashKnownHosts IdentityFile IdentitiesOnly CertificateFile
    PKCS11Provider SecurityKeyProvider PreferredAuthentications ControlMaster ControlPath ControlPersist
    CanonicalizeHostname Tunnel TunnelDevice LogLevel BatchMode ConnectTimeout ClearAllForwardings
    XAuthLocation
"""


@pytest.mark.parametrize("name", DECISIVE.split())
def test_what_decides_where_it_leads_what_runs_and_who_is_believed_is_not_theirs(name: str) -> None:
    with pytest.raises(InvalidInput, match=f"the ssh option '{name}' can't be set: use ChannelTimeout, Ciphers, "):
        check_options([f"{name}=x"])


@pytest.mark.slow
def test_openssh_knows_what_can_be_set() -> None:
    if shutil.which("ssh") is None:
        missing("ssh is not installed")
    newer = {"ChannelTimeout", "EnableEscapeCommandline", "ObscureKeystrokeTiming"}
    for name in set(_SETTABLE) - newer:
        command = ["ssh", "-F", "none", "-G", "-o", f"{name}=x", "h"]
        words = subprocess.run(command, capture_output=True, text=True, check=False).stderr
        assert "Bad configuration option" not in words, name


def test_the_agent_stays_out_of_it_unless_it_is_passed_on() -> None:
    assert usual_options(["Compression=yes"]) == ["ForwardAgent=no", "IdentityAgent=none", "SendEnv=LANG LC_*"]
    assert usual_options(["ForwardAgent=yes"]) == ["SendEnv=LANG LC_*"]


def test_the_locale_alone_is_passed_on() -> None:
    environment = {"LANG": "de_DE.UTF-8", "LC_TIME": "C", "LC_ALL": "", "LANGUAGE": "de", "HOME": "/", "XLC_ALL": "C"}
    assert locale_of(environment) == {"LANG": "de_DE.UTF-8", "LC_TIME": "C", "LC_ALL": ""}
