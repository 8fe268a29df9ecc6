"""The shared options: where they may stand, which one wins, and what is no value of them."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from podplane_tui.cli.context import Choices
from podplane_tui.cli.options import Seconds, complete_cluster_id, pass_choices, place_options
from tests.cli.support import Call, assert_refused, make_disk
from tests.conftest import Workspace


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


@click.command()
@click.option("--wait", type=Seconds(min=0.5, max=60))
@place_options
@pass_choices
def probe(choices: Choices, *, wait: float | None) -> tuple[Choices, float | None]:
    return choices, wait


def told(*words: str) -> tuple[Choices, float | None]:
    result: tuple[Choices, float | None] = probe.main(words, standalone_mode=False)
    return result


def test_nothing_chosen_is_nothing() -> None:
    assert told() == (Choices(), None)


def test_every_option_ends_up_in_the_choices() -> None:
    words = ["--id", "dev", "--data-dir", "a", "--runtime-dir", "b", "--state-dir", "c", "--arch", "arm64"]
    assert told(*words)[0] == Choices("dev", Path("a"), Path("b"), Path("c"), "arm64")


def test_an_empty_id_is_chosen_not_left_out() -> None:
    assert told("--id", "")[0].cluster_id == ""


@pytest.mark.parametrize(("word", "seconds"), [("0.5", 0.5), ("60", 60.0), ("1e1", 10.0)])
def test_seconds_are_numbers(word: str, seconds: float) -> None:
    assert told("--wait", word)[1] == seconds


@pytest.mark.parametrize("word", ["0.4", "61", "-1", "5s", "", "1:30", "nan", "-inf"])
def test_what_is_no_number_of_seconds_in_the_range_is_refused(word: str) -> None:
    with pytest.raises(click.BadParameter, match=r"range|not a valid|not a number of seconds"):
        told("--wait", word)


def test_clusters_are_offered_from_the_directory_chosen_before(workspace: Workspace) -> None:
    for cluster_id in ("beta", "alpha", "alps"):
        make_disk(workspace, cluster_id)
    context = click.Context(probe)
    context.ensure_object(Choices).data_dir = workspace.data
    below = click.Context(probe, parent=context)
    (parameter,) = (each for each in probe.params if each.name == "cluster_id")
    assert [item.value for item in complete_cluster_id(below, parameter, "al")] == ["alpha", "alps"]
    assert complete_cluster_id(below, parameter, "x") == []
