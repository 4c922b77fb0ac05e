# SPDX-License-Identifier: MIT
"""The figures of docs/reliability.md: `./dev faults --measure`, on a release build.

Histories are written into the database directly, row by row as Bansuri writes them: to run a
million tasks would take a night. Prints a table, and one line of JSON.
"""
import json
import os
import platform
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))

from harness import BINARY, Bansuri, Process, wait_until  # noqa: E402

from history import DATABASE, connect  # noqa: E402
from ledger import microseconds  # noqa: E402

TASKS = 1000
KILLS, STARTS, QUESTIONS, PAIRS, LAUNCHES = 15, 5, 31, 7, 2000
# The one task that fires; the others have a history and nothing to do.
TICK = "tick"
SECOND = 1_000_000


def configuration():
    quiet = [{"name": f"task-{number}", "command": "true", "schedule-cron": "0 0 1 1 *",
              "on-fail": "continue"} for number in range(TASKS - 1)]
    tick = {"name": TICK, "command": "true", "timer": "20ms", "on-fail": "continue"}
    return json.dumps({"retention": {"days": 36_500, "runs": 1_000_000_000},
                       "scripts": [tick, *quiet]})


class Machine:
    """A state directory, and the bansuri on it."""

    def __init__(self, directory):
        self.directory = directory
        self.state = directory / "state"
        self.database = self.state / DATABASE
        (directory / "scripts.json").write_text(configuration())

    def start(self):
        # Its skipped instants are many, and nobody's concern here.
        with open(self.directory / "log", "ab") as log:
            return Bansuri([BINARY, "run", "--log-format", "json", "--log-level", "warn",
                            "--state", str(self.state)],
                           cwd=self.directory, stdout=subprocess.DEVNULL, stderr=log.fileno())

    def first_start_after(self, moment):
        """When the first process was started after `moment`; both in microseconds since 1970."""
        def look():
            if not self.database.exists():
                return None
            try:
                with connect(self.database) as database:
                    return database.execute(
                        "SELECT min(started_at) FROM (SELECT started_at FROM attempt WHERE "
                        "run > (SELECT max(id) - 5000 FROM run) AND started_at > ?)",
                        (moment,)).fetchone()[0]
            except sqlite3.OperationalError:
                return None
        return wait_until(look, "a process is started")

    def fill(self, runs):
        """A history of so many runs, spread over the tasks."""
        bansuri = self.start()
        self.first_start_after(0)
        if bansuri.end() != 0:
            raise SystemExit("bansuri did not end well")
        with closing(sqlite3.connect(self.database)) as database:
            tasks = [row[0] for row in database.execute("SELECT id FROM task WHERE name <> ?",
                                                        (TICK,))]
            first = database.execute("SELECT max(id) FROM run").fetchone()[0] + 1
            now = time.time_ns() // 1000

            def rows():
                for number in range(runs):
                    at = now - (runs - number) * 100_000
                    yield first + number, tasks[number % len(tasks)], at
            with database:
                database.executemany(
                    "INSERT INTO run (id, task, instant, origin, claimed_at, ended_at, outcome, "
                    "status_kind, status_number, core_dumped, elapsed, attempts) VALUES "
                    "(?1, ?2, ?3, 'schedule', ?3 + 100, ?3 + 9000, 'SUCCESS', 'exited', 0, 0, "
                    "8000, 1)", rows())
                database.execute(
                    "INSERT INTO attempt (run, number, pid, start_time, started_at, begun, "
                    "ended_at, outcome, status_kind, status_number, core_dumped, elapsed, "
                    "output_bytes) "
                    "SELECT id, 1, 1000 + id % 30000, id, claimed_at + 500, claimed_at, ended_at, "
                    "outcome, 'exited', 0, 0, elapsed, 0 FROM run WHERE id >= ?", (first,))
        return self.database.stat().st_size


def milliseconds(spans):
    return round(statistics.median(spans) / 1000, 1), round(max(spans) / 1000, 1)


