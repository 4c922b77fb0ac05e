# SPDX-License-Identifier: MIT
"""What is told, when and by what: SPEC section 7."""
import http.server
import re
import shutil
import threading
import unittest

from harness import EndToEnd, task, wait_until

# Each message becomes a file of its own, whole or not at all.
KEEP = "f=$(mktemp t.XXXXXX); { cat; echo ==; env | grep ^BANSURI_ | sort; } > $f; mv $f messages/"


class Told(EndToEnd):
    def setUp(self):
        super().setUp()
        self.path("messages").mkdir()

    def messages(self, name=""):
        """Those about a task, in the order of their runs and attempts."""
        texts = [path.read_text(errors="backslashreplace")
                 for path in self.path("messages").iterdir()]
        found = [text for text in texts if text.startswith(f"Task:      {name}")]
        return sorted(found, key=lambda text: [int(re.search(rf"^{key}: +(\d+)", text, re.M)[1])
                                               for key in ("Run", "Attempt")])

    def wait_messages(self, count, name=""):
        return wait_until(lambda: len(self.messages(name)) >= count and self.messages(name),
                          lambda: f"{count} messages, not {self.messages(name)}")

    def told(self, *tasks, count=1, **root):
        """The messages that came until bansuri, which only waits for them, had ended."""
        root.setdefault("notify_command", KEEP)
        self.configure(*tasks, **root)
        bansuri = self.start()
        self.wait_messages(count)
        self.assertEqual(bansuri.end(), 0)
        self.assertEqual(len(self.messages()), count)
        return self.messages()

    def attempts(self, name):
        return [re.search(r"^Attempt: +(.*)$", text, re.M)[1] for text in self.messages(name)]


