# SPDX-License-Identifier: MIT
"""Overlap, retries and time limits in real time: SPEC sections 1 and 2."""
import unittest
from datetime import datetime

from harness import EndToEnd, Process, task


def at(event):
    return datetime.fromisoformat(event["time"].replace("Z", "+00:00"))


class Overlap(EndToEnd):
    """The first run waits for the file `go`; the instants come on while it does."""

    def blocked(self, overlap):
        self.configure(task("slow", "echo run $BANSURI_RUN_ID; while [ ! -e go ]; do sleep 0.05; "
                                    "done", timer="200ms", overlap=overlap, on_fail="continue",
                            stop_timeout="1s"))
        return self.start()

    def test_given_skip_when_it_is_due_while_it_runs_then_the_instant_is_skipped_and_told(self):
        bansuri = self.blocked("skip")
        skipped = bansuri.wait_event("skipped", nth=2, task="slow")
        self.assertRegex(skipped["reason"], "overlap: run 1 still ran")
        self.assertEqual(len(bansuri.events("attempt-started")), 1)
        self.path("go").touch()
        bansuri.wait_started("slow", nth=2)

    def test_given_queue_when_it_is_due_while_it_runs_then_the_instants_run_one_by_one_after(self):
        self.configure(task("slow", 'echo "$BANSURI_SCHEDULED_AT"; mkdir lock || echo TWO AT ONCE; '
                                    'while [ ! -e go ]; do sleep 0.05; done; rmdir lock',
                            timer="200ms", overlap="queue", on_fail="continue"),
                       task("beat", "echo beat", timer="200ms", on_fail="continue"))
        bansuri = self.start()
        bansuri.out.wait("beat", nth=5)
        self.assertEqual(len(bansuri.out.matching("slow ")), 1)
        self.path("go").touch()
        bansuri.out.wait("slow ", nth=6)
        self.assertEqual(bansuri.out.matching("TWO"), [])
        due = [line.string for line in bansuri.out.matching("slow ")]
        self.assertEqual(due, sorted(set(due)))
        self.assertEqual(bansuri.events("skipped"), [])

    def test_given_allow_when_it_is_due_while_it_runs_then_both_run_at_once(self):
        bansuri = self.blocked("allow")
        pids = [bansuri.wait_started("slow", nth) for nth in (1, 2, 3)]
        self.assertTrue(all(Process.alive(pid) for pid in pids))
        self.path("go").touch()
        bansuri.wait_ended("slow", nth=3)

    def test_given_replace_when_it_is_due_while_it_runs_then_the_old_run_is_stopped_first(self):
        bansuri = self.blocked("replace")
        bansuri.wait_started("slow", nth=3)
        ended = bansuri.wait_ended("slow", nth=2)
        self.assertEqual((ended["outcome"], ended["signal"]), ("STOPPED", 15))
        events = [(event["event"], event["run"]) for event in bansuri.events()
                  if event["event"].startswith("attempt")]
        self.assertEqual(events[:4], [("attempt-started", 1), ("attempt-ended", 1),
                                      ("attempt-started", 2), ("attempt-ended", 2)])


class Failure(EndToEnd):
    def test_given_stop_when_it_fails_then_it_is_stopped_and_not_due_again(self):
        self.configure(task("bad", "exit 3", timer="100ms"),
                       task("beat", "echo beat", timer="200ms", on_fail="continue"))
        bansuri = self.start()
        self.assertEqual(bansuri.wait_event("state", task="bad", to="STOPPED")["level"], "warning")
        bansuri.out.wait("beat", nth=4)
        self.assertEqual([(event["outcome"], event["code"])
                          for event in bansuri.events("attempt-ended", task="bad")],
                         [("FAILED", 3)])

    def test_given_continue_or_ignore_when_it_fails_then_the_next_instant_comes(self):
        self.configure(task("bad", "exit 3", timer="200ms", on_fail="continue"),
                       task("worse", "exit 4", timer="200ms", on_fail="ignore"))
        bansuri = self.start()
        self.assertEqual(bansuri.wait_ended("bad", nth=3)["code"], 3)
        self.assertEqual(bansuri.wait_ended("worse", nth=3)["code"], 4)

    def test_given_restart_with_times_then_so_many_attempts_in_all_with_growing_pauses(self):
        self.configure(task("bad", "echo $BANSURI_ATTEMPT; exit 1", on_fail="restart", times=4,
                            restart_delay="200ms", restart_backoff={"factor": 2, "max": "400ms"}))
        bansuri = self.start("--log-level", "debug")
        bansuri.wait_event("state", task="bad", to="STOPPED")
        ended = bansuri.events("attempt-ended")
        self.assertEqual([event["attempt"] for event in ended], [1, 2, 3, 4])
        self.assertEqual(len({event["run"] for event in ended}), 1)
        self.assertEqual([event.get("retry_in") for event in ended], [0.2, 0.4, 0.4, None])
        started = bansuri.events("attempt-started")
        for end, start in zip(ended, started[1:]):
            self.assertGreaterEqual((at(start) - at(end)).total_seconds(), end["retry_in"] - 0.002)
        self.assertEqual([event["to"] for event in bansuri.events("state")][:4],
                         ["RUNNING", "FAILED", "RESTARTING", "RUNNING"])
        self.assertEqual([line.string for line in bansuri.out.matching("bad")],
                         [f"bad | {attempt}" for attempt in (1, 2, 3, 4)])

    def test_given_no_restart_delay_then_the_first_retry_comes_at_once_and_then_1s_and_2s(self):
        self.configure(task("bad", "exit 1", on_fail="restart", max_attempts=5))
        bansuri = self.start()
        bansuri.wait_ended("bad", nth=3)
        self.assertEqual([event["retry_in"] for event in bansuri.events("attempt-ended")],
                         [0, 1, 2])

    def test_given_exhausted_continue_when_attempts_are_exhausted_then_the_next_instant_comes(self):
        self.configure(task("bad", "exit 1", timer="300ms", on_fail="restart", times=2,
                            restart_delay=0, on_exhausted="continue"))
        bansuri = self.start()
        bansuri.wait_ended("bad", nth=4)
        self.assertEqual([(event["run"], event["attempt"])
                          for event in bansuri.events("attempt-ended")[:4]],
                         [(1, 1), (1, 2), (2, 1), (2, 2)])

    def test_given_success_codes_then_only_these_are_success(self):
        self.configure(task("seven", "exit 7", success_codes=[7, 9]),
                       task("zero", "exit 0", success_codes=[7, 9]),
                       task("killed", "kill -7 $$", success_codes=[7, 9, 135]))
        bansuri = self.start()
        self.assertEqual(bansuri.wait_ended("seven")["outcome"], "SUCCESS")
        self.assertEqual(bansuri.wait_ended("zero")["outcome"], "FAILED")
        killed = bansuri.wait_ended("killed")
        self.assertEqual((killed["outcome"], killed["signal"]), ("FAILED", 7))

    def test_given_a_command_that_cannot_start_then_it_fails_with_the_step_and_the_path(self):
        self.configure(task("nowhere", "true", working_directory="/no/such/place"),
                       task("beat", "echo beat"))
        bansuri = self.start()
        ended = bansuri.wait_ended("nowhere")
        self.assertEqual(ended["outcome"], "FAILED")
        self.assertIn('"/no/such/place": No such file or directory', ended["reason"])
        bansuri.out.wait("beat")


