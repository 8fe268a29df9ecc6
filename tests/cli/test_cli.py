"""The command line as a program: what it prints where, its exit codes, and that bad input gets one clear line."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import pytest

import podplane_tui.cli
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.images.qcow2 import read_image
from podplane_tui.backend.vm.remembered import ClusterSettings, read_settings
from podplane_tui.cli.commands import VERBS, cli
from tests.conftest import Workspace

ESCAPES = "\x1b]0;owned\x07\x1b[31mred\x1b[0m\r\n\u202egnp"


def run(
    workspace: Workspace, *arguments: str, environ: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """The real program in the workspace, without a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "podplane_tui", *arguments],
        env={**workspace.environment, **(environ or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class Call:
    """The same without a process of its own, for the many cases in which that makes no difference."""

    def __init__(self, workspace: Workspace, capfd: pytest.CaptureFixture[str]) -> None:
        self._workspace = workspace
        self._capfd = capfd

    def __call__(
        self, *arguments: str, environ: dict[str, str] | None = None, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {**self._workspace.environment, **(environ or {})}.items():
                patch.setenv(name, value)
            if cwd is not None:
                patch.chdir(cwd)
            self._capfd.readouterr()
            code = podplane_tui.cli.run(arguments)
        output = self._capfd.readouterr()
        return subprocess.CompletedProcess(arguments, code, output.out, output.err)


@pytest.fixture
def call(workspace: Workspace, capfd: pytest.CaptureFixture[str]) -> Call:
    return Call(workspace, capfd)


def assert_refused(result: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    """Exit code `code`, nothing on stdout, one line on stderr that holds the words, and no traceback."""
    assert (result.returncode, result.stdout) == (code, ""), result
    assert result.stderr.startswith("podplane-tui: "), result.stderr
    assert result.stderr.count("\n") == 1, result.stderr
    assert result.stderr.rstrip("\n").isprintable(), result.stderr
    for word in words:
        assert word in result.stderr


def make_disk(workspace: Workspace, cluster_id: str = "default", *, arch: str = "amd64") -> Path:
    path = workspace.data / "vms" / f"podplane-local-{cluster_id}.{arch}.image.qcow2"
    path.parent.mkdir(exist_ok=True)
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(path), "1G"], check=True)
    return path


def files_below(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


# -- the program itself -----------------------------------------------------------------------------------------------


def test_version(workspace: Workspace) -> None:
    result = run(workspace, "--version")
    assert (result.returncode, result.stdout) == (0, f"podplane-tui {podplane_tui.__version__}\n")


def test_help_names_every_verb(workspace: Workspace) -> None:
    result = run(workspace, "--help")
    assert result.returncode == 0
    for verb in VERBS:
        assert re.search(rf"^  {verb} +\S", result.stdout, re.MULTILINE), verb


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_takes_the_shared_options(verb: str) -> None:
    command = cli.get_command(click.Context(cli), verb)
    assert command is not None
    assert command.name == verb
    options = {option for parameter in command.params for option in parameter.opts}
    assert {"--id", "--data-dir", "--runtime-dir", "--arch"} <= options
    assert command.get_short_help_str()


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_shows_an_example_that_works(verb: str) -> None:
    command = cli.get_command(click.Context(cli), verb)
    assert command is not None
    examples = re.findall(rf"podplane-tui ({verb}\b[^|)\n>]*)", command.help or "")
    assert examples
    words = shlex.split(examples[-1])
    parent = click.Context(cli, info_name="podplane-tui")
    context = command.make_context(verb, words[1:], parent=parent)
    if isinstance(command, click.Group):
        name, subcommand, rest = command.resolve_command(context, words[1:])
        assert subcommand is not None
        subcommand.make_context(name, rest, parent=context)


@pytest.mark.parametrize(
    ("verb", "options"),
    [
        ("list", {"--json"}),
        ("status", {"--json"}),
        ("create", {"--image"}),
        ("start", {"-c", "--cpus", "-m", "--memory", "--user-data", "--kernel", "--initrd", "--cmdline", "--accel"}),
        ("start", {"--monitor", "--console"}),
        ("stop", {"--rm", "--timeout", "--force"}),
        ("delete", {"--yes"}),
        ("sync", {"--chown", "--exclude"}),
        ("repair", {"--yes", "--leaks"}),
        ("doctor", {"--json"}),
        ("demo", {"--kernel", "--initrd", "--cmdline"}),
    ],
)
def test_each_verb_has_its_own_options(verb: str, options: set[str]) -> None:
    command = cli.get_command(click.Context(cli), verb)
    assert command is not None
    assert options <= {option for parameter in command.params for option in parameter.opts}


@pytest.mark.parametrize(
    ("arguments", "absent"),
    [
        (["--version"], ["podplane_tui.backend", "textual", "psutil", "asyncio"]),
        (["list"], ["textual", "rich", "paramiko", "pyte"]),
        (["status"], ["textual", "rich", "paramiko", "pyte"]),
        (["doctor"], ["textual", "rich", "paramiko", "pyte"]),
        (["completion", "bash"], ["textual", "rich", "paramiko", "pyte", "asyncio", "psutil"]),
        (["stop"], ["textual", "rich", "pyte"]),
    ],
)
def test_a_verb_loads_only_what_it_needs(workspace: Workspace, arguments: list[str], absent: Sequence[str]) -> None:
    code = (
        "import sys; from podplane_tui.cli import run; run(sys.argv[2:]);"
        "print([name for name in sys.argv[1].split(',') if name in sys.modules], file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, ",".join(absent), *arguments],
        env=workspace.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.stderr.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "arguments",
    [
        ["frobnicate"],
        ["list", "--frobnicate"],
        ["list", "surplus"],
        ["start", "--accel"],
        ["stop", "--timeout", "soon"],
        ["stop", "--timeout", "-1"],
        ["stop", "--timeout", "5", "--force"],
        ["start", "--monitor", "--console"],
        ["start", "--kernel", "/bin/true"],
        ["start", "--initrd", "/bin/true"],
        ["start", "--cmdline", "quiet"],
        ["start", "--kernel", "/nowhere", "--initrd", "/bin/true"],
        ["sync", "only-one"],
        ["list", "--arch", "riscv64"],
        ["create", "--id", "dev", "--from", "a", "--disk-size", "1G"],
        ["demo", "--data-dir", "/tmp"],
    ],
)
def test_wrong_usage_ends_with_2(workspace: Workspace, call: Call, arguments: list[str]) -> None:
    assert_refused(call(*arguments), 2)
    assert files_below(workspace.root) == ["data", "data/podplane", "run", "run/podplane"]


@pytest.mark.parametrize("arguments", [[], ["--id", "dev"], ["demo"]])
def test_no_dashboard_without_a_terminal(call: Call, arguments: list[str]) -> None:
    assert_refused(call(*arguments), 2, "terminal")


def test_a_reader_that_leaves_is_no_error(workspace: Workspace) -> None:
    read, write = os.pipe()
    os.close(read)
    with subprocess.Popen(
        [sys.executable, "-m", "podplane_tui", "doctor", "--json"],
        env=workspace.environment,
        stdout=write,
        stderr=subprocess.PIPE,
    ) as process:
        os.close(write)
        assert process.communicate(timeout=60)[1] == b""
    assert process.returncode == 1


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_unicode_is_no_error(workspace: Workspace, encoding: str) -> None:
    make_disk(workspace)
    result = run(workspace, "list", environ={"PYTHONIOENCODING": encoding})
    assert result.returncode == 0
    assert "default" in result.stdout


# -- where ------------------------------------------------------------------------------------------------------------


def test_directories_are_taken_before_and_after_the_verb(workspace: Workspace, call: Call) -> None:
    make_disk(workspace, "dev")
    away = {"XDG_DATA_HOME": "/nonexistent", "XDG_RUNTIME_DIR": "/nonexistent"}
    places = ["--data-dir", str(workspace.data), "--runtime-dir", str(workspace.runtime)]
    for arguments in (["list", *places], [*places, "list"], [*places[:2], "list", *places[2:]]):
        assert "dev" in call(*arguments, environ=away).stdout
    assert "dev" not in call("list", environ=away).stdout


def test_the_option_after_the_verb_wins(workspace: Workspace, call: Call) -> None:
    make_disk(workspace, "dev")
    result = call("--data-dir", "/nonexistent", "list", "--data-dir", str(workspace.data))
    assert "dev" in result.stdout


def test_a_relative_directory_is_the_callers(workspace: Workspace, call: Call) -> None:
    make_disk(workspace, "dev")
    result = call("list", "--json", "--data-dir", "podplane", cwd=workspace.data.parent)
    assert json.loads(result.stdout)[0]["paths"]["image"].startswith(str(workspace.data))


def test_without_a_home_the_given_directories_do(workspace: Workspace, call: Call) -> None:
    homeless = {"HOME": "", "USERPROFILE": "", "XDG_DATA_HOME": "", "XDG_RUNTIME_DIR": ""}
    assert_refused(call("list", environ=homeless), 2, "HOME")
    make_disk(workspace, "dev")
    places = ["--data-dir", str(workspace.data), "--runtime-dir", str(workspace.runtime)]
    assert "dev" in call("list", *places, environ=homeless).stdout


@pytest.mark.parametrize(
    "verb", ["status", "start", "stop", "restart", "pause", "resume", "reset", "delete", "console"]
)
@pytest.mark.parametrize("bad", ["", "Upper", "a--b", "-a", "a-", "a" * 33, "../x", "local", "k8s", "oidc", ESCAPES])
def test_a_bad_cluster_id_is_refused(workspace: Workspace, call: Call, verb: str, bad: str) -> None:
    assert_refused(call(verb, f"--id={bad}"), 2, "cluster id")
    assert files_below(workspace.root) == ["data", "data/podplane", "run", "run/podplane"]


def test_a_bad_architecture_variable_is_refused(call: Call) -> None:
    assert_refused(call("list", environ={"PODPLANE_ARCH": "vax"}), 2, "PODPLANE_ARCH")


# -- list and status --------------------------------------------------------------------------------------------------

KEYS = {
    "cluster_id",
    "name",
    "arch",
    "state",
    "pid",
    "started_at",
    "cpu_percent",
    "memory_bytes",
    "memory_limit_bytes",
    "disk_bytes",
    "disk_virtual_bytes",
    "ports",
    "problem",
    "paths",
}


def test_an_empty_list_is_an_empty_array_and_a_hint(workspace: Workspace, call: Call) -> None:
    result = call("list", "--json")
    assert (result.returncode, json.loads(result.stdout), result.stderr) == (0, [], "")
    result = call("list")
    assert (result.returncode, result.stdout) == (0, "")
    assert str(workspace.data) in result.stderr
    assert files_below(workspace.root) == ["data", "data/podplane", "run", "run/podplane"]


def test_a_stopped_machine_as_json(workspace: Workspace, call: Call) -> None:
    image = make_disk(workspace, "dev")
    (machine,) = json.loads(call("list", "--json").stdout)
    assert machine.keys() >= KEYS
    assert machine["cluster_id"] == "dev"
    assert machine["name"] == "podplane-local-dev"
    assert machine["arch"] == "amd64"
    assert machine["state"] == "stopped"
    assert machine["disk_virtual_bytes"] == 2**30
    assert machine["disk_bytes"] == image.stat().st_blocks * 512
    assert all(machine[key] is None for key in ("pid", "started_at", "cpu_percent", "memory_bytes", "problem"))
    assert machine["paths"]["image"] == str(image)
    assert machine["paths"]["pid_file"] == str(workspace.runtime / "vms" / "podplane-local-dev.amd64.pid.json")
    assert set(machine["ports"]) == {"ssh", "kubernetes_api", "traefik_dashboard", "registry", "traefik_https"}
    assert json.loads(call("status", "--id", "dev", "--json", "--arch", "amd64").stdout) == machine


def test_list_can_be_narrowed(workspace: Workspace, call: Call) -> None:
    make_disk(workspace, "dev")
    make_disk(workspace, "dev", arch="arm64")
    make_disk(workspace, "prod")
    machines = json.loads(call("list", "--json", "--id", "dev").stdout)
    assert [(vm["cluster_id"], vm["arch"]) for vm in machines] == [("dev", "amd64"), ("dev", "arm64")]


def test_the_table_lines_up(workspace: Workspace, call: Call) -> None:
    make_disk(workspace, "dev")
    make_disk(workspace, "a-much-longer-name")
    header, *rows = call("list").stdout.splitlines()
    assert header.split() == ["CLUSTER", "ARCH", "STATE", "CPU", "MEMORY", "DISK", "UPTIME", "SSH"]
    column = header.index("STATE")
    assert [row[column : column + 7] for row in rows] == ["stopped", "stopped"]


def test_status_of_a_machine_that_is_not_there(call: Call) -> None:
    assert_refused(call("status", "--id", "dev"), 1, "no machine dev")


def test_status_for_people(workspace: Workspace, call: Call) -> None:
    image = make_disk(workspace)
    result = call("status")
    assert result.returncode == 0
    assert re.search(r"^state +stopped$", result.stdout, re.MULTILINE)
    assert str(image) in result.stdout


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"pid": "' + ESCAPES.encode() + b'"}', b'{"pid": 1e999}', b"[" * 60_000, b"\0" * 9]
)
def test_a_corrupt_pid_file_is_a_row_and_stays(workspace: Workspace, call: Call, content: bytes) -> None:
    make_disk(workspace)
    make_disk(workspace, "fine")
    pid_file = workspace.runtime / "vms" / "podplane-local-default.amd64.pid.json"
    pid_file.parent.mkdir()
    pid_file.write_bytes(content)
    states = {vm["cluster_id"]: vm for vm in json.loads(call("list", "--json").stdout)}
    assert states["fine"]["state"] == "stopped"
    assert states["default"]["state"] == "broken"
    assert "pid.json" in states["default"]["problem"]
    assert_refused(call("start"), 1, "pid.json")
    assert pid_file.read_bytes() == content


def test_nothing_from_a_file_reaches_the_terminal_unescaped(workspace: Workspace, call: Call) -> None:
    """A hostile directory name ends up in every message and every path."""
    evil = Workspace(workspace.root / f"evil{ESCAPES}")
    evil.data.mkdir(parents=True)
    make_disk(evil).write_bytes(b"not an image")
    place = ["--data-dir", str(evil.data)]
    for arguments in (["list"], ["status"], ["list", "--json"], ["start"], ["doctor"], ["list", "--id", "none"]):
        result = call(*arguments, *place)
        for stream in (result.stdout, result.stderr):
            bad = [c for c in stream if not c.isprintable() and c != "\n"]
            assert bad == [], arguments


def test_bytes_that_are_no_text_are_printed_all_the_same(workspace: Workspace, call: Call) -> None:
    place = os.fsdecode(os.fsencode(workspace.root) + b"/\xff\xfe")
    assert call("list", "--data-dir", place).returncode == 0
    assert_refused(call("status", "--data-dir", place), 1)


# -- create, start, stop, delete: what is refused ---------------------------------------------------------------------


def test_create_asks_for_a_name_and_says_why(call: Call) -> None:
    assert_refused(call("create", "--image", "x"), 2, "--id", "podplane itself can't start")


@pytest.mark.parametrize("kind", ["missing", "text", "empty", "directory", "fifo", "raw"])
def test_create_takes_qcow2_only_and_leaves_nothing(workspace: Workspace, call: Call, kind: str) -> None:
    image = workspace.root / "base.qcow2"
    match kind:
        case "text":
            image.write_text("hello\x1b[31m")
        case "empty":
            image.touch()
        case "directory":
            image.mkdir()
        case "fifo":
            os.mkfifo(image)
        case "raw":
            image.write_bytes(bytes(1 << 20))
    before = files_below(workspace.root)
    assert_refused(call("create", "--id", "dev", "--image", str(image)), 1, "base.qcow2")
    assert [name for name in files_below(workspace.root) if "image" in name] == []
    assert set(before) <= set(files_below(workspace.root))


def test_create_makes_an_overlay_once(workspace: Workspace, call: Call) -> None:
    base = workspace.root / "base.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(base), "1G"], check=True)
    content = base.read_bytes()
    result = call("create", "--id", "dev", "--image", "base.qcow2", "--arch", "amd64", cwd=workspace.root)
    assert result.returncode == 0, result.stderr
    image = workspace.data / "vms" / "podplane-local-dev.amd64.image.qcow2"
    assert str(image) in result.stdout
    assert "podplane itself can't start" in result.stderr
    info = json.loads(subprocess.check_output(["qemu-img", "info", "--output=json", str(image)]))
    assert (info["virtual-size"], info["full-backing-filename"]) == (128 * 2**30, str(base))

    made = image.read_bytes()
    again = call("create", "--id", "dev", "--image", str(base), "--arch", "amd64")
    assert_refused(again, 1, "already has a disk")
    assert (image.read_bytes(), base.read_bytes()) == (made, content)


def test_create_takes_what_the_configuration_says_and_options_override_it(workspace: Workspace, call: Call) -> None:
    base = workspace.root / "base.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(base), "1G"], check=True)
    (workspace.root / "seed.yaml").write_text("#cloud-config\n")
    config = workspace.root / "config" / "podplane-tui" / "config.toml"
    config.parent.mkdir(parents=True)
    text = "image = '~/base.qcow2'\ndisk_size = '2G'\ncpus = 3\nmemory = '1G'\nuser_data = '~/seed.yaml'\n"
    config.write_text(f"[create]\n{text}")

    def made(cluster_id: str, *options: str) -> tuple[int, str, ClusterSettings]:
        result = call("create", "--id", cluster_id, "--arch", "amd64", *options)
        assert result.returncode == 0, result.stderr
        files = VMFiles("amd64", cluster_id, workspace.data, workspace.runtime)
        info = json.loads(subprocess.check_output(["qemu-img", "info", "--output=json", str(files.image)]))
        return info["virtual-size"], info.get("full-backing-filename", ""), read_settings(files)

    seed = str(workspace.root / "seed.yaml")
    assert made("one") == (2 * 2**30, str(base), ClusterSettings("3", "1G", seed))
    assert made("two", "--cpus", "1", "--disk-size", "3G") == (3 * 2**30, str(base), ClusterSettings("1", "1G", seed))
    assert made("copy", "--from", "two") == (3 * 2**30, str(base), ClusterSettings("1", "1G", seed))

    config.write_text(f"[create]\n{text}image = 3\n")
    assert_refused(call("create", "--id", "other"), 2, "not TOML")
    config.write_text("[create]\nuser_data = '~/gone.yaml'\n")
    assert_refused(call("create", "--id", "other", "--image", str(base)), 2, f"{workspace.root}/gone.yaml")


def test_start_needs_a_disk(call: Call) -> None:
    assert_refused(call("start", "--id", "dev"), 1, "no disk")


@pytest.mark.parametrize(
    "options",
    [
        ["--cpus", "many"],
        ["--cpus", "0"],
        ["--memory", "lots"],
        ["--memory", "4G,maxmem=8G"],
        ["--accel", "warp"],
        ["--user-data", "/nowhere"],
    ],
)
def test_start_refuses_bad_values(workspace: Workspace, call: Call, options: list[str]) -> None:
    make_disk(workspace)
    before = files_below(workspace.data / "vms")
    assert_refused(call("start", *options), 2)
    assert files_below(workspace.data / "vms") == before
    assert workspace.qemu_processes() == []


def test_start_without_qemu_says_what_to_install(workspace: Workspace) -> None:
    make_disk(workspace)
    assert_refused(run(workspace, "start", "--arch", "amd64", environ={"PATH": "/nonexistent"}), 1, "not installed")


def test_start_with_too_long_a_socket_path(workspace: Workspace, call: Call) -> None:
    make_disk(workspace)
    runtime = workspace.root / ("r" * 100)
    assert_refused(call("start", "--runtime-dir", str(runtime)), 2, "socket path", "--runtime-dir")
    assert not runtime.exists() or not any(path.is_socket() for path in runtime.rglob("*"))


@pytest.mark.parametrize("verb", ["stop", "pause", "resume", "reset", "console", "adopt", "shell"])
def test_verbs_for_running_machines_refuse_stopped_ones(workspace: Workspace, call: Call, verb: str) -> None:
    make_disk(workspace)
    before = files_below(workspace.data)
    assert_refused(call(verb), 1, "not running")
    assert files_below(workspace.data) == before


def test_sync_into_a_stopped_machine(workspace: Workspace, call: Call) -> None:
    make_disk(workspace)
    assert_refused(call("sync", "/etc/hostname", "/tmp/"), 1, "not running")


def test_delete_lists_and_needs_somebody_to_ask(workspace: Workspace, call: Call) -> None:
    image = make_disk(workspace)
    assert_refused(call("delete"), 2, "--yes")
    assert image.exists()


def test_delete_with_yes_removes_what_it_lists(workspace: Workspace, call: Call) -> None:
    image = make_disk(workspace)
    other = make_disk(workspace, "other")
    result = call("delete", "--yes")
    assert (result.returncode, result.stderr) == (0, "")
    assert str(image) in result.stdout
    assert (image.exists(), other.exists()) == (False, True)
    assert_refused(call("delete", "--yes"), 1, "nothing to delete")


def test_stop_rm_of_a_stopped_machine_deletes_it(workspace: Workspace, call: Call) -> None:
    image = make_disk(workspace)
    result = call("stop", "--rm")
    assert result.returncode == 0, result.stderr
    assert str(image) in result.stdout
    assert not image.exists()
    assert_refused(call("stop", "--rm"), 1, "not running")


@pytest.mark.parametrize(("answer", "gone"), [("n\n", False), ("\n", False), ("", False), ("y\n", True)])
def test_delete_asks_with_no_as_the_default(workspace: Workspace, answer: str, gone: bool) -> None:
    image = make_disk(workspace)
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "podplane_tui", "delete"],
        env=workspace.environment,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        os.close(theirs)
        os.write(ours, answer.encode() or b"\x04")
        output, errors = process.communicate(timeout=60)
        os.close(ours)
    assert str(image) in output
    assert image.exists() is not gone
    assert process.returncode == (0 if gone else 1), errors


