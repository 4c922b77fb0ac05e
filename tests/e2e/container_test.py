# SPDX-License-Identifier: MIT
"""As process 1 of a container: SPEC section 8."""
import os
import shutil
import signal
import subprocess
import unittest

from harness import EndToEnd, Process, cgroup_v2, task, wait_until

UNSHARE = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")


def may_unshare():
    if os.getuid() != 0 or not shutil.which("unshare"):
        return False
    return subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0


@unittest.skipUnless(may_unshare(), "no private pid namespace")
class Process1(EndToEnd):
    def setUp(self):
        # A cgroup of their own, so that these and the tests beside them do not meet.
        self.enter = ()
        if cgroup_v2():
            cgroup = cgroup_v2() / f"bansuri_e2e_{os.getpid()}"
            cgroup.mkdir(exist_ok=True)
            self.addCleanup(self.remove, cgroup)  # after those of the base class
            self.enter = ("sh", "-c", f'echo $$ > {cgroup}/cgroup.procs && exec "$@"', "sh")
        super().setUp()

    @staticmethod
    def remove(cgroup):
        def removed():
            for directory, _, _ in os.walk(cgroup, topdown=False):
                try:
                    os.rmdir(directory)
                except OSError:
                    return False  # who was in there has not been reaped yet
            return True
        wait_until(removed, f"{cgroup} removed")

    def inside(self, *arguments):
        """bansuri as process 1, and its pid as seen from here."""
        bansuri = self.start(*arguments, wrapper=(*self.enter, *UNSHARE))
        bansuri.wait_ready()
        return bansuri, Process.children(bansuri.pid)[0]

    def test_then_sigterm_ends_it_with_0_and_all_with_it(self):
        for arguments in ((), ("--no-cgroups",)):
            self.configure(task("a", "echo pid $PPID; setsid " + self.forever + " & exec "
                                + self.forever))
            bansuri, first = self.inside(*arguments)
            self.assertEqual(Process.status(first)["NSpid"].split()[-1], "1")
            bansuri.out.wait(r"a \| pid 1$")
            wait_until(lambda: len([pid for pid in self.left_behind() if self.number.encode() in
                                    Process.command_line(pid)]) == 2, "both run")
            os.kill(first, signal.SIGTERM)
            self.assertEqual(bansuri.wait(), 0)
            self.assertEqual(self.left_behind(), [])
            self.assertEqual(bansuri.events("attempt-ended")[0]["outcome"], "STOPPED")

    def test_given_orphans_then_they_are_reaped_and_no_zombie_stays(self):
        self.configure(task("a", "for i in $(seq 300); do (setsid true &); (true &); done; "
                                 "(setsid sh -c 'sleep 0.3' &); echo made"),
                       task("beat", "echo beat", timer="300ms", on_fail="continue"))
        bansuri, first = self.inside()
        bansuri.out.wait("made")
        self.assertEqual(bansuri.wait_ended("a")["outcome"], "SUCCESS")

        def children():
            return [pid for pid in Process.children(first)
                    if (Process.stat(pid) or ["?"])[0] == "Z" or not Process.alive(pid)]
        wait_until(lambda: not children(), lambda: f"zombies {children()}")
        seen = len(bansuri.out.matching("beat"))
        bansuri.out.wait("beat", nth=seen + 2)
        os.kill(first, signal.SIGTERM)
        self.assertEqual(bansuri.wait(), 0)

    def test_given_a_daemon_that_is_killed_then_process_1_ends_the_tasks_and_exits_1(self):
        self.configure(task("a", "trap '' TERM; touch ready; while :; do sleep 0.1; done",
                            stop_timeout="1h"))
        bansuri, first = self.inside("--once")  # else another daemon would follow
        self.wait_file("ready")
        daemon = [pid for pid in Process.children(first)
                  if b"BANSURI_DAEMON=" in Process.environment(pid)]
        os.kill(daemon[0], signal.SIGKILL)
        self.assertEqual(bansuri.wait(20), 1)
        self.assertEqual(self.left_behind(), [])

    def test_then_sighup_reloads(self):
        self.configure(task("a", "exec " + self.forever))
        bansuri, first = self.inside()
        self.configure(task("a", "exec " + self.forever), task("b", "echo b"))
        os.kill(first, signal.SIGHUP)
        bansuri.out.wait(r"b \| b")
        os.kill(first, signal.SIGTERM)
        self.assertEqual(bansuri.wait(), 0)

    def test_given_one_outside_in_the_same_cgroup_then_it_keeps_its_own_cgroups(self):
        if not cgroup_v2():
            raise AssertionError("no cgroup v2 that can be written")
        self.configure(task("a", "grep ^0:: /proc/self/cgroup", timer="200ms", on_fail="continue"))
        outside = self.start(wrapper=self.enter)
        outside.out.wait(r"a \| 0::.*/bansuri-\d+/")
        bansuri, first = self.inside()
        os.kill(first, signal.SIGTERM)
        self.assertEqual(bansuri.wait(), 0)
        seen = len(outside.out.all())
        self.assertRegex(outside.out.wait("", nth=seen + 3).string, r"/bansuri-\d+/")

    def test_given_a_task_that_kills_all_it_can_then_process_1_ends_by_itself(self):
        # kill -1 takes the daemon too, which is a process like any other; only process 1 is immune.
        self.configure(task("a", "kill -9 1; kill -9 -1; echo alive"),
                       task("b", "kill -9 1; exec " + self.forever))
        bansuri = self.start("--once", wrapper=(*self.enter, *UNSHARE))
        self.assertEqual(bansuri.wait(30), 1)
        self.assertEqual(self.left_behind(), [])
        self.assertIn("the daemon was killed by signal 9", bansuri.err.to_the_end()[-1])


if __name__ == "__main__":
    unittest.main()
