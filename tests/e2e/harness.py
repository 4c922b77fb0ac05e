# SPDX-License-Identifier: MIT
"""What every end-to-end test stands on: a directory and a bansuri of its own, and ways to wait.

Nothing here proves a claim by sleeping. wait_until() and its kin look until the claim holds, and
after a generous bound they fail and say what they saw. Each test marks all that it starts through
the environment; whatever still carries the mark when the test is over is ended, and the test fails.
"""
import ctypes
import json
import os
import random
import re
import select
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest
import uuid
from pathlib import Path

BINARY = os.environ["BANSURI_BINARY"]
# As the build was asked for: "address,undefined", "thread" or nothing.
SANITIZERS = os.environ.get("BANSURI_SANITIZE", "")
PATIENCE = 60
CONTAINMENTS = ((), ("--no-cgroups",))

# Orphans of what a test starts come to the test, which can so see and reap them.
PR_SET_CHILD_SUBREAPER = 36
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def wait_until(claim, what, patience=PATIENCE):
    """The first true answer of `claim`; `what` is a text or is called when patience is over."""
    deadline = time.monotonic() + patience
    while True:
        answer = claim()
        if answer:
            return answer
        if time.monotonic() > deadline:
            seen = what() if callable(what) else what
            raise AssertionError(f"not within {patience} s: {seen}")
        time.sleep(0.01)


def cgroup_v2():
    """The cgroup of this process, if others can be made in it; as the keeper looks for it."""
    own = [line[3:] for line in Path("/proc/self/cgroup").read_text().splitlines()
           if line.startswith("0::")]
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        if " - cgroup2 " in line and own:
            place = Path(line.split()[4] + (own[0] if own[0] != "/" else ""))
            if place.is_dir() and os.access(place, os.W_OK):
                return place
    return None


class Process:
    """Looks at one process from outside; pids are all it knows."""

    @staticmethod
    def stat(pid):
        try:
            text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        except OSError:
            return None
        return text[text.rindex(")") + 2:].split()

    @staticmethod
    def alive(pid):
        """A zombie has ended: only its parent has not looked yet."""
        stat = Process.stat(pid)
        return stat is not None and stat[0] not in "ZX"

    @staticmethod
    def status(pid):
        """The fields of /proc/PID/status."""
        try:
            lines = Path(f"/proc/{pid}/status").read_text(errors="replace").splitlines()
        except OSError:
            return {}
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    @staticmethod
    def children(pid):
        found = []
        for thread in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                found += [int(child) for child in thread.read_text().split()]
            except OSError:
                pass
        return found

    @staticmethod
    def environment(pid):
        try:
            return Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            return b""

    @staticmethod
    def command_line(pid):
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return b""

    @staticmethod
    def marked(*marks):
        """The living processes with one of the marks in their environment or command line, but for
        this one and daemons of bansuri."""
        found = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit() or int(entry) == os.getpid():
                continue
            environment = Process.environment(entry)
            text = environment + b"\0" + Process.command_line(entry)
            if (any(mark in text for mark in marks) and b"BANSURI_DAEMON=" not in environment
                    and Process.alive(entry)):
                found.append(int(entry))
        return found

    @staticmethod
    def kill(pid):
        """Returns when it has ended."""
        try:
            handle = os.pidfd_open(pid)
        except OSError:
            return
        try:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            gone = select.poll()
            gone.register(handle, select.POLLIN)
            gone.poll(10_000)
        except OSError:
            pass
        finally:
            os.close(handle)


class Lines:
    """Reads a stream to its end on a thread of its own, so that the writer never waits for us."""

    def __init__(self, pipe):
        self._pipe = pipe
        self._lines = []
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        for line in self._pipe:
            with self._changed:
                self._lines.append(line.rstrip(b"\n").decode("utf-8", "backslashreplace"))
                self._changed.notify_all()
        self._pipe.close()

    def all(self):
        with self._changed:
            return list(self._lines)

    def matching(self, pattern):
        return [match for match in map(re.compile(pattern).search, self.all()) if match]

    def wait(self, pattern, nth=1, patience=PATIENCE):
        """The nth line that matches."""
        return wait_until(lambda: self.matching(pattern)[nth - 1:],
                          lambda: f"line {nth} like {pattern!r} in " + "\n".join(self.all()[-40:]),
                          patience)[0]

    def to_the_end(self, patience=PATIENCE):
        """All lines, once every writer has closed the stream."""
        self._thread.join(patience)
        if self._thread.is_alive():
            raise AssertionError(f"a stream was still open after {patience} s")
        return self.all()


