# SPDX-License-Identifier: MIT
"""Stop means gone, and what survives a leader that ends by itself: SPEC section 6.

Every test that ends without the daemon's leftovers being killed by name proves it a second time:
harness.py fails a test that left a process behind."""
import os
import signal
import unittest

from harness import CONTAINMENTS, EndToEnd, Process, cgroup_v2, task, wait_until

# Each of them tells that it is there by a file, and would live for years.
KINDS = {
    "plain": "exec {forever}",
    "ignores SIGTERM": "trap '' TERM; touch {ready}; while :; do sleep 0.1; done",
    "background child": "{forever} & touch {ready}; wait",
    "setsid": "setsid {forever} & touch {ready}; wait",
    "double fork": "(setsid sh -c '{forever} & touch {ready}; sleep 0.1' &); "
                   "while :; do sleep 0.1; done",
    "double fork that ignores SIGTERM": "(setsid sh -c 'trap \"\" TERM; touch {ready}; "
                                        "while :; do sleep 0.1; done' &); while :; do sleep 0.1; "
                                        "done",
    "stopped": "kill -STOP $$; touch never",
    "stopped child": "{forever} & kill -STOP $!; touch {ready}; wait",
    "its own group": "set -m; {forever} & touch {ready}; wait",
    "clean environment": "env -i sh -c '{forever} & touch {ready}; wait'",
}


