# SPDX-License-Identifier: MIT
"""What happens to tasks while the daemon is away: killed, stopped, or replaced."""
import os
import shutil
import signal
import time
import unittest
from pathlib import Path

import ledger as ledgers
from fault_case import BINARY, LONG, Bansuri, FaultCase, Process, wait_until, wall

HELD_UP = 30 if LONG else 5  # seconds
STUBBORN = "trap '' TERM; " + ledgers.endless("while :; do sleep 0.1; done")


class DaemonAway(FaultCase):
    def waits_for(self, name):
        """A command's words that wait for a file."""
        return f"while [ ! -e {self.path(name)} ]; do sleep 0.02; done"

    def let_go(self, name):
        self.path(name).touch()

    def stop_daemon(self, bansuri):
        """It sees nothing more until it is continued or killed."""
        pid = bansuri.daemon()
        os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: Process.stat(pid)[0] == "T", "stopped")
        return pid

    def gone(self, pid):
        wait_until(lambda: not Process.alive(pid), f"{pid} has ended")

    def test_given_tasks_that_end_while_it_is_away_then_the_next_one_learns_how(self):
        self.add("code", body=self.waits_for("go"), code=41)
        self.add("good", body=self.waits_for("go"))
        self.add("segv", command=ledgers.killed_by("SEGV").replace("kill", self.waits_for("go")
                                                                   + "; kill"))
        bansuri = self.launch()
        starts = [self.wait_starts(name)[0] for name in ("code", "good", "segv")]
        self.stop_daemon(bansuri)
        self.let_go("go")
        for start in starts:
            self.gone(start.pid)
        self.replace_daemon(bansuri)
        wait_until(lambda: all(a.outcome for a in self.history().attempts), "all are recorded")
        ends = {name: self.attempts_of(name) for name in ("code", "good", "segv")}
        self.assertEqual([[a.outcome for a in ends[name]] for name in ends],
                         [["FAILED"], ["SUCCESS"], ["FAILED"]])
        self.assertEqual((ends["code"][0].code, ends["good"][0].code), (41, 0))
        self.assertEqual((ends["segv"][0].code, ends["segv"][0].signal), (None, signal.SIGSEGV))
        self.end_well(bansuri)

    def test_given_output_of_that_time_then_it_is_kept_whole(self):
        self.add("chatty", body="echo before; echo before >&2; " + self.waits_for("go")
                 + "; for n in 1 2 3; do echo out $n; echo error $n >&2; done; printf no-newline")
        bansuri = self.launch()
        start = self.wait_starts("chatty")[0]
        self.stop_daemon(bansuri)
        self.let_go("go")
        self.gone(start.pid)
        self.replace_daemon(bansuri)
        wait_until(lambda: all(a.outcome for a in self.history().attempts), "it is recorded")
        done = self.call("logs", "chatty", "--run", str(start.run), "--state", str(self.state))
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = (done.stdout + "\n" + done.stderr).split("\n")
        for expected in ("before", "out 1", "out 2", "out 3", "no-newline"):
            self.assertEqual(done.stdout.splitlines().count(expected), 1 + (expected == "before"
                             and "before" not in done.stderr.splitlines()), done)
        for number in (1, 2, 3):
            self.assertEqual(lines.count(f"error {number}"), 1, done)
        self.end_well(bansuri)

    def test_given_a_time_limit_that_expires_while_it_is_away_then_the_task_is_ended_at_once(self):
        self.add("late", command=ledgers.endless(), timeout=1.5)
        self.add("stubborn", command=STUBBORN, timeout=1.5, kill_grace=0.5)
        bansuri = self.launch()
        starts = [self.wait_starts(name)[0] for name in ("late", "stubborn")]
        self.stop_daemon(bansuri)
        due = max(start.uptime for start in starts) + 2
        wait_until(lambda: time.clock_gettime(time.CLOCK_BOOTTIME) > due, "the limit is over")
        self.assertTrue(all(Process.alive(start.pid) for start in starts))
        self.replace_daemon(bansuri)
        back = time.clock_gettime(time.CLOCK_BOOTTIME)
        self.gone(starts[0].pid)
        self.assertLess(time.clock_gettime(time.CLOCK_BOOTTIME) - back, 2)
        self.gone(starts[1].pid)
        wait_until(lambda: all(a.outcome for a in self.history().attempts), "both are recorded")
        for start in starts:
            self.assertEqual([a.outcome for a in self.attempts_of(start.task)], ["TIMEOUT"])
        self.end_well(bansuri)

    def test_given_a_time_limit_then_the_next_daemon_knows_how_much_of_it_is_left(self):
        self.add("limited", command=ledgers.endless(), timeout=3)
        bansuri = self.launch()
        start = self.wait_starts("limited")[0]
        self.replace_daemon(bansuri)
        self.replace_daemon(bansuri)
        self.gone(start.pid)
        lived = time.clock_gettime(time.CLOCK_BOOTTIME) - start.uptime
        self.assertTrue(2.9 < lived < 5, lived)
        wait_until(lambda: self.attempts_of("limited")[0].outcome, "its end is recorded")
        self.assertEqual(self.attempts_of("limited")[0].outcome, "TIMEOUT")
        self.end_well(bansuri)

    def test_given_a_kill_grace_that_began_then_it_ends_although_the_daemon_was_killed(self):
        self.add("stubborn", command=STUBBORN, timeout=0.5, kill_grace=1.5)
        bansuri = self.launch()
        start = self.wait_starts("stubborn")[0]
        wait_until(lambda: time.clock_gettime(time.CLOCK_BOOTTIME) > start.uptime + 1, "told")
        self.replace_daemon(bansuri)
        self.gone(start.pid)
        lived = time.clock_gettime(time.CLOCK_BOOTTIME) - start.uptime
        self.assertTrue(1.9 < lived < 5, lived)
        wait_until(lambda: self.attempts_of("stubborn")[0].outcome, "recorded")
        self.assertEqual(self.attempts_of("stubborn")[0].outcome, "TIMEOUT")
        self.end_well(bansuri)

    def test_given_retries_then_they_are_counted_on(self):
        self.add("retry", body="[ $BANSURI_ATTEMPT -ne 2 ] || " + self.waits_for("go"),
                 code="$((BANSURI_ATTEMPT < 4))", on_fail="restart", times=4, restart_delay=0.1)
        bansuri = self.launch()
        self.wait_starts("retry", 2)
        self.replace_daemon(bansuri)
        self.let_go("go")
        self.wait_end("retry", 4)
        wait_until(lambda: self.run_of("retry").outcome, "the run has ended")
        self.assertEqual(self.run_of("retry").outcome, "SUCCESS")
        self.assertEqual([a.number for a in self.attempts_of("retry")], [1, 2, 3, 4])
        self.end_well(bansuri)

    def test_given_a_pause_before_a_retry_then_the_next_daemon_keeps_to_it(self):
        self.add("retry", code="$((BANSURI_ATTEMPT < 2))", on_fail="restart", times=2,
                 restart_delay=3)
        bansuri = self.launch()
        first = self.wait_starts("retry")[0]
        wait_until(lambda: any(a.outcome for a in self.attempts_of("retry")),
                   "the first attempt is recorded")
        self.replace_daemon(bansuri)
        second = self.wait_starts("retry", 2)[1]
        self.assertTrue(2.9 < second.uptime - first.uptime < 6, (first, second))
        self.wait_end("retry", 2)
        self.end_well(bansuri)

    def test_given_a_daemon_that_is_held_up_then_there_is_no_burst_and_nothing_is_forgotten(self):
        for number in range(10):
            self.add(f"tick-{number}", timer=1)
            self.add_cron(f"cron-{number}", 1)
        self.add("chatty", timer=2,
                 body="n=0; while [ $n -lt 20000 ]; do n=$((n + 1)); echo \"line $n\"; done")
        bansuri = self.launch()
        self.wait_starts("tick-0", 2)
        pid = self.stop_daemon(bansuri)
        before = len(self.ledger().starts)
        time.sleep(HELD_UP)  # what is to be shown is that nothing happens
        # What the keeper had been asked for already was started, an instant's worth at most.
        self.assertLessEqual(len(self.ledger().starts), before + len(self.tasks))
        continued = wall()
        os.kill(pid, signal.SIGCONT)
        self.wait_starts("tick-0", 3, after=continued)
        self.wait_starts("cron-0", 3, after=continued)
        self.assertEqual(bansuri.daemon(), pid)
        self.end_well(bansuri)
        for name in self.plans:
            if name == "chatty":
                continue
            away = range(continued - (HELD_UP - 1) * 1_000_000, continued - 500_000)
            missed = [start for start in self.ledger().of(name) if start.scheduled in away]
            self.assertLessEqual(len(missed), 2, f"a burst of {name}")
            skipped = sum(run.count for run in self.history().skips(name))
            self.assertGreaterEqual(skipped, HELD_UP - 3, name)

    def test_given_timers_then_they_stay_in_cadence_and_once_tasks_do_not_run_again(self):
        self.add("tick", timer=1)
        self.add("slow-tick", timer=5)
        self.add("once", plan={"is_once": True})
        self.add("failed", code=3, plan={"is_once": True})
        self.add("reboot", schedule_cron="@reboot", plan={"is_once": True})
        bansuri = self.launch()
        grid = self.wait_starts("slow-tick")[0].scheduled
        for name in ("once", "failed", "reboot"):
            self.wait_end(name)
        wait_until(lambda: all(self.run_of(name).outcome for name in ("once", "failed", "reboot")),
                   "the once-tasks are recorded")
        for _ in range(3):
            self.replace_daemon(bansuri)
            self.wait_starts("tick", 1, after=wall())
        self.wait_starts("slow-tick", 2)
        for name, interval in (("tick", 1_000_000), ("slow-tick", 5_000_000)):
            for start in self.ledger().of(name):
                off = (start.scheduled - grid + interval // 2) % interval - interval // 2
                self.assertLess(abs(off), 100_000, start)
        self.end_well(bansuri)

    def test_given_a_shutdown_while_the_daemon_is_being_restarted_then_it_ends_all_the_same(self):
        for _ in range(5):
            self.again()
            self.add("sleeper", command=ledgers.endless())
            self.add("tick", timer=0.2)
            bansuri = self.launch()
            sleeper = self.wait_starts("sleeper")[0]
            self.kill_daemon(bansuri)
            time.sleep(self.random.uniform(0, 0.3))  # the instant is the experiment
            bansuri.signal(signal.SIGTERM)
            self.assertEqual(bansuri.wait(), 0, bansuri.err.all()[-10:])
            self.assertFalse(Process.alive(sleeper.pid))
            self.assert_no_violations()
            self.assertEqual([a.outcome for a in self.attempts_of("sleeper")], ["STOPPED"])

    def test_given_a_new_binary_when_the_daemon_is_restarted_then_tasks_keep_their_pids(self):
        binary = self.path("bansuri")
        shutil.copy(BINARY, binary)
        self.add("sleeper", command=ledgers.endless())
        self.add("ends", body=self.waits_for("go"), code=7)
        self.add("tick", timer=0.5)
        self.configure(*self.tasks)
        bansuri = Bansuri([str(binary), "run", "--log-format", "json", "--state", str(self.state)],
                          cwd=self.directory, env=self.environment)
        self._started.append(bansuri)
        sleeper, ends = self.wait_starts("sleeper")[0], self.wait_starts("ends")[0]
        before = bansuri.daemon()
        # As a package manager does it: the running file is not written, its name gets another.
        new = self.path("bansuri.new")
        shutil.copy(BINARY, new)
        inode = new.stat().st_ino
        new.rename(binary)
        self.assertEqual(self.call("restart-daemon", "--state", str(self.state)).returncode, 0)
        after = self.daemon(bansuri, unlike=before)
        wait_until(lambda: os.stat(f"/proc/{after}/exe").st_ino == inode, "it is the new binary")
        self.assertTrue(bansuri.runs())
        self.let_go("go")
        self.wait_end("ends")
        self.wait_starts("tick", 2, after=wall())
        self.assertTrue(Process.alive(sleeper.pid) and sleeper.pid != ends.pid)
        self.assertEqual(len(self.ledger().of("sleeper")), 1)
        wait_until(lambda: self.run_of("ends").outcome, "its end is recorded")
        self.assertEqual(self.attempts_of("ends")[0].code, 7)
        self.end_well(bansuri)

    def test_given_a_new_binary_that_cannot_take_over_then_the_old_one_goes_on_until_the_next(self):
        binary = self.path("bansuri")
        shutil.copy(BINARY, binary)
        self.expected_death = "going back to the program that ran before"
        self.add("sleeper", command=ledgers.endless())
        self.add("tick", timer=0.5)
        self.configure(*self.tasks)
        bansuri = Bansuri([str(binary), "run", "--log-format", "json", "--state", str(self.state)],
                          cwd=self.directory, env=self.environment)
        self._started.append(bansuri)
        self.wait_starts("sleeper")
        good = self.path("bansuri.good")
        shutil.copy(BINARY, good)
        # It greets the keeper as any daemon does, and dies on what it finds.
        Path(self.script("bansuri.bad", f"#!/bin/sh\nshift $#\nexec {good} run "
                                        "--state /dev/null/state\n")).rename(binary)
        self.call("restart-daemon", "--state", str(self.state))
        bansuri.err.wait("before it could work; going back to the program that ran before")
        self.wait_starts("tick", 2, after=wall())
        before = bansuri.daemon()
        inode = good.stat().st_ino
        good.rename(binary)
        self.assertEqual(self.call("restart-daemon", "--state", str(self.state)).returncode, 0)
        after = self.daemon(bansuri, unlike=before)
        wait_until(lambda: os.stat(f"/proc/{after}/exe").st_ino == inode, "it is the new binary")
        self.assertEqual(len(self.ledger().of("sleeper")), 1)
        self.wait_starts("tick", 2, after=wall())
        self.end_well(bansuri)


if __name__ == "__main__":
    unittest.main()
