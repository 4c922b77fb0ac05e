# SPDX-License-Identifier: MIT
"""When tasks run: SPEC sections 1 to 3, in as much real time as a test may take."""
import unittest
from datetime import datetime

from harness import EndToEnd, task

SECOND = 'echo "$BANSURI_SCHEDULED_AT"'


def instants(lines):
    return [datetime.fromisoformat(line.partition(" | ")[2].replace("Z", "+00:00"))
            for line in lines]


class Schedule(EndToEnd):
    def test_given_a_cron_of_seconds_then_each_second_runs_once_and_on_time(self):
        self.configure(task("tick", SECOND, schedule_cron="*/1 * * * * *", on_fail="continue"))
        bansuri = self.start()
        bansuri.out.wait("tick", nth=4)
        self.assertEqual(bansuri.end(), 0)
        due = instants(bansuri.out.to_the_end())
        self.assertEqual([instant.microsecond for instant in due], [0] * len(due))
        gaps = [(later - earlier).total_seconds() for earlier, later in zip(due, due[1:])]
        skipped = len(bansuri.events("skipped"))  # a loaded machine may be late, never silent
        self.assertEqual(sum(gaps), len(gaps) + skipped)
        self.assertNotIn(0, gaps)
        for event in bansuri.events("attempt-started"):
            self.assertGreaterEqual(event["time"][:19], due[event["run"] - 1].isoformat()[:19])

    def test_given_a_timer_then_it_runs_at_start_up_and_each_interval_without_drift(self):
        # The work takes a good part of the interval, and does not add to it.
        self.configure(task("beat", SECOND + "; sleep 0.2", timer="500ms", on_fail="continue"))
        bansuri = self.start()
        bansuri.out.wait("beat", nth=6)
        self.assertEqual(bansuri.end(), 0)
        due = instants(bansuri.out.to_the_end())
        began = datetime.fromisoformat(bansuri.wait_ready()["time"].replace("Z", "+00:00"))
        self.assertLess(abs((due[0] - began).total_seconds()), 0.4)
        for instant in due:
            intervals = (instant - due[0]).total_seconds() / 0.5
            self.assertAlmostEqual(intervals, round(intervals), delta=0.02)

    def test_given_no_schedule_then_it_runs_once_at_start_up_and_stays_in_success(self):
        self.configure(task("once", "echo ran"), task("boot", "echo ran", schedule_cron="@reboot"),
                       task("beat", "echo beat", timer="300ms", on_fail="continue"))
        bansuri = self.start("--log-level", "debug")
        bansuri.out.wait("beat", nth=4)
        for name in ("once", "boot"):
            self.assertEqual(len(bansuri.out.matching(f"{name} ")), 1)
            self.assertEqual([event["to"] for event in bansuri.events("state", task=name)],
                             ["RUNNING", "SUCCESS"])
        self.assertEqual(bansuri.end(), 0)

    def test_given_a_disabled_task_then_it_never_runs(self):
        self.configure(task("off", "echo off", timer="100ms", enabled=False, on_fail="continue"),
                       task("beat", "echo beat", timer="200ms", on_fail="continue"))
        bansuri = self.start()
        bansuri.out.wait("beat", nth=4)
        self.assertEqual(bansuri.out.matching("off"), [])

    def test_given_max_runs_then_it_is_done_after_so_many_successes(self):
        self.configure(task("few", "echo few", timer="100ms", max_runs=2, on_fail="continue"),
                       task("beat", "echo beat", timer="300ms", on_fail="continue"))
        bansuri = self.start("--log-level", "debug")
        bansuri.out.wait("beat", nth=4)
        self.assertEqual(len(bansuri.out.matching("few ")), 2)
        self.assertEqual(bansuri.events("state", task="few")[-1]["to"], "SUCCESS")

    def test_given_a_time_zone_then_the_cron_is_read_in_it_and_the_instant_is_utc(self):
        self.configure(task("tick", SECOND, schedule_cron="* * * * * *", on_fail="continue",
                            timezone="Asia/Kolkata"))
        bansuri = self.start()
        line = bansuri.out.wait("tick").string
        self.assertRegex(line, r"^tick \| \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.0+)?Z$")
        self.assertLess(abs((instants([line])[0] - datetime.fromisoformat(
            bansuri.wait_event("attempt-started")["time"].replace("Z", "+00:00"))
        ).total_seconds()), 5)


if __name__ == "__main__":
    unittest.main()
