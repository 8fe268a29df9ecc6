"""Toasts beyond what Textual does with them."""

from typing import Any
from weakref import WeakKeyDictionary

from textual.app import App

TOAST_LIMIT = 300
"""Characters of a message that comes as a toast."""

_left_to_say: WeakKeyDictionary[App[Any], list[str]] = WeakKeyDictionary()


def tell(app: App[Any], message: str) -> None:
    """Warn in a toast, or behind the app in the terminal when it is ending: see `left_to_say`."""
    if app._exit:  # Textual has no public way to know
        _left_to_say.setdefault(app, []).append(message)
    else:
        app.notify(message, severity="warning", markup=False)


def left_to_say(app: App[Any]) -> list[str]:
    """What came up when the app was ending already."""
    return _left_to_say.get(app, [])


def take_back(app: App[Any], message: str) -> None:
    """Remove the toasts that say `message`, which is true no longer."""
    for notification in list(app._notifications):  # Textual has no public way to remove one
        if notification.message == message:
            app._unnotify(notification)
