# SPDX-License-Identifier: MIT
"""`bansuri next`: SPEC sections 3 and 9."""
import json
import re
import unittest
from datetime import datetime, timedelta, timezone

from harness import EndToEnd, task

BERLIN = "Europe/Berlin"
# why, expression, zone, strictly after, the next ones
INSTANTS = (
    ("five fields", "30 2 * * *", "UTC", "2026-03-01T00:00:00+00:00",
     ["2026-03-01T02:30:00+00:00", "2026-03-02T02:30:00+00:00"]),
    ("strictly after", "30 2 * * *", "UTC", "2026-03-01T02:30:00Z", ["2026-03-02T02:30:00+00:00"]),
    ("six fields lead with seconds", "*/20 0 0 1 1 *", "UTC", "2026-06-01T00:00:00Z",
     ["2027-01-01T00:00:00+00:00", "2027-01-01T00:00:20+00:00", "2027-01-01T00:00:40+00:00",
      "2028-01-01T00:00:00+00:00"]),
    ("3/15 means 3-59/15", "3/15 0 1 1 *", "UTC", "2026-06-01T00:00:00Z",
     [f"2027-01-01T00:{minute}:00+00:00" for minute in ("03", "18", "33", "48")]),
    ("a range with a step", "10-50/20 0 1 1 *", "UTC", "2026-06-01T00:00:00Z",
     [f"2027-01-01T00:{minute}:00+00:00" for minute in (10, 30, 50)]),
    ("names in any case", "0 0 * feb SuN", "UTC", "2026-01-01T00:00:00Z",
     ["2026-02-01T00:00:00+00:00"]),
    ("7 is Sunday", "0 0 * * 7", "UTC", "2026-03-02T00:00:00Z", ["2026-03-08T00:00:00+00:00"]),
    ("0 is Sunday", "0 0 * * 0", "UTC", "2026-03-02T00:00:00Z", ["2026-03-08T00:00:00+00:00"]),
    ("the last day", "0 0 L * *", "UTC", "2026-02-01T00:00:00Z",
     ["2026-02-28T00:00:00+00:00", "2026-03-31T00:00:00+00:00"]),
    ("the last Friday by number", "0 0 * * 5L", "UTC", "2026-03-01T00:00:00Z",
     ["2026-03-27T00:00:00+00:00"]),
    ("the last Friday by name", "0 0 * * FRIL", "UTC", "2026-03-01T00:00:00Z",
     ["2026-03-27T00:00:00+00:00"]),
    ("the second Monday", "0 0 ? * MON#2", "UTC", "2026-03-01T00:00:00Z",
     ["2026-03-09T00:00:00+00:00"]),
    ("a range of hours that wraps", "0 22-1 * * *", "UTC", "2026-03-01T12:00:00Z",
     ["2026-03-01T22:00:00+00:00", "2026-03-01T23:00:00+00:00", "2026-03-02T00:00:00+00:00",
      "2026-03-02T01:00:00+00:00", "2026-03-02T22:00:00+00:00"]),
    ("a range of weekdays that wraps", "0 0 * * FRI-MON", "UTC", "2026-03-03T00:00:00Z",
     [f"2026-03-{day}T00:00:00+00:00" for day in ("06", "07", "08", "09", "13")]),
    ("day and weekday restricted: either", "0 0 13 * FRI", "UTC", "2026-03-10T00:00:00Z",
     ["2026-03-13T00:00:00+00:00", "2026-03-20T00:00:00+00:00"]),
    ("*/2 counts as a star: both", "0 0 */2 * MON", "UTC", "2026-03-01T00:00:00Z",
     ["2026-03-09T00:00:00+00:00", "2026-03-23T00:00:00+00:00"]),
    ("29 February", "0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", ["2028-02-29T00:00:00+00:00"]),
    ("@hourly", "@hourly", "UTC", "2026-03-01T00:10:00Z", ["2026-03-01T01:00:00+00:00"]),
    ("@daily", "@daily", "UTC", "2026-03-01T00:10:00Z", ["2026-03-02T00:00:00+00:00"]),
    ("@midnight", "@midnight", "UTC", "2026-03-01T00:10:00Z", ["2026-03-02T00:00:00+00:00"]),
    ("@weekly", "@weekly", "UTC", "2026-03-02T00:10:00Z", ["2026-03-08T00:00:00+00:00"]),
    ("@monthly", "@monthly", "UTC", "2026-03-02T00:10:00Z", ["2026-04-01T00:00:00+00:00"]),
    ("@yearly", "@yearly", "UTC", "2026-03-02T00:10:00Z", ["2027-01-01T00:00:00+00:00"]),
    ("@annually", "@annually", "UTC", "2026-03-02T00:10:00Z", ["2027-01-01T00:00:00+00:00"]),
    ("a skipped fixed time runs after the gap", "30 2 * * *", BERLIN, "2026-03-28T12:00:00Z",
     ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]),
    ("two skipped fixed times run once", "15,45 2 * * *", BERLIN, "2026-03-28T12:00:00Z",
     ["2026-03-29T03:00:00+02:00", "2026-03-30T02:15:00+02:00"]),
    ("a repeated fixed time runs the first time", "30 2 * * *", BERLIN, "2026-10-24T12:00:00Z",
     ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]),
    ("another job has nothing in the gap", "*/30 * * * *", BERLIN, "2026-03-29T01:30:00+01:00",
     ["2026-03-29T03:00:00+02:00", "2026-03-29T03:30:00+02:00"]),
    ("another job has both passes", "*/30 * * * *", BERLIN, "2026-10-25T02:00:00+02:00",
     ["2026-10-25T02:30:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T02:30:00+01:00",
      "2026-10-25T03:00:00+01:00"]),
    ("a gap of half an hour", "15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z",
     ["2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"]),
    ("no midnight in Beirut", "0 0 * * *", "Asia/Beirut", "2026-03-28T12:00:00Z",
     ["2026-03-29T01:00:00+03:00", "2026-03-30T00:00:00+03:00"]),
)
INVALID = ("", "* * * *", "60 * * * *", "* * * * * * *", "0 0 31 2 *", "0 0 30 2 *", "x * * * *",
           "*/0 * * * *", "5- * * * *", "@never", "0 0 * * MON#6", "* * * * 8", "1,,2 * * * *")


