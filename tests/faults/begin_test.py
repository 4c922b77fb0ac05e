# SPDX-License-Identifier: MIT
"""How a daemon begins and ends: with a configuration that was not saved, changed, broken or emptied
meanwhile, and in the middle of a shutdown."""
import os
import signal
import unittest

import ledger as ledgers
from fault_case import FaultCase, Process, task, wait_until


class Begin(FaultCase):
    def setUp(self):
        super().setUp()
        self.add("sleeper", command=ledgers.endless(), plan={"is_once": True})

    def started(self):
        bansuri = self.launch()
        self.sleeper = self.wait_starts("sleeper")[0]
        return bansuri

    def reload_with(self, *more):
        self.configure(*self.tasks, *more)
        self.ask("reload")

    def problems(self):
        return {problem["component"] for problem in self.ask("status")["daemon"]["problems"]}

    def test_given_a_configuration_that_could_not_be_saved_then_its_tasks_live_on(self):
        bansuri = self.started()
        obstacle = self.state / "configuration.new"
        obstacle.mkdir()  # where the new one is written before it gets its name
        self.add("late", command=ledgers.endless(), plan={"is_once": True})
        self.reload_with()
        late = self.wait_starts("late")[0]
        wait_until(lambda: "saved configuration" in self.problems(), "it is said")
        self.replace_daemon(bansuri)
        status = wait_until(lambda: self.ask("status", "late")["tasks"], "the task")[0]
        self.assertEqual([run["pid"] for run in status["runs"]], [late.pid])
        self.assertEqual(len(self.ledger().of("late")), 1)
        obstacle.rmdir()
        wait_until(lambda: "saved configuration" not in self.problems(), "it is saved after all",
                   30)
        self.end_well(bansuri)

    def test_given_a_broken_file_and_one_that_was_not_saved_then_nothing_is_ended(self):
        bansuri = self.started()
        (self.state / "configuration.new").mkdir()
        self.add("late", command=ledgers.endless(), plan={"is_once": True})
        self.reload_with()
        late = self.wait_starts("late")[0]
        wait_until(lambda: "saved configuration" in self.problems(), "it is said")
        self.path("scripts.json").write_text("{ broken")
        self.replace_or_kill(bansuri)
        wait_until(lambda: "configuration" in self.problems(), "the file is refused")
        self.assertTrue(Process.alive(late.pid))
        self.assertTrue(Process.alive(self.sleeper.pid))
        self.assertEqual(bansuri.end(), 0)
        self.assertEqual([a.outcome for a in self.attempts_of("late")], ["STOPPED"])

    def replace_or_kill(self, bansuri):
        """As replace_daemon, with a file that cannot be read."""
        before = self.kill_daemon(bansuri)
        self.daemon(bansuri, unlike=before)
        wait_until(lambda: self.call("status", "--state", str(self.state)).returncode == 0,
                   "the next daemon answers")

    def test_given_a_broken_file_that_is_emptied_then_it_stays_refused(self):
        bansuri = self.started()
        self.path("scripts.json").write_text("{ broken")
        self.replace_or_kill(bansuri)
        wait_until(lambda: "configuration" in self.problems(), "the file is refused")
        self.path("scripts.json").write_text("")
        answer = self.call("reload", "--json", "--state", str(self.state))
        self.assertIn('"refused"', answer.stdout)
        self.assertIn("configuration", self.problems())
        self.assertEqual(bansuri.end(), 0)

    def test_given_a_change_while_the_daemon_begins_then_it_comes_into_force(self):
        bansuri = self.started()
        self.assertEqual(self.call("restart-daemon", "--state", str(self.state)).returncode, 0)
        before = self.kill_daemon(bansuri)
        self.daemon(bansuri, unlike=before)
        # With a little luck before it has had its answers of the keeper.
        os.kill(bansuri.pid, signal.SIGSTOP)
        try:
            self.add("late")
            self.configure(*self.tasks)
        finally:
            os.kill(bansuri.pid, signal.SIGCONT)
        self.wait_end("late")
        self.end_well(bansuri)

    def test_given_a_shutdown_that_was_asked_for_when_the_daemon_dies_then_the_next_one_ends(self):
        self.add("stubborn", command=ledgers.command("trap '' TERM; while :; do sleep 0.1; done"),
                 plan={"is_once": True}, stop_timeout="3s")
        bansuri = self.started()
        self.wait_starts("stubborn")
        asked = self.start_command("shutdown", "--state", str(self.state))
        wait_until(lambda: self.ask("status")["daemon"]["shutting_down"], "it shuts down")
        self.kill_daemon(bansuri)
        self.assertEqual(bansuri.wait(), 0)
        asked.wait()
        self.assert_no_violations()

    def test_given_a_message_under_way_when_a_daemon_that_took_over_ends_then_it_ends_well(self):
        self.script("notifier", "#!/bin/sh\ntouch notified\nexec sleep 300\n")
        self.configure(*self.tasks, task("bad", "exit 3", notify="command"),
                       notify_command="./notifier")
        bansuri = self.start("--state", str(self.state))
        self.wait_starts("sleeper")
        self.wait_file("notified")
        self.replace_daemon(bansuri)
        self.assertEqual(bansuri.end(), 0)
        self.assert_no_bug(bansuri)


if __name__ == "__main__":
    unittest.main()
