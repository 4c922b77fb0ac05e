# SPDX-License-Identifier: MIT
"""A disk that is full, cannot be written, or takes files of a small size only.

Each test has a small file system of its own, in a mount namespace that nobody else sees. Tasks
write their ledger elsewhere: what is full is Bansuri's disk, not theirs.
"""
import os
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

import ledger as ledgers
from fault_case import DATABASE, FaultCase, Process, wait_until, wall

FULL = 1 << 20  # bytes of the small file system


def can_mount():
    if os.geteuid():
        return False
    tried = subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
                           capture_output=True, check=False)
    return tried.returncode == 0


@unittest.skipUnless(can_mount(), "needs root and an own mount namespace")
class Disk(FaultCase):
    def setUp(self):
        super().setUp()
        # Holds the namespace open, also after bansuri has ended.
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sleep", "1000000"])
        self.addCleanup(self.holder.wait)
        self.addCleanup(self.holder.kill)
        own = os.readlink("/proc/self/ns/mnt")
        wait_until(lambda: os.readlink(f"/proc/{self.holder.pid}/ns/mnt") != own
                   and Process.command_line(self.holder.pid).startswith(b"sleep"), "a namespace")
        self.addCleanup(self.keep_state)
        self.inside = ("nsenter", f"--target={self.holder.pid}", "--mount",
                       f"--wd={self.directory}")

    def keep_state(self):
        """The small file system goes with its namespace; a failed test is to leave something."""
        if self.seen_inside(self.state).is_dir():
            shutil.copytree(self.seen_inside(self.state), self.path("state-as-it-was"),
                            ignore=shutil.ignore_patterns("ballast", "*.sock", "*socket*"))

    def seen_inside(self, path):
        return Path(f"/proc/{self.holder.pid}/root{path}")

    def mount(self, path, size=FULL):
        path.mkdir(mode=0o700, exist_ok=True)
        self.inside_run("mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(path))

    def inside_run(self, *command):
        subprocess.run([*self.inside, *command], check=True)

    def mount_state(self, size=FULL):
        self.mount(self.state, size)

    def history(self):
        """Of a copy: SQLite makes files beside the one that it reads, and there may be no room."""
        copy = self.path("copy")
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.seen_inside(self.state), copy,
                        ignore=shutil.ignore_patterns("ballast", "*.sock", "output"))
        self.database = copy / DATABASE
        return super().history()

    def fill(self, path, leave=0):
        """Until nothing more fits."""
        ballast = self.seen_inside(path) / "ballast"
        with open(ballast, "wb", buffering=0) as file:
            try:
                while file.write(bytes(4096)) == 4096:
                    pass
            except OSError:
                pass
        if leave:
            os.truncate(ballast, max(0, ballast.stat().st_size - leave))
        return ballast

    def call(self, *arguments, **keys):
        # The socket lies on the small file system.
        done = subprocess.run([*self.inside, *self.argv(*arguments)], env=self.environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                              errors="backslashreplace", check=False)
        self.assertEqual(keys, {})
        return done

    def launch(self, *arguments, **keys):
        keys.setdefault("wrapper", self.inside)
        return super().launch(*arguments, **keys)

    def wait_degraded(self, degraded=True):
        def look():
            daemon = self.ask("status")["daemon"]
            return daemon if daemon["degraded"] == degraded else None
        return wait_until(look, lambda: f"degraded: {degraded}; {self.ask('status')['daemon']}")

    def fill_to_the_last(self):
        """Without a reserve there is no room even to make room. The ballast."""
        (self.seen_inside(self.state) / "reserve").unlink()
        return self.fill(self.state)

    def waiting_records(self):
        """How many records wait in memory, as it says."""
        for problem in self.ask("status")["daemon"]["problems"]:
            if found := re.search(r"(\d+) records wait in memory", problem["reason"]):
                return int(found[1])
        return 0

    def wait_unwritten(self):
        """Starts that happened and that the disk knows nothing of, while it says that it waits."""
        def look():
            if not self.waiting_records():
                return None
            starts = self.ledger().starts  # before the disk is read: what is recorded later counts
            recorded = {run.id for run in self.history().runs}
            unwritten = [start for start in starts if start.run not in recorded]
            return unwritten if self.waiting_records() else None
        return wait_until(look, "starts that wait in memory to be recorded")

    def load(self):
        for number in range(5):
            self.add(f"tick-{number}", timer=0.5, body="echo some output of $BANSURI_RUN_ID")
        self.add("sleeper", command=ledgers.endless(), plan={"is_once": True})

    def goes_on(self):
        for number in range(5):
            self.wait_starts(f"tick-{number}", 4, after=wall())

    def pass_over_full_disk(self, bansuri):
        """Tasks go on, it is said, the daemon is the same, and it heals by itself."""
        sleeper = self.wait_starts("sleeper")[0]
        self.wait_starts("tick-0", 4)
        daemon = bansuri.daemon()
        ballast = self.fill(self.state)
        began = wall()
        self.goes_on()
        told = self.wait_degraded()
        self.assertRegex(str(told["problems"]), "No space|full")
        self.goes_on()
        self.assertEqual(bansuri.daemon(), daemon)
        ballast.unlink()
        self.wait_degraded(False)
        self.goes_on()
        self.assertTrue(Process.alive(sleeper.pid))
        return began

    def test_given_a_full_disk_under_the_state_then_tasks_go_on_and_it_heals_by_itself(self):
        self.mount_state()
        self.load()
        bansuri = self.launch()
        self.pass_over_full_disk(bansuri)
        self.assertEqual(bansuri.end(), 0)
        # The oldest part of the history may have gone to make room; of the rest nothing is missing.
        self.assert_no_violations_in_what_is_kept()

    def test_given_no_room_at_all_then_records_wait_in_memory_and_are_written_when_there_is(self):
        self.mount_state()
        self.load()
        bansuri = self.launch()
        self.wait_starts("tick-0", 4)
        ballast = self.fill_to_the_last()
        unwritten = self.wait_unwritten()
        self.goes_on()
        ballast.unlink()
        self.wait_degraded(False)
        self.goes_on()
        recorded = {run.id for run in self.history().runs}
        self.assertEqual([start for start in unwritten if start.run not in recorded], [])
        self.assertEqual(bansuri.end(), 0)
        # Some of the oldest may have gone to make room.
        self.assert_no_violations_in_what_is_kept()

    def test_given_a_full_disk_when_the_daemon_is_killed_then_the_next_one_goes_on(self):
        self.mount_state()
        self.load()
        bansuri = self.launch()
        sleeper = self.wait_starts("sleeper")[0]
        self.wait_starts("tick-0", 4)
        ballast = self.fill_to_the_last()
        self.goes_on()
        self.wait_unwritten()
        self.kill_daemon(bansuri)
        self.goes_on()
        self.assertTrue(Process.alive(sleeper.pid))
        self.assertEqual(len(self.ledger().of("sleeper")), 1)
        ballast.unlink()
        self.wait_degraded(False)
        self.goes_on()
        self.assertEqual(bansuri.end(), 0)
        self.assertEqual([a.outcome for a in self.attempts_of("sleeper")], ["STOPPED"])

    def test_given_a_full_disk_under_logs_then_chatty_tasks_neither_block_nor_fail(self):
        logs = self.path("logs")
        self.mount(logs, 64 << 10)
        for number in range(3):
            self.add(f"tick-{number}", timer=0.5)
        lines = "n=0; while [ $n -lt 3000 ]; do n=$((n + 1)); echo \"line $n of many\"; done"
        # To a file the task writes itself, and sees the error; what it does with it is its own.
        self.add("to-a-file", body=f"{{ {lines}; }} 2>/dev/null", timer=1, stdout=str(logs / "out"))
        bansuri = self.launch()
        self.wait_starts("to-a-file", 2)
        self.fill(logs)
        full = wall()
        self.wait_starts("to-a-file", 3, after=full)
        for number in range(3):
            self.wait_starts(f"tick-{number}", 5, after=full)
        self.end_well(bansuri)

    def test_given_much_output_and_a_full_disk_under_the_state_then_tasks_do_not_block(self):
        self.mount_state()
        self.add("chatty", timer=0.5, body="n=0; while [ $n -lt 1000 ]; do n=$((n + 1)); "
                                           f"echo {'x' * 1000}; done")
        self.add("tick", timer=0.5)
        bansuri = self.launch()
        self.wait_starts("tick", 2)
        self.fill(self.state, leave=100_000)
        full = wall()
        self.wait_starts("chatty", 5, after=full)
        self.wait_starts("tick", 5, after=full)
        self.assertEqual(bansuri.end(), 0)
        codes = {end.code for end in self.ledger().ends}
        self.assertEqual(codes, {0})

    def test_given_a_disk_that_is_full_from_the_start_then_it_says_so_or_runs_degraded(self):
        self.mount_state(64 << 10)
        self.fill(self.state)
        self.load()
        bansuri = self.launch()

        def decided():
            return not bansuri.runs() or len(self.ledger().of("tick-0")) > 3
        wait_until(decided, "it runs, or it has ended")
        if not bansuri.runs():
            self.assertEqual(bansuri.wait(), 1)
            self.assertRegex("\n".join(bansuri.err.to_the_end()), "No space|full")
            return
        self.wait_degraded()
        self.assertEqual(bansuri.end(), 0)


class FileSize(FaultCase):
    LIMITED = (sys.executable, "-c", "import os, resource, sys; "
               "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2); "
               "os.execv(sys.argv[2], sys.argv[2:])")

    def test_given_a_limit_of_file_size_then_it_is_taken_for_a_full_disk(self):
        for number in range(5):
            # A task has the limit too; its ledger stays below it.
            self.add(f"tick-{number}", timer=0.1, body="echo some output")
        bansuri = self.launch(wrapper=(*self.LIMITED, str(300 << 10)))
        self.wait_starts("tick-0", 2)
        wait_until(lambda: (self.state / "bansuri.sock").exists(), "it can be asked")
        daemon = bansuri.daemon()
        wait_until(lambda: self.ask("status")["daemon"]["degraded"], "the limit was reached",
                   patience=120)
        self.wait_starts("tick-0", 5, after=wall())
        self.assertEqual(bansuri.daemon(), daemon)
        self.assertEqual(bansuri.end(), 0)


if __name__ == "__main__":
    unittest.main()
