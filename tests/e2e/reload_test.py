# SPDX-License-Identifier: MIT
"""A configuration that changes under a daemon that runs: SPEC section 8."""
import os
import signal
import time
import unittest

from harness import EndToEnd, Process, task, wait_until

# 2 s are promised; a loaded machine and a slow build get more, and 30 s would be the fallback.
NOTICED = 15


class Changes(EndToEnd):
    def setUp(self):
        super().setUp()
        self.run_for_ever = "exec " + self.forever
        self.configure(task("a", self.run_for_ever), task("b", self.run_for_ever))
        self.bansuri = self.start("--log-level", "debug")
        self.a = self.bansuri.wait_started("a")
        self.b = self.bansuri.wait_started("b")

    def applied(self, generation, **counts):
        event = self.bansuri.wait_event("configuration", patience=NOTICED, generation=generation)
        self.assertEqual({name: event[name] for name in counts}, counts)
        return event

    def replace(self, *tasks, **root):
        """By renaming, as editors and configuration management do."""
        self.configure(*tasks, name="new.json", **root).rename(self.path("scripts.json"))

    # How it is noticed

    def test_given_a_write_in_place_then_it_is_noticed(self):
        began = time.monotonic()
        self.configure(task("a", self.run_for_ever))
        self.applied(2, removed=1)
        self.assertLess(time.monotonic() - began, NOTICED)

    def test_given_a_rename_over_it_then_it_is_noticed_each_time(self):
        for generation in (2, 3, 4):
            self.replace(task("a", self.run_for_ever), task(f"c{generation}", "true"))
            self.applied(generation, added=1, removed=1)

    def test_given_a_delete_and_a_new_file_then_it_is_noticed(self):
        self.path("scripts.json").unlink()
        self.bansuri.wait_event("configuration", level="error", patience=NOTICED)
        self.assertTrue(Process.alive(self.a) and Process.alive(self.b))
        self.configure(task("a", self.run_for_ever))
        self.applied(2, removed=1)
        self.assertTrue(Process.alive(self.a))

    def test_given_a_symlink_that_is_swapped_then_it_is_noticed(self):
        self.path("one").mkdir()
        self.path("two").mkdir()
        # As the orchestrators of containers do it: a link to a file below a link to a directory.
        place = str(self.directory)
        self.configure(task("x", self.run_for_ever, working_directory=place), name="one/file.json")
        self.configure(task("x", self.run_for_ever, working_directory=place), task("y", "true"),
                       name="two/file.json")
        self.path("data").symlink_to("one")
        self.path("linked.json").symlink_to("data/file.json")
        bansuri = self.start("-c", "linked.json")
        pid = bansuri.wait_started("x")
        for generation, target, added in ((2, "two", 1), (3, "one", 0)):
            self.path("data.new").symlink_to(target)
            self.path("data.new").rename(self.path("data"))
            event = bansuri.wait_event("configuration", patience=NOTICED, generation=generation)
            self.assertEqual((event["added"], event["removed"]), (added, 1 - added))
        self.assertTrue(Process.alive(pid))

    def test_given_a_link_to_the_file_that_is_swapped_then_it_is_noticed(self):
        self.configure(task("x", "true"), name="one.json")
        self.configure(task("x", "true"), task("y", "true"), name="two.json")
        self.path("linked.json").symlink_to("one.json")
        bansuri = self.start("-c", "linked.json")
        bansuri.wait_ready()
        self.path("new").symlink_to("two.json")
        self.path("new").rename(self.path("linked.json"))
        event = bansuri.wait_event("configuration", patience=NOTICED, generation=2)
        self.assertEqual(event["added"], 1)

    def test_given_a_link_whose_target_is_written_then_it_is_noticed(self):
        self.path("else").mkdir()
        self.configure(task("x", "true"), name="else/real.json")
        self.path("linked.json").symlink_to("else/real.json")
        bansuri = self.start("-c", "linked.json")
        bansuri.wait_ready()
        self.configure(task("x", "true"), task("y", "true"), name="else/real.json")
        event = bansuri.wait_event("configuration", patience=NOTICED, generation=2)
        self.assertEqual(event["added"], 1)

    def test_given_a_directory_in_the_path_that_is_a_swapped_link_then_it_is_noticed(self):
        for release, tasks in (("r1", []), ("r2", [task("y", "true")])):
            self.path(release).mkdir()
            self.configure(task("x", "true", working_directory="/"), *tasks,
                           name=f"{release}/scripts.json")
        self.path("current").symlink_to("r1")
        bansuri = self.start("-c", "current/scripts.json")
        bansuri.wait_ready()
        self.path("new").symlink_to("r2")
        self.path("new").rename(self.path("current"))
        bansuri.wait_event("configuration", patience=5, generation=2)

    def test_given_two_edits_of_the_same_size_in_the_same_second_then_both_are_seen(self):
        for generation, name in ((2, "c"), (3, "d"), (4, "e")):
            self.configure(task("a", self.run_for_ever), task(name, self.run_for_ever))
            self.applied(generation, added=1, removed=1)
            self.bansuri.wait_started(name)

    def test_given_sighup_then_it_is_read_at_once_and_says_if_nothing_changed(self):
        self.bansuri.signal(signal.SIGHUP)
        self.bansuri.err.wait("has not changed")
        self.configure(task("a", self.run_for_ever))
        self.bansuri.signal(signal.SIGHUP)
        self.applied(2, removed=1)
        self.assertTrue(Process.alive(self.a))

    def test_given_a_touch_only_then_nothing_happens(self):
        os.utime(self.path("scripts.json"))
        self.configure(task("a", self.run_for_ever), task("b", self.run_for_ever))
        self.configure(task("a", self.run_for_ever), task("b", self.run_for_ever),
                       task("c", "true"))
        self.applied(2, added=1, removed=0, changed=0, restarted=0)

    # What it does

    def test_given_an_added_task_then_it_starts_and_the_others_are_not_touched(self):
        self.configure(task("a", self.run_for_ever), task("c", self.run_for_ever),
                       task("b", self.run_for_ever))
        self.bansuri.wait_started("c")
        self.applied(2, added=1, removed=0, restarted=0, changed=0)
        self.assertTrue(Process.alive(self.a) and Process.alive(self.b))
        self.assertEqual(len(self.bansuri.events("attempt-started")), 3)

    def test_given_a_removed_task_then_it_is_stopped(self):
        self.configure(task("a", self.run_for_ever))
        ended = self.bansuri.wait_ended("b")
        self.assertEqual((ended["outcome"], ended["signal"]), ("STOPPED", signal.SIGTERM))
        self.assertIn("removed", ended["reason"])
        self.assertFalse(Process.alive(self.b))
        self.assertTrue(Process.alive(self.a))

    def test_given_a_changed_command_then_the_old_one_is_stopped_before_the_new_one_starts(self):
        self.configure(task("a", "true; " + self.run_for_ever), task("b", self.run_for_ever))
        new = self.bansuri.wait_started("a", nth=2)
        self.assertNotEqual(new, self.a)
        self.assertFalse(Process.alive(self.a))
        self.applied(2, restarted=1, changed=0)
        self.assertEqual([event["event"] for event in self.bansuri.events(task="a")
                          if event["event"].startswith("attempt")],
                         ["attempt-started", "attempt-ended", "attempt-started"])
        self.assertTrue(Process.alive(self.b))

    def test_given_any_change_of_what_runs_then_it_restarts(self):
        self.path("work").mkdir()
        for generation, change in enumerate(
                ({"environment": {"X": "1"}}, {"working_directory": "work"}, {"stdout": "log"},
                 {"stderr": "ignore"}, {"clean_environment": True}), start=2):
            with self.subTest(change):
                self.configure(task("a", self.run_for_ever, **change), task("b", self.run_for_ever))
                self.applied(generation, restarted=1, changed=0, added=0, removed=0)
                self.bansuri.wait_started("a", nth=generation)
        self.assertTrue(Process.alive(self.b))

    def test_given_any_change_of_policy_schedule_or_text_then_the_process_is_not_touched(self):
        for generation, change in enumerate(
                ({"description": "new", "tags": ["x"]}, {"timer": "1h", "on_fail": "continue"},
                 {"schedule_cron": "@daily", "on_fail": "restart", "times": 3}, {"timeout": "1h"},
                 {"kill_grace": "1s"}, {"stop_timeout": "1s"}, {"overlap": "queue"},
                 {"notify": "mail", "notify_mode": "on-exhausted"}, {"success_codes": [0, 1]},
                 {"restart_delay": "3s"}, {"on_exhausted": "continue"}, {"max_runs": 3}), start=2):
            with self.subTest(change):
                self.configure(task("a", self.run_for_ever, **change), task("b", self.run_for_ever),
                               notify_command="true")
                self.applied(generation, restarted=0, changed=1, added=0, removed=0)
                self.assertTrue(Process.alive(self.a))
        self.assertEqual(len(self.bansuri.events("attempt-started")), 2)

    def test_given_a_renamed_task_then_the_old_one_is_stopped_and_the_new_one_starts(self):
        self.configure(task("a", self.run_for_ever), task("c", self.run_for_ever))
        self.bansuri.wait_started("c")
        self.bansuri.wait_ended("b")
        self.applied(2, added=1, removed=1)
        self.assertTrue(Process.alive(self.a))

    def test_given_an_empty_list_then_all_are_stopped_and_bansuri_runs_on(self):
        self.configure()
        self.bansuri.wait_ended("a")
        self.bansuri.wait_ended("b")
        self.wait_nothing_left()
        self.assertTrue(self.bansuri.runs())

    def test_given_a_stopped_task_when_its_definition_changes_then_it_runs_again(self):
        self.configure(task("a", self.run_for_ever), task("bad", "exit 3"))
        self.bansuri.wait_event("state", task="bad", to="STOPPED")
        self.configure(task("a", self.run_for_ever), task("bad", "exit 4"))
        self.assertEqual(self.bansuri.wait_ended("bad", nth=2)["code"], 4)

    def test_given_a_timer_when_another_task_changes_then_its_beat_goes_on(self):
        stamp = 'echo "$BANSURI_SCHEDULED_AT"'
        for generation in (2, 3, 4):
            self.configure(task("a", self.run_for_ever),
                           task("beat", stamp, timer="400ms", on_fail="continue"),
                           task("x", f"echo {generation}"))
            self.applied(generation)
            self.bansuri.out.wait("beat", nth=2 * (generation - 1))
        beats = [float(line.string.split(":")[-1].rstrip("Z"))
                 for line in self.bansuri.out.matching("^beat")]
        for earlier, later in zip(beats, beats[1:]):
            periods = (later - earlier) % 60 / 0.4
            self.assertAlmostEqual(periods, round(periods), delta=0.03)

    # What cannot be taken

    def test_given_a_bad_file_then_nothing_changes_and_the_error_names_file_line_and_column(self):
        bad = ('{"scripts": [', '{"scripts": [\n {"name": "a", "command": "x", "oops": 1}]}',
               '{"scripts": [\n {"name": "c", "command": "true"},\n {"name": "b"}]}', "", "\0\0\0",
               '{"scripts": [{"name": "a", "command": "true", "warm": true}]}')
        for text in bad:
            with self.subTest(text):
                told = len(self.bansuri.events("configuration", level="error"))
                self.path("scripts.json").write_text(text)
                refused = self.bansuri.wait_event("configuration", told + 2, NOTICED, level="error")
                errors = self.bansuri.events("configuration", level="error")[told:]
                self.assertRegex(errors[0]["message"], r"^scripts\.json:\d+:\d+: ")
                self.assertIn("stays in force", refused["message"])
        self.assertEqual(len(self.bansuri.events("attempt-started")), 2)
        self.assertEqual(self.bansuri.events("attempt-ended"), [])
        # And what was right before is right again, without anybody noticing.
        self.configure(task("a", self.run_for_ever), task("b", self.run_for_ever),
                       task("c", "true"))
        self.bansuri.wait_ended("c")
        self.assertTrue(Process.alive(self.a) and Process.alive(self.b))

    def test_given_a_bad_file_when_sighup_asks_again_then_it_is_refused_again(self):
        self.path("scripts.json").write_text("{")
        refused = self.bansuri.wait_event("configuration", 2, NOTICED, level="error")
        self.assertIn("stays in force", refused["message"])
        self.bansuri.signal(signal.SIGHUP)
        self.bansuri.wait_event("configuration", 4, patience=10, level="error")

    def test_given_what_is_no_file_then_nothing_changes_nor_hangs(self):
        path = self.path("scripts.json")
        cases = (("a directory", path.mkdir),
                 ("a FIFO", lambda: os.mkfifo(path)),
                 ("a device", lambda: path.symlink_to("/dev/zero")),
                 ("a link to itself", lambda: path.symlink_to("scripts.json")),
                 ("writable by all", lambda: (self.configure(), path.chmod(0o666))),
                 ("too large", lambda: os.truncate(self.configure(), 33 << 20)))
        for why, make in cases:
            with self.subTest(why):
                told = len(self.bansuri.events("configuration", level="error"))
                path.rmdir() if path.is_dir() else path.unlink()
                make()
                self.bansuri.signal(signal.SIGHUP)
                self.bansuri.wait_event("configuration", told + 2, NOTICED, level="error")
                self.assertTrue(Process.alive(self.a) and Process.alive(self.b))
        path.unlink()
        self.configure(task("a", self.run_for_ever), task("b", self.run_for_ever),
                       task("c", "true"))
        self.bansuri.wait_ended("c")
        self.assertEqual(len(self.bansuri.events("attempt-started")), 3)

    def test_given_a_file_that_is_written_piece_by_piece_then_it_is_taken_whole_or_not_at_all(self):
        text = self.configuration(task("a", self.run_for_ever), task("b", self.run_for_ever),
                                  *(task(f"new {i}", "true") for i in range(20)))
        with open(self.path("scripts.json"), "w", encoding="ascii") as file:
            for at in range(0, len(text), 50):
                file.write(text[at:at + 50])
                file.flush()
                time.sleep(0.002)  # only so that the daemon may look meanwhile
        self.applied(2, added=20, removed=0, restarted=0)
        self.assertTrue(Process.alive(self.a) and Process.alive(self.b))

    def test_given_a_storm_of_changes_then_the_last_one_is_in_force(self):
        for i in range(200):
            self.replace(task("a", self.run_for_ever), task(f"c{i}", self.run_for_ever))
        self.bansuri.wait_started("c199")
        wait_until(lambda: len(self.left_behind()) == 2, lambda: str(self.left_behind()))
        self.assertTrue(Process.alive(self.a))


if __name__ == "__main__":
    unittest.main()
