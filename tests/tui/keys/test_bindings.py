"""The table of bindings, and what the parts of the dashboard make of it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages

import pytest
from textual.binding import Binding
from textual.dom import DOMNode

from podplane_tui import tui
from podplane_tui.tui.app import PodplaneApp
from podplane_tui.tui.keys.bindings import BY_ID, TOGETHER
from podplane_tui.tui.keys.keymap import key_lines
from podplane_tui.tui.keys.naming import split_keys, spoken
from podplane_tui.tui.screens.dashboard import Dashboard
from podplane_tui.tui.widgets.tabs import TABS


def classes_with_bindings(cls: type[DOMNode] = DOMNode) -> Iterator[type[DOMNode]]:
    """Our own classes that declare bindings."""
    for child in cls.__subclasses__():
        if child.__module__.startswith(f"{tui.__name__}.") and child.__dict__.get("BINDINGS"):
            yield child
        yield from classes_with_bindings(child)


@pytest.fixture(scope="module")
def declared() -> list[tuple[type[DOMNode], Binding]]:
    """Each binding of a class of ours, with the class."""
    for module in walk_packages(tui.__path__, f"{tui.__name__}."):
        import_module(module.name)
    classes = dict.fromkeys(classes_with_bindings())
    found = [(cls, binding) for cls in classes for binding in cls.__dict__["BINDINGS"]]
    assert all(isinstance(binding, Binding) for _, binding in found)
    return found


def test_the_table_and_the_classes_have_the_same_bindings(declared: list[tuple[type[DOMNode], Binding]]) -> None:
    assert {binding.id: binding for _, binding in declared} == BY_ID
    assert len(declared) == len(BY_ID)  # none is in force in two places by accident


def test_every_binding_has_an_action_where_it_is_in_force(declared: list[tuple[type[DOMNode], Binding]]) -> None:
    places = {"app": PodplaneApp, "screen": Dashboard}
    for cls, binding in declared:
        place, _, name = binding.action.partition("(")[0].rpartition(".")
        assert hasattr(places.get(place, cls), f"action_{name}"), binding


def test_no_id_stands_for_two_bindings() -> None:
    bindings = list({id(binding): binding for group in TOGETHER for binding in group}.values())
    assert len({binding.id for binding in bindings}) == len(bindings)


def test_every_tab_has_a_key() -> None:
    assert {f"view.{tab}" for tab in TABS} <= BY_ID.keys()
    assert [BY_ID[f"view.{tab}"].key for tab in TABS] == [str(number) for number in range(1, len(TABS) + 1)]


def test_every_binding_says_what_it_does_and_has_keys() -> None:
    lines = key_lines({"vm.start": "z,slash"})
    assert all(line.does and line.keys for line in lines)
    assert len({line.id for line in lines}) == len(lines)
    (start,) = (line for line in lines if line.id == "vm.start")
    assert (start.keys, start.usual) == ("z /", "s")


def test_every_usual_key_has_a_name_of_its_own() -> None:
    for group in TOGETHER:
        keys = {key for binding in group for key in split_keys(binding.key)}
        assert len({spoken(key) for key in keys}) == len(keys)
