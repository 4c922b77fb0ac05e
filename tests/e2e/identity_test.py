# SPDX-License-Identifier: MIT
"""As whom tasks run, with which environment and within which limits, on the real binary."""
import grp
import json
import os
import pwd
import unittest

from harness import EndToEnd, task, wait_until

IS_ROOT = os.geteuid() == 0
# A user that every Debian has, and that owns nothing.
OTHER = "daemon"


class Identity(EndToEnd):
    def setUp(self):
        super().setUp()
        # Other users have to get to it.
        self.directory.chmod(0o755)

    def output_of(self, command, **keys):
        """What a task says that is run by exec."""
        self.configure(task("t", command, **keys))
        done = self.call("exec", "t")
        self.assertEqual(done.returncode, 0, done.stderr)
        return "".join(line.removeprefix("t | ") for line in done.stdout.splitlines(True))

    def refusal_of(self, command, **keys):
        self.configure(task("t", command, **keys))
        done = self.call("exec", "t", "--log-format", "text")
        self.assertNotEqual(done.returncode, 0)
        return done.stderr

    @unittest.skipUnless(IS_ROOT, "only root can run a task as somebody else")
    def test_given_a_user_then_the_task_is_that_user_in_every_way(self):
        account = pwd.getpwnam(OTHER)
        said = self.output_of(
            "id -u; id -g; echo $HOME $USER $LOGNAME $SHELL; "
            "touch mine 2>/dev/null || echo not mine; echo by name >/dev/stdout", user=OTHER)
        self.assertEqual(said, f"{account.pw_uid}\n{account.pw_gid}\n{account.pw_dir} {OTHER} "
                               f"{OTHER} {account.pw_shell}\nnot mine\nby name\n")

    @unittest.skipUnless(IS_ROOT, "only root can run a task as somebody else")
    def test_given_a_group_then_it_replaces_the_users(self):
        said = self.output_of("id -gn; id -Gn", user=OTHER, group="nogroup")
        self.assertEqual(said, "nogroup\nnogroup\n")
        self.assertEqual(self.output_of("id -un; id -gn", group="nogroup"), "root\nnogroup\n")

    @unittest.skipUnless(IS_ROOT, "only root can run a task as somebody else")
    def test_given_a_user_then_its_files_are_opened_and_made_as_the_user(self):
        place = self.path("theirs")
        place.mkdir()
        os.chown(place, pwd.getpwnam(OTHER).pw_uid, grp.getgrnam("nogroup").gr_gid)
        place.chmod(0o700)
        self.output_of("echo said", user=OTHER, group="nogroup", umask="0077",
                       working_directory=str(place), stdout="out.log")
        made = place / "out.log"
        self.assertEqual(made.read_text(), "said\n")
        self.assertEqual((made.stat().st_uid, made.stat().st_mode & 0o777),
                         (pwd.getpwnam(OTHER).pw_uid, 0o600))

    @unittest.skipUnless(IS_ROOT, "only root can run a task as somebody else")
    def test_given_a_place_that_the_user_may_not_enter_then_it_is_said_as_whom(self):
        place = self.path("roots")
        place.mkdir(mode=0o700)
        told = self.refusal_of("true", user=OTHER, working_directory=str(place))
        self.assertRegex(told, f'roots" .as user "{OTHER}".: Permission denied')

    def test_given_no_such_user_then_the_run_fails_and_says_so(self):
        told = self.refusal_of("true", user="nobody-of-this-name")
        self.assertIn('user "nobody-of-this-name": there is no user of this name', told)

    def test_given_files_of_variables_then_the_tasks_own_win(self):
        self.path("a.env").write_text("# secrets\nexport A=file\nB='two words'\nHOME=/of/file\n")
        self.path("b.json").write_text(json.dumps({"B": "json", "C": 3}))
        said = self.output_of("echo $A $B $C $D $HOME",
                              environment_file=["a.env", "-missing.env", "b.json"],
                              environment={"A": "own", "D": "own too"})
        self.assertEqual(said, "own json 3 own too /of/file\n")

    def test_given_a_missing_file_of_variables_then_the_run_fails_and_names_it(self):
        told = self.refusal_of("true", environment_file="missing.env")
        self.assertRegex(told, r'environment-file ".*/missing.env": No such file or directory; ')

    def test_given_a_file_of_variables_then_each_start_reads_it_anew(self):
        values = self.path("a.env")
        values.write_text("A=1\n")
        self.configure(task("t", "echo A is $A; test $A = 2", environment_file="a.env",
                            on_fail="restart", restart_delay="0.2"))
        bansuri = self.start()
        wait_until(lambda: "t | A is 1" in bansuri.out.all(), "the first attempt")
        values.write_text("A=2\n")
        wait_until(lambda: "t | A is 2" in bansuri.out.all(), "an attempt that reads it anew")
        self.assertEqual(bansuri.end(), 0)

    def test_given_secrets_then_their_values_are_shown_nowhere(self):
        secret = "hunter2-of-the-secrets"
        self.path("a.env").write_text(f"TOKEN={secret}\n")
        # Cut in two writes, so that no read has all of it; on both streams.
        halves = f"printf '%s' {secret[:9]}; sleep 0.3; echo {secret[9:]}"
        self.configure(task("t", f"echo begin $TOKEN end; {halves}; echo $TOKEN >&2; exit 1",
                            environment_file="a.env", secrets=["TOKEN"], notify="command"),
                       notify_command="cat >message")
        state = str(self.path("state"))
        bansuri = self.start("--state", state)
        message = wait_until(lambda: self.path("message").exists() and
                             (told := self.path("message").read_text()).endswith("\n") and told,
                             "a message")
        bansuri.wait_event("attempt-ended")
        done = self.call("logs", "t", "--state", state)
        logs = done.stdout + done.stderr
        self.assertEqual(bansuri.end(), 0)
        self.assertIn("begin *** end", logs)
        self.assertEqual(logs.count("***"), 3)
        for told in (message, logs, "\n".join(bansuri.out.all() + bansuri.err.all())):
            self.assertNotIn(secret, told)
        self.assertIn("***", message)
        for kept in self.path("state").rglob("*"):
            if kept.is_file() and kept.name != "configuration":
                self.assertNotIn(secret.encode(), kept.read_bytes(), kept)

    def test_given_limits_priority_and_mask_then_the_task_has_them(self):
        said = self.output_of("ulimit -n; ulimit -c; ulimit -f; ulimit -t; umask; nice",
                              limits={"open-files": 50, "core": 0, "file-size": "1MiB",
                                      "cpu-time": "90s"}, umask="0027", priority=7)
        # Blocks of 512 bytes.
        self.assertEqual(said, "50\n0\n2048\n90\n0027\n7\n")

    def test_given_a_task_that_uses_too_much_then_its_end_says_why(self):
        told = self.refusal_of("exec dd if=/dev/zero of=big bs=1M count=4",
                               limits={"file-size": "1MiB"})
        self.assertIn("SIGXFSZ", told)
        told = self.refusal_of("while :; do :; done", limits={"cpu-time": "1s"})
        self.assertIn("SIGXCPU", told)

    def test_given_a_limit_that_is_not_enforced_then_it_is_said_once_and_shown(self):
        self.configure(*(task(f"t{number}", "sleep 60", limits={"cpu": 1.5})
                         for number in range(3)))
        bansuri = self.start("--no-cgroups", "--state", str(self.path("state")))
        warning = bansuri.wait_event("limit-not-enforced")
        self.assertEqual((warning["task"], warning["tasks"]), ("t0", 3))
        self.assertIn("cpu: ", warning["reason"])
        done = self.call("status", "--json", "--state", str(self.path("state")))
        shown = json.loads(done.stdout)["tasks"][1]["shortcomings"]
        self.assertEqual(shown, [warning["reason"]])
        told = self.call("status", "--state", str(self.path("state"))).stdout
        self.assertIn(f"limits.{warning['reason']}", told)
        self.assertEqual(bansuri.end(), 0)
        self.assertEqual(len(bansuri.events("limit-not-enforced")), 1)


if __name__ == "__main__":
    unittest.main()