class Ending(EndToEnd):
    def started(self, command, *arguments, **keys):
        """One that runs, and has done what it wanted to do."""
        self.path("ready").unlink(missing_ok=True)
        keys.setdefault("stop_timeout", "300ms")
        text = command.format(forever=self.forever, ready="ready")
        self.configure(task("a", text, **keys), task("other", "exec " + self.forever))
        bansuri = self.start(*arguments)
        pid = bansuri.wait_started("a")
        if "{ready}" in command:
            self.wait_file("ready")
        elif "STOP" in command:
            wait_until(lambda: (Process.stat(pid) or "Z")[0] == "T", "stopped")
        return bansuri

    def ours(self):
        return [pid for pid in self.left_behind()
                if b"BANSURI_TASK=other" not in Process.environment(pid)]

    def test_given_any_kind_of_process_when_it_is_stopped_then_all_are_gone(self):
        for containment in CONTAINMENTS:
            for kind, command in KINDS.items():
                with self.subTest(kind, containment=containment):
                    bansuri = self.started(command, *containment)
                    self.assertNotEqual(self.ours(), [])
                    self.configure(task("other", "exec " + self.forever))
                    ended = bansuri.wait_ended("a")
                    self.assertEqual(ended["outcome"], "STOPPED")
                    wait_until(lambda: not self.ours(), "gone")
                    self.assertTrue(Process.alive(bansuri.wait_started("other")))
                    self.assertEqual(bansuri.end(), 0)
                    self.wait_nothing_left()

    def test_given_any_kind_of_process_when_bansuri_ends_then_all_are_gone_before_it(self):
        for containment in CONTAINMENTS:
            for kind, command in KINDS.items():
                with self.subTest(kind, containment=containment):
                    bansuri = self.started(command, *containment)
                    self.assertEqual(bansuri.end(), 0)
                    self.assertEqual(self.left_behind(), [])

    def test_given_any_kind_of_process_when_its_time_is_over_then_all_are_gone(self):
        for containment in CONTAINMENTS:
            for kind, command in KINDS.items():
                with self.subTest(kind, containment=containment):
                    bansuri = self.started(command, *containment, timeout="400ms")
                    self.assertEqual(bansuri.wait_ended("a")["outcome"], "TIMEOUT")
                    wait_until(lambda: not self.ours(), "gone")
                    self.assertEqual(bansuri.end(), 0)

    def orphan_with_a_clean_environment(self, *containment):
        command = ("(setsid env -i sh -c '{forever} & touch {ready}; sleep 0.2' &); "
                   "while :; do sleep 0.1; done")
        bansuri = self.started(command, *containment)
        self.assertEqual(bansuri.end(), 0)
        left = self.left_behind()
        self.kill_left_behind()
        self.assertEqual(left, [])

    @unittest.skipUnless(cgroup_v2(), "no cgroup v2 that can be written")
    def test_given_cgroups_and_an_orphan_with_a_clean_environment_then_it_is_gone(self):
        self.orphan_with_a_clean_environment()

    # Its owner is looked for by session, group and environment only: keeper/containment.cpp.
    # docs/processes.md, "Without cgroups": the one kind of process that cannot be told.
    @unittest.expectedFailure
    def test_given_no_cgroups_and_an_orphan_with_a_clean_environment_then_it_is_gone_too(self):
        self.orphan_with_a_clean_environment("--no-cgroups")

    def test_given_a_process_that_acts_on_sigterm_then_it_has_its_time(self):
        for containment in CONTAINMENTS:
            bansuri = self.started("trap 'sleep 0.3; echo bye; exit 5' TERM; touch {ready}; "
                                   "while :; do sleep 0.05; done", *containment, stop_timeout="30s")
            self.assertEqual(bansuri.end(), 0)
            self.assertEqual(bansuri.out.to_the_end(), ["a | bye"])
            ended = bansuri.events("attempt-ended", task="a")[0]
            self.assertEqual((ended["outcome"], ended["code"]), ("STOPPED", 5))

    def test_given_a_stopped_process_that_acts_on_sigterm_then_it_is_woken_to_do_so(self):
        for containment in CONTAINMENTS:
            self.path("ready").unlink(missing_ok=True)
            self.configure(task("a", "trap 'echo bye; exit 0' TERM; touch ready; while :; do "
                                     "sleep 0.05; done", stop_timeout="30s"))
            bansuri = self.start(*containment)
            pid = bansuri.wait_started("a")
            self.wait_file("ready")
            os.kill(pid, signal.SIGSTOP)
            wait_until(lambda: Process.stat(pid)[0] == "T", "stopped")
            self.assertEqual(bansuri.end(), 0)
            self.assertEqual(bansuri.out.to_the_end(), ["a | bye"])

    def test_given_a_fork_bomb_of_a_hundred_when_stopped_then_all_are_gone(self):
        for containment in CONTAINMENTS:
            bansuri = self.started(
                "for i in $(seq 50); do setsid sh -c 'trap \"\" TERM; {forever} & {forever}' & "
                "done; touch {ready}; wait", *containment, stop_timeout="100ms")
            wait_until(lambda: len(self.ours()) > 100, "a hundred")
            self.assertEqual(bansuri.end(), 0)
            self.assertEqual(self.left_behind(), [])