class Terminal:
    """The lines that appear on a terminal. It has no end, only an error when all have gone."""

    def __init__(self, master):
        self._master = master

    def __iter__(self):
        rest = b""
        while True:
            try:
                got = os.read(self._master, 65536)
            except OSError:
                got = b""
            if not got:
                break
            *whole, rest = (rest + got).split(b"\n")
            yield from whole
        if rest:
            yield rest

    def close(self):
        os.close(self._master)


class Bansuri:
    """One that runs. `pid` is the process a service manager would see: the keeper."""

    def __init__(self, argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **popen):
        self.popen = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr,
                                      **popen)
        self.pid = self.popen.pid
        self.asked_to_end = None  # when, in microseconds since 1970
        self.out = Lines(self.popen.stdout) if stdout == subprocess.PIPE else None
        self.err = Lines(self.popen.stderr) if stderr == subprocess.PIPE else None

    def daemon(self):
        """The pid of the daemon, the keeper's child that schedules."""
        def look():
            for pid in Process.children(self.pid):
                if b"BANSURI_DAEMON=" in Process.environment(pid):
                    return pid
            return None
        return wait_until(look, "the keeper has a daemon")

    def signal(self, number=signal.SIGTERM):
        if number == signal.SIGTERM:
            self.asked_to_end = self.asked_to_end or time.time_ns() // 1000
        self.popen.send_signal(number)

    def wait(self, patience=PATIENCE):
        """Its exit code."""
        return self.popen.wait(patience)

    def end(self, patience=PATIENCE):
        self.signal(signal.SIGTERM)
        return self.wait(patience)

    def runs(self):
        return self.popen.poll() is None

    # What it logged, with --log-format json.

    def events(self, event=None, **fields):
        found = []
        for line in self.err.all():
            if not line.startswith("{"):
                continue
            try:
                logged = json.loads(line)
            except ValueError:
                continue
            if event not in (None, logged["event"]):
                continue
            if all(logged.get(name) == value for name, value in fields.items()):
                found.append(logged)
        return found

    def wait_event(self, event, nth=1, patience=PATIENCE, **fields):
        return wait_until(lambda: self.events(event, **fields)[nth - 1:],
                          lambda: f"event {nth} {event} {fields} in "
                                  + "\n".join(self.err.all()[-40:]), patience)[0]

    def wait_ready(self):
        return self.wait_event("configuration", generation=1)

    def wait_started(self, task, nth=1):
        """The pid of the task's nth attempt."""
        return self.wait_event("attempt-started", nth, task=task)["pid"]

    def wait_ended(self, task, nth=1, patience=PATIENCE):
        return self.wait_event("attempt-ended", nth, patience, task=task)


def task(name, command, **keys):
    """A task of the configuration; stop_timeout="1s" stands for "stop-timeout": "1s"."""
    return {"name": name, "command": command,
            **{key.replace("_", "-"): value for key, value in keys.items()}}


