# SPDX-License-Identifier: MIT
"""What Bansuri recorded, read from its database and from nothing else.

Behind Bansuri's back on purpose: the promises are about what is on the disk, and a reader of its
own would hide a mistake of the writer. All knowledge of tables and columns is in this file.
"""
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Run:
    id: int
    task: str
    instant: int  # microseconds since 1970; of SKIPPED the first
    origin: str = "schedule"
    ended_at: int | None = None
    outcome: str | None = None
    reason: str = ""
    last_instant: int | None = None  # of SKIPPED
    count: int = 0  # of SKIPPED
    at_least: bool = False

    @property
    def skipped(self):
        return self.outcome == "SKIPPED"

    def __str__(self):
        return f"{self.task}: run {self.id}"


@dataclass
class Attempt:
    run: int
    number: int
    pid: int = 0  # 0: it never started
    started_at: int | None = None
    ended_at: int | None = None
    outcome: str | None = None
    code: int | None = None  # of an exit
    signal: int | None = None
    reason: str = ""

    @property
    def key(self):
        return self.run, self.number


@dataclass
class History:
    runs: list
    attempts: list

    def of(self, task):
        """Its runs, without what was skipped, oldest first."""
        return [run for run in self.runs if run.task == task and not run.skipped]

    def skips(self, task):
        return [run for run in self.runs if run.task == task and run.skipped]

    def attempts_of(self, run):
        return [attempt for attempt in self.attempts if attempt.run == run.id]


DATABASE = "bansuri.db"

_RUNS = """SELECT run.id, task.name, run.instant, run.origin, run.ended_at, run.outcome,
    coalesce(run.reason, ''), run.last_instant, coalesce(run.skipped_count, 0),
    coalesce(run.at_least, 0)
    FROM run LEFT JOIN task ON task.id = run.task ORDER BY run.instant, run.id"""
_ATTEMPTS = """SELECT run, number, coalesce(pid, 0), started_at, ended_at, outcome, status_kind,
    status_number, coalesce(reason, '') FROM attempt ORDER BY run, number"""


def connect(database):
    """Read-only. What a killed daemon left in the write-ahead log is seen too."""
    return closing(sqlite3.connect(f"file:{Path(database)}?mode=ro", uri=True, timeout=30))


def read_history(database):
    with connect(database) as connection:
        # One transaction: of a database that is being written, one moment is seen.
        connection.execute("BEGIN")
        runs = [Run(*row[:9], at_least=bool(row[9])) for row in connection.execute(_RUNS)]
        attempts = []
        for *row, kind, number, reason in connection.execute(_ATTEMPTS):
            attempts.append(Attempt(*row, code=number if kind == "exited" else None,
                                    signal=number if kind not in ("exited", None) else None,
                                    reason=reason))
    return History(runs, attempts)


def integrity(database):
    """What SQLite says of the file: "ok", or what is wrong with it."""
    try:
        with connect(database) as connection:
            return "\n".join(row[0] for row in connection.execute("PRAGMA integrity_check"))
    except sqlite3.DatabaseError as error:
        return str(error)
