# SPDX-License-Identifier: MIT
"""A notifier that misbehaves, which no task may notice: SPEC section 7."""
import time
import unittest
from datetime import datetime

from harness import SANITIZERS, EndToEnd, Process, cgroup_v2, task, wait_until


class Notifier(EndToEnd):
    def failing(self, notify_command, *tasks, arguments=()):
        self.configure(task("bad", "echo said; exit 1", notify="mail"),
                       task("beat", "echo beat", timer="200ms", on_fail="continue"),
                       *tasks, notify_command=notify_command)
        return self.start(*arguments)

    def notifiers(self):
        """The shells that run notify_command."""
        return [pid for pid in self.left_behind()
                if b"BANSURI_OUTCOME=" in Process.environment(pid)
                and Process.stat(pid)[3] == str(pid)]

    def test_given_one_that_hangs_then_tasks_run_on_time_and_bansuri_can_end(self):
        bansuri = self.failing("touch hangs; " + self.forever)
        self.wait_file("hangs")
        seen = len(bansuri.out.matching("beat"))
        bansuri.out.wait("beat", nth=seen + 5)
        began = time.monotonic()
        self.assertEqual(bansuri.end(), 0)
        self.assertLess(time.monotonic() - began, 15)
        self.assertEqual(self.left_behind(), [])

    def test_given_many_that_hang_then_four_run_a_hundred_wait_and_the_rest_is_dropped_aloud(self):
        bansuri = self.failing("echo >> hanging; " + self.forever,
                               *(task(f"b{i}", "exit 1", notify="mail") for i in range(149)))
        bansuri.wait_event("notification", nth=46)
        wait_until(lambda: len(self.read("hanging")) == 4, "four that hang")
        self.assertEqual(len(self.notifiers()), 4)
        seen = len(bansuri.out.matching("beat"))
        bansuri.out.wait("beat", nth=seen + 5)
        dropped = bansuri.events("notification")
        self.assertEqual(len(dropped), 46)
        for event in dropped:
            self.assertRegex(event["message"], r"^b(ad|\d+): notification dropped: 100 are waiting")
        self.assertEqual(bansuri.end(), 0)
        self.assertEqual(self.left_behind(), [])

    def test_given_one_that_hangs_and_two_signals_then_bansuri_ends_at_once(self):
        bansuri = self.failing("touch hangs; trap '' TERM; " + self.forever)
        self.wait_file("hangs")
        bansuri.signal()
        bansuri.wait_event("shutdown")
        bansuri.signal()
        self.assertEqual(bansuri.wait(20), 0)
        self.assertEqual(self.left_behind(), [])

    def test_given_one_that_floods_then_its_end_is_told_and_nothing_grows(self):
        bansuri = self.failing("head -c 200M /dev/zero; echo last words >&2; exit 9")
        told = bansuri.wait_event("notification")
        self.assertRegex(told["message"], r"bad: notify_command: exit code 9.*last words$")
        self.assertLess(len(told["message"]), 8192)
        if not SANITIZERS:
            memory = int(Process.status(bansuri.daemon())["VmHWM"].split()[0])
            self.assertLess(memory, 64 << 10)
        bansuri.out.wait("beat", nth=2)

    def test_given_one_that_fails_is_missing_or_killed_then_it_is_logged_with_what_it_said(self):
        for command, told in (("echo why >&2; exit 3", "notify_command: exit code 3: why"),
                              ("no-such-program", "notify_command: exit code 127: .*no-such-pro"),
                              ("kill -9 $$", r"notify_command: signal 9 \(SIGKILL\)"),
                              ("if", "notify_command: exit code 2: .*[Ss]yntax error")):
            with self.subTest(command):
                bansuri = self.failing(command)
                self.assertRegex(bansuri.wait_event("notification")["message"], "^bad: " + told)
                bansuri.out.wait("beat", nth=2)
                self.assertEqual(bansuri.end(), 0)

    def test_given_one_that_does_not_read_then_nothing_is_amiss(self):
        self.configure(task("bad", "seq 100000; exit 1", notify="mail"),
                       notify_command="exec <&-; sleep 0.1; touch done")
        bansuri = self.start()
        self.wait_file("done")
        self.assertEqual(bansuri.end(), 0)
        self.assertEqual(bansuri.events("notification"), [])

    def expect_ended_with_it(self, *containment):
        bansuri = self.failing(f"{self.forever} & setsid {self.forever} & sleep 0.2; touch done",
                               arguments=containment)
        self.wait_file("done")
        try:
            wait_until(lambda: not [pid for pid in self.left_behind()
                                    if self.number.encode() in Process.command_line(pid)],
                       "ended", patience=5)
            self.assertTrue(bansuri.runs())
        finally:
            bansuri.end()
            self.kill_left_behind()

    @unittest.skipUnless(cgroup_v2(), "no cgroup v2 that can be written")
    def test_given_cgroups_and_one_that_leaves_processes_then_they_are_ended_with_it(self):
        self.expect_ended_with_it()

    def test_given_no_cgroups_and_one_that_leaves_processes_then_they_are_ended_with_it(self):
        self.expect_ended_with_it("--no-cgroups")

    def test_given_one_that_takes_longer_than_30_seconds_then_it_is_ended_and_that_is_logged(self):
        bansuri = self.failing("trap '' TERM; " + self.forever)
        told = bansuri.wait_event("notification", patience=80)
        self.assertRegex(told["message"], "ran longer than 30s and was ended")
        began, ended = (datetime.fromisoformat(event["time"].replace("Z", "+00:00"))
                        for event in (bansuri.events("attempt-ended", task="bad")[0], told))
        self.assertGreaterEqual((ended - began).total_seconds(), 29.9)
        self.assertEqual(self.notifiers(), [])
        self.assertGreater(len(bansuri.events("attempt-ended", task="beat")), 50)


if __name__ == "__main__":
    unittest.main()
