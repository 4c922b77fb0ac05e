# SPDX-License-Identifier: MIT
"""The keeper is killed, or both: what lives is adopted by the next bansuri, the rest is LOST."""
import os
import signal
import unittest

import ledger as ledgers
from fault_case import FaultCase, Process, wait_until, wall


class KeeperKilled(FaultCase):
    lost = {"may_be_lost": True}

    def waits_for(self, name):
        return f"while [ ! -e {self.path(name)} ]; do sleep 0.02; done"

    def reap(self, pid):
        """What a dead keeper leaves comes to us; a real machine has an init that does this."""
        wait_until(lambda: not Process.alive(pid), f"{pid} has ended")
        try:
            os.waitpid(pid, 0)
        except ChildProcessError:
            pass

    def ways_to_die(self):
        """One round each: the keeper alone (its daemon follows), and both without a word."""
        yield self.kill_keeper
        self.again()
        yield self.kill_both

    def wait_settled(self, *names):
        wait_until(lambda: all(self.history().of(name) and self.history().of(name)[0].outcome
                               for name in names), lambda: f"ends of {names}: {self.history()}")

    def test_when_it_starts_again_then_what_lives_is_adopted_and_ended_well(self):
        for die in self.ways_to_die():
            self.add("sleeper", command=ledgers.endless(), plan=self.lost)
            self.add_cron("cron", 1, plan=self.lost)
            bansuri = self.launch()
            sleeper = self.wait_starts("sleeper")[0]
            self.wait_starts("cron", 2)
            self.wait_recorded("sleeper")
            die(bansuri)
            self.assertTrue(Process.alive(sleeper.pid))
            bansuri = self.launch()
            self.wait_starts("cron", 2, after=wall())
            self.assertTrue(Process.alive(sleeper.pid))
            self.assertEqual(len(self.ledger().of("sleeper")), 1)
            status = self.ask("status", "sleeper")["tasks"][0]
            self.assertEqual((status["state"], [run["pid"] for run in status["runs"]]),
                             ("RUNNING", [sleeper.pid]))
            self.assertEqual(bansuri.end(), 0)
            self.assertFalse(Process.alive(sleeper.pid))
            self.assertEqual([a.outcome for a in self.attempts_of("sleeper")], ["STOPPED"])
            self.assert_no_violations()

    def test_given_tasks_that_ended_while_nobody_looked_then_they_are_no_success(self):
        for die in self.ways_to_die():
            self.add("good", body=self.waits_for("go"), plan=self.lost)
            self.add("bad", body=self.waits_for("go"), code=41, plan=self.lost)
            # Nobody waits for it: a zombie that has its pid and its start time, but no life. The
            # kernel still tells how it ended, to those who may look.
            self.add("zombie", body=self.waits_for("go"), code=41, plan=self.lost)
            bansuri = self.launch()
            starts = {name: self.wait_starts(name)[0] for name in ("good", "bad", "zombie")}
            self.wait_recorded(*starts)
            die(bansuri)
            self.path("go").touch()
            self.reap(starts["good"].pid)
            self.reap(starts["bad"].pid)
            wait_until(lambda: not Process.alive(starts["zombie"].pid), "it has ended")
            bansuri = self.launch()
            # Each is due once more, because Bansuri was started anew; what was lost stays lost.
            for name in ("good", "bad"):
                self.wait_starts(name, 2)
            self.wait_settled(*starts)
            for name in ("good", "bad"):
                self.assertEqual(self.history().of(name)[0].outcome, "LOST", name)
            zombie = self.attempts_of("zombie")[0]
            self.assertIn((zombie.outcome, zombie.code), [("LOST", None), ("FAILED", 41)])
            self.reap(starts["zombie"].pid)
            self.end_well(bansuri)
            self.path("go").unlink()

    def test_given_on_lost_restart_then_the_run_is_made_again_and_without_it_it_is_not(self):
        for die in self.ways_to_die():
            self.add("again", command=ledgers.endless(), on_lost="restart", plan=self.lost)
            self.add("not-again", command=ledgers.endless(), plan=self.lost)
            bansuri = self.launch()
            starts = [self.wait_starts(name)[0] for name in ("again", "not-again")]
            self.wait_recorded("again", "not-again")
            die(bansuri)
            for start in starts:
                os.kill(start.pid, signal.SIGKILL)
                self.reap(start.pid)
            bansuri = self.launch()
            self.wait_starts("again", 2)
            self.wait_settled("not-again")
            self.end_well(bansuri)
            first = {name: [a.outcome for a in self.history().attempts_of(self.run_of(name))]
                     for name in self.plans}
            self.assertEqual(first, {"again": ["LOST", "STOPPED"], "not-again": ["LOST"]})

    def test_given_a_once_task_that_was_lost_then_the_new_start_is_an_instant_of_its_own(self):
        for die in self.ways_to_die():
            self.add("service", command=ledgers.endless(), plan=self.lost)
            bansuri = self.launch()
            start = self.wait_starts("service")[0]
            self.wait_recorded("service")
            die(bansuri)
            os.kill(start.pid, signal.SIGKILL)
            self.reap(start.pid)
            bansuri = self.launch()
            self.wait_starts("service", 2)
            self.end_well(bansuri)
            self.assertEqual([run.outcome for run in self.history().of("service")],
                             ["LOST", "STOPPED"])

    def test_given_a_task_that_is_just_being_started_then_its_end_is_not_guessed(self):
        # The ledger may have its start before the daemon has been told that it has started.
        for die in self.ways_to_die():
            for number in range(10):
                self.add(f"quick-{number}", body="sleep 0.3", plan=self.lost)
            bansuri = self.launch()
            wait_until(lambda: self.ledger().starts, "the first has started")
            die(bansuri)
            bansuri = self.launch()
            wait_until(lambda: len(self.ledger().ends) >= len(self.ledger().starts) >= 10,
                       lambda: f"all have ended: {self.ledger()}")
            self.wait_settled(*self.plans)
            self.end_well(bansuri)

    def test_given_an_adopted_task_that_ends_then_its_end_is_the_true_one_or_lost(self):
        # The parent, who learns an exit code, is dead. Since Linux 6.15 a pidfd tells it too.
        for die in self.ways_to_die():
            self.add("ends", body=self.waits_for("go"), code=7, plan=self.lost)
            bansuri = self.launch()
            start = self.wait_starts("ends")[0]
            self.wait_recorded("ends")
            die(bansuri)
            bansuri = self.launch()
            wait_until(lambda: bansuri.events("configuration"), "it has started")
            self.path("go").touch()
            self.reap(start.pid)
            self.wait_settled("ends")
            attempt = self.attempts_of("ends")[0]
            self.assertIn((attempt.outcome, attempt.code), [("LOST", None), ("FAILED", 7)])
            self.end_well(bansuri)

    def test_given_an_adopted_task_when_its_time_is_up_then_it_is_ended(self):
        for die in self.ways_to_die():
            self.add("limited", command=ledgers.endless(), timeout=3, plan=self.lost)
            bansuri = self.launch()
            start = self.wait_starts("limited")[0]
            self.wait_recorded("limited")
            die(bansuri)
            bansuri = self.launch()
            wait_until(lambda: not Process.alive(start.pid), "its time is up")
            self.wait_settled("limited")
            self.assertEqual([run.outcome for run in self.history().of("limited")], ["TIMEOUT"])
            self.end_well(bansuri)

    def test_given_a_keeper_that_cannot_hold_them_all_then_no_living_one_is_called_lost(self):
        for number in range(30):
            self.add(f"sleeper-{number}", command=ledgers.endless(), plan=self.lost,
                     stdout="ignore", stderr="ignore")
        bansuri = self.launch()
        for name in self.plans:
            self.wait_starts(name)
        self.wait_recorded(*self.plans)
        self.kill_both(bansuri)
        self.expected_death = "the daemon ended with code 1, unasked; restarting it in"
        # Of these it keeps 64 free.
        narrow = self.launch(wrapper=("prlimit", "--nofile=90:90"))
        narrow.err.wait("adopt process .*Too many open files", nth=2)
        narrow.popen.kill()
        narrow.popen.wait()
        bansuri = self.launch()
        bansuri.wait_event("configuration")
        self.assertEqual({task["state"] for task in self.ask("status")["tasks"]}, {"RUNNING"})
        self.assertEqual(len(self.ledger().starts), 30)
        self.end_well(bansuri)

    def test_given_instants_of_that_time_then_catch_up_decides_about_each(self):
        for name in ("none", "latest", "all"):
            self.add_cron(name, 2, plan=self.lost, catch_up=name)
        bansuri = self.launch()
        for name in self.plans:
            self.wait_starts(name, 1)
        self.kill_both(bansuri)
        died = wall()
        # Shortly after an instant, so that it has started well before the next one.
        wait_until(lambda: wall() > died + 7_000_000 and 100_000 < wall() % 2_000_000 < 500_000,
                   "some instants have passed")
        back = wall()
        bansuri = self.launch()
        for name in self.plans:
            self.wait_starts(name, 2, after=back)
        self.end_well(bansuri)

        instants = range(died // 2_000_000 * 2_000_000 + 2_000_000, back, 2_000_000)
        ran = {name: [start.scheduled for start in self.ledger().of(name)
                      if start.scheduled in instants] for name in self.plans}
        # A little late is not missed: without catching up, the last one runs all the same.
        self.assertEqual(ran, {"none": [instants[-1]], "latest": [instants[-1]],
                               "all": list(instants)})


if __name__ == "__main__":
    unittest.main()