def test_ctrl_c_at_the_question_deletes_nothing(workspace: Workspace) -> None:
    image = make_disk(workspace)
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "podplane_tui", "delete"],
        env=workspace.environment,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        os.close(theirs)
        assert process.stdout is not None
        assert process.stderr is not None
        while process.stdout.read(1) != "?":
            assert process.poll() is None
        while process.poll() is None:
            # One that comes between Python's last look for signals and its read is only seen after that read.
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
        errors = process.stderr.read()
        os.close(ours)
    assert process.returncode == 130
    assert errors.strip().splitlines()[-1] == "podplane-tui: interrupted"
    assert image.exists()


def test_ctrl_c_while_a_verb_is_still_loaded(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(name: str) -> object:
        if name.endswith(".commands"):
            raise KeyboardInterrupt
        return importlib.import_module(name)

    monkeypatch.setattr(podplane_tui.cli, "import_module", load)
    assert podplane_tui.cli.run(["list"]) == 130
    assert capfd.readouterr().err == "podplane-tui: interrupted\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_watch_that_is_ended_leaves_no_folder_behind(workspace: Workspace, number: signal.Signals) -> None:
    make_disk(workspace)
    temporary = workspace.root / "temporary"
    temporary.mkdir()
    with subprocess.Popen(
        [sys.executable, "-m", "podplane_tui", "sync", "--watch", str(workspace.root), "/there"],
        env={**workspace.environment, "TMPDIR": str(temporary)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("waiting for the machine")
        assert len(list(temporary.iterdir())) == 1
        process.send_signal(number)
    assert list(temporary.iterdir()) == []


# -- closed streams ---------------------------------------------------------------------------------------------------


def run_without(workspace: Workspace, closed: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The program with standard streams closed, as a shell says it."""
    script = f'exec "$@" {closed}'
    return subprocess.run(
        ["/bin/sh", "-c", script, "sh", sys.executable, "-m", "podplane_tui", *arguments],
        env=workspace.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_verb_does_its_work_without_standard_streams(workspace: Workspace) -> None:
    image = make_disk(workspace)
    result = run_without(workspace, "<&- >&- 2>&-", "grow", "2G")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert read_image(image).virtual_bytes == 2 * 2**30


def test_what_nobody_can_read_is_no_error(workspace: Workspace) -> None:
    make_disk(workspace)
    result = run_without(workspace, ">&-", "list", "--json")
    assert (result.returncode, result.stderr) == (0, "")


def test_nobody_is_asked_without_a_standard_input(workspace: Workspace) -> None:
    image = make_disk(workspace)
    assert_refused(run_without(workspace, "<&-", "delete"), 2, "--yes")
    assert image.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["stop", "--timeout"],
        ["restart", "--timeout"],
        ["wait", "--timeout"],
        ["watch", "--interval"],
        ["shell", "--timeout"],
    ],
)
@pytest.mark.parametrize("number", ["nan", "inf", "1e999"])
def test_no_time_that_nobody_can_wait(call: Call, arguments: list[str], number: str) -> None:
    assert_refused(call(*arguments, number), 2, arguments[-1])


# -- repair ----------------------------------------------------------------------------------------------------------


def test_nothing_to_repair(workspace: Workspace, call: Call) -> None:
    assert_refused(call("repair", "--yes"), 1, "no machine default")
    make_disk(workspace)
    result = call("repair")
    assert (result.returncode, result.stdout) == (0, "nothing is wrong with podplane-local-default\n")


def test_repair_says_what_it_does_and_keeps_the_disk(workspace: Workspace, call: Call) -> None:
    image = make_disk(workspace)
    content = image.read_bytes()
    pid_file = workspace.runtime / "vms" / "podplane-local-default.amd64.pid.json"
    pid_file.parent.mkdir()
    pid_file.write_text('{"pid":1,"data":null}')
    assert_refused(call("repair"), 2, "--yes")
    assert pid_file.exists()
    result = call("repair", "--yes")
    assert (result.returncode, result.stderr) == (0, "")
    assert f"remove {pid_file.name}" in result.stdout
    assert f"{pid_file.name} was removed" in result.stdout
    assert (pid_file.exists(), image.read_bytes()) == (False, content)
    assert json.loads(call("list", "--json").stdout)[0]["state"] == "stopped"


def test_repair_leaves_a_broken_disk_to_its_owner(workspace: Workspace, call: Call) -> None:
    image = make_disk(workspace)
    image.write_bytes(b"\x1b[31mnot a disk")
    result = call("repair", "--yes")
    assert result.returncode == 1
    assert "left to you" in result.stdout
    assert image.read_bytes() == b"\x1b[31mnot a disk"


# -- doctor -----------------------------------------------------------------------------------------------------------


def test_doctor_as_json(workspace: Workspace, call: Call) -> None:
    result = call("doctor", "--json")
    checks = json.loads(result.stdout)
    assert {tuple(check) for check in checks} == {("group", "name", "status", "detail", "advice")}
    assert {check["status"] for check in checks} <= {"ok", "warn", "fail"}
    assert result.returncode == (1 if any(check["status"] == "fail" for check in checks) else 0)
    assert files_below(workspace.root) == ["data", "data/podplane", "run", "run/podplane"]


def test_doctor_fails_without_qemu_and_says_what_to_install(call: Call) -> None:
    result = call("doctor", environ={"PATH": "/nonexistent"})
    assert result.returncode == 1
    assert re.search(r"FAIL +qemu-system", result.stdout)
    assert "install it with" in result.stdout


def test_doctor_looks_at_the_directories_given(call: Call) -> None:
    result = call("doctor", "--data-dir", "/somewhere/else")
    assert "/somewhere/else" in result.stdout


def test_restart_warns_of_what_podplane_made(workspace: Workspace) -> None:
    config = workspace.data / "local" / "default" / "cluster.jsonc"
    config.parent.mkdir(parents=True)
    for warned in (False, True):
        result = subprocess.run(
            [sys.executable, "-m", "podplane_tui", "restart"],
            env=workspace.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 1  # it has no disk
        assert ("podplane made this cluster: with the VM alone" in result.stderr) is warned
        config.write_text("{}")


# -- keys -------------------------------------------------------------------------------------------------------------


def test_keys_lists_ids_keys_and_what_they_do(workspace: Workspace, call: Call) -> None:
    lines = call("keys").stdout.splitlines()
    assert lines[0].split() == ["ID", "KEYS", "WHAT", "THEY", "DO"]
    assert any(re.fullmatch(r"vm\.start +s +Start the selected VM", line) for line in lines)
    config = workspace.root / "config" / "podplane-tui" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("[keys]\nvm.start = 'z,f5'\n")
    assert re.search(r"vm\.start +z F5 +Start the selected VM \(usually s\)\n", call("keys").stdout)
    (start,) = (line for line in json.loads(call("keys", "--json").stdout) if line["id"] == "vm.start")
    assert start == {"id": "vm.start", "keys": "z F5", "usual": "s", "does": "Start the selected VM"}
    config.write_text("[keys]\nvm.strat = 'z'\n")
    assert_refused(call("keys"), 2, f"{config}, line 2", "did you mean vm.start")
