# SPDX-License-Identifier: MIT
"""What a task finds when it starts: SPEC section 6."""
import os
import re
import signal
import subprocess
import sys
import unittest

from harness import CONTAINMENTS, EndToEnd, task

# Becomes bansuri with every signal ignored that can be, and every signal blocked.
DEAF = (sys.executable, "-c", """
import os, signal, sys
for number in signal.valid_signals():
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
os.execv(sys.argv[1], sys.argv[1:])
""")


class Isolation(EndToEnd):
    # A glob or a command of their own would open a descriptor for looking.
    DESCRIPTORS = ('i=0; while [ $i -lt 400 ]; do [ -e /proc/$$/fd/$i ] && '
                   'echo "$i $(readlink /proc/$$/fd/$i)"; i=$((i+1)); done; true')

    def look(self, command, *arguments, **options):
        """What the command said, as a task of its own daemon."""
        self.configure(task("look", command), **options.pop("root", {}))
        bansuri = self.start(*arguments, **options)
        bansuri.wait_ended("look")
        self.assertEqual(bansuri.end(), 0)
        return [line.partition(" | ")[2] for line in bansuri.out.to_the_end()]

    def test_then_it_leads_a_session_and_a_process_group_of_its_own(self):
        for containment in CONTAINMENTS:
            pid, stat = self.look("echo $$; read stat < /proc/$$/stat; echo $stat", *containment)
            fields = stat.rpartition(")")[2].split()
            self.assertEqual(fields[2:4], [pid, pid])  # process group, session
            self.assertEqual(fields[4], "0")  # no terminal

    def test_then_it_holds_descriptors_0_to_2_and_0_is_dev_null(self):
        # Two that bansuri is given open, one of them beyond what a loop would close.
        extra = [os.open("/dev/null", os.O_RDONLY)]
        extra.append(os.dup2(extra[0], 300))
        try:
            seen = self.look(self.DESCRIPTORS, pass_fds=extra)
        finally:
            for fd in extra:
                os.close(fd)
        self.assertEqual([line.split()[0] for line in seen], ["0", "1", "2"])
        self.assertEqual(seen[0], "0 /dev/null")
        self.assertTrue(all("pipe:" in line for line in seen[1:]), seen)

    def test_given_files_for_its_streams_then_it_holds_no_other_descriptor(self):
        self.configure(task("look", self.DESCRIPTORS, stdout="out", stderr="err"))
        self.assertEqual(self.call("run", "--once").returncode, 0)
        self.assertEqual(self.read("out").splitlines(),
                         ["0 /dev/null", f"1 {self.path('out')}", f"2 {self.path('err')}"])

    def test_when_it_reads_its_input_then_there_is_none(self):
        self.assertEqual(self.look("cat; echo read $?"), ["read 0"])

    def test_given_signals_ignored_and_blocked_for_bansuri_then_the_task_has_the_defaults(self):
        for containment in CONTAINMENTS:
            seen = self.look("cat /proc/self/status", *containment, wrapper=DEAF)
            masks = dict(line.split() for line in seen if re.match("Sig(Pnd|Blk|Ign|Cgt)", line))
            self.assertEqual(masks, {"SigPnd:": "0" * 16, "SigBlk:": "0" * 16, "SigIgn:": "0" * 16,
                                     "SigCgt:": "0" * 16})

    def test_given_signals_ignored_and_blocked_for_bansuri_then_it_still_ends_when_asked(self):
        self.configure(task("a", "exec " + self.forever))
        for number in (signal.SIGTERM, signal.SIGINT):
            bansuri = self.start(wrapper=DEAF)
            bansuri.wait_started("a")
            bansuri.signal(number)
            self.assertEqual(bansuri.wait(), 0)
            self.wait_nothing_left()

    def test_then_it_learns_its_task_run_attempt_and_instant(self):
        self.configure(task("a b", "env | grep ^BANSURI_ | sort; exit 1", on_fail="restart",
                            times=2, restart_delay=0))
        bansuri = self.start()
        bansuri.wait_ended("a b", nth=2)
        self.assertEqual(bansuri.end(), 0)
        seen = [line.partition(" | ")[2] for line in bansuri.out.to_the_end()]
        self.assertEqual(len(seen), 8)
        for attempt, found in (("1", seen[:4]), ("2", seen[4:])):
            self.assertEqual(found[0], f"BANSURI_ATTEMPT={attempt}")
            self.assertEqual(found[1], "BANSURI_RUN_ID=1")
            self.assertRegex(found[2], r"^BANSURI_SCHEDULED_AT=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
                                       r"(\.\d+)?Z$")
            self.assertEqual(found[3], "BANSURI_TASK=a b")
        self.assertEqual(seen[2], seen[6])

    def test_given_the_variables_of_systemd_and_of_an_outer_bansuri_then_none_of_them_leaks(self):
        outer = {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1",
                 "LISTEN_FDS": "1", "LISTEN_PID": "1", "BANSURI_TASK": "x",
                 "BANSURI_STATE": str(self.path("outer")),
                 "BANSURI_RUN_ID": "99", "BANSURI_EXIT_CODE": "1", "INHERITED": "yes"}
        seen = self.look("env", environment=outer)
        names = {line.partition("=")[0] for line in seen}
        self.assertEqual({name for name in names if name in outer or name.startswith("BANSURI_")},
                         {"INHERITED", "BANSURI_TASK", "BANSURI_RUN_ID", "BANSURI_ATTEMPT",
                          "BANSURI_SCHEDULED_AT"})
        self.assertIn("BANSURI_TASK=look", seen)

    def test_given_environment_then_it_is_added_and_wins_over_the_inherited(self):
        self.configure(task("a", "env", environment={"ADDED": "a b=c\n\"$HOME", "INHERITED": "no",
                                                     "EMPTY": ""}))
        done = subprocess.run(self.argv("exec", "a"), cwd=self.directory, text=True, timeout=60,
                              env={**self.environment, "INHERITED": "yes"}, capture_output=True,
                              check=True)
        self.assertIn("a | ADDED=a b=c\na | \"$HOME\n", done.stdout)
        self.assertIn("a | INHERITED=no\n", done.stdout)
        self.assertIn("a | EMPTY=\n", done.stdout)
        self.assertIn(f"a | E2E_MARK={self.mark}\n", done.stdout)

    def test_given_clean_environment_then_only_the_basic_variables_are_inherited(self):
        self.configure(task("a", "env", clean_environment=True, environment={"ADDED": "x"}))
        done = self.call("exec", "a", environment={"INHERITED": "yes", "LANG": "C", "HOME": "/h"})
        names = {line.partition(" | ")[2].partition("=")[0] for line in done.stdout.splitlines()}
        self.assertLessEqual(names - {"PWD", "OLDPWD", "SHLVL", "_"},
                             {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "ADDED",
                              "BANSURI_TASK", "BANSURI_RUN_ID", "BANSURI_ATTEMPT",
                              "BANSURI_SCHEDULED_AT"})
        self.assertLessEqual({"HOME", "LANG", "TZ", "ADDED"}, names)

    def test_given_working_directory_then_it_runs_there(self):
        self.path("work").mkdir()
        for directory, seen in (("work", f"{self.directory}/work"), ("/", "/")):
            self.configure(task("a", "pwd", working_directory=directory))
            self.assertEqual(self.call("exec", "a").stdout, f"a | {seen}\n")

    def test_then_the_resource_limits_and_the_oom_score_are_those_of_the_caller(self):
        caller = "ulimit -Sn 512; ulimit -Hn 600; ulimit -c 0; "
        what = "ulimit -Sn; ulimit -Hn; cat /proc/self/oom_score_adj"
        expected = subprocess.run(["sh", "-c", caller + what], check=True, text=True,
                                  capture_output=True).stdout.splitlines()
        self.assertEqual(self.look(what, wrapper=("sh", "-c", caller + 'exec "$@"', "sh")),
                         expected)

    def test_given_shell_syntax_then_it_is_what_a_shell_would_do(self):
        command = 'x="a  b"; for i in 1 2; do echo "$x $i"; done | tac; echo ~ $((6*7)) && (exit 0)'
        expected = subprocess.run(["/bin/sh", "-c", command], check=True, text=True,
                                  capture_output=True, env=self.environment).stdout.splitlines()
        self.assertEqual(self.look(command), expected)


if __name__ == "__main__":
    unittest.main()
