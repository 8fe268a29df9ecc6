"""What is read from a busybox without running it."""

import pytest

from tests.guest.packages import Unavailable
from tests.guest.tiny import applets


def test_applets_are_read_from_a_busybox_of_any_architecture() -> None:
    assert applets(b"\x7fELF..\0[\0[[\0acpid\0busybox\0zcat\0\0text\0[\0") == ["[", "[[", "acpid", "zcat"]


def test_what_has_no_applets_is_refused() -> None:
    with pytest.raises(Unavailable, match="no list of its applets"):
        applets(b"\x7fELF\0[\0text\0")
