"""Progress: plain lines, or a bar on a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from polyest.cli import progress


def test_plain_lines_elsewhere_than_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 1000, 2))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(progress, "EVERY", 5.0)
    assert list(progress.track(range(7), "work", 7)) == list(range(7))
    captured = capsys.readouterr()
    assert captured.err.splitlines()[0] == "work: 3/7"
    assert captured.out == ""


@pytest.mark.slow
@pytest.mark.parametrize("with_tqdm", [True, False])
def test_a_bar_on_a_terminal(with_tqdm: bool) -> None:
    """In a pseudo-terminal, with tqdm and with tqdm blocked."""
    pty, termios = pytest.importorskip("pty"), pytest.importorskip("termios")
    block = "" if with_tqdm else "import sys; sys.modules['tqdm'] = None\n"
    program = (
        f"{block}import time\nfrom polyest.cli import progress\nprogress.EVERY = 0.1\n"
        "for i in progress.track(range(4), 'work', 4):\n    time.sleep(0.3)\n    progress.say(f'item {i}')\n"
    )
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 80))
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=slave, text=True)
    os.close(slave)
    shown = b""
    while chunk := _read(master):
        shown += chunk
    out, _ = process.communicate()
    os.close(master)
    assert out.split("\n")[:4] == [f"item {i}" for i in range(4)]
    assert (b"it/s" in shown or b"s/it" in shown) == with_tqdm
    assert (b"work: 1/4" in shown) == (not with_tqdm)


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1024)
    except OSError:
        return b""  # the other side is closed
