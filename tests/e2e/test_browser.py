"""The dashboard in a real browser: the list, a machine that is started, and a console that is typed into."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, sync_playwright

from podplane_tui.backend.images.manifest import manifest_path
from tests.conftest import Workspace, missing
from tests.guest.tiny import PROMPT, TinyGuest
from tests.waiting import wait_until

pytestmark = [pytest.mark.vm, pytest.mark.timeout(300), pytest.mark.usefixtures("require_qemu")]

SECONDS = 120.0
"""What anything may take on a loaded machine under software emulation."""

_OPTIONS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)

_COPY = """() => {
  const held = new DataTransfer();
  const event = new ClipboardEvent("copy", { clipboardData: held, bubbles: true, cancelable: true });
  document.querySelector("#terminal textarea").dispatchEvent(event);
  return held.getData("text/plain");
}"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """Chromium with an empty profile, for tests that take a tab each."""
    program = shutil.which("chromium")
    if program is None:
        missing("chromium is not installed", linux_only=True)
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"),
            executable_path=program,
            args=_OPTIONS,
            viewport={"width": 1000, "height": 600},
        )
        context.set_default_timeout(SECONDS * 1000)
        yield context
        context.close()


@pytest.fixture
def page(browser: BrowserContext) -> Iterator[Page]:
    """A tab."""
    page = browser.new_page()
    yield page
    page.close()


@pytest.fixture
def server(workspace: Workspace) -> Iterator[subprocess.Popen[str]]:
    """The real program, whose first line is a link."""
    with subprocess.Popen(
        [sys.executable, "-m", "podplane_tui", "serve", "--port", "0"],
        env={**workspace.environment, "PODPLANE_TUI_ACCEL": "tcg"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.terminate()
        assert process.wait(SECONDS) == 0


@pytest.fixture
def link(server: subprocess.Popen[str]) -> str:
    """A link of the real program's."""
    assert server.stdout is not None
    return server.stdout.readline().strip()


def screen(page: Page) -> str:
    """What the page's terminal shows: its text selected with the mouse, as a user does it, and copied."""
    box = page.locator("#terminal .xterm-screen").bounding_box()
    assert box is not None
    page.keyboard.down("Shift")  # without it the mouse is the dashboard's
    page.mouse.move(box["x"] + 1, box["y"] + 1)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 1, box["y"] + box["height"] - 1)
    page.mouse.up()
    page.keyboard.up("Shift")
    return str(page.evaluate(_COPY))


def until(page: Page, condition: Callable[[str], object], what: str) -> str:
    """Wait until the screen is as it should be, and give it."""

    def reached() -> str | None:
        text = screen(page)
        return text if condition(text) else None

    pause = partial(page.wait_for_timeout, 250)  # the page goes on meanwhile
    return wait_until(reached, what, seconds=SECONDS, seen=lambda: screen(page), pause=pause) or ""


def shows(page: Page, *texts: str) -> str:
    return until(page, lambda text: all(part in text for part in texts), f"{texts} on the screen")


def make_machine(workspace: Workspace, guest: TinyGuest) -> None:
    """A machine on podplane's image, whose kernel and initrd podplane has taken out of it already: those of `guest`."""

    def digest(path: Path) -> str:
        return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"

    deps = workspace.root / "cache" / "podplane" / "deps"
    image = deps / "vmconfig" / "artifacts" / "os-image" / "1" / "image.qcow2"
    boot = image.parent / "boot"
    boot.mkdir(parents=True)
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(image), "1G"], check=True)
    files = {"kernel": guest.kernel, "initrd": guest.initramfs}
    for path in files.values():
        shutil.copy(path, boot)
    value = {
        "image": {
            "version": "1",
            "url": "https://images.invalid/image.qcow2",
            "type": "qcow2",
            "digest": digest(image),
        },
        "boot": {
            "cmdline": guest.cmdline,
            **{
                name: {"partition": 1, "path": f"/boot/{path.name}", "digest": digest(path)}
                for name, path in files.items()
            },
        },
    }
    path = manifest_path(deps, "amd64")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"vmconfig": {"os": value}}))
    create = ["create", "--id", "dev", "--arch", "amd64", "--cpus", "1", "--memory", "256M"]
    subprocess.run([sys.executable, "-m", "podplane_tui", *create], env=workspace.environment, check=True, timeout=60)


def test_a_machine_is_started_and_typed_into(
    workspace: Workspace, tiny_guest: TinyGuest, browser: BrowserContext, page: Page, link: str
) -> None:
    make_machine(workspace, tiny_guest)
    asked: set[str] = set()
    errors: list[str] = []
    browser.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(link)
    page.wait_for_selector("body.-first-byte")
    assert "token" not in page.url

    text = shows(page, "dev", "○ stopped", "q Quit")
    small = max(map(len, text.splitlines()))
    page.set_viewport_size({"width": 1200, "height": 800})
    text = until(page, lambda text: max(map(len, text.splitlines())) > small and "q Quit" in text, "a wider dashboard")
    assert len(text.splitlines()) > 35

    page.keyboard.press("s")
    shows(page, "started dev")
    assert len(workspace.qemu_processes()) == 1
    until(page, lambda text: re.search(PROMPT, text), "the guest's prompt")
    page.keyboard.press("c")
    shows(page, "TYPING INTO dev")
    page.keyboard.type("echo $((6 * 7)) from a browser")
    page.keyboard.press("Enter")
    shows(page, "42 from a browser")
    page.keyboard.press("Control+]")
    until(page, lambda text: "TYPING INTO" not in text, "the end of typing")

    # The same session in another tab is another dashboard; the link is no good any more.
    tab = browser.new_page()
    tab.goto(page.url)
    tab.wait_for_selector("body.-first-byte")
    shows(tab, "dev", "42 from a browser")
    answer = tab.goto(link)
    assert answer is not None
    assert answer.status == 403
    assert "used already" in tab.inner_text("body")
    tab.close()

    page.bring_to_front()
    page.keyboard.press("q")
    page.wait_for_selector("text=The dashboard has ended")
    with page.expect_navigation():  # until then the page is that of the dashboard that has ended
        page.click("text=Open it again")
    page.wait_for_selector("body.-first-byte")
    shows(page, "dev", "42 from a browser")
    assert len(workspace.qemu_processes()) == 1
    assert errors == []
    assert asked == {urlsplit(link).netloc}


def test_the_link_works_from_a_page_of_somebody_elses(
    page: Page, server: subprocess.Popen[str], link: str, tmp_path: Path
) -> None:
    """Coming from there, a browser keeps strict cookies back on the way through redirections."""
    elsewhere = tmp_path / "elsewhere.html"
    elsewhere.write_text(f'<a href="{link}">in</a>')
    page.goto(elsewhere.as_uri())
    page.click("a")
    page.wait_for_selector("body.-first-byte")
    shows(page, "No VMs here yet.")
    server.terminate()
    page.click("text=Open it again")
    page.wait_for_selector("text=serve has ended, too")
    assert server.wait(SECONDS) == 0  # before the fixture sends another signal, which does not wait


def test_a_screenshot_taken_in_the_dashboard_is_downloaded(page: Page, link: str, tmp_path: Path) -> None:
    page.goto(link)
    page.wait_for_selector("body.-first-byte")
    shows(page, "No VMs here yet.")
    page.keyboard.press("Control+p")
    shows(page, "Search for commands")
    page.keyboard.type("screenshot")
    shows(page, "Save an SVG")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    path = tmp_path / "saved.svg"
    download.value.save_as(path)
    assert "<svg" in path.read_text()
