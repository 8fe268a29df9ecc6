"""What apt prints, parsed."""

from tests.guest.packages import Package, parse_depends, parse_packages

SHOWN = """\
Package: dropbear-bin
Source: dropbear
Version: 2022.83-1+deb12u3
Depends: libc6 (>= 2.34), default-mta | mail-transport-agent, perl:any
Description: lightweight SSH2 server and client
 Depends: is mentioned here, in a line that continues the description.
 .
 It ends here.

Package: libc6
Version: 2.36-9
Pre-Depends: libgcc-s1 (>= 1)
Depends: libcrypt1

"""


def test_stanzas_of_apt_cache_show() -> None:
    assert parse_packages(SHOWN) == [
        Package(
            "dropbear-bin",
            "2022.83-1+deb12u3",
            (("libc6",), ("default-mta", "mail-transport-agent"), ("perl",)),
        ),
        Package("libc6", "2.36-9", (("libgcc-s1",), ("libcrypt1",))),
    ]


def test_nothing_shown_is_no_package() -> None:
    assert parse_packages("") == []
    assert parse_depends("") == ()
