# SPDX-License-Identifier: MIT
"""SPEC section 9 (help, usage, check, schema) and the words of section 2 about errors."""
import json
import subprocess
import unittest

from harness import EndToEnd, task, wait_until

CLIENT = (("status",), ("history",), ("logs", "a"), ("why", "a"), ("reload",), ("shutdown",),
          ("restart-daemon",))
COMMANDS = ((), ("run",), ("exec",), ("check",), ("schema",), ("next",), ("import",),
            ("import", "crontab"), ("import", "supervisor"), ("import", "bansuri"), *CLIENT)

NOT_YET = {
    "task": "jobs.cleanup:Cleanup", "depends-on": ["first"],
    "parameters": {"depth": 3}, "python-path": ["lib"], "warm": True,
}
NOT_YET_AT_THE_ROOT = {"listen": "127.0.0.1:8080"}


class Usage(EndToEnd):
    def test_given_any_command_when_help_is_asked_then_it_shows_an_example_and_exits_0(self):
        for command in COMMANDS:
            with self.subTest(command):
                done = self.call(*command, "--help")
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertIn("Example: bansuri", done.stdout)

    def test_given_the_example_of_next_when_it_is_run_then_it_works(self):
        done = self.call("next", "--count", "3", "--tz", "Europe/Berlin", "30 2 * * *")
        self.assertEqual((done.returncode, len(done.stdout.splitlines())), (0, 3))

    def test_when_the_version_is_asked_then_it_is_told(self):
        done = self.call("--version")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"^bansuri \d+\.\d+\.\d+\n$")

    def test_given_wrong_usage_then_it_exits_2_says_why_and_prints_nothing_on_stdout(self):
        self.configure()
        for wrong in (["--no-such-option"], ["nonsense"], ["run", "nonsense"], ["exec"],
                      ["exec", "a", "b"], ["next"], ["next", "--batch", "* * * * *"],
                      ["next", "--count", "many", "* * * * *"], ["run", "--log-format", "xml"],
                      ["run", "--log-level", "shout"], ["check", "--jsn"], ["schema", "x"],
                      ["run", "--config"], ["logs"], ["logs", "a", "--run", "x"], ["why"],
                      ["history", "-n", "0"], ["shutdown", "--timeout", "soon"],
                      ["status", "--state", ""], ["reload", "now"], ["import"], ["import", "crontab"],
                      ["import", "systemd", "x"], ["import", "crontab", "--user", "--system", "x"]):
            with self.subTest(wrong):
                done = self.call(*wrong)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertNotEqual(done.stderr, "")


    def test_given_no_daemon_when_one_is_asked_then_it_exits_3_and_says_where_and_what_to_do(self):
        for command in CLIENT:
            with self.subTest(command):
                done = self.call(*command, "--state", "/nowhere/at/all")
                self.assertEqual((done.returncode, done.stdout), (3, ""))
                self.assertIn("/nowhere/at/all/bansuri.sock", done.stderr)
                self.assertIn("bansuri run --state /nowhere/at/all", done.stderr)


