# SPDX-License-Identifier: MIT
"""What becomes of a task's output: SPEC section 4."""
import os
import pty
import subprocess
import unittest

from harness import SANITIZERS, EndToEnd, Lines, Process, Terminal, task, wait_until

MANY = "256M" if SANITIZERS else "1G"
MANY_BYTES = (256 if SANITIZERS else 1024) << 20
# AddressSanitizer keeps freed memory back, and its shadow counts too.
MOST_MEMORY = (512 if SANITIZERS else 64) << 10  # KiB


class Forwarding(EndToEnd):
    def test_given_no_redirection_then_each_stream_goes_to_its_own_led_by_the_name(self):
        self.configure(task("a b", "echo one; echo two >&2; echo three"))
        bansuri = self.start()
        bansuri.wait_ended("a b")
        self.assertEqual(bansuri.end(), 0)
        self.assertEqual(bansuri.out.to_the_end(), ["a b | one", "a b | three"])
        self.assertEqual([line for line in bansuri.err.to_the_end() if not line.startswith("{")],
                         ["a b | two"])

    def test_given_no_final_newline_then_the_rest_is_a_line_when_the_run_ends(self):
        self.configure(task("a", "printf 'one\\ntwo'; printf three >&2"))
        bansuri = self.start()
        bansuri.out.wait(r"^a \| two$")
        bansuri.err.wait(r"^a \| three$")
        self.assertEqual([line.string for line in bansuri.out.matching("a")],
                         ["a | one", "a | two"])

    def test_given_a_line_in_pieces_then_it_is_one_line(self):
        self.configure(task("a", "printf on; sleep 0.3; printf e; sleep 0.3; echo ' line'"))
        bansuri = self.start()
        bansuri.out.wait(r"^a \| one line$")

    def test_given_many_tasks_then_their_lines_are_never_mixed(self):
        for name in "abc":
            self.script(name, f"#!/bin/sh\nfor i in $(seq 3000); do echo {name * 100} $i; done\n")
        self.configure(*(task(name, f"./{name}") for name in "abc"))
        bansuri = self.start()
        for name in "abc":
            self.assertEqual(bansuri.wait_ended(name)["outcome"], "SUCCESS")
        self.assertEqual(bansuri.end(), 0)
        lines = bansuri.out.to_the_end()
        for name in "abc":
            self.assertEqual([line for line in lines if line.startswith(name)],
                             [f"{name} | {name * 100} {i}" for i in range(1, 3001)])

    def test_given_a_line_of_a_mebibyte_then_no_byte_is_lost_and_no_line_is_endless(self):
        self.configure(task("a", "head -c 1M /dev/zero | tr '\\0' x; echo; echo next"))
        bansuri = self.start()
        bansuri.out.wait(r"^a \| next$")
        pieces = [line.string[4:] for line in bansuri.out.matching(r"^a \| x+$")]
        self.assertEqual(sum(map(len, pieces)), 1 << 20)
        self.assertLessEqual(max(map(len, pieces)), 64 * 1024)

    def test_given_bytes_that_are_no_text_when_stdout_is_a_pipe_then_they_are_not_changed(self):
        self.configure(task("a", r"printf '\377\000\033[31m\200z\n'"))
        bansuri = self.start(stdout=subprocess.PIPE)
        # Lines shows what is not UTF-8 with a backslash; the escape and the NUL are as they were.
        bansuri.out.wait("^a \\| \\\\xff\0\x1b\\[31m\\\\x80z$")

    def test_given_bytes_that_are_no_text_when_stdout_is_a_terminal_then_they_are_escaped(self):
        self.configure(task("a", r"printf '\033]0;owned\007\377\033[2J\302\233 \303\251\n'; "
                                 r"printf '\033[31mred\n' >&2"))
        master, slave = pty.openpty()
        bansuri = self.start(stdout=slave, stderr=slave)
        os.close(slave)
        screen = Lines(Terminal(master))
        shown = screen.wait(r"^a \| .*owned").string
        self.assertEqual(shown.rstrip("\r"),
                         r"a | \x1b]0;owned\x07\xff\x1b[2J\xc2\x9b" + " é")
        self.assertEqual(screen.wait(r"^a \| .*red").string.rstrip("\r"), r"a | \x1b[31mred")
        self.assertEqual(bansuri.end(), 0)
        self.assertNotIn("\x1b", "".join(screen.all()))

    def test_given_the_text_format_then_the_log_is_lines_for_people_at_the_level_asked_for(self):
        self.configure(task("good", "true"), task("bad", "exit 3"))
        stamp = r"(?m)^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00 "
        told = self.call("run", "--once").stderr
        self.assertRegex(told, stamp + r"info: good: RUNNING, run \d+, pid \d+$")
        self.assertRegex(told, stamp + r"info: good: SUCCESS after [\d.]+m?s, run \d+$")
        self.assertRegex(told, stamp + r"warning: bad: FAILED, exit code 3 after ")
        told = self.call("run", "--once", "--log-level", "warn").stderr
        self.assertNotIn("good", told)
        self.assertRegex(told, stamp + r"warning: bad: FAILED, exit code 3 after ")
        self.assertEqual(self.call("run", "--once", "--log-level", "off").stderr, "")

    def test_given_control_characters_in_output_then_the_log_stays_one_line_an_event(self):
        # The path of the file is the only text of a task that the log repeats.
        self.configure(task("a", "true", stdout="no\n{\"event\": \"forged\"}/x"))
        bansuri = self.start()
        bansuri.wait_ended("a")
        self.assertEqual(bansuri.events("forged"), [])
        done = self.call("run", "--once")
        self.assertEqual([line for line in done.stderr.splitlines() if line.startswith('{"ev')], [])


