"""The rest of two machines' lives, through the command line: they end here, so this runs last, test after test."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import psutil
import pytest

from tests.debian.clusters import BOOT_LIMIT, PROOF, Clusters
from tests.waiting import wait_until

pytestmark = [pytest.mark.vm, pytest.mark.timeout(2400)]

PORT_ORDER = {22: "ssh", 6443: "kubernetes_api", 8080: "traefik_dashboard", 5000: "registry", 443: "traefik_https"}
"""Guest port → name, in the order of podplane's state file."""

CRASH = "sleep 1; echo c > /proc/sysrq-trigger"
"""In the background: nobody gets an answer from a guest that hangs."""


def listed(clusters: Clusters) -> dict[str, dict[str, object]]:
    """What `list --json` says, by cluster."""
    found = json.loads(clusters.run("list", "--json").stdout)["vms"]
    return {vm["id"]: vm for vm in found}


def is_ready(clusters: Clusters, cluster_id: str) -> bool:
    """Whether `status` and `list` both say so; each asks the machine itself, which may be slow to answer."""
    found = clusters.json("status", "--id", cluster_id), listed(clusters)[cluster_id]
    return all(
        vm["state"] == "running" and isinstance(vm["readiness"], dict) and vm["readiness"]["ready"] is True
        for vm in found
    )


def forwarded(clusters: Clusters, cluster_id: str) -> dict[str, int]:
    """The ports a machine's QEMU was told, by the names of the state file."""
    pid = clusters.json("status", "--id", cluster_id)["pid"]
    assert isinstance(pid, int)
    found = re.findall(r"hostfwd=tcp:127\.0\.0\.1:(\d+)-:(\d+)", " ".join(psutil.Process(pid).cmdline()))
    by_guest_port = {int(guest): int(host) for host, guest in found}
    return {name: by_guest_port[guest] for guest, name in PORT_ORDER.items()}


def below(root: Path) -> set[str]:
    """Every file below `root`, sockets and links included."""
    return {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()}


def test_both_run_and_are_listed(alpha: Clusters, beta: Clusters) -> None:
    wait_until(lambda: is_ready(alpha, "alpha"), "alpha to be ready", seconds=BOOT_LIMIT)
    machines = listed(alpha)
    assert machines.keys() == {"alpha", "beta"}
    assert all(vm["running"] for vm in machines.values())
    assert machines["alpha"]["pid"] != machines["beta"]["pid"]
    ports = [*forwarded(alpha, "alpha").values(), *forwarded(beta, "beta").values()]
    assert len(set(ports)) == 10


def test_files_are_podplanes_byte_for_byte(alpha: Clusters, beta: Clusters) -> None:
    for cluster_id in ("alpha", "beta"):
        ports = ",".join(f'"{name}":{port}' for name, port in forwarded(alpha, cluster_id).items())
        state_file = alpha.runtime / "local" / f"{cluster_id}.state.json"
        written = f'{{"cluster_id":"{cluster_id}","backend":"qemu","ports":{{{ports}}}}}'
        assert state_file.read_bytes() == written.encode()

        pid_file = alpha.runtime / "vms" / f"podplane-local-{cluster_id}.amd64.pid.json"
        content = pid_file.read_bytes()
        data = json.loads(content)["data"]
        assert data
        assert all(isinstance(value, str) for value in data.values())
        as_go = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        pid = alpha.json("status", "--id", cluster_id)["pid"]
        assert content == f'{{"pid":{pid},"data":{as_go}}}'.encode()
        assert {stat.S_IMODE(path.stat().st_mode) for path in (state_file, pid_file)} == {0o644}

    # The other way round: beta as podplane writes it, who keeps nothing but the PID. The rest of its life is so.
    before = beta.json("status", "--id", "beta")
    pid_file.write_bytes(f'{{"pid":{pid},"data":null}}'.encode())
    after = beta.json("status", "--id", "beta")
    for name in ("running", "pid", "ports", "cpus", "memory_limit_bytes", "problems"):
        assert after[name] == before[name], name
    assert beta.run("shell", "--id", "beta", "hostname").stdout == "beta\n"


def test_one_is_powered_off_and_started_again(alpha: Clusters) -> None:
    alpha.run("shell", "--id", "alpha", "sudo", "sh", "-c", "echo kept > /var/lib/kept; sync")
    stopped = alpha.run("stop", "--id", "alpha", "--timeout", "300")
    assert stopped.stdout == "podplane-local-alpha powered off\n"
    vm = listed(alpha)["alpha"]
    assert (vm["state"], vm["pid"], vm["problems"]) == ("stopped", None, [])
    assert not (alpha.runtime / "local" / "alpha.state.json").exists()
    assert listed(alpha)["beta"]["running"] is True
    alpha.run("start", "--id", "alpha")
    vm = listed(alpha)["alpha"]
    assert (vm["cpus"], vm["memory_limit_bytes"]) == (1, 512 * 2**20)  # remembered


def test_a_kernel_panic_is_seen_and_its_machine_ended(beta: Clusters) -> None:
    beta.run("shell", "--id", "beta", "sudo", "systemd-run", "sh", "-c", CRASH)
    beta.wait_for_console("beta", b"Kernel panic - not syncing: sysrq triggered crash")
    failures = beta.json("boot", "--id", "beta")["failures"]
    assert isinstance(failures, list)
    assert [failure["kind"] for failure in failures].count("panic") == 1
    assert listed(beta)["beta"]["running"] is True  # it hangs
    stopped = beta.run("stop", "--id", "beta", "--force")
    assert re.fullmatch(r"podplane-local-beta was ended with SIG(TERM|KILL)\n", stopped.stdout)
    vm = listed(beta)["beta"]
    assert (vm["state"], vm["pid"], vm["problems"]) == ("stopped", None, [])


def test_what_the_other_held_is_still_there(alpha: Clusters) -> None:
    def login() -> bool:
        return alpha.run("shell", "--id", "alpha", "true", check=False).returncode == 0

    wait_until(login, "SSH of alpha", seconds=BOOT_LIMIT)
    script = "hostname; cat /etc/proof; echo; cat /var/lib/kept"
    assert alpha.run("shell", "--id", "alpha", "sh", "-c", script).stdout == f"alpha\n{PROOF}\nkept\n"
    wait_until(lambda: is_ready(alpha, "alpha"), "alpha to be ready again", seconds=BOOT_LIMIT)
    alpha.run("stop", "--id", "alpha", "--timeout", "300")


def test_nothing_is_left_of_them(alpha: Clusters) -> None:
    for cluster_id in ("alpha", "beta"):
        deleted = alpha.run("delete", "--id", cluster_id, "--yes").stdout
        assert f"deleted podplane-local-{cluster_id}\n" in deleted
    assert listed(alpha) == {}
    image = alpha.image.parent.relative_to(alpha.root)
    boot = {f"{image}/boot/{Path(path).name}" for path in (alpha.guest.kernel_path, alpha.guest.initrd_path)}
    assert below(alpha.root) == {
        "data/podplane/ssh/id_ed25519",
        "data/podplane/ssh/id_ed25519.pub",
        "cache/podplane/deps/vmconfig/manifests/vmconfig_knc_debian-13_amd64.json",
        f"{image}/{alpha.image.name}",
        *boot,
    }