class Survival(EndToEnd):
    """The leader ends by itself and leaves a child of its group and one of another session."""

    # Without its output: the end of a run waits a little for pipes that are still open.
    LEAVES = ("{forever} & setsid sh -c 'touch ready; exec {forever}' & "
              "while [ ! -e ready ]; do sleep 0.05; done; exit 3")

    def left_by(self, survive, *containment):
        self.path("ready").unlink(missing_ok=True)
        self.configure(task("a", self.LEAVES.format(forever=self.forever), survive=survive,
                            stop_timeout="200ms", stdout="ignore"))
        bansuri = self.start(*containment)
        ended = bansuri.wait_ended("a")
        self.assertEqual((ended["outcome"], ended["code"]), ("FAILED", 3))
        left = [pid for pid in self.left_behind() if Process.stat(pid)]
        sessions = sorted(int(Process.stat(pid)[3]) == pid for pid in left)
        return bansuri, left, sessions

    def end_survivors(self, bansuri, left):
        """They live on when bansuri ends too."""
        self.assertEqual(bansuri.end(), 0)
        for pid in left:
            self.assertTrue(Process.alive(pid))
            Process.kill(pid)

    def test_given_daemons_then_its_group_is_ended_and_a_session_of_its_own_lives_on(self):
        for survive in ({}, {"survive": "daemons"}):
            for containment in CONTAINMENTS:
                bansuri, left, own_session = self.left_by(survive.get("survive", "daemons"),
                                                          *containment)
                self.assertEqual(own_session, [True])
                self.end_survivors(bansuri, left)

    def test_given_none_then_nothing_is_left(self):
        for containment in CONTAINMENTS:
            bansuri, left, _ = self.left_by("none", *containment)
            self.assertEqual(left, [])
            self.assertEqual(bansuri.end(), 0)

    def test_given_all_then_all_live_on(self):
        for containment in CONTAINMENTS:
            bansuri, left, own_session = self.left_by("all", *containment)
            self.assertEqual(own_session, [False, True])
            self.end_survivors(bansuri, left)

    def test_given_a_survivor_then_it_is_told(self):
        for containment in CONTAINMENTS:
            self.path("ready").unlink(missing_ok=True)
            self.configure(task("a", self.LEAVES.format(forever=self.forever), stdout="ignore"))
            done = self.call("exec", *containment, "a")
            self.assertEqual(done.returncode, 3)
            self.assertRegex(done.stderr, "1 process(es)? lives? on")
            self.kill_left_behind()

    def test_given_a_child_that_keeps_stdout_open_then_the_run_ends_with_its_leader(self):
        # One whose end would have to be waited for by who waits for the end of the pipe.
        for containment in CONTAINMENTS:
            self.path("ready").unlink(missing_ok=True)
            self.configure(task("a", f"setsid sh -c 'touch ready; exec {self.forever}' & "
                                     "echo said; while [ ! -e ready ]; do sleep 0.05; done"),
                           task("beat", "echo beat", timer="200ms", on_fail="continue"))
            bansuri = self.start(*containment)
            ended = bansuri.wait_ended("a", patience=20)
            self.assertEqual(ended["outcome"], "SUCCESS")
            self.assertLess(ended["seconds"], 10)
            bansuri.out.wait("a | said")
            left = [pid for pid in self.left_behind()
                    if self.number.encode() in Process.command_line(pid)]
            self.assertEqual(len(left), 1)
            Process.kill(left[0])
            self.assertEqual(bansuri.end(), 0)

    def test_given_a_survivor_that_goes_on_writing_then_it_neither_blocks_nor_dies(self):
        self.configure(task("a", "setsid sh -c 'seq 40000; "
                                 "sleep 0.3; echo more && touch done' & sleep 0.1; exit 0"),
                       task("beat", "echo beat", timer="200ms", on_fail="continue"))
        self.start()
        self.wait_file("done")
        wait_until(lambda: not [pid for pid in self.left_behind()
                                if b"BANSURI_TASK=a" in Process.environment(pid)], "ended")

    def test_given_thousands_of_orphans_then_all_are_reaped(self):
        for containment in CONTAINMENTS:
            self.configure(task("a", "for i in $(seq 1000); do (true &); done; echo done"),
                           task("beat", "echo beat", timer="500ms", on_fail="continue"))
            bansuri = self.start(*containment)
            bansuri.out.wait("done")
            self.assertEqual(bansuri.wait_ended("a")["outcome"], "SUCCESS")
            wait_until(lambda: not [pid for pid in Process.children(bansuri.pid)
                                    if (Process.stat(pid) or " ")[0] == "Z"], "no zombies")
            self.assertEqual(bansuri.end(), 0)

    def test_given_a_task_that_kills_its_parent_then_bansuri_ends_and_does_not_hang(self):
        self.configure(task("a", "kill -9 $PPID; exec " + self.forever),
                       task("other", "exec " + self.forever))
        bansuri = self.start()
        self.assertEqual(bansuri.wait(), -signal.SIGKILL)  # it was the keeper, and root may
        bansuri.err.wait("the keeper was lost")
        self.kill_left_behind()


if __name__ == "__main__":
    unittest.main()
