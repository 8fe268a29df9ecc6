"""The door by itself: links, sessions, and where a request is from."""

import pytest

from podplane_tui.web.door import Door


def token_of(link: str) -> str:
    return link.partition("?token=")[2]


def test_a_link_opens_one_session() -> None:
    door = Door("127.0.0.1:8023")
    link = door.new_link()
    assert link.startswith("http://127.0.0.1:8023/?token=")
    assert len(token_of(link)) >= 43
    session = door.enter(token_of(link))
    assert session is not None
    assert door.admits(session.name, session.secret)
    assert door.enter(token_of(link)) is None
    assert len({session.name, session.secret, token_of(link)}) == 3


def test_nobody_comes_in_before_there_is_a_link() -> None:
    door = Door("127.0.0.1:8023")
    assert door.enter("") is None
    assert not door.admits("", "")


def test_a_new_link_takes_the_place_of_one_that_was_not_used() -> None:
    door = Door("127.0.0.1:8023")
    old, new = door.new_link(), door.new_link()
    assert door.enter(token_of(old)) is None
    assert door.enter(token_of(new)) is not None


def test_sessions_do_not_open_for_each_other() -> None:
    door = Door("127.0.0.1:8023")
    first, second = door.enter(token_of(door.new_link())), door.enter(token_of(door.new_link()))
    assert first is not None
    assert second is not None
    assert door.admits(first.name, first.secret)
    assert door.admits(second.name, second.secret)
    assert not door.admits(first.name, second.secret)
    assert not door.admits(second.name, first.secret)


@pytest.mark.parametrize("given", ["", "x", "é", "\udc80", "x" * 100_000])
def test_what_is_no_token_or_secret_is_refused_whatever_it_is(given: str) -> None:
    door = Door("127.0.0.1:8023")
    session = door.enter(token_of(door.new_link()))
    assert session is not None
    door.new_link()
    assert door.enter(given) is None
    assert not door.admits(session.name, given)
    assert not door.admits(given, session.secret)


OWN, ORIGIN = "127.0.0.1:8023", "http://127.0.0.1:8023"


@pytest.mark.parametrize(
    ("hosts", "origins", "must", "fine"),
    [
        ([OWN], [], False, True),
        ([OWN], [ORIGIN], False, True),
        ([OWN], [ORIGIN], True, True),
        ([OWN], [], True, False),
        ([], [], False, False),
        ([OWN, OWN], [], False, False),
        (["localhost:8023"], [], False, False),
        (["evil.example:8023"], [ORIGIN], False, False),
        (["127.0.0.1"], [], False, False),
        (["127.0.0.1:80230"], [], False, False),
        ([OWN], ["null"], False, False),
        ([OWN], ["http://localhost:8023"], False, False),
        ([OWN], ["http://127.0.0.1:8024"], True, False),
        ([OWN], ["https://127.0.0.1:8023"], True, False),
        ([OWN], [ORIGIN, "http://evil.example"], True, False),
    ],
)
def test_where_a_request_must_be_from(hosts: list[str], origins: list[str], must: bool, fine: bool) -> None:
    assert (Door(OWN).objection(hosts=hosts, origins=origins, must_name_origin=must) is None) is fine