class FullDisk(EndToEnd):
    def fails(self, *command):
        with self.subTest(command), open("/dev/full", "wb") as full:
            done = subprocess.run(self.argv(*command), cwd=self.directory, env=self.environment,
                                  stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE,
                                  text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("the output cannot be written", done.stderr)

    def test_given_output_that_cannot_be_written_then_a_command_says_so_and_exits_1(self):
        self.configure(task("a", "echo hello"))
        for command in (("check",), ("schema",), ("next", "* * * * *"), ("--help",)):
            self.fails(*command)
        state = ("--state", str(self.path("state")))
        bansuri = self.start(*state)
        wait_until(lambda: self.call("logs", "a", *state).stdout == "hello\n", "it is recorded")
        for command in (("status",), ("history",), ("why", "a"), ("logs", "a"), ("reload",)):
            self.fails(*command, *state)
            if command[0] != "reload":
                self.fails(*command, "--json", *state)
        self.fails("shutdown", "--json", *state)
        self.assertEqual(bansuri.wait(), 0)


class Schema(EndToEnd):
    def test_then_it_is_json_and_knows_every_key_of_the_specification(self):
        done = self.call("schema")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        schema = json.loads(done.stdout)
        self.assertIn("$schema", schema)
        self.assertLessEqual({"version", "scripts", "notify_command", "defaults", "timezone"},
                             set(schema["properties"]))
        for key in ("name", "command", "schedule-cron", "restart-backoff", "notify-on-recovery"):
            self.assertIn(f'"{key}"', done.stdout)


class Check(EndToEnd):
    def test_given_a_good_file_then_it_exits_0(self):
        self.configure(task("a", "true"))
        for arguments in ((), ("scripts.json",), ("--config", "scripts.json")):
            done = self.call("check", *arguments)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertEqual(done.stdout, "scripts.json: 1 task, no errors, no warnings\n")

    def test_given_comments_and_no_tasks_then_it_is_good(self):
        self.path("scripts.json").write_text('// one\n{"scripts": /* none\n */ []} // end\n')
        self.path("scripts.json").chmod(0o644)
        self.assertEqual(self.call("check").returncode, 0)

    def faulty(self):
        self.path("bad.json").write_text(
            '{"version": "1.0", "scripts": [\n'
            '  {"name": "one", "comand": "echo", "timer": "-1s"},\n'
            '  {"name": "two", "command": "true", "timer": 1, "schedule-cron": "* * * * *"},\n'
            '  {"name": "one", "command": "true", "schedule-cron": "0 0 31 2 *"},\n'
            '  {"command": "true", "on-fail": "retry", "times": 1.5, "max-attempts": 2}\n'
            '], "notify-command": "true"}\n')
        self.path("bad.json").chmod(0o644)

    def test_given_many_faults_then_all_are_told_with_place_task_key_value_reason_and_remedy(self):
        self.faulty()
        done = self.call("check", "bad.json")
        self.assertEqual(done.returncode, 1)
        for expected in (
                r'bad\.json:2:\d+: error: task "one": key "comand": unknown key; did you mean '
                r'"command"\?',
                r'bad\.json:2:46: error: task "one": key "timer": value "-1s": .*negative; \w+',
                r'bad\.json:3:\d+: error: task "two": key "schedule-cron": value "\* \* \* \* \*": '
                r'.*"timer".*; \w+',
                r'bad\.json:4:\d+: error: task "one": key "name": value "one": .*; \w+',
                r'bad\.json:4:\d+: error: task "one": key "schedule-cron": value "0 0 31 2 \*": '
                r'it can never be due.*; \w+',
                r'bad\.json:5:\d+: error: task number 4: key "name": .*; \w+',
                r'bad\.json:5:\d+: error: task number 4: key "on-fail": value "retry": .*restart',
                r'bad\.json:5:\d+: error: task number 4: key "times": value 1\.5: .*; \w+',
                r'bad\.json:6:4: error: key "notify-command": unknown key; .*"notify_command"'):
            self.assertRegex(done.stderr, expected)

    def test_given_many_faults_when_json_is_asked_then_it_tells_the_same_in_fields(self):
        self.faulty()
        text = self.call("check", "bad.json").stderr.splitlines()
        done = self.call("check", "--json", "bad.json")
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        findings = json.loads(done.stdout)
        self.assertEqual([finding["message"] for finding in findings], text)
        for finding in findings:
            self.assertEqual((finding["severity"], finding["file"]), ("error", "bad.json"))
            self.assertGreater(finding["line"], 0)
            self.assertGreater(finding["column"], 0)
            self.assertNotEqual(finding["reason"], "")
            self.assertNotEqual(finding["remedy"], "")
        timer = next(finding for finding in findings if finding.get("key") == "timer")
        self.assertEqual((timer["task"], timer["value"]), ("one", '"-1s"'))

    def test_given_a_schedule_and_on_fail_stop_then_it_warns_and_exits_0(self):
        self.configure(task("a", "true", timer="1h"), task("b", "true", schedule_cron="@daily"),
                       task("c", "true"), task("d", "true", timer="1h", on_fail="continue"))
        done = self.call("check")
        self.assertEqual(done.returncode, 0)
        self.assertEqual([line.split('"')[1] for line in done.stderr.splitlines()], ["a", "b"])
        self.assertIn("2 warnings", done.stdout)

    def test_given_a_key_that_is_not_available_yet_then_check_and_run_refuse_it_by_name(self):
        # Also where the value is the default: a file is never understood by half.
        tasks = [{"name": "first", "command": "true"}]
        for key, value in NOT_YET.items():
            tasks.append({"name": f"with {key}", "command": "true", key: value})
            if key == "task":
                del tasks[-1]["command"]
        self.path("later.json").write_text(
            json.dumps({"scripts": tasks, **NOT_YET_AT_THE_ROOT}))
        self.path("later.json").chmod(0o644)
        checked = self.call("check", "later.json")
        ran = self.call("run", "--config", "later.json")
        self.assertEqual((checked.returncode, ran.returncode), (1, 1))
        for told in (checked.stderr, ran.stderr):
            for key in NOT_YET:
                self.assertRegex(told, rf'task "with {key}": key "{key}": .*not available yet')
            for key in NOT_YET_AT_THE_ROOT:
                self.assertRegex(told, rf'error: key "{key}": .*not available yet')

    def test_given_a_file_that_cannot_be_read_then_it_exits_1_and_names_it(self):
        done = self.call("check", "missing.json")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertRegex(done.stderr, '"missing.json".* [Nn]o such file')


if __name__ == "__main__":
    unittest.main()
