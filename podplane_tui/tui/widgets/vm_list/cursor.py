"""Which row of a list has the cursor after VMs came and went: a pure function of the rows."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from podplane_tui.backend.core.status import VMStatus


class Cursor(NamedTuple):
    """The key and the number of the row with the cursor, and the cluster id or key that is to get it once it appears.

    Without a row the key is None, and the number that of the last one.
    """

    key: str | None = None
    row: int = 0
    wanted: str | None = None


def placed(cursor: Cursor, order: Sequence[str], shown: Iterable[VMStatus]) -> Cursor:
    """The cursor in another order: on the VM that is wanted, else on its own, else on the one in the place of that.

    `order` has the keys of the VMs `shown`.
    """
    if not order:
        return cursor._replace(key=None)
    wanted = cursor.wanted
    ids = {vm.key: vm.cluster_id for vm in shown} if wanted else {}
    found = next((key for key in order if wanted in (ids[key], key)), None) if wanted else None
    if found is not None:
        return Cursor(found, order.index(found))
    if cursor.key in order:
        return Cursor(cursor.key, order.index(cursor.key), wanted)
    row = min(cursor.row, len(order) - 1)
    return Cursor(order[row], row, wanted)
