"""What may be typed for a VM."""

import re

import pytest

from podplane_tui.backend.config.fields import FIELDS, check_fields, field_fault
from podplane_tui.backend.core.errors import InvalidInput

BAD = {
    "cluster_id": "Not An Id",
    "digest": "sha256:00",
    "disk_size": "lots",
    "grow_to": "12",
    "max_size": "all",
    "cpus": "0",
    "memory": "much",
}
GOOD = {
    "cluster_id": "dev",
    "digest": f"sha256:{'0' * 64}",
    "disk_size": "40G",
    "grow_to": "200G",
    "max_size": "20G",
    "cpus": "4",
    "memory": "512M",
}


@pytest.mark.parametrize("field", FIELDS)
def test_a_text_that_can_not_be_is_the_fault_of_its_field(field: str) -> None:
    assert field_fault(**{field: GOOD[field]}) is None
    fault = field_fault(**{**GOOD, field: BAD[field]})
    assert fault is not None
    assert fault.field == field
    with pytest.raises(InvalidInput, match=re.escape(BAD[field])) as caught:
        check_fields(**{field: BAD[field]})
    assert str(caught.value) == str(fault.error)


def test_nothing_stands_for_the_default() -> None:
    assert field_fault(**dict.fromkeys(FIELDS, "")) is None
