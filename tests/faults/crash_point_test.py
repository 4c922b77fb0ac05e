# SPDX-License-Identifier: MIT
"""The first daemon crashes at each of the named points of the source. Only in builds for tests."""
import unittest

import ledger as ledgers
from fault_case import HAS_CRASH_POINTS, LONG, FaultCase, Process, wait_until, wall

POINTS_OF_A_RUN = ("before-intent", "after-intent", "after-start", "after-exit", "before-result",
                   "after-result")


@unittest.skipUnless(HAS_CRASH_POINTS, "a build without crash points")
class CrashPoints(FaultCase):
    def wait_crash(self, bansuri):
        """The pid of the second daemon, once the first has crashed where it was told to."""
        return wait_until(lambda: self.number_of(pid := bansuri.daemon()) != 1 and pid,
                          lambda: "the daemon crashed; " + "\n".join(bansuri.err.all()[-20:]))

    @staticmethod
    def number_of(pid):
        for variable in Process.environment(pid).split(b"\0"):
            if variable.startswith(b"BANSURI_DAEMON="):
                return int(variable.split(b"=")[1])
        return 0

    def mixed_load(self):
        for number in range(4):
            self.add(f"tick-{number}", timer=0.5)
            self.add_cron(f"cron-{number}", 1)
        self.add("retry", timer=1, code="$((BANSURI_ATTEMPT < 3))", on_fail="restart", times=4,
                 restart_delay=0.1, on_exhausted="continue")
        self.add("queued", timer=0.5, body="sleep 0.7", overlap="queue")
        self.add("replaced", timer=2, body="sleep 60", overlap="replace", stop_timeout=1)
        self.add("sleeper", command=ledgers.endless(), plan={"is_once": True})
        self.add("once", body="sleep 0.3", plan={"is_once": True})

    def crash_at(self, point, nth):
        self.mixed_load()
        bansuri = self.launch(crash=f"{point}:{nth}")
        self.wait_crash(bansuri)
        crashed = wall()
        self.wait_starts("tick-0", 3, after=crashed)
        self.wait_starts("cron-0", 2, after=crashed)
        sleeper = self.wait_starts("sleeper")[0]
        self.assertTrue(Process.alive(sleeper.pid))
        self.assertEqual(len(self.ledger().of("sleeper")), 1)
        self.assertEqual(len(self.ledger().of("once")), 1)
        # Nothing of what a keeper saw is ever LOST: what it does not hold was never started.
        self.end_well(bansuri)

    def test_given_a_reload_when_the_daemon_crashes_in_it_then_the_new_file_is_in_force(self):
        self.mixed_load()
        bansuri = self.launch(crash="during-reload:2")
        sleeper = self.wait_starts("sleeper")[0]
        self.add("new", timer=0.5)
        self.configure(*self.tasks)
        self.wait_crash(bansuri)
        self.wait_starts("new", 2)
        self.wait_starts("tick-0", 3, after=wall())
        self.assertTrue(Process.alive(sleeper.pid))
        self.end_well(bansuri)

    def test_given_a_crash_before_the_first_configuration_is_in_force_then_it_is_soon(self):
        self.mixed_load()
        bansuri = self.launch(crash="during-reload:1")
        self.wait_crash(bansuri)
        self.wait_starts("tick-0", 3)
        self.wait_starts("sleeper")
        self.wait_end("once")
        self.assertEqual(len(self.ledger().of("once")), 1)
        self.end_well(bansuri)

    def test_given_pruning_when_the_daemon_crashes_in_it_then_the_rest_is_whole(self):
        for number in range(4):
            self.add(f"tick-{number}", timer=0.2)
        self.configure(*self.tasks, retention={"runs": 5})
        bansuri = self.launch(crash="during-pruning:1")
        self.wait_crash(bansuri)
        crashed = wall()
        for number in range(4):
            self.wait_starts(f"tick-{number}", 20, after=crashed)
        self.assertEqual(bansuri.end(), 0)
        history = self.history()
        kept = {run.id for run in history.runs}
        orphans = [attempt for attempt in history.attempts if attempt.run not in kept]
        self.assertEqual(orphans, [])
        ledger = self.ledger()
        for name in self.plans:
            runs = [run.id for run in history.runs if run.task == name]
            self.assertGreaterEqual(len(runs), 5)
            # What is kept are the newest.
            newest = sorted({start.run for start in ledger.of(name)})[-len(history.of(name)):]
            self.assertEqual(sorted(run.id for run in history.of(name)), newest)
        self.assert_no_violations_in_what_is_kept()


def _crash(point, nth):
    def test(self):
        self.crash_at(point, nth)
    return test


for _point in POINTS_OF_A_RUN:
    for _nth in (1, 2, 7, 23) if LONG else (1, 9):
        setattr(CrashPoints, f"test_given_a_crash_{_point.replace('-', '_')}_number_{_nth}"
                             "_then_nothing_is_lost", _crash(_point, _nth))


if __name__ == "__main__":
    unittest.main()
