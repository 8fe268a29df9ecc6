"""Two real clusters at once: the seed was taken, SSH lets us in, commands run."""

import pytest

from podplane_tui.backend.ssh.client import run
from tests.debian.clusters import PROOF, Clusters

pytestmark = [pytest.mark.vm, pytest.mark.timeout(2400)]


def test_the_seed_was_taken(alpha: Clusters) -> None:
    target = alpha.ssh_target("alpha")
    assert run(target, "hostname; whoami; cat /etc/proof") == f"alpha\ndebian\n{PROOF}".encode()
    assert run(target, "cat /var/lib/ran-as") == b"0\n"
    key = alpha.cluster("alpha").files.identity.with_suffix(".pub").read_bytes().strip()
    authorized = run(target, "cat .ssh/authorized_keys")
    assert authorized is not None
    assert key in authorized


def test_each_has_ports_of_its_own(beta: Clusters, alpha: Clusters) -> None:
    one, two = (clusters.cluster(name).ports() for clusters, name in ((alpha, "alpha"), (beta, "beta")))
    ports = [port for _, port in [*one.items(), *two.items()]]
    assert len(set(ports)) == len(ports) == 10
    assert run(beta.ssh_target("beta"), "hostname") == b"beta\n"


def test_commands_and_files_through_the_command_line(alpha: Clusters, tmp_path: object) -> None:
    assert (
        alpha.run("shell", "--id", "alpha", "sh", "-c", "echo $(hostname) 'two  words'").stdout == "alpha two  words\n"
    )
    assert alpha.run("shell", "--id", "alpha", "false", check=False).returncode == 1
    alpha.run("sync", "--id", "alpha", f"{alpha.guest.kernel.parent}/", "/srv/guest", "--exclude", "*.qcow2")
    listed = alpha.run("shell", "--id", "alpha", "ls", "/srv/guest").stdout.split()
    assert listed == sorted(name.name for name in alpha.guest.kernel.parent.iterdir() if name.suffix != ".qcow2")


def test_what_failed_in_beta_is_on_its_console(beta: Clusters) -> None:
    recording = beta.recording("beta")
    for text in (b"Failed to start", b"A unit that fails", b"No space left on device", b"giving up"):
        assert text in recording
