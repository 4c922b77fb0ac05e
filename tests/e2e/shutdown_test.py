# SPDX-License-Identifier: MIT
"""How it ends, and what happens when one of the two processes is killed: SPEC section 8."""
import os
import pty
import signal
import sys
import time
import unittest

from harness import CONTAINMENTS, EndToEnd, Lines, Process, Terminal, task, wait_until

# Becomes bansuri with its stdout as the controlling terminal.
OWN_TERMINAL = (sys.executable, "-c", """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(1, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
""")


class Shutdown(EndToEnd):
    STUBBORN = "trap 'echo told' TERM; touch ready; while :; do sleep 0.05; done"

    def test_given_sigterm_or_sigint_then_every_run_is_told_and_it_exits_0(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            self.configure(task("a", "trap 'echo bye; exit 0' TERM; touch ready; "
                                     "while :; do sleep 0.05; done"),
                           task("b", "exec " + self.forever))
            self.path("ready").unlink(missing_ok=True)
            bansuri = self.start()
            self.wait_file("ready")
            bansuri.wait_started("b")
            bansuri.signal(number)
            self.assertEqual(bansuri.wait(), 0)
            self.assertEqual(self.left_behind(), [])
            self.assertEqual(bansuri.out.to_the_end(), ["a | bye"])
            outcomes = {event["task"]: event["outcome"]
                        for event in bansuri.events("attempt-ended")}
            self.assertEqual(outcomes, {"a": "STOPPED", "b": "STOPPED"})
            self.assertEqual(bansuri.events()[-1]["message"], "ended")

    def test_given_one_that_ignores_sigterm_then_it_is_killed_after_its_stop_timeout(self):
        self.configure(task("a", self.STUBBORN, stop_timeout="700ms"))
        for containment in CONTAINMENTS:
            self.path("ready").unlink(missing_ok=True)
            bansuri = self.start(*containment)
            self.wait_file("ready")
            began = time.monotonic()
            self.assertEqual(bansuri.end(), 0)
            self.assertGreaterEqual(time.monotonic() - began, 0.7)
            ended = bansuri.events("attempt-ended")[0]
            self.assertEqual((ended["outcome"], ended["signal"]), ("STOPPED", signal.SIGKILL))
            self.assertEqual(bansuri.out.to_the_end(), ["a | told"])

    def test_given_a_second_signal_then_it_kills_at_once(self):
        self.configure(task("a", self.STUBBORN, stop_timeout="1h"))
        for second in (signal.SIGTERM, signal.SIGINT):
            self.path("ready").unlink(missing_ok=True)
            bansuri = self.start()
            self.wait_file("ready")
            bansuri.signal(signal.SIGTERM)
            bansuri.out.wait("told")
            self.assertTrue(bansuri.runs())
            bansuri.signal(second)
            self.assertEqual(bansuri.wait(20), 0)
            self.assertEqual(bansuri.events("attempt-ended")[0]["signal"], signal.SIGKILL)

    def test_given_sighup_during_the_shutdown_then_it_is_ignored(self):
        self.configure(task("a", self.STUBBORN, stop_timeout="1s"))
        bansuri = self.start()
        self.wait_file("ready")
        bansuri.signal(signal.SIGTERM)
        bansuri.out.wait("told")
        self.configure(task("new", "touch started"))
        for _ in range(5):
            bansuri.signal(signal.SIGHUP)
        self.assertEqual(bansuri.wait(20), 0)
        self.assertFalse(self.path("started").exists())
        self.assertEqual(len(bansuri.events("configuration", generation=2)), 0)

    def test_given_a_shutdown_then_nothing_starts_any_more(self):
        self.configure(task("a", self.STUBBORN, stop_timeout="1s"),
                       task("beat", "echo beat", timer="100ms", on_fail="continue"),
                       task("bad", "exit 1", on_fail="restart", restart_delay="50ms"))
        bansuri = self.start()
        self.wait_file("ready")
        bansuri.out.wait("beat", nth=2)
        self.assertEqual(bansuri.end(), 0)
        log = bansuri.events()
        shutdown = next(i for i, event in enumerate(log) if event["event"] == "shutdown")
        late = [event for event in log[shutdown:] if event["event"] == "attempt-started"]
        # One that was under way when the signal came may be told after it; only one each.
        self.assertLessEqual(len(late), 2)

    def test_given_two_hundred_runs_then_all_are_gone_and_it_exits_0(self):
        self.configure(*(task(f"t{i}", "exec " + self.forever) for i in range(200)))
        bansuri = self.start()
        bansuri.wait_event("attempt-started", nth=200)
        self.assertEqual(bansuri.end(), 0)
        self.assertEqual(self.left_behind(), [])
        self.assertEqual(len(bansuri.events("attempt-ended", outcome="STOPPED")), 200)

    def test_given_the_daemon_alone_is_told_then_both_end_with_0(self):
        self.configure(task("a", "exec " + self.forever))
        bansuri = self.start()
        bansuri.wait_started("a")
        os.kill(bansuri.daemon(), signal.SIGTERM)
        self.assertEqual(bansuri.wait(), 0)
        self.assertEqual(self.left_behind(), [])

    def test_given_no_tasks_then_it_waits_to_be_told_and_exits_0(self):
        self.configure()
        bansuri = self.start()
        bansuri.wait_ready()
        self.assertEqual(bansuri.end(), 0)

    def early(self, number):
        """Signals as soon as there is a daemon, which has much to do before it listens."""
        self.configure(task("a", "exec " + self.forever))
        for _ in range(8):
            bansuri = self.start()
            while not Process.children(bansuri.pid) and bansuri.runs():
                pass  # a pause could miss the moment
            bansuri.signal(number)
            yield bansuri

    def test_given_sigterm_while_it_starts_then_it_exits_0(self):
        self.assertEqual([bansuri.wait() for bansuri in self.early(signal.SIGTERM)], [0] * 8)

    def test_given_sighup_while_it_starts_then_it_lives(self):
        for bansuri in self.early(signal.SIGHUP):
            wait_until(lambda: bansuri.events("attempt-started") or not bansuri.runs(), "a started")
            self.assertEqual(bansuri.popen.poll(), None)
            self.assertEqual(bansuri.end(), 0)

    def test_given_a_terminal_when_ctrl_c_is_pressed_then_it_ends_as_by_sigterm(self):
        self.configure(task("a", "exec " + self.forever))
        master, slave = pty.openpty()
        bansuri = self.start(stdout=slave, stderr=slave, wrapper=OWN_TERMINAL)
        os.close(slave)
        screen = Lines(Terminal(master))
        screen.wait("attempt-started")
        os.write(master, b"\x03")
        self.assertEqual(bansuri.wait(), 0)
        self.assertEqual(self.left_behind(), [])


class Killed(EndToEnd):
    def running(self, *arguments, stop_timeout="1h"):
        self.path("ready").unlink(missing_ok=True)
        self.configure(task("a", "trap '' TERM; setsid sh -c 'trap \"\" TERM; touch ready; while :;"
                                 "do sleep 0.1; done' & wait; while :; do sleep 0.1; done",
                            stop_timeout=stop_timeout),
                       task("b", "exec " + self.forever))
        bansuri = self.start(*arguments)
        bansuri.wait_started("b")
        self.wait_file("ready")
        return bansuri

    def test_given_once_and_a_daemon_that_is_killed_then_the_keeper_ends_all_says_so_exits_1(self):
        for containment in CONTAINMENTS:
            for number in (signal.SIGKILL, signal.SIGABRT):
                bansuri = self.running("--once", *containment)
                os.kill(bansuri.daemon(), number)
                self.assertEqual(bansuri.wait(20), 1)
                self.assertEqual(self.left_behind(), [])
                self.assertIn(f"bansuri: the daemon was killed by signal {int(number)}",
                              bansuri.err.to_the_end()[-1])

    def test_given_a_keeper_that_is_killed_then_the_daemon_notices_says_so_and_exits(self):
        for containment in CONTAINMENTS:
            bansuri = self.running(*containment)
            daemon = bansuri.daemon()
            bansuri.signal(signal.SIGKILL)
            self.assertEqual(bansuri.wait(), -signal.SIGKILL)
            wait_until(lambda: not Process.alive(daemon), "the daemon ended", 20)
            bansuri.wait_event("keeper")
            # How they end nobody can say yet: the record stays open for the next Bansuri.
            self.assertEqual(bansuri.events("attempt-ended"), [])
            self.assertNotEqual(self.left_behind(), [])
            self.kill_left_behind()

    def test_given_a_daemon_that_dies_deaf_to_sigterm_then_the_next_one_ends_all_with_0(self):
        bansuri = self.running(stop_timeout="1s")
        os.kill(bansuri.daemon(), signal.SIGSTOP)
        bansuri.signal(signal.SIGTERM)  # which it cannot hear
        os.kill(bansuri.daemon(), signal.SIGKILL)
        self.assertEqual(bansuri.wait(20), 0)
        self.assertEqual(self.left_behind(), [])

    def test_given_kills_at_any_moment_then_nothing_is_ever_left(self):
        """A daemon that is killed while tasks start and end as fast as they can, and a SIGTERM when
        there may be none."""
        self.configure(*(task(f"t{i}", f"{self.forever} & sleep 0.0{i}; kill $!", timer="10ms",
                              on_fail="continue", overlap="allow") for i in range(1, 6)))
        for containment in CONTAINMENTS:
            for runs in (1, 3, 10, 30):
                bansuri = self.start(*containment)
                bansuri.wait_event("attempt-started", nth=runs)
                os.kill(bansuri.daemon(), signal.SIGKILL)
                bansuri.signal(signal.SIGTERM)
                self.assertEqual(bansuri.wait(20), 0)
                self.assertEqual(self.left_behind(), [])


if __name__ == "__main__":
    unittest.main()