def kill_to_firing(machine):
    bansuri = machine.start()
    machine.first_start_after(time.time_ns() // 1000)
    spans = []
    for _ in range(KILLS):
        before = time.time_ns() // 1000
        machine.first_start_after(before)
        daemon = bansuri.daemon()
        handle = os.pidfd_open(daemon)
        killed = time.time_ns() // 1000
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        os.close(handle)
        spans.append(machine.first_start_after(killed) - killed)
        wait_until(lambda gone=daemon: bansuri.daemon() != gone, "another daemon")
        # So long that the keeper takes the next death for a first one.
        time.sleep(2)
    bansuri.end()
    return spans


def starts(machine):
    spans, peaks, keepers = [], [], []
    for _ in range(STARTS):
        begun = time.time_ns() // 1000
        bansuri = machine.start()
        spans.append(machine.first_start_after(begun) - begun)
        daemon = bansuri.daemon()
        machine.first_start_after(time.time_ns() // 1000 + SECOND)
        peaks.append(int(Process.status(daemon)["VmHWM"].split()[0]))
        keepers.append(int(Process.status(bansuri.pid)["VmHWM"].split()[0]))
        bansuri.end()
    return spans, peaks, keepers


def answer_of(path, target):
    """The bytes of a whole answer of the daemon's interface."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n"
                           "Connection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(1 << 20), b""))
    if not answer.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"{target}: {answer[:200]!r}")
    return answer


def questions(machine):
    bansuri = machine.start()
    machine.first_start_after(time.time_ns() // 1000)
    asked = {"history": ("history",), "history of a task": ("history", "task-7"),
             "status": ("status",), "status of a task": ("status", "task-7"),
             "history --json": ("history", "--json"), "status --json": ("status", "--json")}
    answers = {}
    for name, words in asked.items():
        spans = []
        for _ in range(QUESTIONS):
            begun = time.monotonic_ns()
            subprocess.run([BINARY, *words, "--state", str(machine.state)], cwd=machine.directory,
                           stdout=subprocess.DEVNULL, check=True)
            spans.append((time.monotonic_ns() - begun) // 1000)
        answers[f"`{name}` then, the client's process included"] = spans
    for name in ("history", "status"):
        spans = []
        for _ in range(QUESTIONS):
            begun = time.monotonic_ns()
            answer_of(machine.state / "bansuri.sock", f"/api/v1/{name}")
            spans.append((time.monotonic_ns() - begun) // 1000)
        answers[f"`{name}` then, the daemon's answer alone"] = spans
    bansuri.end()
    return answers


def launches(directory, *arguments):
    """How many processes a second are started and ended, by the times in the log."""
    command = [BINARY, "--config", "launches.json", "--log-format", "json", *arguments]
    times = []
    with subprocess.Popen(command, cwd=directory, text=True, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE) as bansuri:
        for line in bansuri.stderr:
            event = json.loads(line)
            if event["event"] == "attempt-started" and not times:
                times.append(event["time"])
            elif event["event"] == "attempt-ended":
                times.append(event["time"])
                if len(times) > LAUNCHES:
                    bansuri.terminate()
    first, last = (microseconds(times[place]) for place in (0, -1))
    return LAUNCHES * SECOND / (last - first)


def cost_of_the_store(directory):
    """The launch rate with a history on the disk as a part of that without, pair by pair."""
    tasks = [{"name": f"task-{number}", "command": "/bin/true"} for number in range(LAUNCHES)]
    (directory / "launches.json").write_text(json.dumps({"scripts": tasks}))
    ratios = []
    for number in range(PAIRS):
        without = launches(directory, "--once")
        ratios.append(launches(directory, "--state", f"state-{number}") / without)
    return ratios


def main():
    figures = []

    def add(what, unit, median, worst, goal, count):
        figures.append({"figure": what, "unit": unit, "median": median, "worst": worst,
                        "goal": goal, "measurements": count})

    directory = Path(tempfile.mkdtemp(prefix="bansuri-measure-"))
    try:
        (directory / "small").mkdir()
        small = Machine(directory / "small")
        small.fill(100_000)
        spans = kill_to_firing(small)
        add("kill -9 of the daemon to firing again; 1 000 tasks, 100 000 runs", "ms",
            *milliseconds(spans), 300, len(spans))
        shutil.rmtree(small.directory)

        (directory / "large").mkdir()
        large = Machine(directory / "large")
        size = large.fill(1_000_000)
        spans, peaks, keepers = starts(large)
        add("start to first process; 1 000 tasks, 1 000 000 runs", "ms", *milliseconds(spans), 1000,
            len(spans))
        add("memory of the daemon then, at its peak", "MB",
            *(round(value * 1024 / 1e6, 1) for value in (statistics.median(peaks), max(peaks))), 80,
            len(peaks))
        add("memory of the keeper then, at its peak", "MB",
            *(round(value * 1024 / 1e6, 1) for value in (statistics.median(keepers), max(keepers))),
            None, len(keepers))
        for name, spans in questions(large).items():
            add(name, "ms", *milliseconds(spans), 20, len(spans))
        ratios = [round(ratio, 3) for ratio in cost_of_the_store(directory)]
        add("launch rate with the history, as a part of that without", "", statistics.median(ratios),
            min(ratios), 0.9, len(ratios))
    finally:
        shutil.rmtree(directory, ignore_errors=True)

    print("| figure | goal | median | worst | measurements |")
    print("| --- | --- | --- | --- | --- |")
    for figure in figures:
        relation = "≤" if figure["unit"] else "≥"
        goal = f"{relation} {figure['goal']} {figure['unit']}" if figure["goal"] else ""
        print(f"| {figure['figure']} | {goal} | {figure['median']} {figure['unit']} | "
              f"{figure['worst']} {figure['unit']} | {figure['measurements']} |")
    print(json.dumps({"kernel": platform.release(), "processors": os.cpu_count(),
                      "database_bytes": size, "figures": figures}))


if __name__ == "__main__":
    main()
