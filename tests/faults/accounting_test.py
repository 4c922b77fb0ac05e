# SPDX-License-Identifier: MIT
"""The checker finds what it is there to find: each test plants one violation in a sound account."""
import sqlite3
import subprocess
import tempfile
import unittest
from contextlib import closing
from pathlib import Path

import ledger as ledgers
from accounting import Plan, Span, deaths, output_violations, violations
from history import Attempt, History, Run, integrity, read_history
from ledger import Ledger, microseconds

SECOND = 1_000_000
BEGIN = 1_800_000_000 * SECOND
PLANS = (Plan("cron", cron=2), Plan("tick", timer=1), Plan("retry"), Plan("once", is_once=True),
         Plan("lost", may_be_lost=True))
WHOLE = Span(BEGIN, BEGIN + 7 * SECOND)


class Account:
    """A ledger and a history that agree, until something is planted."""

    def __init__(self):
        self.lines = []
        self.history = History([], [])
        self.next_id = 1
        for number in range(5):
            self.run("cron", BEGIN + 2 * number * SECOND)
            self.run("tick", BEGIN + 250_000 + number * SECOND + number * 7)
        self.run("once", BEGIN)
        self.run("retry", BEGIN, codes=(1, 1, 0))
        self.skip("cron", BEGIN + 10 * SECOND, 3)
        self.run("cron", BEGIN + 16 * SECOND)

    def run(self, task, instant, codes=(0,)):
        run = Run(self.next_id, task, instant, ended_at=instant + 500_000)
        self.next_id += 1
        for number, code in enumerate(codes, start=1):
            outcome = "FAILED" if code else "SUCCESS"
            pid = 1000 * run.id + number
            self.lines.append(f"start {run.id} {number} {task} {self.written(instant)} {pid} "
                              f"{instant / SECOND:.2f}")
            self.lines.append(f"end {run.id} {number} {task} {code}")
            self.history.attempts.append(
                Attempt(run.id, number, pid, started_at=instant + number * 1000,
                        ended_at=instant + number * 1000 + 500, outcome=outcome, code=code))
            run.outcome = outcome
        self.history.runs.append(run)
        return run

    def skip(self, task, first, count, period=2 * SECOND):
        run = Run(self.next_id, task, first, ended_at=first, outcome="SKIPPED", reason="missed",
                  last_instant=first + (count - 1) * period, count=count)
        self.next_id += 1
        self.history.runs.append(run)
        return run

    @staticmethod
    def written(instant):
        return (ledgers.EPOCH + ledgers.datetime.resolution * instant).isoformat()

    def ledger(self):
        return Ledger.parse("".join(line + "\n" for line in self.lines), boot=1e-9)

    def found(self, alive=(), span=WHOLE, plans=PLANS):
        return violations(self.ledger(), self.history, plans, span, alive)

    # What to plant in

    def runs_of(self, task):
        return [run for run in self.history.runs if run.task == task and not run.skipped]

    def attempts_of(self, task):
        ids = {run.id for run in self.runs_of(task)}
        return [attempt for attempt in self.history.attempts if attempt.run in ids]

    def line(self, word, run, attempt=1):
        return next(i for i, line in enumerate(self.lines)
                    if line.startswith(f"{word} {run.id} {attempt} "))