class Scarcity(EndToEnd):
    def test_given_few_descriptors_then_starts_fail_with_the_reason_and_come_about_by_retries(self):
        self.configure(*(task(f"t{i}", "sleep 0.3; echo done", on_fail="restart",
                              restart_delay="100ms") for i in range(40)))
        bansuri = self.start(wrapper=("sh", "-c", 'ulimit -n 100; exec "$@"', "sh"))
        bansuri.out.wait("done", nth=40)
        failed = bansuri.events("attempt-ended", outcome="FAILED")
        self.assertNotEqual(failed, [])
        for event in failed:
            self.assertIn("Too many open files", event["reason"])
        self.assertEqual(bansuri.end(), 0)

    def test_given_more_environment_than_the_kernel_takes_then_it_fails_with_the_reason(self):
        self.configure(task("a", "true", environment={f"X{i}": "x" * 60_000 for i in range(60)}),
                       task("b", "echo fine"))
        bansuri = self.start()
        self.assertIn("Argument list too long", bansuri.wait_ended("a")["reason"])
        bansuri.out.wait("fine")

    def test_given_a_program_that_is_not_there_then_it_is_the_shells_127(self):
        self.configure(task("a", "/no/such/program"))
        self.assertEqual(self.start().wait_ended("a")["code"], 127)


class TimeLimit(EndToEnd):
    TRAP = "trap 'echo told' TERM; echo ready; while :; do sleep 0.05; done"

    def test_given_a_timeout_when_it_runs_longer_then_it_is_killed_at_once(self):
        self.configure(task("long", self.TRAP, timeout="500ms"))
        bansuri = self.start()
        ended = bansuri.wait_ended("long")
        self.assertEqual((ended["outcome"], ended["signal"]), ("TIMEOUT", 9))
        self.assertGreaterEqual(ended["seconds"], 0.5)
        self.assertRegex(ended["reason"], "500ms")
        self.assertEqual(bansuri.out.matching("told"), [])

    def test_given_kill_grace_when_it_runs_too_long_then_sigterm_first_and_sigkill_after(self):
        self.configure(task("stubborn", self.TRAP, timeout="500ms", kill_grace="400ms"),
                       task("polite", "trap 'echo bye; exit 0' TERM; while :; do sleep 0.05; done",
                            timeout="500ms", kill_grace="1m"))
        bansuri = self.start()
        stubborn = bansuri.wait_ended("stubborn")
        self.assertEqual((stubborn["outcome"], stubborn["signal"]), ("TIMEOUT", 9))
        self.assertGreaterEqual(stubborn["seconds"], 0.9)
        bansuri.out.wait(r"stubborn \| told")
        polite = bansuri.wait_ended("polite")
        self.assertEqual((polite["outcome"], polite["code"]), ("TIMEOUT", 0))
        bansuri.out.wait(r"polite \| bye")

    def test_given_restart_when_an_attempt_runs_too_long_then_it_is_tried_again(self):
        self.configure(task("long", "exec " + self.forever, timeout="200ms", on_fail="restart",
                            times=2, restart_delay=0))
        bansuri = self.start()
        bansuri.wait_event("state", task="long", to="STOPPED")
        self.assertEqual([event["outcome"] for event in bansuri.events("attempt-ended")],
                         ["TIMEOUT", "TIMEOUT"])

    def test_given_a_timeout_when_it_ends_in_time_then_nothing_happens(self):
        self.configure(task("short", "true", timeout="30s"))
        bansuri = self.start()
        self.assertEqual(bansuri.wait_ended("short")["outcome"], "SUCCESS")


if __name__ == "__main__":
    unittest.main()
