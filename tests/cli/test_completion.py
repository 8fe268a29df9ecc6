"""Completion in the shells themselves."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.support import assert_refused, files_below, make_disk, run
from tests.conftest import Workspace, missing


@pytest.fixture
def program(workspace: Workspace) -> Path:
    """`podplane-tui`, in a directory of its own, as it is installed."""
    path = workspace.root / "bin" / "podplane-tui"
    path.parent.mkdir()
    path.write_text(f"#!{sys.executable}\nfrom podplane_tui.cli import main\nmain()\n")
    path.chmod(0o755)
    return path


def in_shell(workspace: Workspace, program: Path, command: list[str], script: str) -> str:
    environment = {**workspace.environment, "PATH": f"{program.parent}:{os.environ['PATH']}"}
    result = subprocess.run(
        [*command, script], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def in_bash(workspace: Workspace, program: Path, *lines: list[str]) -> list[list[str]]:
    """What bash offers for the last word of each line, by the function that the script told it to ask."""
    script = (
        'eval "$(podplane-tui completion bash)"\n'
        'read -ra spec <<< "$(complete -p podplane-tui)"\n'
        "for ((i = 0; i < ${#spec[@]}; i++)); do [[ ${spec[i]} == -F ]] && function=${spec[i + 1]}; done\n"
    )
    for words in lines:
        script += (
            f"COMPREPLY=() COMP_WORDS=(podplane-tui {shlex.join(words)}) COMP_CWORD={len(words)}\n"
            '"$function" podplane-tui\n'
            'echo "${COMPREPLY[*]}"\n'
        )
    return [offered.split() for offered in in_shell(workspace, program, ["bash", "--norc", "-c"], script).splitlines()]


@pytest.mark.slow
def test_bash_completes_verbs_options_and_clusters(workspace: Workspace, program: Path, tmp_path: Path) -> None:
    make_disk(workspace, "alpha")
    make_disk(workspace, "alpine", arch="arm64")
    make_disk(workspace, "beta")
    (workspace.data / "vms" / "alfalfa.txt").write_text("no machine's file")
    elsewhere = tmp_path / "vms" / "podplane-local-other.amd64.image.qcow2"
    elsewhere.parent.mkdir()
    elsewhere.touch()
    verbs, ids, source, options, there, nowhere = in_bash(
        workspace,
        program,
        ["sta"],
        ["start", "--id", "al"],
        ["create", "--from", "b"],
        ["stop", "--"],
        ["--data-dir", str(tmp_path), "stop", "--id", ""],
        ["--data-dir", "/nowhere", "stop", "--id", ""],
    )
    assert (verbs, ids, source) == (["status", "start"], ["alpha", "alpine"], ["beta"])
    assert "--rm" in options
    assert (there, nowhere) == (["other"], [])


@pytest.mark.slow
def test_zsh_is_told_the_same(workspace: Workspace, program: Path) -> None:
    if shutil.which("zsh") is None:
        missing("zsh is not installed")
    make_disk(workspace, "alpha")
    script = (
        "autoload -U compinit; compinit -u -D\n"
        'eval "$(podplane-tui completion zsh)"\n'
        "compadd() { print -l -- ${(P)${@[-1]}} }\n_describe() { print -l -- ${(P)@[-1]} ${(P)@[-2]} }\n"
        "words=(podplane-tui start --id al); CURRENT=4\n"
        "${_comps[podplane-tui]}"
    )
    assert "alpha" in in_shell(workspace, program, ["zsh", "-f", "-c"], script)


@pytest.mark.slow
def test_fish_is_told_the_same(workspace: Workspace, program: Path) -> None:
    if shutil.which("fish") is None:
        missing("fish is not installed")
    make_disk(workspace, "alpha")
    script = "podplane-tui completion fish | source; complete -C 'podplane-tui start --id al'"
    assert in_shell(workspace, program, ["fish", "--no-config", "-c"], script).split() == ["alpha"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shell", "question"), [("zsh", "podplane-tui start --id "), ("fish", "podplane-tui start --id ")]
)
def test_their_questions_are_answered(workspace: Workspace, program: Path, shell: str, question: str) -> None:
    """The protocol of click's scripts, where the shells themselves are not installed."""
    make_disk(workspace, "alpha")
    result = subprocess.run(
        [program],
        env={
            **workspace.environment,
            "_PODPLANE_TUI_COMPLETE": f"{shell}_complete",
            "COMP_WORDS": question,
            "COMP_CWORD": "3" if shell == "zsh" else "",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.stderr == ""
    assert "alpha" in result.stdout


def test_an_unknown_shell_is_refused_and_nothing_is_written(workspace: Workspace) -> None:
    assert_refused(run(workspace, "completion", "tcsh"), 2, "bash", "zsh", "fish")
    assert files_below(workspace.root) == ["data", "data/podplane", "run", "run/podplane"]
