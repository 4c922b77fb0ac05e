# SPDX-License-Identifier: MIT
"""One task in the foreground, and one round of all: SPEC section 9."""
import signal
import time
import unittest

from harness import EndToEnd, Process, task


class Exec(EndToEnd):
    def ran(self, command, **keys):
        self.configure(task("a", command, **keys), task("other", "touch other"))
        done = self.call("exec", "a")
        self.assertFalse(self.path("other").exists())
        return done

    def test_given_an_exit_code_then_it_is_passed_on(self):
        for code in (0, 1, 3, 75, 255):
            self.assertEqual(self.ran(f"exit {code}").returncode, code)

    def test_given_success_codes_then_the_code_itself_is_still_passed_on(self):
        self.assertEqual(self.ran("exit 75", success_codes=[0, 75]).returncode, 75)

    def test_given_a_signal_then_128_and_its_number(self):
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV):
            self.assertEqual(self.ran(f"kill -{int(number)} $$").returncode, 128 + number)

    def test_given_a_time_out_then_124(self):
        self.assertEqual(self.ran("exec " + self.forever, timeout="200ms").returncode, 124)
        done = self.ran("trap 'exit 0' TERM; while :; do sleep 0.05; done", timeout="200ms",
                        kill_grace="10s")
        self.assertEqual(done.returncode, 124)

    def test_given_a_run_that_cannot_start_then_126_and_the_reason(self):
        done = self.ran("true", working_directory="/no/such/place")
        self.assertEqual(done.returncode, 126)
        self.assertIn("/no/such/place", done.stderr)

    def test_given_output_then_it_is_on_stdout_and_stderr_led_by_the_name(self):
        done = self.ran("echo out; echo err >&2")
        self.assertEqual(done.stdout, "a | out\n")
        self.assertIn("a | err\n", done.stderr)

    def test_given_retries_then_it_retries_under_its_policy_and_exits_with_the_last_code(self):
        done = self.ran("echo $BANSURI_ATTEMPT; [ $BANSURI_ATTEMPT = 3 ] && exit 9; exit 4",
                        on_fail="restart", times=3, restart_delay="50ms")
        self.assertEqual((done.returncode, done.stdout), (9, "a | 1\na | 2\na | 3\n"))
        done = self.ran("[ $BANSURI_ATTEMPT = 2 ]", on_fail="restart", restart_delay="50ms")
        self.assertEqual(done.returncode, 0)

    def test_given_a_failure_then_the_notification_is_sent_before_it_ends(self):
        self.configure(task("a", "exit 3", notify="mail"),
                       notify_command="sleep 0.5; cat > told.tmp; mv told.tmp told")
        self.assertEqual(self.call("exec", "a").returncode, 3)
        self.assertIn("Outcome:   FAILED: exit code 3\n", self.read("told"))

    def test_given_a_schedule_or_a_disabled_task_then_it_runs_once_all_the_same(self):
        for keys in ({"timer": "50ms"}, {"schedule_cron": "@yearly"}, {"enabled": False}):
            done = self.ran("echo ran", **keys)
            self.assertEqual((done.returncode, done.stdout), (0, "a | ran\n"))

    def test_given_an_unknown_task_then_it_exits_1_and_names_those_there_are(self):
        self.configure(task("a", "true"), task("b", "true"))
        done = self.call("exec", "nope")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertRegex(done.stderr, 'no task "nope".*: a, b')

    def test_given_an_invalid_configuration_then_it_exits_1(self):
        self.path("scripts.json").write_text("{")
        self.path("scripts.json").chmod(0o644)
        done = self.call("exec", "a")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertRegex(done.stderr, r"scripts\.json:1:\d+")

    def test_when_it_is_ended_then_its_run_is_too_and_the_exit_code_tells(self):
        self.configure(task("a", "exec " + self.forever))
        bansuri = self.start_command("exec", "--log-format", "json", "a")
        bansuri.wait_started("a")
        bansuri.signal(signal.SIGTERM)
        self.assertEqual(bansuri.wait(), 128 + signal.SIGTERM)
        self.assertEqual(self.left_behind(), [])

    def test_given_a_dollar_a_quote_and_a_long_command_then_they_arrive_as_they_are(self):
        text = "x" * 100_000
        done = self.ran(f"printf '%s' \"{text}\" | wc -c; echo '$HOME \\ \"é\"'")
        self.assertEqual(done.stdout, "a | 100000\na | $HOME \\ \"é\"\n")


class Once(EndToEnd):
    def test_given_all_succeed_then_it_runs_each_once_and_exits_0(self):
        self.configure(task("a", "echo a"), task("b", "echo b; exit 7", success_codes=[7]),
                       task("beat", "echo c", timer="50ms", on_fail="continue"),
                       task("off", "echo off", enabled=False))
        done = self.call("run", "--once")
        self.assertEqual(done.returncode, 0)
        self.assertEqual(sorted(done.stdout.splitlines()), ["a | a", "b | b", "beat | c"])

    def test_given_one_fails_then_the_others_run_to_their_end_and_it_exits_1(self):
        self.configure(task("bad", "exit 3"), task("slow", "sleep 0.5; echo slow"))
        done = self.call("--once")
        self.assertEqual((done.returncode, done.stdout), (1, "slow | slow\n"))

    def test_given_a_retry_that_succeeds_then_it_exits_0(self):
        self.configure(task("a", "[ $BANSURI_ATTEMPT = 2 ]", on_fail="restart", restart_delay=0))
        self.assertEqual(self.call("run", "--once").returncode, 0)

    def test_given_nothing_is_due_then_it_exits_0_at_once(self):
        for tasks in ((), (task("a", "echo ran", schedule_cron="@yearly", on_fail="continue"),)):
            self.configure(*tasks)
            done = self.call("run", "--once")
            self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_given_failures_then_every_notification_is_sent_before_it_ends(self):
        self.configure(*(task(f"t{i}", "exit 1", notify="mail") for i in range(12)),
                       notify_command="sleep 0.1; echo {task} >> told")
        self.assertEqual(self.call("run", "--once").returncode, 1)
        self.assertEqual(len(self.read("told").split()), 12)

    def test_when_it_is_ended_then_nothing_is_left_and_it_does_not_exit_0(self):
        self.configure(task("a", "exec " + self.forever))
        bansuri = self.start("--once")
        pid = bansuri.wait_started("a")
        self.assertEqual(bansuri.end(), 1)
        self.assertFalse(Process.alive(pid))

    def test_given_a_bad_configuration_then_it_exits_1_soon(self):
        began = time.monotonic()
        done = self.call("run", "--once", "-c", "missing.json")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("missing.json", done.stderr)
        self.assertLess(time.monotonic() - began, 10)


if __name__ == "__main__":
    unittest.main()
