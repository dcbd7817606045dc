"""Runs a command that must not outlive who asked for it. A script; see `isoloss.training.calls`.

    python guard.py COMMAND WORD...

Standard input is a pipe that the asking process holds open. When it closes, because that process
was killed, the command and all that it started end too: kindly at first, after some seconds by
force. The guard ends as the command did.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

GRACE_SECONDS = 10.0
NOT_STARTED = 127


def main(words: list[str]) -> int:
    """Run the command; returns its exit code."""
    try:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL)
    except OSError as error:
        print(f"{words[0]} cannot be started ({error.strerror or error}).", flush=True)
        return NOT_STARTED
    # What is sent to all of the group is meant for the command.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_when_alone, daemon=True).start()
    code = process.wait()
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


def _end_when_alone() -> None:
    while os.read(0, 1):
        continue
    os.killpg(0, signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