class Message(Told):
    def test_given_a_failure_then_the_message_carries_every_field(self):
        self.path("work").mkdir()
        command = "echo some output; printf 'some\\terror' >&2; sleep 0.1; exit 3"
        text, = self.told(task("a b", command, description="What it is for", notify="mail",
                               working_directory="work"))
        head, _, rest = text.partition("\n\n")
        fields = dict(line.split(": ", 1) for line in head.splitlines())
        fields = {name: value.strip() for name, value in fields.items()}
        self.assertRegex(fields.pop("Time"), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00$")
        self.assertRegex(fields.pop("Took"), r"^[\d.]+(ms|s)")
        self.assertEqual(fields, {"Task": "a b", "About": "What it is for",
                                  "Outcome": "FAILED: exit code 3", "Ended by": "exit code 3",
                                  "Attempt": "1/1", "Run": "1", "Command": command,
                                  "Directory": f"{self.directory}/work"})
        self.assertTrue(rest.startswith("--- standard output ---\nsome output\n\n"
                                        "--- standard error ---\nsome\terror\n==\n"), rest)

    def test_then_the_environment_and_the_placeholders_tell_the_same(self):
        self.configure(task("a b", "exit 3", notify="command", on_fail="restart", times=2,
                            restart_delay=0),
                       task("c", "kill -9 $$", notify="command"),
                       notify_command="echo '{task}|{outcome}|{code}|{attempt}|{run}|{other}|'"
                                      "\"$BANSURI_TASK|$BANSURI_OUTCOME|$BANSURI_EXIT_CODE|"
                                      "$BANSURI_SIGNAL|$BANSURI_ATTEMPT|$BANSURI_RUN_ID\" >> told")
        bansuri = self.start()
        wait_until(lambda: len(self.read("told").splitlines()) == 3, lambda: self.read("told"))
        self.assertEqual(bansuri.end(), 0)
        self.assertEqual(sorted(self.read("told").splitlines()), [
            "a b|FAILED|3|1/2|1|{other}|a b|FAILED|3||1/2|1",
            "a b|FAILED|3|2/2|1|{other}|a b|FAILED|3||2/2|1",
            "c|FAILED|137|1/1|2|{other}|c|FAILED||9|1/1|2"])

    def test_then_the_command_is_a_shell_line_in_the_directory_of_the_configuration(self):
        self.path("etc").mkdir()
        self.configure(task("a", "false", notify="mail", working_directory="/"),
                       name="etc/scripts.json", notify_command="pwd > here && cat | wc -l >> here")
        self.call("exec", "-c", "etc/scripts.json", "a")
        self.assertRegex(self.read("etc/here"), rf"^{self.directory}/etc\n +\d+\n$|"
                                                rf"^{self.directory}/etc\n\d+\n$")

    def test_given_no_limit_of_attempts_then_the_attempt_is_told_without_one(self):
        self.configure(task("a", "false", notify="mail", on_fail="restart", restart_delay="50ms"),
                       notify_command=KEEP)
        self.start()
        self.wait_messages(2)
        self.assertEqual(self.attempts("a")[:2], ["1", "2"])

    def test_given_a_timeout_then_it_says_so(self):
        text, = self.told(task("a", "exec " + self.forever, timeout="200ms", notify="mail"))
        self.assertRegex(text, r"(?m)^Outcome: +TIMEOUT: ran longer than 200ms$")
        self.assertRegex(text, r"(?m)^Ended by: +signal 9 \(SIGKILL\)$")
        self.assertRegex(text, r"(?m)^BANSURI_OUTCOME=TIMEOUT$")

    def test_given_runs_that_cannot_start_then_each_is_told_with_the_reason(self):
        texts = self.told(task("dir", "true", working_directory="/no/such/place", notify="mail"),
                          task("file", "true", stdout="/no/such/file", notify="mail"), count=2)
        self.assertRegex(texts[0], r'(?m)^Outcome: +FAILED: .*"/no/such/place": No such file')
        self.assertRegex(texts[1], r'(?m)^Outcome: +FAILED: .*"/no/such/file": No such file')
        for text in texts:
            self.assertRegex(text, r"(?m)^BANSURI_EXIT_CODE=$")

    def test_given_much_output_then_the_last_64_kib_of_each_stream_are_told(self):
        text, = self.told(task("a", "seq 100000; seq 200000 299999 >&2; exit 1", notify="mail"))
        for title, first, last in (("output", 1, 100000), ("error", 200000, 299999)):
            section = re.search(rf"--- standard {title} ---\n\[(\d+) bytes before this\]\n"
                                r"([\d\n]*)", text)
            whole = "".join(f"{i}\n" for i in range(first, last + 1))
            self.assertEqual(section[2].strip("\n"), whole[-65536:].strip("\n"))
            self.assertEqual(int(section[1]), len(whole) - 65536)

    def test_given_a_file_for_stdout_then_the_part_that_this_run_wrote_is_told(self):
        self.path("log").write_text("of an earlier run\n")
        text, = self.told(task("a", "echo mine; echo wrong >&2; exit 1", stdout="log",
                               notify="mail"))
        self.assertIn("--- standard output ---\nmine\nwrong\n==", text)
        self.assertNotIn("earlier", text)

    def test_given_control_characters_then_they_are_told_escaped(self):
        text, = self.told(task("a", r"printf '\033]0;owned\007\377\n\t\303\251'; exit 1",
                               notify="mail", description="with \x1b[2J"))
        self.assertIn("\\x1b]0;owned\\x07\\xff\n\té\n", text)
        self.assertIn("About:     with \\x1b[2J\n", text)
        self.assertNotIn("\x1b", text)


class When(Told):
    def test_given_after_fail_then_each_failed_attempt_is_told(self):
        self.told(task("a", "false", notify="mail", on_fail="restart", times=3, restart_delay=0),
                  count=3)
        self.assertEqual(self.attempts("a"), ["1/3", "2/3", "3/3"])

    def test_given_on_exhausted_then_only_the_last_is_told(self):
        self.told(task("a", "false", notify="mail", on_fail="restart", times=3, restart_delay=0,
                       notify_mode="on-exhausted"))
        self.assertEqual(self.attempts("a"), ["3/3"])

    def test_given_after_many_then_every_nth_failure_in_a_row_is_told(self):
        self.told(task("a", "false", notify="mail", on_fail="restart", times=5, restart_delay=0,
                       notify_mode="after-many", notify_threshold=2), count=2)
        self.assertEqual(self.attempts("a"), ["2/5", "4/5"])

    def test_given_no_notify_or_no_failure_then_nothing_is_told(self):
        self.told(task("quiet", "false"), task("none", "false", notify="none"),
                  task("fine", "true", notify="mail", notify_on_recovery=True),
                  task("stopped", "exec " + self.forever, notify="mail"),
                  task("last", "sleep 0.3; false", notify="mail"))
        self.assertEqual(len(self.messages("last")), 1)

    def test_given_notify_after_when_it_recovers_meanwhile_then_nothing_is_told(self):
        # "sick" fails later and does not recover, so its message is due last.
        self.told(task("well", "mkdir well", notify="mail", notify_after="700ms",
                       on_fail="restart", restart_delay="100ms", notify_on_recovery=True,
                       working_directory=str(self.directory / "soon")),
                  task("helper", "sleep 0.3; mkdir soon"),
                  task("sick", "sleep 0.5; false", notify="mail", notify_after="700ms"))
        self.assertEqual(len(self.messages("sick")), 1)

    def test_given_notify_after_when_it_does_not_recover_then_the_latest_failure_is_told_once(self):
        self.configure(task("a", "false", notify="mail", notify_after="1s", on_fail="restart",
                            restart_delay="200ms", times=4), notify_command=KEEP)
        bansuri = self.start()
        bansuri.wait_ended("a", nth=4)
        self.assertEqual(self.messages(), [])
        self.wait_messages(1)
        self.assertEqual(bansuri.end(), 0)
        self.assertEqual(self.attempts("a"), ["4/4"])

    def test_given_notify_on_recovery_then_one_message_when_it_succeeds_again(self):
        self.path("sick").touch()
        self.configure(task("a", "[ ! -e sick ]", timer="200ms", on_fail="continue", notify="mail",
                            notify_on_recovery=True), notify_command=KEEP)
        bansuri = self.start()
        bansuri.wait_event("attempt-ended", outcome="FAILED")
        self.path("sick").unlink()
        bansuri.wait_event("attempt-ended", nth=3, outcome="SUCCESS")
        self.assertEqual(bansuri.end(), 0)
        failures = len(bansuri.events("attempt-ended", outcome="FAILED"))
        texts = self.messages("a")
        self.assertEqual(len(texts), failures + 1)
        self.assertRegex(texts[-1], r"(?m)^Outcome: +SUCCESS again$")
        self.assertRegex(texts[-1], r"(?m)^BANSURI_OUTCOME=SUCCESS$")


HOSTILE = ("hello $(touch x) `touch x` '; touch x; ' \"; touch x; \" & touch x\n"
           "~!touch x\n~|touch x\n~e\n.\n~.\n~r /etc/passwd\n")


class Hostile(Told):
    def hostile(self, notify_command):
        self.path("payload").write_text(HOSTILE)
        self.configure(task("a", "cat payload; cat payload >&2; exit 1", notify="mail",
                            description="d\n~!touch x"), notify_command=notify_command)
        done = self.call("exec", "a")
        self.assertEqual(done.returncode, 1)
        self.assertNotIn("notify_command", done.stderr)

    def sendmail(self):
        """bsd-mailx hands its message to this instead of the machine's mail system."""
        self.script("sendmail", "#!/bin/sh\n{ echo \"to: $*\"; cat; } > mailbox.tmp\n"
                                "mv mailbox.tmp mailbox\n")
        self.path("mailrc").write_text(f"set sendmail={self.path('sendmail')}\n")
        self.environment["MAILRC"] = str(self.path("mailrc"))

    @unittest.skipUnless(shutil.which("mail"), "no mail(1)")
    def test_given_hostile_output_when_mailed_then_it_arrives_and_nothing_of_it_is_executed(self):
        # -I: as at a terminal, where "~!" is a command; mailx takes none from a pipe without it.
        for option in ("", "-I "):
            self.sendmail()
            self.hostile("mail " + option + "-s 'Bansuri: {task} {outcome}' root")
            mail = self.wait_file("mailbox")
            self.assertIn("Subject: Bansuri: a FAILED\n", mail)
            self.assertIn("hello $(touch x) `touch x`", mail)
            self.assertIn("~!touch x\n", mail)
            if not option:  # there a line with nothing but a dot would be the end
                self.assertIn("\n .\n ~.\n ~r /etc/passwd\n", mail)
            self.assertFalse(self.path("x").exists())
            self.assertNotIn("root:", mail)
            self.path("mailbox").unlink()

    @unittest.skipUnless(shutil.which("mail"), "no mail(1)")
    def test_control_given_the_same_lines_bare_then_this_mail_would_execute_them(self):
        self.sendmail()
        self.configure(task("a", "printf 'hello\\n~!touch x\\n' | mail -I -s subject root"))
        self.call("exec", "a")
        self.assertTrue(self.path("x").exists())

    def test_given_hostile_output_then_a_shell_line_executes_nothing_of_it(self):
        self.hostile("cat > kept; echo '{task} {outcome} {code} {attempt} {run}' >> kept")
        self.assertFalse(self.path("x").exists())
        self.assertIn("hello $(touch x) `touch x` '; touch x; '", self.read("kept"))
        self.assertTrue(self.read("kept").endswith("\na FAILED 1 1/1 1\n"))


class Web(Told):
    @unittest.skipUnless(shutil.which("curl"), "no curl")
    def test_given_curl_then_the_message_is_posted(self):
        posted = []

        class Hook(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers["Content-Length"])
                posted.append((self.headers["Title"], self.rfile.read(length).decode()))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.configure(task("a", "echo said; exit 3", notify="command"),
                       notify_command="curl -fsS --noproxy '*' --max-time 20 "
                                      "-H 'Title: {task} {outcome}' --data-binary @- "
                                      f"http://127.0.0.1:{server.server_port}/hook")
        bansuri = self.start()
        wait_until(lambda: posted, lambda: "\n".join(bansuri.err.all()))
        self.assertEqual(bansuri.end(), 0)
        self.assertEqual(posted[0][0], "a FAILED")
        self.assertIn("--- standard output ---\nsaid\n", posted[0][1])
        self.assertEqual(bansuri.events("notification"), [])


if __name__ == "__main__":
    unittest.main()
