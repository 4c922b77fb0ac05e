# SPDX-License-Identifier: MIT
"""Matches what happened (the ledger) with what was recorded (the history), one to one.

Every rule is a generator of violations, each a sentence that names the run. The rules are the
promises of docs/reliability.md; accounting_test.py plants a violation of each.
"""
import re
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise

SECOND = 1_000_000
MILLISECOND = 1_000  # what BANSURI_SCHEDULED_AT tells


@dataclass(frozen=True)
class Plan:
    """What is known beforehand about a task."""
    name: str
    cron: float | None = None  # seconds: due whenever the seconds since 1970 are a multiple of it
    timer: float | None = None  # seconds
    may_overlap: bool = False
    may_be_lost: bool = False  # the keeper is killed too, so that an end can be missed
    may_not_start: bool = False
    is_once: bool = False
    since: int = 0  # when it was first configured, in microseconds since 1970


@dataclass(frozen=True)
class Span:
    """From when to when Bansuri is to answer for its instants, in microseconds since 1970. Without
    a beginning where the oldest part of the history may have gone: a judgement that is chosen."""
    begin: int | None
    end: int
    slack: int = 3 * SECOND


DEATH = re.compile(r"the daemon (?:was killed by signal (?!9\b)\d+|ended with code \d+, unasked).*")


def deaths(lines):
    """Of what the keeper said: the ends of daemons that no test has brought about."""
    return [found[0] for found in map(DEATH.search, lines) if found]


def violations(ledger, history, plans, span, alive=()):
    """All of them. `alive` are pids of tasks that still run, whose records need no end yet."""
    alive = set(alive)
    plans = {plan.name: plan for plan in plans}
    found = []
    for rule in (_readable, _recorded, _started, _started_once, _one_run_an_instant, _numbered,
                 _punctual):
        found += rule(ledger, history, plans)
    found += _ended(history, alive)
    found += _ends_agree(ledger, history, plans, alive)
    found += _no_overlap(ledger, history, plans)
    for plan in plans.values():
        if plan.cron:
            found += _no_gap_of_cron(history, plan, span)
        if plan.timer:
            found += _no_gap_of_timer(history, plan, span)
        if plan.is_once:
            found += _once(history, plan)
    return found


def _readable(ledger, _history, _plans):
    for line in ledger.unreadable:
        yield f"the ledger has a line that no task writes: {line!r}"


def _was_never_recorded(attempt, plan):
    """Both processes died after it started and before that was on the disk: it is LOST, and what
    still lives of it is known to nobody (docs/reliability.md, "What is not promised")."""
    return (attempt is not None and attempt.pid == 0 and attempt.outcome == "LOST"
            and plan is not None and plan.may_be_lost)


def _recorded(ledger, history, plans):
    """Every process that started has its record, and the record is about this process."""
    attempts = {attempt.key: attempt for attempt in history.attempts}
    runs = {run.id: run for run in history.runs}
    for start in ledger.starts:
        attempt, run = attempts.get(start.key), runs.get(start.run)
        if run is None:
            yield f"{start}: started, and the history has no such run"
            continue
        if attempt is None:
            yield f"{start}: started, and the history has no such attempt"
            continue
        if _was_never_recorded(attempt, plans.get(start.task)):
            continue
        if attempt.pid != start.pid:
            yield f"{start}: recorded with pid {attempt.pid}"
        if run.task != start.task:
            yield f"{start}: recorded as a run of {run.task}"
        if run.instant // MILLISECOND != start.scheduled // MILLISECOND:
            yield f"{start}: started for {start.scheduled}, recorded for {run.instant}"


def _started(ledger, history, plans):
    """Every record of a process that ended by itself is about one that started."""
    started = {start.key for start in ledger.starts}
    names = {run.id: run.task for run in history.runs}
    for attempt in history.attempts:
        what = f"run {attempt.run} of {names.get(attempt.run)}, attempt {attempt.number}"
        if attempt.run not in names:
            yield f"{what}: an attempt without a run"
            continue
        plan = plans.get(names[attempt.run])
        if plan is None:
            yield f"{what}: a task that nobody configured"
            continue
        if attempt.pid == 0:
            if not plan.may_not_start and attempt.outcome not in ("STOPPED", "LOST"):
                yield f"{what}: {attempt.outcome}, never started: {attempt.reason}"
        elif attempt.key not in started and attempt.outcome in ("SUCCESS", "FAILED"):
            # What was stopped or timed out may have been killed before it could tell the ledger.
            yield f"{what}: recorded as {attempt.outcome}, and no process told that it started"