class PlantedViolations(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.account = Account()

    def expect(self, *patterns, **found):
        violated = self.account.found(**found)
        self.assertEqual(len(violated), len(patterns), violated)
        for sentence, pattern in zip(violated, patterns):
            self.assertRegex(sentence, pattern)

    def test_a_sound_account_has_none(self):
        self.expect()
        with self.assertRaises(TypeError):  # nobody may forget to say what is to be there
            violations(self.account.ledger(), self.account.history, PLANS)

    # I1: every process has one record, every record ends

    def test_a_process_without_a_run(self):
        run = self.account.runs_of("retry")[0]
        self.account.history.runs.remove(run)
        history = self.account.history
        history.attempts = [a for a in history.attempts if a.run != run.id]
        self.expect(*["no such run"] * 3)

    def test_a_process_without_an_attempt(self):
        self.account.history.attempts.remove(self.account.attempts_of("retry")[1])
        self.expect("no such attempt", r"its attempts are \[1, 3\]")

    def test_a_record_of_another_process(self):
        self.account.attempts_of("cron")[0].pid += 1
        self.expect("recorded with pid")

    def test_a_record_of_another_task(self):
        self.account.runs_of("retry")[0].task = "cron"
        self.assertIn("recorded as a run of cron", " ".join(self.account.found()))

    def test_a_record_for_another_instant(self):
        self.account.runs_of("retry")[0].instant += SECOND
        self.expect(*["started for"] * 3)

    def test_a_record_without_a_process(self):
        run = self.account.runs_of("once")[0]
        del self.account.lines[self.account.line("start", run)]
        del self.account.lines[self.account.line("end", run)]
        self.expect("no process told that it started", "told no end")

    def test_an_attempt_without_a_run(self):
        self.account.history.attempts.append(Attempt(99, 1, 5, 1, 2, "STOPPED", signal=15))
        self.expect("an attempt without a run")

    def test_a_process_that_could_not_be_started(self):
        run = self.account.run("retry", BEGIN + SECOND, codes=(1,))
        del self.account.lines[-2:]
        attempt = self.account.attempts_of("retry")[-1]
        attempt.pid, attempt.code, attempt.reason = 0, None, "fork: Resource unavailable"
        self.expect("never started: fork")
        plans = [Plan("retry", may_not_start=True) if p.name == "retry" else p for p in PLANS]
        self.expect(plans=plans)
        self.assertEqual(run.outcome, "FAILED")

    def test_a_record_without_an_end(self):
        run, attempt = self.account.runs_of("once")[0], self.account.attempts_of("once")[0]
        attempt.outcome = attempt.ended_at = attempt.code = run.outcome = run.ended_at = None
        self.expect("attempt 1.* has no end", "once: .* has no end")
        # Unless its process lives.
        del self.account.lines[self.account.line("end", run)]
        self.expect(alive=[attempt.pid])

    def test_a_run_that_goes_on_without_a_process(self):
        run = self.account.runs_of("retry")[0]
        run.outcome = run.ended_at = None
        self.expect("retry: .* has no end")

    def test_a_record_that_ended_and_its_process_lives(self):
        run, attempt = self.account.runs_of("once")[0], self.account.attempts_of("once")[0]
        del self.account.lines[self.account.line("end", run)]
        run.outcome = attempt.outcome = "STOPPED"
        attempt.code, attempt.signal = None, 9
        self.expect(f"pid {attempt.pid} lives", alive=[attempt.pid])

    def test_attempts_that_do_not_count_from_one(self):
        for attempt in self.account.attempts_of("retry"):
            attempt.number += 1
        self.assertIn("its attempts are [2, 3, 4]", " ".join(self.account.found()))

    def test_a_run_that_ended_otherwise_than_its_last_attempt(self):
        self.account.runs_of("retry")[0].outcome = "FAILED"
        self.expect("FAILED, and its last attempt SUCCESS")

    def test_a_success_without_an_attempt(self):
        self.account.history.runs.append(
            Run(90, "retry", BEGIN + SECOND, ended_at=BEGIN, outcome="SUCCESS"))
        self.expect("SUCCESS without an attempt")

    # What is recorded as the end

    def test_a_success_that_nobody_saw(self):
        run = self.account.runs_of("once")[0]
        del self.account.lines[self.account.line("end", run)]
        self.expect("SUCCESS with code 0, and the process told no end")

    def test_a_success_without_an_exit_status(self):
        self.account.attempts_of("once")[0].code = None
        self.expect("SUCCESS without an exit status")

    def test_another_exit_code(self):
        self.account.attempts_of("retry")[0].code = 2
        self.expect("FAILED with code 2, and the process told 1")

    def test_a_signal_that_did_not_end_it(self):
        attempt = self.account.attempts_of("retry")[0]
        attempt.code, attempt.signal = None, 11
        self.expect("by signal 11, and the process told code 1")

    def test_a_loss_where_somebody_saw_the_end(self):
        run, attempt = self.account.runs_of("once")[0], self.account.attempts_of("once")[0]
        run.outcome, attempt.outcome, attempt.code = "LOST", "LOST", None
        self.expect("LOST, although the keeper saw its end")
        run.task = "lost"
        self.account.lines = [line.replace(" once ", " lost ") for line in self.account.lines]
        self.expect("a once-task has 0 runs")

    def test_a_start_that_was_never_recorded_is_no_violation_where_both_may_die(self):
        run, attempt = self.account.runs_of("once")[0], self.account.attempts_of("once")[0]
        run.outcome, attempt.outcome, attempt.code, attempt.pid = "LOST", "LOST", None, 0
        self.expect("recorded with pid 0", "although the keeper saw its end")
        self.expect(plans=[p for p in PLANS if p.name != "once"]
                    + [Plan("once", may_be_lost=True)])

    def test_an_end_before_the_start(self):
        run = self.account.runs_of("once")[0]
        start, end = self.account.line("start", run), self.account.line("end", run)
        lines = self.account.lines
        lines[start], lines[end] = lines[end], lines[start]
        self.expect("ended before it started")

    def test_two_ends(self):
        self.account.lines.append(self.account.lines[self.account.line(
            "end", self.account.runs_of("once")[0])])
        self.expect("ended twice")

    # I2: an instant runs once

    def test_an_attempt_that_was_started_twice(self):
        run = self.account.runs_of("once")[0]
        self.account.lines.append(self.account.lines[self.account.line("start", run)])
        self.expect("started twice")

    def test_two_runs_of_one_instant(self):
        self.account.run("retry", BEGIN)
        self.expect("2 runs were started for", "2 records of")

    def test_a_once_task_that_ran_again(self):
        self.account.run("once", BEGIN + SECOND)
        self.expect("a once-task has 2 runs")

    def test_an_instant_that_ran_and_was_skipped(self):
        self.account.skip("cron", BEGIN + 4 * SECOND, 2)
        self.expect("2 records of", *["accounted for twice"] * 2)

    # I3: no instant without a word

    def test_an_instant_of_cron_that_was_forgotten(self):
        run = self.account.runs_of("cron")[2]
        self.forget(run)
        self.expect(r"cron: nothing is recorded between .* 4\.0 s apart")

    def test_an_instant_of_a_timer_that_was_forgotten(self):
        self.forget(self.account.runs_of("tick")[2])
        self.expect("tick: nothing is recorded between")

    def test_a_timer_that_begins_anew(self):
        self.account.run("tick", BEGIN + 4 * SECOND + 600_000)
        self.expect(r"tick: .* 0\.349\d+ s apart")

    def test_instants_that_are_not_those_of_the_schedule(self):
        self.account.run("cron", BEGIN + 17 * SECOND)
        self.expect("is not one of its instants", r" 1\.0 s apart")

    def test_a_record_of_skipped_instants_that_counts_wrong(self):
        self.account.history.runs[-2].count = 2
        self.assertTrue(self.account.history.runs[-2].skipped)
        self.expect("a record of 2 skipped instants spans 3")

    def test_a_skip_without_a_reason(self):
        self.account.history.runs[-2].reason = ""
        self.expect("skipped without a reason")

    def test_a_skip_with_attempts(self):
        skip = self.account.history.runs[-2]
        self.account.history.attempts.append(Attempt(skip.id, 1, 9, 1, 2, "STOPPED", signal=9))
        self.expect("skipped, and has attempts")

    def test_a_schedule_that_begins_late_or_falls_silent(self):
        self.expect("cron: the first instant comes", "tick: the first instant",
                    span=Span(BEGIN - 60 * SECOND, BEGIN + 5 * SECOND))
        self.expect("cron: the last instant is", "tick: the last instant",
                    span=Span(BEGIN, BEGIN + 60 * SECOND))
        self.expect("idle: nothing is recorded at all", plans=(*PLANS, Plan("idle", timer=1)),
                    span=Span(BEGIN, BEGIN + 5 * SECOND))

    def test_a_history_whose_oldest_part_has_gone_is_judged_by_its_end(self):
        self.expect(span=Span(None, BEGIN + 7 * SECOND))
        self.expect("cron: the last instant is", "tick: the last instant",
                    span=Span(None, BEGIN + 60 * SECOND))

    def test_a_task_that_came_later_is_not_late(self):
        early = Span(BEGIN - 60 * SECOND, BEGIN + 5 * SECOND)
        plans = [Plan("cron", cron=2, since=BEGIN), Plan("tick", timer=1, since=BEGIN)]
        plans += [plan for plan in PLANS if plan.name not in ("cron", "tick")]
        self.expect(span=early, plans=plans)

    def test_a_start_before_its_instant(self):
        at = self.account.line("start", self.account.runs_of("once")[0])
        *words, uptime = self.account.lines[at].split()
        self.account.lines[at] = " ".join([*words, f"{float(uptime) - 1:.2f}"])
        self.expect(r"started 1\.000 s before its instant")

    # I6: never two at once

    def test_two_processes_of_a_task_at_once(self):
        first, second = self.account.runs_of("cron")[:2]
        end = self.account.lines.pop(self.account.line("end", first))
        self.account.lines.insert(self.account.line("start", second) + 1, end)
        self.expect(f"runs {first.id} and {second.id} were alive at once")
        plans = [Plan("cron", cron=2, may_overlap=True) if p.name == "cron" else p for p in PLANS]
        self.expect(plans=plans)

    def test_a_killed_process_and_the_next_at_once(self):
        first, second = self.account.runs_of("cron")[:2]
        del self.account.lines[self.account.line("end", first)]
        attempt = self.account.attempts_of("cron")[0]
        first.outcome = attempt.outcome = "TIMEOUT"
        attempt.code, attempt.signal = None, 9
        self.expect()
        attempt.ended_at = self.account.attempts_of("cron")[1].started_at + 1
        self.expect(f"runs {first.id} and {second.id} were alive at once")

    # The daemon itself

    def test_a_daemon_that_ended_by_itself(self):
        said = ["the daemon was killed by signal 9 (SIGKILL)", "the daemon ended with code 1, unasked",
                "the daemon was killed by signal 11 (SIGSEGV); 3 tasks run on", "ended"]
        self.assertEqual(deaths(said), said[1:3])

    # The ledger itself

    def test_a_line_that_no_task_writes(self):
        self.account.lines += ["start 1 1 cron", "hello", "end x 1 cron 0"]
        self.expect(*["no task writes"] * 3)
        self.assertEqual(Ledger.parse("hello").unreadable,
                         ["hello", "the last line has no end"])

    def forget(self, run):
        self.account.history.runs.remove(run)
        history = self.account.history
        history.attempts = [a for a in history.attempts if a.run != run.id]
        self.account.lines = [line for line in self.account.lines
                              if line.split()[1] != str(run.id)]


class Output(unittest.TestCase):
    def test_what_is_missing_or_misplaced_is_found(self):
        whole = "".join(f"line {number}\n" for number in range(1, 6))
        self.assertEqual(list(output_violations(whole, 5, True)), [])
        self.assertEqual(list(output_violations(whole, 9, False)), [])
        self.assertEqual(list(output_violations(whole, 9, True)), ["5 lines of 9 were kept"])
        self.assertEqual(list(output_violations(whole.replace("line 3\n", ""), 5, True)),
                         ["line 3 is 'line 4'"])
        self.assertEqual(list(output_violations(whole.replace("3", "2"), 5, True)),
                         ["line 3 is 'line 2'"])


class TheCommands(unittest.TestCase):
    """The lines that the tasks write are those that the ledger reads."""

    def write(self, command):
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "ledger"
            environment = {"LEDGER": str(path), "BANSURI_RUN_ID": "7", "BANSURI_ATTEMPT": "2",
                           "BANSURI_TASK": "a.b", "BANSURI_SCHEDULED_AT":
                           "2026-03-29T01:00:00.250001Z", "PATH": "/usr/bin:/bin"}
            process = subprocess.Popen(["/bin/sh", "-c", command], env=environment)
            code = process.wait(30)
            return code, process.pid, Ledger.read(path)

    def test_start_and_end(self):
        code, pid, ledger = self.write(ledgers.command("x=1", code="3"))
        self.assertEqual((code, ledger.unreadable), (3, []))
        start, end = ledger.starts[0], ledger.ends[0]
        self.assertEqual((start.key, start.task, start.pid), ((7, 2), "a.b", pid))
        self.assertEqual(start.scheduled, microseconds("2026-03-29T01:00:00.250001Z"))
        self.assertEqual((end.key, end.task, end.code), ((7, 2), "a.b", 3))

    def test_an_end_by_a_signal(self):
        code, _, ledger = self.write(ledgers.killed_by("SEGV"))
        self.assertEqual((code, len(ledger.starts), ledger.ends), (-11, 1, []))

    def test_a_code_that_depends_on_the_attempt(self):
        self.assertEqual(self.write(ledgers.command(code='$((BANSURI_ATTEMPT + 5))'))[0], 7)


class ReadingTheDatabase(unittest.TestCase):
    def test_an_account_that_was_written_is_read(self):
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "bansuri.db"
            with closing(sqlite3.connect(path)) as database:
                # The columns that history.py asks for.
                database.executescript("""
                    CREATE TABLE task (id INTEGER PRIMARY KEY, name TEXT);
                    CREATE TABLE run (id INTEGER PRIMARY KEY, task, instant, origin, ended_at,
                        outcome, reason, last_instant, skipped_count, at_least);
                    CREATE TABLE attempt (run, number, pid, started_at, ended_at, outcome,
                        status_kind, status_number, reason);
                    INSERT INTO task VALUES (4, 'a');
                    INSERT INTO run VALUES
                        (1, 4, 10, 'schedule', 12, 'FAILED', NULL, NULL, NULL, NULL),
                        (2, 4, 20, 'schedule', 20, 'SKIPPED', 'missed', 40, 3, 0);
                    INSERT INTO attempt VALUES (1, 1, 99, 11, 12, 'FAILED', 'exited', 3, NULL),
                        (1, 2, 98, 12, 13, 'FAILED', 'signalled', 9, 'x');""")
                database.commit()
            history = read_history(path)
            self.assertEqual(integrity(path), "ok")
            self.assertEqual([str(run) for run in history.of("a")], ["a: run 1"])
            self.assertEqual(history.skips("a"), [Run(
                2, "a", 20, ended_at=20, outcome="SKIPPED", reason="missed", last_instant=40,
                count=3)])
            self.assertEqual(history.attempts_of(history.runs[0]), [
                Attempt(1, 1, 99, 11, 12, "FAILED", code=3),
                Attempt(1, 2, 98, 12, 13, "FAILED", signal=9, reason="x")])
            with open(path, "r+b") as damaged:
                damaged.seek(path.stat().st_size - 4096)
                damaged.write(bytes(2048))
            self.assertNotEqual(integrity(path), "ok")


if __name__ == "__main__":
    unittest.main()
