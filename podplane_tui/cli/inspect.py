"""The verbs that only look: `list` and `status`, for people and as JSON."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from podplane_tui.backend.core.errors import VMError
from podplane_tui.backend.core.format import UNKNOWN, format_duration, format_usage
from podplane_tui.backend.core.paths import NODE_ADDRESS, VMFiles, ca_certificate, validate_cluster_id
from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.runtime.local_server import LocalServer, read_local_server
from podplane_tui.backend.ssh.known_hosts import OtherKeys, other_keys
from podplane_tui.backend.vm.inventory import Inventory
from podplane_tui.cli.context import Choices
from podplane_tui.cli.directories import cluster_id_of, place_of
from podplane_tui.cli.json_output import print_document
from podplane_tui.cli.options import json_option, pass_choices, place_options


@click.command("list")
@json_option
@place_options
@pass_choices
def list_machines(choices: Choices, *, as_json: bool) -> None:
    """List the machines; with --id those of one cluster only.

    \b
    Example: podplane-tui list --json | jq -r '.vms[] | select(.running) | .id'
    """
    place = place_of(choices)
    wanted = None if choices.cluster_id is None else validate_cluster_id(choices.cluster_id)
    inventory = Inventory(place.data_dir, place.runtime_dir, state_dir=place.state_dir)
    machines = _with_readiness(inventory.statuses() if wanted is None else inventory.of_cluster(wanted))
    if as_json:
        server = read_local_server(place.runtime_dir)
        print_document({"vms": [describe(vm, server) for vm in machines]})
    elif machines:
        click.echo(_table(machines))
    else:
        where = one_line(str(place.data_dir / "vms"))
        click.echo(f"no machines in {where}: make one with podplane-tui create, or podplane local start", err=True)


@click.command()
@json_option
@place_options
@pass_choices
def status(choices: Choices, *, as_json: bool) -> None:
    """Show one machine.

    --json prints an object that has every field of podplane local status --json and more.

    \b
    Example: podplane-tui status --id dev --json | jq -r .state
    """
    place, cluster_id = place_of(choices), cluster_id_of(choices)
    vm = Inventory(place.data_dir, place.runtime_dir, state_dir=place.state_dir).find(cluster_id, place.arch)
    if vm is None:
        from podplane_tui.backend.vm.verbs import missing  # noqa: PLC0415 - a list is quicker without

        raise missing(VMFiles(place.arch, cluster_id, place.data_dir, place.runtime_dir))
    (vm,) = _with_readiness([vm])
    server = read_local_server(place.runtime_dir)
    if as_json:
        print_document(describe(vm, server))
    else:
        rows = [*_rows(vm), ("local server", say_server(server))]
        width = max(len(name) for name, _ in rows)
        click.echo("\n".join(f"{name:<{width}}  {value}" for name, value in rows))


COMPONENTS_PORT = 19443
"""The port at which a guest reaches the local server's HTTPS, as podplane forwards it in the guest."""


def describe(vm: VMStatus, server: LocalServer) -> dict[str, object]:
    """A VM as `--json` prints it: a superset of podplane's own status. `json_output.md` describes the fields."""
    files = vm.files
    return {
        "id": vm.cluster_id,
        "arch": vm.arch,
        "name": vm.name,
        "state": vm.state.value,
        "run_state": vm.run_state,
        "problems": [problem._asdict() for problem in vm.problems],
        "note": vm.hint,
        "readiness": _readiness(vm),
        "action": None
        if vm.action is None
        else {"verb": vm.action.verb, "pid": vm.action.pid, "started_at": iso_time(vm.action.since)},
        "pid": vm.pid,
        "started_at": iso_time(vm.started_at),
        "cpus": vm.cpus,
        "cpu_percent": None if vm.cpu_percent is None else round(vm.cpu_percent, 1),
        "memory_bytes": vm.memory_bytes,
        "memory_limit_bytes": vm.memory_limit_bytes,
        "disk_bytes": vm.disk_bytes,
        "disk_virtual_bytes": vm.disk_virtual_bytes,
        "accelerator": vm.accelerator,
        "other_host_key": None if (others := _other_host_key(vm)) is None else others._asdict(),
        "ports": vm.ports._asdict(),
        "paths": {
            "image": str(files.image),
            "seed": str(files.seed),
            "efivars": str(files.efivars),
            "pid_file": str(files.pid_file),
            "console": str(vm.console or files.console),
            "qmp": str(vm.qmp or files.qmp),
            "qemu_log": str(files.qemu_log),
            "state_file": str(files.state_file),
            "cluster_dir": str(files.cluster_dir),
        },
        "cluster_id": vm.cluster_id,
        "running": vm.live,
        "vm": {"provider": "qemu", "node_ip": NODE_ADDRESS, "forward_https_port": COMPONENTS_PORT},
        "local_server": describe_server(server, files.data_dir),
        "components": {
            "source": {
                "url": f"https://{NODE_ADDRESS}:{COMPONENTS_PORT}/git/components.git",
                "ref": {"branch": "local-dev"},
                "secretRef": {"name": "podplane-components-git"},
            }
        },
    }