def _started_once(ledger, _history, _plans):
    seen = set()
    for start in ledger.starts:
        if start.key in seen:
            yield f"{start}: the attempt was started twice"
        seen.add(start.key)


def _one_run_an_instant(ledger, history, _plans):
    runs = defaultdict(set)
    for start in ledger.starts:
        runs[start.task, start.scheduled].add(start.run)
    for (task, instant), ids in runs.items():
        if len(ids) > 1:
            yield f"{task}: {len(ids)} runs were started for {instant}: {sorted(ids)}"
    recorded = defaultdict(list)
    for run in history.runs:
        recorded[run.task, run.instant].append(run.id)
    for (task, instant), ids in recorded.items():
        if len(ids) > 1:
            yield f"{task}: {len(ids)} records of {instant}: {sorted(ids)}"


def _numbered(_ledger, history, _plans):
    """Attempts count from 1, and a run ended as the last of them did."""
    of_run = defaultdict(list)
    for attempt in history.attempts:
        of_run[attempt.run].append(attempt)
    for run in history.runs:
        attempts = of_run[run.id]
        numbers = [attempt.number for attempt in attempts]
        if run.skipped:
            if attempts:
                yield f"{run}: skipped, and has attempts"
            continue
        if numbers != list(range(1, len(numbers) + 1)):
            yield f"{run}: its attempts are {numbers}"
        # One that is stopped in the pause before a retry has a last attempt that failed.
        if (run.outcome not in (None, "STOPPED") and attempts
                and attempts[-1].outcome != run.outcome):
            yield f"{run}: {run.outcome}, and its last attempt {attempts[-1].outcome}"
        if run.outcome in ("SUCCESS", "TIMEOUT") and not attempts:
            yield f"{run}: {run.outcome} without an attempt"


def _punctual(ledger, _history, _plans):
    """Nothing starts before it is due. /proc/uptime counts in hundredths of a second."""
    for start in ledger.starts:
        early = start.scheduled / SECOND - (ledger.boot + start.uptime)
        if ledger.boot and early > 0.05:
            yield f"{start}: started {early:.3f} s before its instant"


def _ended(history, alive):
    """Every record ends, but for those whose process lives."""
    living = set()
    for attempt in history.attempts:
        if attempt.outcome and attempt.ended_at:
            continue
        if attempt.pid in alive:
            living.add(attempt.run)
        else:
            yield f"run {attempt.run}, attempt {attempt.number}, pid {attempt.pid}: has no end"
    for run in history.runs:
        if not (run.outcome and run.ended_at) and not run.skipped and run.id not in living:
            yield f"{run}: has no end"


def _ends_agree(ledger, history, plans, alive):
    """What is recorded as the end is what the process told, and SUCCESS is never a guess."""
    names = {run.id: run.task for run in history.runs}
    ends = {}
    starts = {start.key: start for start in reversed(ledger.starts)}
    for end in ledger.ends:
        if end.key in ends:
            yield f"{end.task}: run {end.run}, attempt {end.attempt}: ended twice"
        if end.key not in starts or starts[end.key].order > end.order:
            yield f"{end.task}: run {end.run}, attempt {end.attempt}: ended before it started"
        ends[end.key] = end
    for attempt in history.attempts:
        name = names.get(attempt.run)
        what = f"{name}: run {attempt.run}, attempt {attempt.number}: {attempt.outcome}"
        told = ends.get(attempt.key)
        if attempt.outcome == "LOST":
            if name in plans and not plans[name].may_be_lost:
                yield f"{what}, although the keeper saw its end"
        elif attempt.code is not None and (told is None or told.code != attempt.code):
            yield f"{what} with code {attempt.code}, and the process told " \
                  f"{told.code if told else 'no end'}"
        elif attempt.outcome == "SUCCESS" and attempt.code is None:
            yield f"{what} without an exit status"
        elif attempt.outcome == "FAILED" and attempt.signal is not None and told is not None:
            yield f"{what} by signal {attempt.signal}, and the process told code {told.code}"
        if attempt.outcome and attempt.pid in alive and attempt.key in starts and told is None:
            yield f"{what}, and pid {attempt.pid} lives"


