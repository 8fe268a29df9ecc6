"""The guests themselves, under plain QEMU: what other tests rely on when they boot one with the program under test."""

import json
import socket
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Workspace
from tests.guest.boot import booted
from tests.guest.tiny import PROMPT, READY, TinyGuest

pytestmark = [pytest.mark.vm, pytest.mark.timeout(300)]


def qmp(path: Path, command: str) -> None:
    """Send one command without arguments to a QMP socket and wait for its answer."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        stream = client.makefile("rw")
        assert "QMP" in json.loads(stream.readline())
        for name in ("qmp_capabilities", command):
            stream.write(json.dumps({"execute": name}) + "\n")
            stream.flush()
            while "return" not in (answer := json.loads(stream.readline())):
                assert "error" not in answer, answer


def test_tiny_shell_has_job_control_and_powers_off(tiny_guest: TinyGuest, workspace: Workspace) -> None:
    with booted(tiny_guest, directory=workspace.root, arguments=["-nic", "none"]) as (serial, process):
        serial.wait_for(READY)
        serial.wait_for(PROMPT)
        serial.send("tty; sleep 1000 & jobs\n")
        serial.wait_for(r"^/dev/ttyS0\r$")
        serial.wait_for(r"^\[1\]\+ +Running +sleep 1000\r$")
        serial.wait_for(PROMPT)
        serial.send("sh -c 'echo pid $$; exec sleep 1000'\n")
        serial.wait_for(r"^pid \d+\r$")
        serial.send("\x03")
        serial.wait_for(PROMPT)
        serial.send("flood 20000\n")
        serial.wait_for(r"^flood line 00020000\r$")
        serial.wait_for(PROMPT)
        serial.send("exit\n")
        serial.wait_for(PROMPT)
        serial.send("poweroff -f\n")
        serial.wait_for_end()
        assert process.wait(30) == 0
        assert "can't access tty" not in serial.text


@pytest.mark.parametrize("cmdline", ["", "tiny.power=ignore tiny.flood=300"])
def test_tiny_power_button(tiny_guest: TinyGuest, workspace: Workspace, cmdline: str) -> None:
    monitor = workspace.root / "qmp.sock"
    arguments = ["-nic", "none", "-qmp", f"unix:{monitor},server=on,wait=off"]
    with booted(tiny_guest, directory=workspace.root, arguments=arguments, cmdline=cmdline) as (serial, process):
        serial.wait_for(PROMPT)
        qmp(monitor, "system_powerdown")
        if cmdline:
            assert "flood line 00000300" in serial.text
            # The kernel counts the button; when it has, whoever reacts to it has been told.
            serial.send(
                "until grep -q '^ *1 ' /sys/firmware/acpi/interrupts/ff_pwr_btn; do sleep 0.1; done; pidof acpid\n"
            )
            serial.wait_for(PROMPT)
            serial.send("echo still $((40 + 2))\n")
            serial.wait_for(r"^still 42\r$")
            assert "going down" not in serial.text
        else:
            serial.wait_for_end()
            assert process.wait(30) == 0


def test_tiny_ssh_takes_its_seed_and_serves_ssh_and_rsync(tiny_ssh_guest: TinyGuest, workspace: Workspace) -> None:
    root = workspace.root
    key = root / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "a test", "-f", key], check=True)
    seed = root / "seed"
    seed.mkdir()
    public_key = key.with_suffix(".pub").read_text().strip()
    (seed / "meta-data").write_text(
        f'instance-id: "dev-1"\nlocal-hostname: "dev-1"\npublic-keys:\n  - "{public_key}"\n'
    )
    (seed / "user-data").write_text("#!/bin/sh\necho user-data ran as $(id -u) on $(hostname) >/run/proof\n")
    (seed / "network-config").write_text("")
    iso = root / "seed.iso"
    subprocess.run(["genisoimage", "-quiet", "-r", "-V", "cidata", "-o", iso, seed], check=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = [
        *("-drive", f"file={iso},format=raw,if=virtio,readonly=on"),
        *("-nic", f"user,model=virtio-net-pci,hostfwd=tcp:127.0.0.1:{port}-:22"),
    ]
    options = [
        "-i",
        str(key),
        "-o",
        "BatchMode=yes",
        "-o",
        "StrictHostKeyChecking=yes",
        "-o",
        f"UserKnownHostsFile={root}/known",
    ]
    ssh = ["ssh", "-p", str(port), *options, "debian@127.0.0.1"]
    with booted(tiny_ssh_guest, directory=root, arguments=arguments) as (serial, _):
        host_key = serial.wait_for(
            r"BEGIN SSH HOST KEY KEYS-----\r\n(ssh-ed25519 \S+) .*\r\n-----END SSH HOST KEY KEYS-----"
        )[1]
        (root / "known").write_text(f"[127.0.0.1]:{port} {host_key}\n")
        serial.wait_for("user-data ended with 0")
        serial.wait_for(r"root@dev-1:\S*# ")

        command = "id -un; hostname; sudo -n id -u; cat /run/proof; sudo -u root sh -c 'exit 7'"
        result = subprocess.run([*ssh, command], check=False, capture_output=True, text=True, timeout=60)
        assert (result.stdout, result.returncode) == ("debian\ndev-1\n0\nuser-data ran as 0 on dev-1\n", 7), result

        (seed / "file with spaces").write_text("content")
        subprocess.run(
            [
                *("rsync", "-a", "-e", " ".join(ssh[:-1]), "--chown=debian:debian", "--rsync-path", "sudo rsync"),
                *(f"{seed}/", "debian@127.0.0.1:/srv/"),
            ],
            check=True,
            timeout=60,
        )
        result = subprocess.run(
            [*ssh, "stat -c %U '/srv/file with spaces'"], check=False, capture_output=True, text=True, timeout=60
        )
        assert result.stdout == "debian\n", result
