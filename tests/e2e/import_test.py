# SPDX-License-Identifier: MIT
"""`bansuri import`: what it prints is what `check` takes, and what it makes runs."""
import json
import os
import re
import unittest

from harness import EndToEnd

CRONTAB = """\
# what this machine does at night
PATH=/usr/bin:/bin
LANG=C
* * * * * cat > copied.txt; echo done%one%two 100\\%
*/5 * * * * cd / && echo "$HOME" > /dev/null
nonsense
"""
SYSTEM = "17 * * * *\troot\tcd / && run-parts --report /etc/cron.hourly\n"
SUPERVISOR = """\
[supervisord]
nodaemon=true
[include]
files = parts/*.conf
[program:first]
command=sh -c "echo $0 $1" 'a b' %(here)s ; a comment
autorestart=false
redirect_stderr=true
"""
PYTHON = {"scripts": [{"name": "old", "command": "echo old", "timer": "0", "max-attempts": 2,
                       "times": 1, "on-fail": "restart"}]}


def data_of(text):
    """The JSON without the lines of comments; the importers write no other ones."""
    return json.loads(re.sub(r"(?m)^\s*//.*$", "", text))


class Import(EndToEnd):
    def write(self, name, text):
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def imported(self, *arguments):
        done = self.call("import", *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        scripts = self.path("scripts.json")
        scripts.write_text(done.stdout)
        scripts.chmod(0o644)
        faults = [line for line in self.call("check").stderr.splitlines() if "error:" in line]
        self.assertEqual(faults, [], done.stdout)
        return done.stdout

    def test_given_a_crontab_when_it_is_imported_then_its_jobs_run_as_they_did(self):
        home = self.path("home")
        home.mkdir()
        text = self.imported("crontab", str(self.write("jobs", f"HOME={home}\n" + CRONTAB)))
        self.assertIn("line 7: nonsense", text)
        names = [task["name"] for task in data_of(text)["scripts"]]
        self.assertEqual(len(names), 2)
        done = self.call("exec", names[0])
        self.assertEqual((done.returncode, done.stdout), (0, f"{names[0]} | done\n"))
        self.assertEqual((home / "copied.txt").read_text(), "one\ntwo 100%\n")

    def test_given_standard_input_when_it_is_imported_then_it_is_read(self):
        done = self.call("import", "crontab", "-", stdin=CRONTAB)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(len(data_of(done.stdout)["scripts"]), 2)

    def test_given_the_system_form_when_it_is_said_then_the_users_are_taken(self):
        path = str(self.write("cron.d/jobs", SYSTEM))
        task = data_of(self.imported("crontab", "--system", path))["scripts"][0]
        self.assertEqual((task["user"], task["name"], task["working-directory"]),
                         ("root", "cron.hourly", os.path.expanduser("~root")))
        task = data_of(self.imported("crontab", path))["scripts"][0]
        self.assertTrue(task["command"].startswith("root\tcd"))

    def test_given_a_configuration_of_supervisord_then_its_programs_and_those_it_includes_run(self):
        self.write("sv/parts/second.conf", "[program:second]\ncommand=/bin/echo %(here)s\n")
        self.write("sv/parts/broken.conf", "no section\n")
        text = self.imported("supervisor", str(self.write("sv/main.conf", SUPERVISOR)))
        directory = os.path.realpath(self.path("sv"))
        self.assertIn("broken.conf", text)
        self.assertEqual(self.call("exec", "first").stdout, f"first | a b {directory}\n")
        self.assertEqual(self.call("exec", "second").stdout, f"second | {directory}/parts\n")

    def test_given_a_file_of_the_python_program_then_its_tasks_run(self):
        text = self.imported("bansuri", str(self.write("old.json", json.dumps(PYTHON))))
        self.assertEqual(data_of(text)["scripts"][0]["times"], 2)
        self.assertEqual(self.call("exec", "old").stdout, "old | old\n")

    def test_given_what_cannot_be_read_then_it_exits_1_and_says_why(self):
        self.write("empty", "")
        self.write("text", "what is this\n")
        self.path("binary").write_bytes(b"\x7fELF\0\0\0\n" * 100)
        self.path("large").write_bytes(b"#" * (17 << 20))
        for arguments, words in (
                (("crontab", "missing"), "No such file or directory"),
                (("crontab", "."), "Is a directory"),
                (("crontab", "text"), "nothing in it is a line of a crontab"),
                (("crontab", "binary"), "nothing in it is a line of a crontab"),
                (("crontab", "large"), "more than 16 MiB"),
                (("supervisor", "text"), "it is no configuration of supervisord"),
                (("supervisor", "empty"), "no section in it"),
                (("bansuri", "text"), "it is no JSON"),
                (("bansuri", "empty"), "it is no JSON")):
            with self.subTest(arguments):
                done = self.call("import", *arguments)
                self.assertEqual((done.returncode, done.stdout), (1, ""))
                self.assertIn(words, done.stderr)


if __name__ == "__main__":
    unittest.main()
