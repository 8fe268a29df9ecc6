"""What the actions need of the app that they act for: the app implements it, and neither imports the other's module."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Literal, Protocol, TypeVar

from textual import Logger
from textual.screen import Screen
from textual.worker import Worker

from podplane_tui.backend.config.model import Config
from podplane_tui.backend.core.status import VMStatus
from podplane_tui.tui.state.jobs import Job

T = TypeVar("T")


class Asker(Protocol):
    """Shows dialogs, and names keys and VMs in what they say."""

    arch: str
    """The architecture that new VMs get. The names of others say theirs."""

    def key(self, binding_id: str) -> str:
        """The key that the binding has now, as sentences name it."""

    def push_screen_wait(self, screen: Screen[T]) -> Awaitable[T]:
        """Show a dialog and wait for its answer. Only in a worker."""


class JobHost(Protocol):
    """Shows jobs, and how they ended."""

    def key(self, binding_id: str) -> str:
        """The key that the binding has now, as sentences name it."""

    @property
    def log(self) -> Logger:
        """Textual's log."""

    def show_job(self, job: Job) -> None:
        """Show the job as it is now, in the place of what was shown of it."""

    def look_now(self, *, doubt: bool = False) -> None:
        """Poll now; in `doubt` ask every QEMU again."""

    def refuse(self, reason: str) -> None:
        """Say why something is not done."""

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: Literal["information", "warning", "error"] = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Show a toast for `timeout` seconds."""

    def call_later(self, callback: Callable[..., object], *args: object) -> bool:
        """Call `callback` on the event loop. From any thread."""

    def set_timer(self, delay: float, callback: Callable[[], None]) -> object:
        """Call `callback` on the event loop after `delay` seconds."""


class ActionHost(Asker, JobHost, Protocol):
    """What the dispatcher needs besides: the VMs, the configuration, the list, workers."""

    config: Config

    @property
    def vms(self) -> tuple[VMStatus, ...] | None:
        """The VMs as they were last seen; None before the first look."""

    @property
    def dialog_open(self) -> bool:
        """Whether another screen than the dashboard is shown."""

    @property
    def list_focused(self) -> bool:
        """Whether keys go to the list of VMs."""

    def select(self, cluster_id: str) -> None:
        """Put the cursor on this cluster, now or as soon as it appears."""

    def clear_notifications(self) -> None:
        """Remove all toasts: none may cover a dialog."""

    def run_worker(self, work: Coroutine[Any, Any, T], name: str | None = "", group: str = "default") -> Worker[T]:
        """Run `work` on the event loop; it is cancelled when the program ends."""
