"""Toasts beyond what Textual does with them."""

from typing import Any

from textual.app import App

TOAST_LIMIT = 300
"""Characters of a message that comes as a toast."""


def take_back(app: App[Any], message: str) -> None:
    """Remove the toasts that say `message`, which is true no longer."""
    for notification in list(app._notifications):  # Textual has no public way to remove one
        if notification.message == message:
            app._unnotify(notification)