def _other_host_key(vm: VMStatus) -> OtherKeys | None:
    """The host key that the VM's console has shown and that is not the known one, as far as consoles were read."""
    try:
        return other_keys(vm.files.known_hosts)
    except VMError:  # a connection says what is wrong
        return None


def _readiness(vm: VMStatus) -> dict[str, object] | None:
    """How far a live VM has come."""
    found = vm.readiness
    if found is None:
        return None
    return {
        "ready": found.ready,
        "waiting_for": found.waiting_for,
        "elapsed_seconds": None if vm.started_at is None else round(max(0.0, time.time() - vm.started_at), 1),
        "phases": [
            *({"name": phase, "reached": True, "after_seconds": after} for phase, after in found.reached),
            *({"name": phase, "reached": False, "after_seconds": None} for phase in found.pending),
        ],
    }


def _with_readiness(machines: Sequence[VMStatus]) -> tuple[VMStatus, ...]:
    """What one look can tell of it; machines that do not run cost nothing."""
    if not any(vm.live for vm in machines):
        return tuple(machines)
    from podplane_tui.backend.vm.readiness import PROBE_TIMEOUT, ReadinessTracker  # noqa: PLC0415 - rarely needed by a script

    tracker = ReadinessTracker()
    tracker.settle(machines, 2 * PROBE_TIMEOUT)
    return tracker.update(machines)


def describe_server(server: LocalServer, data_dir: Path) -> dict[str, object]:
    """The local server as `--json` prints it."""
    return {
        "running": server.running,
        "http_port": server.http_port,
        "https_port": server.https_port,
        "ca_cert_file": str(ca_certificate(data_dir)),
        "pid": server.pid,
        "ingress_https_port": server.ingress_https_port,
        "log_file": str(server.log),
        "problems": [] if server.problem is None else [server.problem._asdict()],
    }


def say_server(server: LocalServer) -> str:
    """The local server in a few words."""
    if not server.running:
        return "not running" if server.problem is None else f"not running: {one_line(str(server.problem))}"
    ports = {"http": server.http_port, "https": server.https_port, "ingress": server.ingress_https_port}
    told = ", ".join(f"{name} {port}" for name, port in ports.items() if port is not None)
    return f"running as process {server.pid}{told and ', ports: '}{told}"


def iso_time(seconds: float | None) -> str | None:
    """Seconds since the epoch as ISO 8601; None for what no calendar holds (a lock file may say anything)."""
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return None


def _uptime(vm: VMStatus) -> str:
    return format_duration(None if vm.started_at is None else time.time() - vm.started_at)


def _percent(vm: VMStatus) -> str:
    return UNKNOWN if vm.cpu_percent is None else f"{vm.cpu_percent:.0f}%"


def _table(machines: Sequence[VMStatus]) -> str:
    """One line per machine; the last column holds what is wrong and is left out when nothing is."""
    rows = [("CLUSTER", "ARCH", "STATE", "CPU", "MEMORY", "DISK", "UPTIME", "SSH", "PROBLEM")]
    rows += [
        (
            vm.cluster_id,
            vm.arch,
            vm.told_state,
            _percent(vm),
            format_usage(vm.memory_bytes, vm.memory_limit_bytes),
            format_usage(vm.disk_bytes, vm.disk_virtual_bytes),
            _uptime(vm),
            str(vm.ports.ssh or UNKNOWN),
            one_line(vm.problem or vm.hint or "", limit=1000),
        )
        for vm in machines
    ]
    if not any(row[-1] for row in rows[1:]):
        rows[0] = (*rows[0][:-1], "")
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    return "\n".join(
        "  ".join([*(f"{cell:<{width}}" for cell, width in zip(row[:-1], widths, strict=True)), row[-1]]).rstrip()
        for row in rows
    )


def _rows(vm: VMStatus) -> list[tuple[str, str]]:
    """What `status` shows, line by line; facts a stopped machine has none of are left out."""
    rows = [("cluster", vm.cluster_id), ("name", vm.name), ("arch", vm.arch), ("state", vm.told_state)]
    if vm.problem:
        rows.append(("problem", one_line(vm.problem, limit=1000)))
    if vm.readiness is not None and vm.readiness.told:
        rows.append(("readiness", vm.readiness.told))
    if vm.hint:
        rows.append(("hint", one_line(vm.hint)))
    if others := _other_host_key(vm):
        rows.append(("host key", one_line(f"not the known one was shown on the console ({others.told})", limit=300)))
    if vm.action:
        rows.append(("action", one_line(f"{vm.action.verb} by process {vm.action.pid}")))
    if vm.live:
        rows += [
            ("process", str(vm.pid)),
            ("started", f"{iso_time(vm.started_at)}, {_uptime(vm)} ago"),
            ("cpu", f"{_percent(vm)} of one core, {vm.cpus or UNKNOWN} in the machine, {vm.accelerator or UNKNOWN}"),
            ("memory", format_usage(vm.memory_bytes, vm.memory_limit_bytes)),
            ("console", one_line(str(vm.console or vm.files.console))),
        ]
    rows.append(("disk", format_usage(vm.disk_bytes, vm.disk_virtual_bytes)))
    rows.append(("image", one_line(str(vm.files.image))))
    rows += [(name.replace("_", " "), f"127.0.0.1:{port}") for name, port in vm.ports.items()]
    return rows