class EndToEnd(unittest.TestCase):
    longMessage = True
    maxDiff = None

    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="bansuri-e2e-"))
        self.directory.chmod(0o755)
        self.mark = "bansuri-e2e-" + uuid.uuid4().hex
        self.number = str(random.randrange(10**8, 10**9))
        # A command that runs for years and is known by its number where the environment is cleared.
        self.forever = f"sleep {self.number}"
        self.environment = {**os.environ, "E2E_MARK": self.mark, "TZ": "UTC"}
        for name in list(self.environment):
            if name.startswith("BANSURI_"):
                del self.environment[name]
        self._started = []
        self.addCleanup(self._tidy)

    def _tidy(self):
        for bansuri in self._started:
            if bansuri.runs():
                bansuri.signal(signal.SIGTERM)
        for bansuri in self._started:
            try:
                bansuri.wait(15)
            except subprocess.TimeoutExpired:
                bansuri.popen.kill()
                bansuri.popen.wait()
        left = self.left_behind()
        told = [Process.command_line(pid).replace(b"\0", b" ").decode(errors="replace")
                for pid in left]
        self.kill_left_behind()
        self._reap_orphans()
        self.remove_directory()
        self.assertEqual(told, [], "processes were left behind")

    def remove_directory(self):
        shutil.rmtree(self.directory, ignore_errors=True)

    def _reap_orphans(self):
        for pid in Process.children(os.getpid()):
            stat = Process.stat(pid)
            if stat is not None and stat[0] == "Z" and all(b.pid != pid for b in self._started):
                try:
                    os.waitpid(pid, os.WNOHANG)
                except OSError:
                    pass

    def left_behind(self):
        """Living processes of this test, but for bansuri itself."""
        bansuris = {bansuri.pid for bansuri in self._started if bansuri.runs()}
        return [pid for pid in Process.marked(self.mark.encode(), self.number.encode())
                if pid not in bansuris]

    def kill_left_behind(self):
        """For tests in which nobody else can do that any more."""
        def none_left():
            for pid in self.left_behind():
                Process.kill(pid)
            return not self.left_behind()
        wait_until(none_left, "killed")

    def wait_nothing_left(self, patience=PATIENCE):
        wait_until(lambda: not self.left_behind(),
                   lambda: f"gone: {[Process.command_line(p) for p in self.left_behind()]}",
                   patience)

    # Files

    def path(self, name):
        return self.directory / name

    def read(self, name):
        """The file's text; nothing while there is no file."""
        try:
            return self.path(name).read_text(errors="backslashreplace")
        except OSError:
            return ""

    def wait_file(self, name, pattern="", patience=PATIENCE):
        """The file's text once it is there and matches."""
        def look():
            return self.path(name).exists() and re.search(pattern, self.read(name), re.S)
        wait_until(look, lambda: f"{name} like {pattern!r}, not {self.read(name)!r}", patience)
        return self.read(name)

    def script(self, name, text):
        path = self.path(name)
        path.write_text(text)
        path.chmod(0o755)
        return str(path)

    def configuration(self, *tasks, **root):
        return json.dumps({"version": "1.0", "scripts": list(tasks), **root}, indent=1)

    def configure(self, *tasks, name="scripts.json", **root):
        """Writes the configuration in place."""
        path = self.path(name)
        path.write_text(self.configuration(*tasks, **root))
        path.chmod(0o644)
        return path

    # Programs

    def argv(self, *arguments, wrapper=()):
        return [*wrapper, BINARY, *arguments]

    def start(self, *arguments, wrapper=(), environment=None, **popen):
        """Starts `bansuri run` on scripts.json of the test's directory, logging JSON."""
        # One state directory a start, because those of one test may run at once.
        environment = self._with_state(f"state-{len(self._started)}", environment)
        bansuri = Bansuri(self.argv("run", "--log-format", "json", *arguments, wrapper=wrapper),
                          cwd=self.directory, env=environment, **popen)
        self._started.append(bansuri)
        return bansuri

    def start_command(self, *arguments, **popen):
        """Starts any other command of bansuri."""
        bansuri = Bansuri(self.argv(*arguments), cwd=self.directory,
                          env=self._with_state(f"state-{len(self._started)}", None), **popen)
        self._started.append(bansuri)
        return bansuri

    def call(self, *arguments, stdin="", patience=PATIENCE, environment=None):
        """Runs bansuri to its end: returncode, stdout, stderr."""
        return subprocess.run(self.argv(*arguments), cwd=self.directory, input=stdin, text=True,
                              env=self._with_state("state-of-call", environment), timeout=patience,
                              capture_output=True, errors="backslashreplace", check=False)

    def _with_state(self, name, environment):
        """No test ever meets the state directory of the machine."""
        environment = {**self.environment, **(environment or {})}
        if not {"BANSURI_STATE", "STATE_DIRECTORY"} & environment.keys():
            environment["BANSURI_STATE"] = str(self.directory / name)
        return environment
