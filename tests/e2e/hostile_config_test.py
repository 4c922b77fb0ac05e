# SPDX-License-Identifier: MIT
"""Files that are no configuration, at start: RELIABILITY section 3, group D."""
import json
import os
import socket
import subprocess
import unittest

from harness import EndToEnd, task

SOON = 10


class HostileConfiguration(EndToEnd):
    def expect_refused(self, why, path="bad.json"):
        """By every command that reads it: soon, with exit code 1 and a message that says why."""
        for command in (("run",), ("run", "--once"), ("check",), ("exec", "a")):
            arguments = (*command[:1], "-c", str(path), *command[1:])
            done = self.call(*arguments, patience=SOON)
            self.assertEqual(done.returncode, 1, arguments)
            self.assertRegex(done.stderr, why)
            if command != ("check",):
                self.assertEqual(done.stdout, "")

    def write(self, content):
        path = self.path("bad.json")
        path.write_bytes(content)
        path.chmod(0o644)
        return path

    def test_given_a_fifo_then_it_does_not_hang(self):
        os.mkfifo(self.path("bad.json"))
        self.expect_refused('"bad.json" is not a regular file')

    def test_given_a_directory_a_device_or_a_socket_then_it_is_refused(self):
        self.path("bad.json").mkdir()
        self.expect_refused('"bad.json" is not a regular file')
        self.expect_refused('"/dev/zero" is not a regular file', "/dev/zero")
        with socket.socket(socket.AF_UNIX) as place:
            place.bind(str(self.path("s.json")))
            self.expect_refused('"s.json"', "s.json")

    def test_given_no_file_or_a_loop_of_links_then_the_cause_is_told(self):
        self.expect_refused('"missing.json".* [Nn]o such file', "missing.json")
        self.path("loop.json").symlink_to("loop.json")
        self.expect_refused('"loop.json": Too many levels', "loop.json")

    def test_given_a_file_that_everybody_may_write_then_it_is_refused(self):
        path = self.write(b'{"scripts": []}')
        for mode in (0o666, 0o602):
            path.chmod(mode)
            self.expect_refused('"bad.json" can be written by every user')
        path.chmod(0o644)
        self.assertEqual(self.call("check", "bad.json").returncode, 0)

    @unittest.skipUnless(os.getuid() == 0, "not root")
    def test_given_a_file_that_may_not_be_read_then_the_cause_is_told(self):
        self.write(b'{"scripts": []}').chmod(0)
        done = self.run_as_nobody("run", "--once", "-c", "bad.json")
        self.assertEqual(done.returncode, 1)
        self.assertIn('"bad.json": Permission denied', done.stderr)

    def run_as_nobody(self, *arguments):
        self.directory.chmod(0o777)
        return subprocess.run(self.argv(*arguments), cwd=self.directory, env=self.environment,
                              text=True, capture_output=True, timeout=SOON, user=65534,
                              group=65534, extra_groups=[], check=False)

    def test_given_33_mebibytes_then_it_is_refused_unread(self):
        path = self.write(b"")
        os.truncate(path, 33 << 20)
        self.expect_refused(r'"bad.json" has \d+ bytes')

    def test_given_32_mebibytes_of_blanks_then_it_is_read_and_refused_soon(self):
        self.write(b" " * (32 << 20))
        self.expect_refused(r"bad\.json:1:")

    def test_given_what_is_no_json_then_place_and_reason_are_told(self):
        for content, place in (
                (b"", "1:1"), (b"\0\0\0", "1:1"), (b"\x7fELF\x02\x01\0", r"1:\d"),
                (bytes(range(256)) * 100, r"1:1"), (b"\xff\xfe{\0}\0", "1:1"),
                (b'{"scripts": [{"name": "a\xff"}]}', "1:25"),
                (b'{"scripts": [\n {"name": "\\ud800", "command": "x"}]}', r"2:\d+"),
                (b'{"scripts": [],}', r"1:1\d"), (b'{"scripts": []} x', "1:17"),
                (b"[" * 100_000, r"1:\d+"), (b'{"a":' * 100_000, r"1:\d+"),
                (b"[]", "1:1"), (b"null", "1:1"), (b'{"scripts": {}}', "1:13"),
                (b"{}", "1:1"), (b'{"scripts": [1]}', "1:14"),
                (b'{"scripts": [{"name": "a", "command": "x", "timer": NaN}]}', r"1:5\d"),
                (b'{"scripts": [{"name": "a", "command": "x", "timer": 1e999}]}', r"1:\d+"),
                (b'{"scripts": [{"name": "a", "command": "x", "timeout": -5}]}', r"1:5\d"),
                (b'{"scripts": [{"name": "a", "command": "a\\u0000b"}]}', r"1:\d+"),
                (b'{"scripts": [{"name": "a", "name": "b", "command": "x"}]}', r"1:\d+"),
                (b'{"scripts": [], "scripts": []}', r"1:\d+"),
                (b'{"scripts": [{"name": "../x", "command": "x"}]}', r"1:23"),
                (b'{"scripts": [{"name": "\\u001b[2J", "command": "x"}]}', r"1:23"),
                (b'{"scripts": [{"name": "' + b"a" * 129 + b'", "command": "x"}]}', r"1:23"),
                (b'/* never closed', r"1:\d+")):
            with self.subTest(content[:60]):
                self.write(content)
                done = self.call("run", "-c", "bad.json", patience=SOON)
                self.assertEqual((done.returncode, done.stdout), (1, ""))
                self.assertRegex(done.stderr, rf"bad\.json:{place}: error: ")
                self.assertNotRegex(done.stderr, "[\0-\x08\x0b-\x1f\x7f]")

    def test_given_a_command_longer_than_an_argument_may_be_then_it_is_refused(self):
        self.configure(task("a", "#" * 131_072), name="bad.json")
        self.expect_refused('key "command"')
        self.configure(task("a", "#" * 131_070), name="good.json")
        self.assertEqual(self.call("exec", "-c", "good.json", "a").returncode, 0)

    def test_given_a_hundred_thousand_errors_then_they_are_counted_and_the_answer_is_bounded(self):
        self.write(json.dumps({"scripts": [{"nam": str(i)} for i in range(100_000)]}).encode())
        done = self.call("run", "-c", "bad.json", patience=SOON)
        self.assertEqual(done.returncode, 1)
        self.assertLess(len(done.stderr), 1 << 20)
        self.assertIn("more", done.stderr)

    def test_given_ten_thousand_tasks_then_it_starts_and_ends(self):
        self.configure(*(task(f"t{i}", "true", schedule_cron="0 0 1 1 *", on_fail="continue")
                         for i in range(10_000)))
        bansuri = self.start()
        self.assertEqual(bansuri.wait_ready()["tasks"], 10_000)
        self.assertEqual(bansuri.end(), 0)

    def test_given_a_byte_order_mark_then_it_is_read_or_refused_by_name(self):
        self.write(b'\xef\xbb\xbf{"scripts": []}')
        done = self.call("check", "bad.json")
        if done.returncode != 0:
            self.assertRegex(done.stderr, "(?i)byte.order|BOM")


if __name__ == "__main__":
    unittest.main()
