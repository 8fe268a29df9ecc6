"""What is shown of a URL, and what the server gets of it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podplane_tui.backend.images.url import display_path, display_url, file_name_of, is_url, origin_of, target_of


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://h/a/b.qcow2", "https://h/a/b.qcow2"),
        ("https://u:p@h:8443/b.qcow2?token=t#f", "https://h:8443/b.qcow2"),
        ("https://u@h/b.qcow2", "https://h/b.qcow2"),
        ("http://[::1]:80/b?x", "http://[::1]:80/b"),
        ("HTTPS://h?token=t/b", "HTTPS://h"),
        ("https://h/x@1/b.qcow2", "https://…"),
        ("https://h/a;token=t/b.qcow2", "https://h/a"),
        ("https://h;token=t/b.qcow2", "https://h"),
        ("https:/u:p@h/b.qcow2", "https:/h/b.qcow2"),
        ("https:u:p@h/b.qcow2", "https:h/b.qcow2"),
        (" https://u:p@h/b.qcow2", "https://h/b.qcow2"),
        ("get u:p https://h/b.qcow2", "…https://h/b.qcow2"),
        ("ftp://u:p@h/b", "ftp://h/b"),
        # passwords that nobody has escaped
        ("https://u:p/s@h/b", "https://…"),
        ("https://u:p?s@h/b", "https://…"),
        ("https://u:p#s@h/b", "https://…"),
        ("https://u:p@s@h/b", "https://…"),
        ("https://u:p s@h/b", "https://…"),
        ("https://u:12?s@h/b", "https://…"),
        ("https://u:12;s@h/b", "https://…"),
        ("https://u:p@s/s@h/b.qcow2", "https://…"),
        ("https://u:p\\s@h/b", "https://…"),
        # no URLs
        ("", ""),
        ("/images/a?b.qcow2", "/images/a?b.qcow2"),
        ("debian.qcow2", "debian.qcow2"),
    ],
)
def test_no_credentials_are_shown(url: str, shown: str) -> None:
    assert display_url(url) == shown


ODD = st.text("abS1/?#@:;\\ %[]é", max_size=12)


@settings(max_examples=60)
@given(st.sampled_from(["https://", "http:/", "HTTPS:", "ftp://"]), ODD, ODD, st.sampled_from("@?#;"), st.booleans())
def test_a_secret_is_never_shown_wherever_it_stands(scheme: str, left: str, right: str, part: str, user: bool) -> None:
    secret = f"{left}SECRET{right}"
    before = "user:" if user else ""
    url = f"{scheme}{before}{secret}@host/b.qcow2" if part == "@" else f"{scheme}host/b.qcow2{part}{secret}"
    assert "SECRET" not in display_url(url)


def test_a_file_name_has_no_secrets() -> None:
    assert file_name_of("https://u:p@h/a/b%20c.qcow2?t#f") == "b c.qcow2"
    assert file_name_of("https://h/b.qcow2;token=t") == "b.qcow2"
    assert file_name_of("https://u:p/s@b.qcow2") == "b.qcow2"
    assert [file_name_of(url) for url in ("https://h", "https://h/", "https://[")] == ["", "", ""]


def test_credentials_become_a_header() -> None:
    assert target_of("https://h:1/a?b") == ("https://h:1/a?b", "")
    assert target_of("https://u%40x:p%3A@h:1/a?b") == ("https://h:1/a?b", "Basic dUB4OnA6")
    with pytest.raises(ValueError, match="Invalid IPv6 URL"):
        target_of("https://[")


def test_an_origin_has_its_usual_port() -> None:
    assert origin_of("https://H/a") == ("https", "h", 443) == origin_of("HTTPS://u@h:443/b")
    assert origin_of("http://h") == ("http", "h", 80)
    for url in ("file:///etc/passwd", "ftp://h/", "data:,x", "https:///x", "/etc/passwd"):
        with pytest.raises(ValueError, match="no http or https URL"):
            origin_of(url)


def test_what_is_downloaded() -> None:
    assert is_url("HTTP://h/x")
    assert is_url("https://h/x")
    assert not any(map(is_url, ("ftp://h/x", "/x", "file:///x", "")))


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/a/d.qcow2?sig=a%2Fb&x=1", "/a/d.qcow2?…"),
        ("d.qcow2?", "d.qcow2?…"),
        ("/w?at/d%20#1.qcow2", "/w?at/d%20#1.qcow2"),
        ("", ""),
    ],
)
def test_the_query_in_a_files_name_is_hidden(path: str, shown: str) -> None:
    assert display_path(path) == shown