def _no_overlap(ledger, history, plans):
    """Never two processes of a task at once, unless it may."""
    attempts = {attempt.key: attempt for attempt in history.attempts}
    ends = {end.key: end.order for end in ledger.ends}
    of_task = defaultdict(list)
    for start in ledger.starts:
        of_task[start.task].append(start)
    for name, starts in of_task.items():
        if name in plans and plans[name].may_overlap:
            continue
        for before, after in pairwise(starts):
            if before.key == after.key:
                continue  # told already
            if _was_never_recorded(attempts.get(before.key), plans.get(name)):
                continue
            if before.key in ends:
                overlaps = ends[before.key] > after.order
            else:
                # It was killed and told no end: the record knows.
                first, second = attempts.get(before.key), attempts.get(after.key)
                overlaps = (first is not None and second is not None and first.outcome != "LOST"
                            and second.started_at is not None
                            and (first.ended_at is None or first.ended_at > second.started_at))
            if overlaps:
                yield f"{name}: runs {before.run} and {after.run} were alive at once"


def _skipped_instants(run, period):
    """The instants of a record of SKIPPED, and what is wrong with it."""
    last = run.last_instant if run.last_instant is not None else run.instant
    count = round((last - run.instant) / period) + 1
    instants = [run.instant + round(k * period) for k in range(max(count, 0))]
    problem = None
    if not run.at_least and run.count != count:
        problem = (f"{run.task}: a record of {run.count} skipped instants spans {count} of them, "
                   f"{run.instant} to {last}")
    elif not run.reason:
        problem = f"{run.task}: {run.instant} was skipped without a reason"
    return instants, problem


def _accounted(history, plan, period):
    """All accounted instants of a task, sorted, and the problems of its records of SKIPPED."""
    instants = [run.instant for run in history.of(plan.name) if run.origin != "manual"]
    problems = []
    for run in history.skips(plan.name):
        skipped, problem = _skipped_instants(run, period)
        instants += skipped
        if problem:
            problems.append(problem)
    return sorted(instants), problems


def _no_gap_of_cron(history, plan, span):
    period = round(plan.cron * SECOND)
    instants, problems = _accounted(history, plan, period)
    yield from problems
    for instant in instants:
        if instant % period:
            yield f"{plan.name}: {instant} is not one of its instants"
    yield from _gaps(plan, instants, period, span, tolerance=0)


def _no_gap_of_timer(history, plan, span):
    period = round(plan.timer * SECOND)
    instants, problems = _accounted(history, plan, period)
    yield from problems
    # The grid is kept by another clock than the one that instants are written in.
    yield from _gaps(plan, instants, period, span, tolerance=period // 4)


def _gaps(plan, instants, period, span, tolerance):
    for before, after in pairwise(instants):
        step = after - before
        if step < period - tolerance:
            yield f"{plan.name}: {before} and {after} are {step / SECOND} s apart" if step else \
                  f"{plan.name}: {before} is accounted for twice"
        elif step > period + tolerance:
            yield f"{plan.name}: nothing is recorded between {before} and {after}, " \
                  f"{step / SECOND} s apart"
    if not instants:
        yield f"{plan.name}: nothing is recorded at all"
        return
    begin = None if span.begin is None else max(span.begin, plan.since)
    if begin is not None and instants[0] > begin + period + span.slack:
        yield f"{plan.name}: the first instant comes {(instants[0] - begin) / SECOND} s late"
    if instants[-1] < span.end - period - span.slack:
        yield f"{plan.name}: the last instant is {(span.end - instants[-1]) / SECOND} s old"


def _once(history, plan):
    count = len(history.of(plan.name))
    if count != 1:
        yield f"{plan.name}: a once-task has {count} runs"


def output_violations(text, lines, has_ended):
    """Of a task that writes "line 1", "line 2" ... up to `lines`: what is missing or misplaced."""
    for number, line in enumerate(text.splitlines(), start=1):
        if line != f"line {number}":
            yield f"line {number} is {line!r}"
            return
    count = len(text.splitlines())
    if has_ended and count != lines:
        yield f"{count} lines of {lines} were kept"