class Next(EndToEnd):
    def test_table(self):
        for why, expression, zone, after, instants in INSTANTS:
            with self.subTest(why):
                done = self.call("next", "--from", after, "--tz", zone, "--count",
                                 str(len(instants)), expression)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertEqual(done.stdout.splitlines(), instants)

    def test_given_the_same_table_when_asked_in_a_batch_then_the_answers_are_the_same(self):
        questions = "".join(json.dumps({"expr": expression, "tz": zone, "from": after,
                                        "count": len(instants)}) + "\n"
                            for _, expression, zone, after, instants in INSTANTS)
        done = self.call("next", "--batch", stdin=questions)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual([json.loads(line) for line in done.stdout.splitlines()],
                         [{"next": instants} for *_, instants in INSTANTS])

    def test_given_an_invalid_expression_then_exit_2_a_message_and_nothing_on_stdout(self):
        for expression in INVALID:
            with self.subTest(expression):
                done = self.call("next", expression)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertIn(expression, done.stderr)

    def test_given_an_invalid_zone_time_or_count_then_exit_2_and_nothing_on_stdout(self):
        for wrong in (["--tz", "Europe/Atlantis"], ["--tz", "../../etc/passwd"],
                      ["--from", "yesterday"], ["--from", "2026-02-30T00:00:00Z"],
                      ["--count", "0"], ["--count", "-1"]):
            with self.subTest(wrong):
                done = self.call("next", *wrong, "* * * * *")
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertNotEqual(done.stderr, "")

    def test_given_bad_lines_in_a_batch_then_each_is_answered_with_an_error_in_its_place(self):
        good = '{"expr": "0 0 * * *", "tz": "UTC", "from": "2026-01-01T00:00:00Z"}'
        lines = [good, "junk", "{}", '{"expr": 5}', '{"expr": "0 0 31 2 *"}', "[]", "",
                 '{"expr": "* * * * *", "tz": "Nowhere"}', '{"expr": "\ud83d\ude00"}', good]
        done = self.call("next", "--batch", stdin="\n".join(lines) + "\n")
        self.assertEqual(done.returncode, 0)
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([list(answer) for answer in answers],
                         [["next"]] + [["error"]] * (len(lines) - 2) + [["next"]])

    def test_given_no_from_then_the_next_instant_is_after_now_and_within_its_minute(self):
        before = datetime.now(timezone.utc)
        done = self.call("next", "--tz", "UTC", "* * * * *")
        self.assertRegex(done.stdout, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:00\+00:00\n$")
        due = datetime.fromisoformat(done.stdout.strip())
        self.assertGreater(due, before)
        self.assertLess(due - datetime.now(timezone.utc), timedelta(seconds=60))

    def test_given_the_name_of_a_task_then_its_schedule_and_zone_are_meant(self):
        self.configure(task("nightly", "true", schedule_cron="30 2 * * *", timezone=BERLIN),
                       task("other", "true", schedule_cron="0 5 * * *"),
                       task("often", "true", timer="5m"), timezone="America/New_York")
        after = ("--from", "2026-03-28T12:00:00Z")
        done = self.call("next", *after, "nightly")
        self.assertEqual((done.returncode, done.stdout), (0, "2026-03-29T03:00:00+02:00\n"))
        done = self.call("next", *after, "other")
        self.assertEqual((done.returncode, done.stdout), (0, "2026-03-29T05:00:00-04:00\n"))
        done = self.call("next", *after, "often")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        done = self.call("next", *after, "no such task")
        self.assertEqual((done.returncode, done.stdout), (2, ""))

    def test_given_an_expression_that_can_never_be_due_then_it_is_found_at_once(self):
        for expression in ("0 0 31 2 *", "0 0 31 4,6,9,11 *"):
            done = self.call("next", expression, patience=20)
            self.assertEqual(done.returncode, 2)
            self.assertTrue(re.search("never be due", done.stderr))


if __name__ == "__main__":
    unittest.main()
