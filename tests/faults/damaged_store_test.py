# SPDX-License-Identifier: MIT
"""A database that is cut off, turned in some bits, emptied, foreign or of a later version."""
import shutil
import sqlite3
import unittest
from contextlib import closing

import ledger as ledgers
from fault_case import LONG, FaultCase, Process, integrity, wait_until, wall

ALL_CUTS = 512  # bytes from one cut to the next
CUTS_AT_MOST = None if LONG else 24
FLIPS = 200 if LONG else 15


class DamagedStore(FaultCase):
    def make_history(self):
        """A state directory with a history, as one that ended well leaves it; its image."""
        for number in range(3):
            self.add(f"tick-{number}", timer=0.1, body="echo some output")
        bansuri = self.launch()
        self.wait_starts("tick-0", 15)
        self.assertEqual(bansuri.end(), 0)
        image = self.path("image")
        shutil.copytree(self.state, image)
        return image

    def restore(self, image):
        shutil.rmtree(self.state, ignore_errors=True)
        shutil.copytree(image, self.state)
        self.state.chmod(0o700)
        self.ledger_path.unlink(missing_ok=True)

    def start_on_it(self, what):
        """It starts, its first daemon stays, tasks run, it ends well, and the store is whole."""
        bansuri = self.launch()
        self.wait_starts("tick-0", 2)
        first = [v for v in Process.environment(bansuri.daemon()).split(b"\0")
                 if v.startswith(b"BANSURI_DAEMON=")]
        self.assertEqual(first, [b"BANSURI_DAEMON=1"], f"{what}: a daemon crashed")
        self.assertEqual(bansuri.end(), 0, what)
        self.assertEqual(integrity(self.database), "ok", what)
        return bansuri

    def moved_aside(self):
        """The database comes first, and then what belongs to it."""
        return sorted(path for path in self.state.iterdir()
                      if path.name.startswith("bansuri.db") and path.name not in
                      ("bansuri.db", "bansuri.db-wal", "bansuri.db-shm"))

    def assert_told(self, bansuri):
        self.assertTrue(self.moved_aside(), list(self.state.iterdir()))
        name = self.moved_aside()[0].name
        self.assertIn(name, "\n".join(bansuri.err.all()))

    def test_given_one_that_was_cut_off_then_it_starts_and_what_is_damaged_is_moved_aside(self):
        image = self.make_history()
        size = (image / "bansuri.db").stat().st_size
        cuts = list(range(0, size, ALL_CUTS))
        if CUTS_AT_MOST:
            some = self.random.sample(cuts, min(len(cuts), CUTS_AT_MOST))
            cuts = sorted({*cuts[:3], cuts[-1], *some})
        for cut in cuts:
            self.restore(image)
            for log in self.state.glob("bansuri.db-*"):
                log.unlink()
            with open(self.database, "r+b") as database:
                database.truncate(cut)
            sound = cut > 0 and integrity(self.database) == "ok"
            bansuri = self.start_on_it(f"cut at {cut} of {size}")
            if cut > 0 and not sound:
                self.assert_told(bansuri)

    def test_given_bits_that_turned_then_it_starts_and_never_crashes(self):
        image = self.make_history()
        size = (image / "bansuri.db").stat().st_size
        for flip in range(FLIPS):
            self.restore(image)
            at, bit = self.random.randrange(size), self.random.randrange(8)
            # The header and the first page more often: there each bit means something.
            if flip % 3 == 0:
                at = self.random.randrange(4096)
            with open(self.database, "r+b") as database:
                database.seek(at)
                byte = database.read(1)[0] ^ (1 << bit)
                database.seek(at)
                database.write(bytes([byte]))
            self.start_on_it(f"bit {bit} of byte {at} of {size}")

    def test_given_nonsense_in_its_place_then_it_is_moved_aside_and_said(self):
        image = self.make_history()
        for what, content in (("text", b"This is not a database.\n" * 500),
                              ("noise", self.random.randbytes(40_000)),
                              ("zeros", bytes(40_000))):
            self.restore(image)
            self.database.write_bytes(content)
            bansuri = self.start_on_it(what)
            self.assert_told(bansuri)
            self.assertEqual(self.moved_aside()[0].read_bytes(), content, what)

    def test_given_an_empty_file_then_it_is_taken_as_new(self):
        image = self.make_history()
        self.restore(image)
        self.database.write_bytes(b"")
        self.start_on_it("empty")

    def test_given_a_database_of_another_program_then_it_is_moved_aside(self):
        image = self.make_history()
        self.restore(image)
        self.database.unlink()
        with closing(sqlite3.connect(self.database)) as database:
            database.execute("CREATE TABLE run (colour TEXT)")
            database.commit()
        self.assert_told(self.start_on_it("of another program"))

    def test_given_a_later_schema_then_it_is_refused_and_nothing_is_touched(self):
        image = self.make_history()
        self.restore(image)
        with closing(sqlite3.connect(self.database)) as database:
            version = database.execute("PRAGMA user_version").fetchone()[0]
            database.execute(f"PRAGMA user_version = {version + 1}")
            database.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'",
                             (str(version + 1),))
            database.commit()
        content = self.database.read_bytes()
        bansuri = self.launch()
        self.assertEqual(bansuri.wait(), 1)
        self.assertRegex("\n".join(bansuri.err.to_the_end()), rf"version {version + 1}\b")
        self.assertEqual(self.database.read_bytes(), content)
        self.assertEqual(self.moved_aside(), [])
        self.assertEqual(self.ledger().starts, [])

    def test_given_a_damaged_store_under_a_killed_daemon_then_running_tasks_are_kept(self):
        self.add("sleeper", command=ledgers.endless(), plan={"is_once": True})
        self.add("tick", timer=0.5)
        bansuri = self.launch()
        sleeper = self.wait_starts("sleeper")[0]
        self.wait_starts("tick", 3)
        before = bansuri.daemon()
        for log in ("bansuri.db-wal", "bansuri.db-shm"):
            (self.state / log).unlink(missing_ok=True)
        with open(self.database, "r+b") as database:
            database.write(b"nonsense" * 1024)
        Process.kill(before)
        self.daemon(bansuri, unlike=before)
        self.wait_starts("tick", 3, after=wall())
        self.assertTrue(Process.alive(sleeper.pid))
        self.assertEqual(len(self.ledger().of("sleeper")), 1)
        wait_until(self.moved_aside, "the damaged one is moved aside")
        status = self.ask("status", "sleeper")["tasks"][0]
        self.assertEqual((status["state"], [run["pid"] for run in status["runs"]]),
                         ("RUNNING", [sleeper.pid]))
        self.assertEqual(bansuri.end(), 0)
        self.assertEqual([a.outcome for a in self.attempts_of("sleeper")], ["STOPPED"])
        self.assertEqual(integrity(self.database), "ok")


if __name__ == "__main__":
    unittest.main()
