"""A real Chromium, driven over a pipe by the DevTools protocol: the standard library is enough for it."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--no-first-run",
    "--remote-debugging-pipe",
]
PATIENCE_S = 60.0
# Chromium reads commands from file 3 and writes answers to file 4.
LAUNCH = """
import os, sys
given, taken = int(sys.argv[1]), int(sys.argv[2])
os.dup2(given, 100); os.dup2(taken, 101); os.dup2(100, 3); os.dup2(101, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


def find() -> str | None:
    """Where Chromium is, if it is installed."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """Chromium for the length of a block."""
    path = find()
    assert path is not None
    read_command, write_command = os.pipe()
    read_answer, write_answer = os.pipe()
    # Its last files may still be written while the folder is removed.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        launcher = [sys.executable, "-c", LAUNCH, str(read_command), str(write_answer)]
        process = subprocess.Popen(
            [*launcher, path, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(read_command, write_answer),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(read_command)
        os.close(write_answer)
        try:
            yield Browser(read_answer, write_command)
        finally:
            os.close(write_command)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=5)
            process.kill()
            process.wait()
            os.close(read_answer)


class Browser:
    """The browser's end of the pipe; messages are JSON, each ended by a zero byte."""

    def __init__(self, answers: int, commands: int) -> None:
        self._answers = answers
        self._commands = commands
        self._buffer = b""
        self._count = 0
        self.events: list[dict[str, Any]] = []

    def call(self, method: str, session: str = "", **parameters: object) -> dict[str, Any]:
        """The result of a command; events that come before it are kept."""
        self._count += 1
        command = {"id": self._count, "method": method, "params": parameters}
        raw = json.dumps(command | ({"sessionId": session} if session else {})).encode() + b"\0"
        while raw:
            raw = raw[os.write(self._commands, raw) :]
        while (message := self._next()).get("id") != self._count:
            self.events.append(message)
        assert "error" not in message, (method, message)
        result: dict[str, Any] = message["result"]
        return result

    def _next(self) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE_S
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._answers], [], [], max(end - time.monotonic(), 0.0))
            part = os.read(self._answers, 1 << 20) if ready else b""
            assert part, "the browser says nothing any more"
            self._buffer += part
        raw, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(raw)
        return message

    def open(self, url: str, *, width: int = 1280, height: int = 900, is_dark: bool = False) -> Page:
        """A new page of this size that shows the address."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session, target)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.call(f"{domain}.enable")
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        page.call("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        page.call("Emulation.setEmulatedMedia", features=[scheme])
        page.call("Page.navigate", url=url)
        return page


class Page:
    """One tab."""

    def __init__(self, owner: Browser, session: str, target: str) -> None:
        self._owner = owner
        self._session = session
        self._target = target

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        return self._owner.call(method, self._session, **parameters)

    def run(self, script: str) -> Any:
        """The value of an expression in the page; promises are awaited."""
        done = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def wait(self, condition: str) -> None:
        """Returns when the expression has become true."""
        script = f"""new Promise((found, lost) => {{
            const end = Date.now() + {PATIENCE_S * 500};
            const look = () => {{
                let is = false;
                try {{ is = {condition}; }} catch {{ /* the page is still being built */ }}
                if (is) found(true);
                else if (Date.now() > end) lost(new Error("never true"));
                else setTimeout(look, 20);
            }};
            look(); }})"""
        assert self.run(script) is True, condition

    def press(self, key: str, code: int) -> None:
        """A key goes down and up where the focus is."""
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **text)

    def screenshot(self, path: Path) -> None:
        """The whole page as a PNG."""
        shown = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shown["data"]))

    def mistakes(self) -> list[str]:
        """What the page's scripts threw and what the console complains about."""
        self.run("1")
        return [text for event in self._mine() if (text := _complaint(event))]

    def addresses(self) -> list[str]:
        """Every address that was asked for."""
        asked = [event for event in self._mine() if event.get("method") == "Network.requestWillBeSent"]
        return [event["params"]["request"]["url"] for event in asked]

    def _mine(self) -> list[dict[str, Any]]:
        return [event for event in self._owner.events if event.get("sessionId") == self._session]

    def close(self) -> None:
        self._owner.call("Target.closeTarget", targetId=self._target)


def _complaint(event: dict[str, Any]) -> str:
    parameters = event.get("params", {})
    if event.get("method") == "Runtime.exceptionThrown":
        return str(parameters["exceptionDetails"])
    if event.get("method") == "Log.entryAdded" and parameters["entry"]["level"] in {"warning", "error"}:
        return f"{parameters['entry']['text']} {parameters['entry'].get('url', '')}"
    is_error = event.get("method") == "Runtime.consoleAPICalled" and parameters["type"] in {"error", "warning"}
    return str(parameters["args"]) if is_error else ""
