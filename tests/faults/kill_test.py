# SPDX-License-Identifier: MIT
"""The daemon is killed at random instants under a mixed load, and nothing is lost.

BANSURI_FAULT_KILLS and BANSURI_FAULT_SEED choose how often, and which random numbers.
"""
import os
import time
import unittest

import ledger as ledgers
from accounting import Span, output_violations
from fault_case import SANITIZERS, SEED, FaultCase, Process, wait_until, wall

# A build with sanitizers takes several times as long for each.
KILLS = int(os.environ.get("BANSURI_FAULT_KILLS") or (10 if SANITIZERS else 50))
BURSTS, LINES_OF_A_BURST = 40, 25
LINES = BURSTS * LINES_OF_A_BURST
CHATTER = (f"n=0; while [ $n -lt {LINES} ]; do n=$((n + 1)); echo \"line $n\"; "
           f"[ $((n % {LINES_OF_A_BURST})) -ne 0 ] || sleep 0.1; done")


class Kills(FaultCase):
    def mixed_load(self):
        """200 tasks."""
        for number in range(60):
            self.add(f"tick-{number}", timer=1)
        for number in range(50):
            self.add_cron(f"cron-{number}", (2, 3, 4, 5, 6)[number % 5])
        for number in range(30):
            self.add(f"retry-{number}", timer=3, code="$((BANSURI_ATTEMPT < 3))",
                     on_fail="restart", times=4, restart_delay=0.2, on_exhausted="continue")
        for number in range(10):
            self.add_cron(f"fails-{number}", 5, code=3, on_fail="restart", times=2,
                          restart_delay=0.1, on_exhausted="continue")
        for number in range(10):
            self.add_cron(f"slow-{number}", 4, body="sleep 6")  # every second instant is skipped
        for number in range(20):
            self.add(f"sleeper-{number}", command=ledgers.endless(), plan={"is_once": True})
        for number in range(20):
            self.add(f"chatty-{number}", body=CHATTER, timer=6)
        self.assertEqual(len(self.tasks), 200)

    def sleepers(self):
        return {start.task: start.pid for start in self.ledger().starts
                if start.task.startswith("sleeper-")}

    def test_given_a_mixed_load_when_the_daemon_is_killed_again_and_again_then_all_is_there(self):
        print(f"{KILLS} kills, seed {SEED}", flush=True)
        self.mixed_load()
        self.configure(*self.tasks, retention={"runs": 1_000_000})
        begin = wall()
        bansuri = self.launch()
        for number in range(20):
            self.wait_starts(f"sleeper-{number}")
        sleepers = self.sleepers()
        for _ in range(KILLS):
            # After its birth, or the pauses that follow early deaths would make each an early one.
            bansuri.daemon()
            # Not to wait for anything: the instant of the kill is the experiment.
            time.sleep(self.random.uniform(0, 2))
            self.kill_daemon(bansuri)
        killed = wall()
        self.wait_starts("tick-0", 3, after=killed)
        self.wait_starts("cron-4", 1, after=killed)

        self.assertEqual(self.sleepers(), sleepers)
        self.assertEqual([name for name, pid in sleepers.items() if not Process.alive(pid)], [])
        self.assert_outputs_are_whole()
        end = wall()
        self.end_well(bansuri, Span(begin, end, slack=5_000_000))
        lost = [attempt for attempt in self.history().attempts if attempt.outcome == "LOST"]
        self.assertEqual(lost, [])
        ledger = self.ledger()
        print(f"violations: 0 ({KILLS} kills, {len(ledger.starts)} processes, seed {SEED})",
              flush=True)

    def assert_outputs_are_whole(self):
        """Of each chatty run that has ended, the daemon being killed or not, line for line."""
        for number in range(20):
            self.wait_end(f"chatty-{number}")
        ended = {end.run: end for end in self.ledger().ends if end.task.startswith("chatty-")}
        # What it has written may still be in the pipe.
        wait_until(lambda: ended.keys() <= {run.id for run in self.history().runs if run.outcome},
                   "their ends are recorded")
        found = []
        for run, end in ended.items():
            done = self.call("logs", end.task, "--run", str(run), "--state", str(self.state))
            self.assertEqual(done.returncode, 0, done.stderr)
            found += [f"{end.task}, run {run}: {fault}"
                      for fault in output_violations(done.stdout, LINES, True)]
        self.assertEqual(found, [])


if __name__ == "__main__":
    unittest.main()
