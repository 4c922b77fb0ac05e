# SPDX-License-Identifier: MIT
"""What really happened, told by the tasks themselves.

Each task of the fault tests appends one line to a file when it starts and one when it ends. A line
is one write to a file that is open for appending, so that lines of many processes never mix. The
ledger owes nothing to Bansuri: what it says is matched with what Bansuri recorded (accounting.py).

    start RUN ATTEMPT TASK SCHEDULED PID UPTIME
    end RUN ATTEMPT TASK CODE
"""
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

# /proc/uptime is read by the shell itself: a process less for each line.
_START = ("read -r up idle </proc/uptime; "
          "printf 'start %s %s %s %s %s %s\\n' \"$BANSURI_RUN_ID\" \"$BANSURI_ATTEMPT\" "
          "\"$BANSURI_TASK\" \"$BANSURI_SCHEDULED_AT\" \"$$\" \"$up\" >>\"$LEDGER\"")
_END = ("printf 'end %s %s %s %s\\n' \"$BANSURI_RUN_ID\" \"$BANSURI_ATTEMPT\" \"$BANSURI_TASK\" "
        "\"$code\" >>\"$LEDGER\"; exit \"$code\"")

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def microseconds(text):
    """Of an RFC 3339 time in UTC, since 1970."""
    span = datetime.fromisoformat(text.replace("Z", "+00:00")) - EPOCH
    return (span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds


@dataclass(frozen=True)
class Start:
    order: int  # of the line in the file
    run: int
    attempt: int
    task: str
    scheduled: int  # microseconds since 1970
    pid: int
    uptime: float  # seconds since boot

    @property
    def key(self):
        return self.run, self.attempt

    def __str__(self):
        return f"{self.task}: run {self.run}, attempt {self.attempt}, pid {self.pid}"


@dataclass(frozen=True)
class End:
    order: int
    run: int
    attempt: int
    task: str
    code: int

    @property
    def key(self):
        return self.run, self.attempt


@dataclass
class Ledger:
    starts: list = field(default_factory=list)
    ends: list = field(default_factory=list)
    unreadable: list = field(default_factory=list)
    # What has to be added to an uptime to make it a time since 1970, in seconds.
    boot: float = 0.0

    @staticmethod
    def parse(text, boot=0.0):
        ledger = Ledger(boot=boot)
        for order, line in enumerate(text.splitlines()):
            word, *rest = line.split(" ")
            try:
                if word == "start":
                    run, attempt, task, scheduled, pid, uptime = rest
                    ledger.starts.append(Start(order, int(run), int(attempt), task,
                                               microseconds(scheduled), int(pid), float(uptime)))
                elif word == "end":
                    run, attempt, task, code = rest
                    ledger.ends.append(End(order, int(run), int(attempt), task, int(code)))
                else:
                    ledger.unreadable.append(line)
            except ValueError:
                ledger.unreadable.append(line)
        if text and not text.endswith("\n"):
            ledger.unreadable.append("the last line has no end")
        return ledger

    @staticmethod
    def read(path):
        try:
            text = Path(path).read_text(errors="backslashreplace")
        except FileNotFoundError:
            text = ""
        return Ledger.parse(text, time.time() - time.clock_gettime(time.CLOCK_BOOTTIME))

    def of(self, task):
        return [start for start in self.starts if start.task == task]


def command(body="", code=0):
    """A command that tells the ledger that it starts, does `body`, tells that it ends, and ends.

    `code` may be any word of the shell, "$((RANDOM))" or "$BANSURI_ATTEMPT"."""
    return f"{_START}; {body + '; ' if body else ''}code={code}; {_END}"


def endless(body="exec sleep 1000000"):
    """A command that tells that it starts and never ends by itself. Its pid stays the leader's."""
    return f"{_START}; {body}"


def killed_by(signal_name):
    """A command that ends by a signal of its own; the ledger sees no end."""
    return f"{_START}; kill -s {signal_name} $$"