class Files(EndToEnd):
    def ran(self, **keys):
        self.configure(task("a", "echo out; echo err >&2; echo out2", **keys))
        bansuri = self.start()
        self.assertEqual(bansuri.wait_ended("a").get("reason"), None)
        self.assertEqual(bansuri.end(), 0)
        return (bansuri.out.to_the_end(),
                [line for line in bansuri.err.to_the_end() if not line.startswith("{")])

    def test_given_stdout_then_it_is_appended_to_and_stderr_goes_there_too(self):
        self.path("log").write_text("before\n")
        self.assertEqual(self.ran(stdout="log"), ([], []))
        self.assertEqual(self.read("log"), "before\nout\nerr\nout2\n")

    def test_given_stderr_alone_then_stdout_is_forwarded(self):
        self.assertEqual(self.ran(stderr="log"), (["a | out", "a | out2"], []))
        self.assertEqual(self.read("log"), "err\n")

    def test_given_both_then_each_has_its_file(self):
        self.assertEqual(self.ran(stdout="out.log", stderr="err.log"), ([], []))
        self.assertEqual((self.read("out.log"), self.read("err.log")), ("out\nout2\n", "err\n"))

    def test_given_both_are_the_same_file_then_it_has_all(self):
        self.assertEqual(self.ran(stdout="log", stderr="log"), ([], []))
        self.assertEqual(self.read("log"), "out\nerr\nout2\n")

    def test_given_combined_then_stderr_goes_where_stdout_goes(self):
        self.assertEqual(self.ran(stderr="combined"), (["a | out", "a | err", "a | out2"], []))
        self.assertEqual(self.ran(stdout="log", stderr="combined"), ([], []))
        self.assertEqual(self.read("log"), "out\nerr\nout2\n")

    def test_given_ignore_then_it_is_discarded(self):
        self.assertEqual(self.ran(stderr="ignore"), (["a | out", "a | out2"], []))
        self.assertEqual(self.ran(stdout="ignore"), ([], []))
        self.assertEqual(self.ran(stdout="ignore", stderr="err.log"), ([], []))
        self.assertEqual(self.read("err.log"), "err\n")
        self.assertFalse(self.path("ignore").exists())

    def test_given_a_relative_path_then_it_starts_at_the_working_directory(self):
        self.path("work").mkdir()
        self.ran(working_directory="work", stdout="log")
        self.assertEqual(self.read("work/log"), "out\nerr\nout2\n")

    def test_given_no_working_directory_then_paths_start_at_the_configuration(self):
        self.path("etc").mkdir()
        self.configure(task("a", "pwd; pwd >&2", stdout="log"), name="etc/scripts.json")
        self.assertEqual(self.call("run", "--once", "-c", "etc/scripts.json").returncode, 0)
        self.assertEqual(self.read("etc/log"), f"{self.directory}/etc\n" * 2)

    def test_given_binary_bytes_then_the_file_has_them_as_they_were(self):
        self.configure(task("a", "head -c 100000 /dev/urandom > bytes; cat bytes", stdout="log"))
        self.assertEqual(self.call("run", "--once").returncode, 0)
        self.assertEqual(self.path("log").read_bytes(), self.path("bytes").read_bytes())

    def test_given_a_path_that_cannot_be_opened_then_the_run_fails_with_a_message_naming_it(self):
        self.path("file").touch()
        os.mkfifo(self.path("fifo"))
        self.path("loop").symlink_to("loop")
        places = {"missing": "no-such-directory/log", "directory": ".", "below": "file/log",
                  "pipe": "fifo", "loop": "loop", "long": "x" * 300}
        self.configure(*(task(name, "touch ran", **{stream: place})
                         for stream in ("stdout", "stderr") for name, place in
                         {f"{stream} {name}": place for name, place in places.items()}.items()),
                       task("beat", "echo beat", timer="200ms", on_fail="continue"))
        bansuri = self.start()
        for stream in ("stdout", "stderr"):
            for name, place in places.items():
                ended = bansuri.wait_ended(f"{stream} {name}")
                self.assertEqual(ended["outcome"], "FAILED", name)
                full = os.path.normpath(self.directory / place)
                self.assertRegex(ended["reason"], f'^{stream}: open "{full}": ')
        bansuri.out.wait("beat", nth=3)
        self.assertFalse(self.path("ran").exists())

    def test_given_a_fifo_with_a_reader_then_it_is_written_to(self):
        os.mkfifo(self.path("fifo"))
        with subprocess.Popen(["cat", self.path("fifo")], stdout=subprocess.PIPE,
                              env=self.environment) as cat:
            self.addCleanup(cat.kill)
            # cat waits in open() until there is a writer; a FIFO without a reader fails the run.
            self.configure(task("a", "echo out", stdout="fifo", on_fail="restart",
                                restart_delay="50ms"))
            bansuri = self.start()
            self.assertEqual(cat.stdout.readline(), b"out\n")
            bansuri.wait_event("attempt-ended", task="a", outcome="SUCCESS")


