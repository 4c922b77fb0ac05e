# SPDX-License-Identifier: MIT
"""What is told beside failures: heartbeats, overdue successes, incidents, and alerts that are not a
task's (SPEC section 7); and what jitter delays (section 2)."""
import http.server
import json
import os
import resource
import threading
import time
import unittest

from harness import EndToEnd, Process, task, wait_until

# Each message becomes a file of its own, whole or not at all.
KEEP = "f=$(mktemp t.XXXXXX); { cat; echo ==; env | grep ^BANSURI_ | sort; } > $f; mv $f messages/"


class Watcher(http.server.ThreadingHTTPServer):
    """A server that remembers which paths were asked for; /hang is answered when it ends."""
    daemon_threads = True

    def __init__(self):
        self.asked = []
        self.over = threading.Event()
        watcher = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                watcher.asked.append(self.path)
                if self.path == "/hang":
                    watcher.over.wait()
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def address(self, path):
        return f"http://127.0.0.1:{self.server_port}{path}"

    def end(self):
        self.over.set()
        self.shutdown()
        self.server_close()


class Heartbeat(EndToEnd):
    def setUp(self):
        super().setUp()
        self.watcher = Watcher()
        self.addCleanup(self.watcher.end)

    def test_after_each_success_and_no_failure_the_address_is_requested(self):
        self.configure(task("well", "true", timer="100ms", on_fail="continue",
                            heartbeat=self.watcher.address("/well?x=1")),
                       task("ill", "false", timer="100ms", on_fail="continue",
                            heartbeat=self.watcher.address("/ill")))
        bansuri = self.start()
        wait_until(lambda: self.watcher.asked.count("/well?x=1") >= 3, lambda: self.watcher.asked)
        bansuri.wait_ended("ill", nth=2)
        self.assertEqual(bansuri.end(), 0)
        self.assertNotIn("/ill", self.watcher.asked)
        self.assertEqual(bansuri.events("heartbeat"), [])

    def test_given_one_that_hangs_then_tasks_go_on_and_bansuri_ends(self):
        self.configure(task("beat", "true", timer="100ms", on_fail="continue",
                            heartbeat=self.watcher.address("/hang")))
        bansuri = self.start()
        wait_until(lambda: self.watcher.asked, "asked")
        seen = len(bansuri.events("attempt-ended"))
        bansuri.wait_ended("beat", nth=seen + 5)
        began = time.monotonic()
        self.assertEqual(bansuri.end(), 0)
        self.assertLess(time.monotonic() - began, 10)

    def test_given_one_that_refuses_then_that_is_logged_once(self):
        address = self.watcher.address("/secret")
        self.watcher.end()
        self.configure(task("beat", "true", timer="100ms", on_fail="continue", heartbeat=address))
        bansuri = self.start()
        told = bansuri.wait_event("heartbeat")
        self.assertRegex(told["message"], "^beat: Failed to connect to 127.0.0.1")
        self.assertNotIn("secret", told["message"])
        seen = len(bansuri.events("attempt-ended"))
        bansuri.wait_ended("beat", nth=seen + 5)
        self.assertEqual(bansuri.end(), 0)
        self.assertEqual(len(bansuri.events("heartbeat")), 1)

    def test_given_a_run_in_the_foreground_then_its_heartbeat_goes_out_before_it_ends(self):
        self.configure(task("once", "true", heartbeat=self.watcher.address("/once")))
        self.assertEqual(self.call("exec", "once").returncode, 0)
        self.assertEqual(self.watcher.asked, ["/once"])


class Told(EndToEnd):
    def setUp(self):
        super().setUp()
        self.path("messages").mkdir()

    def ask(self, command):
        """Asks the first bansuri of the test."""
        return self.call(command, environment={"BANSURI_STATE": str(self.path("state-0"))})

    def messages(self, text=""):
        found = [path.read_text() for path in self.path("messages").iterdir()]
        return [each for each in found if text in each]

    def wait_message(self, text, count=1):
        return wait_until(lambda: len(self.messages(text)) >= count and self.messages(text),
                          lambda: f"{count} of {text!r}, not {self.messages()}")


