# SPDX-License-Identifier: MIT
"""What every fault test stands on: a bansuri with a state directory, a ledger, and a judge.

The end-to-end tests' harness does the starting, waiting and tidying. A test that fails keeps its
directory, with ledger, state and log, and says where.
"""
import json
import os
import random
import select
import shutil
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))

from harness import (BINARY, PATIENCE, SANITIZERS, Bansuri, EndToEnd, Process,  # noqa: E402, F401
                     task, wait_until)

import ledger as ledgers  # noqa: E402
from accounting import Plan, Span, deaths, violations  # noqa: E402
from history import DATABASE, integrity, read_history  # noqa: E402
from ledger import Ledger  # noqa: E402

LONG = bool(os.environ.get("BANSURI_FAULT_LONG"))
SEED = int(os.environ.get("BANSURI_FAULT_SEED") or random.SystemRandom().randrange(10**6))
# The named places at which a build for tests can be told to crash.
HAS_CRASH_POINTS = b"BANSURI_FAIL\0" in Path(BINARY).read_bytes()


def wall():
    """Microseconds since 1970."""
    return time.time_ns() // 1000


class FaultCase(EndToEnd):
    def setUp(self):
        super().setUp()
        self.state = self.path("state")
        self.database = self.state / DATABASE
        self.ledger_path = self.path("ledger")
        self.plans = {}
        self.tasks = []
        self.random = random.Random(SEED)
        self.begun = None  # when a bansuri was first launched
        self.expected_death = None  # a part of what the keeper says of it

    def run(self, result=None):
        result = result or self.defaultTestResult()
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if not hasattr(self, "directory"):
            return result
        if len(result.failures) + len(result.errors) == before:
            shutil.rmtree(self.directory, ignore_errors=True)
        else:
            for number, bansuri in enumerate(self._started):
                if bansuri.err:
                    self.path(f"log.{number}").write_text("\n".join(bansuri.err.all()) + "\n")
            print(f"{self.id()}: seed {SEED}; ledger, state and log are kept in {self.directory}",
                  file=sys.stderr, flush=True)
        return result

    def remove_directory(self):
        """Later, and only if nothing has failed."""

    def again(self):
        """For another round of a test: everything anew."""
        self.doCleanups()
        shutil.rmtree(self.directory, ignore_errors=True)
        self.setUp()

    # Tasks that tell the ledger

    def add(self, name, body="", code=0, plan=(), command=None, **keys):
        """A task of the ledger. `plan` is what the judge knows of it, `command` the whole line."""
        keys.setdefault("on_fail", "continue")
        if "timer" not in keys and "schedule_cron" not in keys:
            keys.pop("on_fail") if keys["on_fail"] == "continue" else None
        told = dict(plan)
        if isinstance(keys.get("timer"), (int, float)):
            told.setdefault("timer", keys["timer"])
        self.tasks.append(task(name, command or ledgers.command(body, code),
                               environment={"LEDGER": str(self.ledger_path)}, **keys))
        self.plans[name] = Plan(name, since=wall(), **told)

    def add_cron(self, name, seconds, body="", code=0, plan=(), **keys):
        """Each `seconds`, which must divide a minute."""
        self.add(name, body, code, {"cron": seconds, **dict(plan)},
                 schedule_cron=f"*/{seconds} * * * * *", **keys)

    # Bansuri

    def launch(self, *arguments, crash=None, **keys):
        """Starts bansuri on the tasks that were added."""
        if not self.path("scripts.json").exists():
            self.configure(*self.tasks)
        self.begun = self.begun or wall()
        environment = {"BANSURI_FAIL": crash} if crash else {}
        environment.update(keys.pop("environment", {}))
        return self.start("--state", str(self.state), *arguments, environment=environment, **keys)

    def ask(self, *arguments, code=0):
        """The answer of a command of the client, as JSON."""
        done = self.call(*arguments, "--json", "--state", str(self.state))
        self.assertEqual(done.returncode, code, done.stderr)
        return json.loads(done.stdout) if done.stdout.strip() else None

    def daemon(self, bansuri, unlike=None):
        """The pid of the daemon, once it is another than `unlike`."""
        return wait_until(lambda: (pid := bansuri.daemon()) != unlike and pid,
                          lambda: f"another daemon than {unlike}; "
                                  + "\n".join(bansuri.err.all()[-20:]))

    def kill_daemon(self, bansuri):
        """By SIGKILL; the pid that it had."""
        pid = bansuri.daemon()
        Process.kill(pid)
        return pid

    def replace_daemon(self, bansuri):
        """Kills the daemon, and waits until the next one has taken over."""
        ready = len(bansuri.events("configuration"))
        before = self.kill_daemon(bansuri)
        bansuri.wait_event("configuration", nth=ready + 1)
        return self.daemon(bansuri, unlike=before)

    def kill_both(self, bansuri):
        """Neither of the two sees the other die."""
        daemon = bansuri.daemon()
        os.kill(daemon, signal.SIGSTOP)
        bansuri.popen.kill()
        bansuri.popen.wait()
        Process.kill(daemon)

    def kill_keeper(self, bansuri):
        """Returns when the daemon has gone too: it is of no use without a keeper."""
        daemon = os.pidfd_open(bansuri.daemon())
        bansuri.popen.kill()
        bansuri.popen.wait()
        # All of its threads: the first may have gone while another still holds the lock.
        ended, _, _ = select.select([daemon], [], [], PATIENCE)
        os.close(daemon)
        self.assertTrue(ended, "the daemon does not follow its keeper")

    # What happened

    def ledger(self):
        return Ledger.read(self.ledger_path)

    def wait_starts(self, name, count=1, after=0, patience=PATIENCE):
        """The starts of a task for instants later than `after`, once there are so many."""
        def look():
            found = [start for start in self.ledger().of(name) if start.scheduled > after]
            return found if len(found) >= count else None
        return wait_until(look, lambda: f"{count} starts of {name}, not {look()}", patience)

    def wait_end(self, name, nth=1):
        return wait_until(lambda: [end for end in self.ledger().ends if end.task == name][nth - 1:],
                          f"end {nth} of {name}")[0]

    def history(self):
        return read_history(self.database)

    def run_of(self, name, nth=1):
        return self.history().of(name)[nth - 1]

    def attempts_of(self, name):
        history = self.history()
        ids = {run.id for run in history.of(name)}
        return [attempt for attempt in history.attempts if attempt.run in ids]

    def span(self, slack=5_000_000):
        """From the first configuration that was in force until the last bansuri was asked to end,
        or now."""
        asked = [bansuri.asked_to_end for bansuri in self._started[-1:] if bansuri.asked_to_end]
        ready = [event for bansuri in self._started[:1] if bansuri.err
                 for event in bansuri.events("configuration", generation=1)]
        begun = ledgers.microseconds(ready[0]["time"]) if ready else self.begun
        return Span(begun, asked[0] if asked else wall(),
                    slack * (3 if SANITIZERS else 1))

    def assert_no_violations(self, span=None, alive=()):
        """The judge's word, and SQLite's. Without a span it is that of the whole test."""
        self.judge(self.ledger(), self.history(), span or self.span(), alive)

    def assert_no_violations_in_what_is_kept(self):
        """Where the oldest part of the history may have gone: from each task's oldest run on. Older
        records of skips are kept apart from runs, and have gaps between them by right."""
        ledger, history, oldest = self.ledger(), self.history(), {}
        for run in history.runs:
            if not run.skipped:
                oldest[run.task] = min(run.id, oldest.get(run.task, run.id))
        for lines in (ledger.starts, ledger.ends):
            lines[:] = [line for line in lines if line.run >= oldest.get(line.task, line.run)]
        history.runs[:] = [run for run in history.runs if run.id >= oldest.get(run.task, run.id)]
        span = self.span()
        self.judge(ledger, history, Span(None, span.end, span.slack))

    def judge(self, ledger, history, span, alive=()):
        found = violations(ledger, history, self.plans.values(), span, alive)
        found += [death for bansuri in self._started for death in self.deaths_of(bansuri)]
        if found:
            self.path("violations").write_text("\n".join(found) + "\n")
        self.assertEqual(len(found), 0, "\n".join(found[:40]))
        self.assertEqual(integrity(self.database), "ok")

    def wait_recorded(self, *names):
        """Until it is on the disk that each of these tasks has started: it can be found again."""
        wait_until(lambda: self.database.exists() and
                   all(any(a.pid for a in self.attempts_of(name)) for name in names),
                   lambda: f"recorded starts of {names}")

    def assert_no_bug(self, bansuri):
        """No daemon ended by itself or by a signal that nobody sent, and no exception escaped."""
        self.assertEqual(self.deaths_of(bansuri), [])
        self.assertEqual(bansuri.events("bug"), [])

    def deaths_of(self, bansuri):
        """Those of its daemons that nobody has brought about, without what the test expects."""
        return [death for death in deaths(bansuri.err.all())
                if not (self.expected_death and self.expected_death in death)]

    def end_well(self, bansuri, span=None, patience=PATIENCE):
        """Shuts down by SIGTERM; everything is accounted for then."""
        code = bansuri.end(patience)
        self.assert_no_bug(bansuri)
        self.assertEqual(code, 0, "\n".join(bansuri.err.all()[-20:]))
        self.assert_no_violations(span)