class Flood(EndToEnd):
    """A task that writes more than anybody wants; the other one beats each 200 ms meanwhile."""

    def flooded(self, **streams):
        self.configure(task("flood", f"head -c {MANY} /dev/zero; echo done > done"),
                       task("beat", "cut -d' ' -f1 /proc/uptime >> beats", timer="200ms",
                            on_fail="continue"))
        asan = {"ASAN_OPTIONS": "quarantine_size_mb=16"} if SANITIZERS else {}
        with open(self.path("log"), "wb") as log:
            return self.start(stderr=log, environment=asan, **streams)

    def expect_bounded_and_on_time(self, bansuri):
        daemon = bansuri.daemon()
        self.wait_file("done", "done", patience=200)
        during = len(self.read("beats").splitlines())
        wait_until(lambda: len(self.read("beats").splitlines()) >= during + 3, "beats after it")
        memory = int(Process.status(daemon)["VmHWM"].split()[0])
        self.assertLess(memory, MOST_MEMORY)
        beats = [float(line) for line in self.read("beats").splitlines()]
        self.assertLess(max(later - beat for beat, later in zip(beats, beats[1:])), 3)

    def test_given_a_fast_reader_then_the_daemon_stays_small_and_others_run_on_time(self):
        bansuri = self.flooded(stdout=subprocess.DEVNULL)
        self.expect_bounded_and_on_time(bansuri)
        self.assertEqual(bansuri.end(), 0)

    def test_given_a_reader_that_never_reads_then_the_task_ends_and_others_run_on_time(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        bansuri = self.flooded(stdout=writer)
        os.close(writer)
        self.expect_bounded_and_on_time(bansuri)

    def test_given_a_reader_that_never_reads_when_asked_to_end_then_it_ends_soon(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        self.configure(task("a", "seq 1000000; echo > done"))
        bansuri = self.start(stdout=writer)
        os.close(writer)
        self.wait_file("done")
        self.assertEqual(bansuri.end(patience=8), 0)

    def test_given_a_stdout_that_nobody_reads_then_the_log_on_stderr_goes_on(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        self.configure(task("a", "seq 1000000"))
        bansuri = self.start(stdout=writer)
        os.close(writer)
        bansuri.wait_event("attempt-ended", task="a", patience=8)

    def test_given_a_slow_reader_then_nothing_is_dropped(self):
        self.configure(task("a", "seq 200000"))
        bansuri = self.start(stdout=subprocess.PIPE)
        self.assertEqual(bansuri.wait_ended("a")["outcome"], "SUCCESS")
        self.assertEqual(bansuri.end(), 0)
        lines = bansuri.out.to_the_end()
        self.assertTrue(lines == [f"a | {i}" for i in range(1, 200001)], lines[-3:])

    def test_given_a_log_that_nobody_reads_then_tasks_run_on(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        self.configure(task("a", "echo >> beats", timer="20ms", on_fail="continue"),
                       task("noise", "seq 100000 >&2"))
        bansuri = self.start("--log-level", "debug", stdout=subprocess.DEVNULL, stderr=writer)
        os.close(writer)
        wait_until(lambda: len(self.read("beats")) > 150, "150 beats")
        self.assertTrue(bansuri.runs())


class ReaderGone(EndToEnd):
    def test_given_a_reader_that_went_away_then_tasks_do_not_notice(self):
        reader, writer = os.pipe()
        self.configure(task("a", "echo line && echo >> beats", timer="50ms", on_fail="continue"))
        bansuri = self.start(stdout=writer)
        os.close(writer)
        os.read(reader, 1)
        os.close(reader)
        wait_until(lambda: len(self.read("beats")) > 20, "20 beats")
        self.assertEqual(bansuri.events("attempt-ended", outcome="FAILED"), [])
        self.assertEqual(bansuri.end(), 0)

    def test_given_a_full_disk_behind_stdout_then_tasks_do_not_notice(self):
        self.configure(task("a", "echo line && echo >> beats", timer="50ms", on_fail="continue"))
        with open("/dev/full", "wb") as full:
            bansuri = self.start(stdout=full)
        wait_until(lambda: len(self.read("beats")) > 20, "20 beats")
        self.assertEqual(bansuri.end(), 0)

    def test_given_no_standard_descriptors_at_all_then_tasks_run(self):
        self.configure(task("a", "echo line && echo err >&2 && echo >> beats", timer="50ms",
                            on_fail="continue"))
        bansuri = self.start(wrapper=("sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"))
        wait_until(lambda: len(self.read("beats")) > 20, "20 beats")
        self.assertEqual(bansuri.end(), 0)


class Silence(EndToEnd):
    def test_given_a_task_that_closes_its_streams_then_it_runs_on_and_nobody_spins(self):
        self.configure(task("a", "exec >&- 2>&-; while [ ! -e go ]; do sleep 0.05; done; echo > x"),
                       task("beat", "echo beat", timer="500ms", on_fail="continue"))
        bansuri = self.start()
        bansuri.out.wait("beat", nth=4)
        used = 0
        for pid in (bansuri.pid, bansuri.daemon()):
            stat = Process.stat(pid)
            used += (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
        self.assertLess(used, 4 if SANITIZERS else 0.7)  # of the 1.5 s and more that went by
        self.assertEqual(bansuri.events("attempt-ended", task="a"), [])
        self.path("go").touch()
        self.assertEqual(bansuri.wait_ended("a")["outcome"], "SUCCESS")


if __name__ == "__main__":
    unittest.main()