class Alerts(Told):
    def beating(self, **root):
        self.configure(task("beat", "true", timer="1h", on_fail="continue"), notify_command=KEEP,
                       **root)

    def test_given_a_configuration_that_is_refused_then_it_is_told_once_for_each_mistake(self):
        self.beating(alerts=True)
        bansuri = self.start()
        bansuri.wait_ended("beat")
        for mistake in ('{"scripts": [}', '{"scripts": 5}'):
            self.path("scripts.json").write_text(mistake)
            for _ in range(3):
                self.assertEqual(self.ask("reload").returncode, 1)
        self.wait_message("Alert:     configuration refused", 2)
        told, = self.messages('"scripts"') or self.messages("scripts")[:1]
        self.assertIn("BANSURI_ALERT=configuration-refused\n", told)
        self.assertIn("BANSURI_OUTCOME=ALERT configuration-refused\n", told)
        self.assertIn("BANSURI_MESSAGE=alert\n", told)
        self.assertIn("BANSURI_TASK=\n", told)
        self.assertIn("stays in force", told)
        self.assertEqual(bansuri.end(), 0)
        self.assertEqual(len(self.messages()), 2)

    def test_given_no_alerts_then_none_is_sent(self):
        self.beating()
        bansuri = self.start()
        bansuri.wait_ended("beat")
        self.path("scripts.json").write_text("{")
        self.assertEqual(self.ask("reload").returncode, 1)
        self.assertEqual(bansuri.end(), 0)
        self.assertEqual(self.messages(), [])

    def test_given_a_daemon_that_is_killed_then_it_is_told_once_and_not_if_it_was_asked_for(self):
        self.beating(alerts=True)
        bansuri = self.start()
        bansuri.wait_ended("beat")
        first = bansuri.daemon()
        self.assertEqual(self.ask("restart-daemon").returncode, 0)
        wait_until(lambda: bansuri.daemon() not in (None, first), "another daemon")
        bansuri.wait_ready()
        wait_until(lambda: self.ask("status").returncode == 0, "it answers")
        for number in (3, 4):
            killed = bansuri.daemon()
            Process.kill(killed)
            wait_until(lambda: bansuri.daemon() not in (None, killed), "another daemon")
            wait_until(lambda: f"daemon {number} " in self.ask("status").stdout, "it answers")
        told, = self.wait_message("Alert:     daemon restarted")
        self.assertIn("daemon 3 with pid", told)
        self.assertEqual(bansuri.end(), 0)
        self.assertEqual(len(self.messages()), 1)

    def test_given_few_descriptors_then_it_is_told_and_status_shows_it(self):
        self.beating(alerts=True)
        bansuri = self.start()
        bansuri.wait_ended("beat")
        daemon = bansuri.daemon()
        # As many are open as are allowed, but for a few that come and go.
        limit = len(os.listdir(f"/proc/{daemon}/fd")) + 1
        _, hard = resource.prlimit(daemon, resource.RLIMIT_NOFILE)
        resource.prlimit(daemon, resource.RLIMIT_NOFILE, (limit, hard))
        told, = self.wait_message("Alert:     descriptors short")
        self.assertRegex(told, rf"the daemon has \d+ of {limit} descriptors open")
        self.assertIn("LimitNOFILE=", told)
        resource.prlimit(daemon, resource.RLIMIT_NOFILE, (limit + 9, hard))
        self.assertIn("degraded: descriptors: ", self.ask("status").stdout)
        self.assertEqual(bansuri.end(), 0)


class Watched(Told):
    def test_given_no_success_in_time_then_that_is_told_and_over_with_the_next(self):
        self.configure(task("late", "test -e good", timer="200ms", on_fail="continue",
                            notify="mail", notify_mode="incident", expect_within="1s"),
                       notify_command=KEEP)
        bansuri = self.start()
        bansuri.wait_event("success-overdue", task="late")
        wait_until(lambda: "success overdue" in self.ask("status").stdout, "status says it")
        self.path("good").touch()
        self.wait_message("SUCCESS again")
        self.assertEqual(bansuri.end(), 0)
        self.assertEqual(len(self.messages("FAILED: exit code 1")), 1)
        self.assertEqual(len(self.messages()), 2)

    def test_given_an_incident_then_a_killed_daemon_does_not_begin_it_anew(self):
        self.configure(task("bad", "exit 1", timer="200ms", on_fail="continue", notify="mail",
                            notify_mode="incident", notify_remind="2s"), notify_command=KEEP)
        bansuri = self.start()
        self.wait_message("FAILED: exit code 1")
        killed = bansuri.daemon()
        Process.kill(killed)
        wait_until(lambda: bansuri.daemon() not in (None, killed), "another daemon")
        reminder = self.wait_message("still FAILED")[0]
        self.assertIn("BANSURI_MESSAGE=reminder\n", reminder)
        self.assertRegex(reminder, r"Failures:  \d+ in a row")
        self.assertEqual(bansuri.end(), 0)
        self.assertEqual(len(self.messages("FAILED: exit code 1")), 1)


class Jitter(EndToEnd):
    def test_given_an_instant_in_its_delay_then_status_tells_its_start_and_the_end_skips_it(self):
        self.configure(task("slow", "touch ran", timer="365d", jitter="365d", on_fail="continue"),
                       task("beat", "true", timer="1h", jitter="1ms", on_fail="continue"))
        bansuri = self.start()
        bansuri.wait_ended("beat")
        state = {"BANSURI_STATE": str(self.path("state-0"))}
        answer = json.loads(self.call("status", "--json", "slow", environment=state).stdout)
        status, = answer["tasks"]
        self.assertEqual(status["state"], "PENDING")
        self.assertGreater(status["next_start"], status["next"])
        self.assertIn("jitter", self.call("why", "slow", environment=state).stdout)
        self.assertEqual(bansuri.end(), 0)
        skipped, = bansuri.events("skipped")
        self.assertEqual((skipped["task"], skipped["reason"]), ("slow", "shutdown"))
        self.assertEqual(skipped["first"][:19], status["next"][:19])
        self.assertFalse(self.path("ran").exists())


if __name__ == "__main__":
    unittest.main()
