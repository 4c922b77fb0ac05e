# SPDX-License-Identifier: MIT
"""`bansuri logs` of streams that a task has sent to files of its user's: SPEC section 4."""
import json
import unittest

from harness import EndToEnd, task, wait_until


class LogsOfFiles(EndToEnd):
    def launch(self, *tasks):
        self.configure(*tasks)
        return self.start("--state", str(self.path("state")))

    def logs(self, *arguments, code=0):
        done = self.call("logs", *arguments, "--state", str(self.path("state")))
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout, done.stderr

    def runs_of(self, name):
        done = self.call("history", name, "--json", "--state", str(self.path("state")))
        if done.returncode:
            return []  # it has just been started
        return [run["run"] for run in reversed(json.loads(done.stdout)["runs"])
                if run["outcome"] == "SUCCESS"]

    def wait_runs(self, name, count):
        return wait_until(lambda: (runs := self.runs_of(name))[count - 1:] and runs,
                          f"{count} runs of {name}")

    def test_given_several_runs_in_one_file_then_each_is_shown_its_own_part(self):
        self.path("log").write_text("what was there before\n")
        bansuri = self.launch(task("a", "echo >> runs; echo begin $(wc -l < runs); echo end >&2",
                                   timer=0.2, stdout=str(self.path("log"))))
        runs = self.wait_runs("a", 3)
        for number, run in enumerate(runs[:3], 1):
            self.assertEqual(self.logs("a", "--run", str(run)), (f"begin {number}\nend\n", ""))
        self.assertEqual(bansuri.end(), 0)

    def test_given_a_file_for_each_stream_then_both_are_shown_each_where_it_belongs(self):
        bansuri = self.launch(task("a", "echo one; echo two >&2", stdout=str(self.path("out")),
                                   stderr=str(self.path("err"))))
        self.wait_runs("a", 1)
        self.assertEqual(self.logs("a"), ("one\n", "two\n"))
        self.assertEqual(bansuri.end(), 0)

    def test_given_a_file_for_stderr_alone_then_the_captured_stdout_is_shown_beside_it(self):
        bansuri = self.launch(task("a", "echo one; echo two >&2", stderr=str(self.path("err"))))
        self.wait_runs("a", 1)
        self.assertEqual(self.logs("a"), ("one\n", "two\n"))
        self.assertEqual(bansuri.end(), 0)

    def test_given_a_run_that_writes_on_then_it_is_followed_to_its_end(self):
        bansuri = self.launch(task("a", "echo first; while [ ! -e go ]; do sleep 0.05; done; "
                                        "echo last", stdout=str(self.path("log"))))
        bansuri.wait_started("a")
        follower = self.start_command("logs", "a", "--run", "1", "--follow", "--state",
                                      str(self.path("state")))
        follower.out.wait("^first$")
        self.path("go").touch()
        self.assertEqual(follower.wait(), 0)
        self.assertEqual(follower.out.to_the_end(), ["first", "last"])
        self.assertEqual(bansuri.end(), 0)

    def test_given_a_file_that_was_rotated_then_it_says_so_once(self):
        bansuri = self.launch(task("a", "echo some text", timer=0.2,
                                   stdout=str(self.path("log"))))
        run = self.wait_runs("a", 2)[1]
        self.assertEqual(bansuri.end(), 0)
        self.path("log").unlink()
        bansuri = self.launch(task("b", "true"))
        self.wait_runs("b", 1)
        out, err = self.logs("a", "--run", str(run))
        self.assertEqual(out, "")
        self.assertRegex(err, rf'^\["{self.path("log")}" cannot be read: .*\]\n$')
        self.path("log").write_text("")
        self.assertRegex(self.logs("a", "--run", str(run))[1], r"cut or rotated")
        self.assertEqual(bansuri.end(), 0)


if __name__ == "__main__":
    unittest.main()
