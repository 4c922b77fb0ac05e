# SPDX-License-Identifier: MIT
"""Who may use a state directory, and what Bansuri says when it cannot."""
import os
import shutil
import signal
import threading
import unittest

import ledger as ledgers
from fault_case import FaultCase, Process, integrity, wait_until, wall

STRANGER = 54321  # a uid that nobody has


class StateDirectory(FaultCase):
    def refused(self, *reasons, wrapper=()):
        """It ends with 1, says why, and has not started anything."""
        bansuri = self.launch(wrapper=wrapper)
        self.assertEqual(bansuri.wait(), 1)
        told = "\n".join(bansuri.err.to_the_end())
        for reason in reasons:
            self.assertRegex(told, reason)
        self.assertEqual(self.ledger().starts, [])
        return told

    def setUp(self):
        super().setUp()
        self.add("once")

    def test_given_none_then_it_is_made_for_the_owner_alone(self):
        self.state = self.path("a") / "b" / "state"
        self.database = self.state / "bansuri.db"
        bansuri = self.launch(umask=0)
        self.wait_end("once")
        self.assertEqual(self.state.stat().st_mode & 0o7777, 0o700)
        for file in self.state.rglob("*"):
            self.assertEqual(file.stat().st_mode & 0o077, 0, file)
        self.end_well(bansuri)

    def test_given_one_that_others_may_write_then_it_is_refused(self):
        for mode in (0o777, 0o770, 0o702):
            shutil.rmtree(self.state, ignore_errors=True)
            self.state.mkdir()
            self.state.chmod(mode)
            self.refused(str(self.state), r"mode|write|permission")
            self.assertEqual(list(self.state.iterdir()), [])

    @unittest.skipIf(os.geteuid(), "only root can give a directory away")
    def test_given_one_of_another_user_then_it_is_refused(self):
        self.state.mkdir(mode=0o700)
        os.chown(self.state, STRANGER, STRANGER)
        self.refused(str(self.state), r"belongs to the user with id 54321")
        self.assertEqual(list(self.state.iterdir()), [])

    def test_given_a_symbolic_link_then_it_is_refused(self):
        self.path("real").mkdir(mode=0o700)
        self.state.symlink_to(self.path("real"))
        self.refused(str(self.state), r"link")
        self.assertEqual(list(self.path("real").iterdir()), [])

    def test_given_a_file_in_its_place_then_it_is_refused(self):
        self.state.write_text("not a directory")
        self.refused(str(self.state), r"directory")
        self.assertEqual(self.state.read_text(), "not a directory")

    def test_given_a_path_that_cannot_be_made_then_it_is_refused(self):
        self.path("file").write_text("")
        self.state = self.path("file") / "state"
        self.refused(str(self.state), r"Not a directory")

    def test_given_another_bansuri_on_it_then_the_second_is_refused_and_told_who_holds_it(self):
        self.add("tick", timer=0.3)
        first = self.launch()
        self.wait_starts("tick", 2)
        second = self.launch()
        self.assertEqual(second.wait(), 1)
        self.assertRegex("\n".join(second.err.to_the_end()),
                         rf"\b({first.pid}|{first.daemon()})\b")
        self.wait_starts("tick", 2, after=wall())
        # The refusal holds while the daemon of the first is being replaced, too.
        before = self.kill_daemon(first)
        third = self.launch()
        self.assertEqual(third.wait(), 1)
        self.daemon(first, unlike=before)
        self.wait_starts("tick", 2, after=wall())
        self.assertEqual(len(self.ledger().of("once")), 1)
        self.end_well(first)

    def test_given_that_it_is_deleted_then_the_next_daemon_makes_it_anew_and_goes_on(self):
        self.add("sleeper", command=ledgers.endless(), plan={"is_once": True})
        self.add("tick", timer=0.3)
        bansuri = self.launch()
        sleeper = self.wait_starts("sleeper")[0]
        self.wait_starts("tick", 2)
        shutil.rmtree(self.state)
        self.replace_daemon(bansuri)
        self.wait_starts("tick", 2, after=wall())
        self.assertTrue(Process.alive(sleeper.pid))
        self.assertEqual(len(self.ledger().of("sleeper")), 1)
        self.assertIn("was deleted", "\n".join(bansuri.err.all()))
        # It is locked again, too.
        second = self.launch()
        self.assertEqual(second.wait(), 1)
        self.assertEqual(bansuri.end(), 0)
        self.assertEqual(integrity(self.database), "ok")

    def test_given_that_its_lock_file_is_deleted_then_a_second_is_refused_all_the_same(self):
        self.add("tick", timer=0.3)
        bansuri = self.launch()
        self.wait_starts("tick", 2)
        lock = self.state / "lock"
        lock.unlink()
        self.assertEqual(self.launch().wait(), 1)
        # The next daemon neither takes that for a new directory nor leaves it at that.
        self.replace_daemon(bansuri)
        self.assertEqual(int(lock.read_text()), bansuri.pid)
        self.assertNotIn("was deleted", "\n".join(bansuri.err.all()))
        lock.unlink()
        lock.write_text("1\n")
        self.assertEqual(self.launch().wait(), 1)
        self.wait_starts("tick", 2, after=wall())
        self.assertEqual(len(self.ledger().of("once")), 1)
        self.end_well(bansuri)

    def test_given_a_keeper_killed_just_now_then_its_dying_daemon_is_waited_for(self):
        self.add("sleeper", command=ledgers.endless(), plan={"may_be_lost": True})
        bansuri = self.launch()
        self.wait_starts("sleeper")
        self.wait_end("once")
        self.wait_recorded("sleeper")
        daemon = bansuri.daemon()
        os.kill(daemon, signal.SIGSTOP)  # it does not see its keeper die, and holds the lock
        bansuri.popen.kill()
        bansuri.popen.wait()
        second = self.launch()
        later = threading.Timer(1, os.kill, (daemon, signal.SIGCONT))
        later.start()
        second.wait_event("configuration")
        later.join()
        self.assertEqual(len(self.ledger().of("sleeper")), 1)
        self.end_well(second)

    def test_given_closed_standard_streams_then_nothing_else_gets_their_numbers(self):
        for closed, numbers in (("<&-", {0}), (">&-", {1}), ("2>&-", {2}),
                                ("<&- >&- 2>&-", {0, 1, 2})):
            self.again()
            self.add("tick", timer=0.3)
            bansuri = self.launch(wrapper=("sh", "-c", f"exec \"$@\" {closed}", "sh"))
            self.wait_end("once")
            self.assertEqual((self.state / "lock").read_text(), f"{bansuri.pid}\n")
            for pid in (bansuri.pid, bansuri.daemon()):
                self.assertEqual({os.readlink(f"/proc/{pid}/fd/{number}") for number in numbers},
                                 {"/dev/null"}, closed)
            self.end_well(bansuri)

    def test_given_the_lock_of_one_that_was_killed_then_it_is_no_obstacle(self):
        first = self.launch()
        self.wait_end("once")
        wait_until(lambda: self.run_of("once").outcome, "its end is recorded")
        self.kill_both(first)
        second = self.launch()
        self.wait_end("once", 2)
        self.end_well(second)

    @unittest.skipIf(os.geteuid(), "needs an own mount namespace")
    def test_given_a_file_system_that_cannot_be_written_then_it_says_so_at_start(self):
        self.state.mkdir(mode=0o700)
        self.refused(str(self.state), r"[Rr]ead-only|cannot|not be written", wrapper=(
            "unshare", "--mount", "sh", "-c",
            f"mount --bind {self.state} {self.state} && mount -o remount,bind,ro {self.state} "
            "&& exec \"$@\"", "sh"))
        self.assertEqual(list(self.state.iterdir()), [])

    def test_given_the_environment_then_it_says_where_the_directory_is(self):
        for variable in ("BANSURI_STATE", "STATE_DIRECTORY"):
            self.again()
            self.configure(*self.tasks)
            place = self.path(f"by-{variable}")
            bansuri = self.start(environment={variable: str(place)})
            self.wait_end("once")
            self.database = place / "bansuri.db"
            self.end_well(bansuri)


if __name__ == "__main__":
    unittest.main()
