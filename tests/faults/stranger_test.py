# SPDX-License-Identifier: MIT
"""Processes that look like ours and are not: of another boot, or with a pid given again."""
import os
import signal
import sqlite3
import subprocess
import sys
import unittest
from contextlib import closing
from pathlib import Path

import ledger as ledgers
from fault_case import BINARY, FaultCase, Process, wait_until, wall

OTHER_BOOT = "01234567-89ab-cdef-0123-456789abcdef"


def can_unshare_pids():
    if os.geteuid():
        return False
    tried = subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", "sh", "-c",
                            "echo 100 >/proc/sys/kernel/ns_last_pid"],
                           capture_output=True, check=False)
    return tried.returncode == 0


class Strangers(FaultCase):
    lost = {"may_be_lost": True}

    def test_given_the_state_of_another_boot_then_nothing_is_adopted_and_its_runs_are_lost(self):
        self.add("sleeper", command=ledgers.endless(), plan=self.lost)
        self.add("again", command=ledgers.endless(), on_lost="restart", plan=self.lost)
        self.add_cron("cron", 1, plan=self.lost)
        bansuri = self.launch()
        old = [self.wait_starts(name)[0] for name in ("sleeper", "again")]
        self.wait_starts("cron", 2)
        self.kill_both(bansuri)
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        with closing(sqlite3.connect(self.database)) as database:
            changed = database.execute("UPDATE meta SET value = replace(value, ?, ?)",
                                       (boot, OTHER_BOOT))
            self.assertTrue(changed.rowcount)
            found = database.execute("SELECT 1 FROM meta WHERE value LIKE ?",
                                     (f"%{OTHER_BOOT}%",)).fetchone()
            self.assertTrue(found, "no boot id was found")
            database.commit()
        bansuri = self.launch()
        self.wait_starts("again", 2)
        self.wait_starts("cron", 2, after=wall())
        wait_until(lambda: self.run_of("sleeper").outcome, "its run is ended")
        self.assertEqual([a.outcome for a in self.attempts_of("sleeper")][0], "LOST")
        self.assertEqual(self.attempts_of("again")[0].outcome, "LOST")
        # They have the pids and the start times of our tasks, but are of another boot: strangers.
        self.assertTrue(all(Process.alive(start.pid) for start in old))
        self.assertEqual(bansuri.end(), 0)
        self.assertTrue(all(Process.alive(start.pid) for start in old))
        for start in old:
            os.kill(start.pid, signal.SIGKILL)
            os.waitpid(start.pid, 0)
        self.assert_no_violations()

    # In a pid namespace of its own, where the next pid can be chosen. This script is process 1.
    REUSE = """
import json, os, signal, subprocess, sys, time
binary, state, ledger = sys.argv[1:4]
def start():
    return subprocess.Popen([binary, "run", "--log-format", "json", "--state", state],
                            stderr=open("log", "ab"))
def wait(claim, what):
    deadline = time.monotonic() + 60
    while not claim():
        if time.monotonic() > deadline:
            sys.exit("not within 60 s: " + what)
        time.sleep(0.01)
def started(count):
    try:
        lines = [line.split() for line in open(ledger)]
    except OSError:
        return []
    pids = [int(line[5]) for line in lines if line[0] == "start" and line[3] == "victim"]
    return pids if len(pids) >= count else []
def ticks():
    return sum(line.startswith("start ") and " tick " in line for line in open(ledger))
first = start()
wait(lambda: started(1), "the victim has started")
victim = started(1)[0]
daemon = next(int(pid) for pid in os.listdir("/proc") if pid.isdigit() and
              b"BANSURI_DAEMON=" in open(f"/proc/{pid}/environ", "rb").read())
os.kill(daemon, signal.SIGSTOP)
first.kill(); first.wait()
os.kill(daemon, signal.SIGKILL)
os.kill(victim, signal.SIGKILL)
while True:  # all that is orphaned comes to us
    pid, _ = os.waitpid(-1, 0)
    if pid == victim:
        break
wait(lambda: not os.path.exists(f"/proc/{daemon}") or os.waitpid(-1, os.WNOHANG), "reaped")
while os.path.exists(f"/proc/{victim}"):
    time.sleep(0.01)
# Start times count in hundredths of a second; that a number comes round within one is not of this
# world.
time.sleep(0.05)
for _ in range(1000):
    with open("/proc/sys/kernel/ns_last_pid", "w") as last:
        last.write(str(victim - 1))
    # A stranger that looks alike: a session of its own, the same program.
    stranger = subprocess.Popen(["/bin/sh", "-c", "exec sleep 1000000"], start_new_session=True)
    if stranger.pid == victim:
        break
    stranger.kill(); stranger.wait()
else:
    sys.exit("the pid was not given again")
before = ticks()
second = start()
wait(lambda: ticks() >= before + 3, "it goes on")
alive = stranger.poll() is None
second.terminate()
code = second.wait()
print(json.dumps({"alive": alive, "alive after the shutdown": stranger.poll() is None,
                  "code": code}))
stranger.kill()
"""

    @unittest.skipUnless(can_unshare_pids(), "needs root and an own pid namespace")
    def test_given_a_pid_that_was_given_again_then_the_stranger_is_left_alone(self):
        self.add("victim", command=ledgers.endless(), plan=self.lost)
        self.add("tick", timer=0.3, plan={**self.lost, "timer": None})
        self.configure(*self.tasks)
        script = self.script("reuse.py", self.REUSE)
        done = subprocess.run(
            ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, script,
             BINARY, str(self.state), str(self.ledger_path)], cwd=self.directory,
            env=self.environment, capture_output=True, text=True, timeout=200, check=False)
        self.assertEqual(done.returncode, 0, done.stderr + self.read("log"))
        self.assertIn('{"alive": true, "alive after the shutdown": true, "code": 0}', done.stdout)
        self.assertEqual(self.run_of("victim").outcome, "LOST")
        self.assert_no_violations()


if __name__ == "__main__":
    unittest.main()
