// SPDX-License-Identifier: MIT
#include "http/why.hpp"

#include <gmock/gmock.h>

#include <functional>

#include "support/fake_backend.hpp"
#include "support/times.hpp"

namespace bansuri::http {
namespace {

using namespace std::chrono_literals;
using engine::AttemptResult;
using engine::RunRecord;
using test::utc;
using ::testing::ElementsAreArray;
using testing::task;
using testing::TaskBuilder;

constexpr const char* now = "2026-03-29T12:00";

/// One story: the status, and what is recorded, oldest first.
struct Story {
    explicit Story(const TaskBuilder& builder) : status(testing::status_of(builder)) {
        status.since = utc("2026-03-29T02:00");
    }
    Story& state(TaskState state) {
        status.state = state;
        return *this;
    }
    Story& runs(engine::RunId id, const char* instant, std::uint32_t attempt = 1,
                pid_t pid = 4711) {
        status.state = TaskState::running;
        status.runs.push_back({id, attempt, pid, WallTime(utc(instant) + 3s), utc(instant),
                               status.task->time_limit, std::nullopt});
        RunRecord record = base(id, instant);
        record.attempts = attempt;
        records.push_back(record);
        return *this;
    }
    Story& ran(engine::RunId id, const char* instant, const char* ended, Outcome outcome,
               std::optional<ExitStatus> exit = std::nullopt, const char* reason = "",
               std::uint32_t tried = 1) {
        RunRecord record = base(id, instant);
        record.ended_at = utc(ended);
        record.result = AttemptResult{outcome, exit, reason, utc(ended) - utc(instant)};
        record.attempts = tried;
        records.push_back(record);
        status.last = engine::LastRun{id, outcome, utc(ended)};
        return *this;
    }
    Story& skipped(const char* first, const char* reason, std::uint64_t count = 1,
                   const char* last = nullptr) {
        RunRecord record = base(900 + records.size(), first);
        record.last_instant = utc(last == nullptr ? first : last);
        record.skipped_count = count;
        record.result = AttemptResult{Outcome::skipped, std::nullopt, reason, {}};
        records.push_back(record);
        return *this;
    }
    Story& next(const char* instant) {
        status.next = utc(instant);
        return *this;
    }
    Story& with(const std::function<void(Story&)>& change) {
        change(*this);
        return *this;
    }

    WhyFacts facts() const {
        WhyFacts facts;
        facts.now = utc(now);
        facts.zone = zone;
        facts.records.assign(records.rbegin(), records.rend());
        facts.runs = [this] { return runs_that([](const RunRecord&) { return true; }); };
        facts.failures = [this] {
            return runs_that([](const RunRecord& record) {
                return record.result && (record.result->outcome == Outcome::failed ||
                                         record.result->outcome == Outcome::timeout ||
                                         record.result->outcome == Outcome::lost);
            });
        };
        facts.shutting_down = shutting_down;
        facts.run = [this](engine::RunId id) -> std::optional<RunRecord> {
            for (const RunRecord& record : records) {
                if (record.id == id) return record;
            }
            return std::nullopt;
        };
        facts.attempts = [this](engine::RunId) { return attempts; };
        return facts;
    }
    std::vector<RunRecord> runs_that(const std::function<bool(const RunRecord&)>& is_meant) const {
        std::vector<RunRecord> found;
        for (auto record = records.rbegin(); record != records.rend(); ++record) {
            const bool skip = record->result && record->result->outcome == Outcome::skipped;
            if (!skip && is_meant(*record)) found.push_back(*record);
        }
        return found;
    }
    RunRecord base(engine::RunId id, const char* instant) const {
        RunRecord record;
        record.id = id;
        record.task = status.task->name;
        record.instant = record.claimed_at = utc(instant);
        return record;
    }

    engine::TaskStatus status;
    std::vector<RunRecord> records;
    std::vector<engine::AttemptRecord> attempts;
    TimeZone zone;
    bool shutting_down = false;
};

TEST(Why, SaysItInSentences) {
    struct Row {
        const char* what;
        Story story;
        std::vector<std::string> sentences;
    };
    const TaskBuilder hourly = task("backup").cron("0 * * * *");
    const auto nightly = [] { return task("backup").cron("0 2 * * *"); };
    const Row rows[] = {
        {"it has never run",
         Story(nightly()).next("2026-03-30T02:00"),
         {"It waits for its next instant.", "No run of it is recorded.",
          "It is due next on 2026-03-30 02:00 (0 2 * * * UTC)."}},
        {"it runs",
         Story(nightly()).runs(17, "2026-03-29T02:00").next("2026-03-30T02:00"),
         {"It runs: run 17 for the instant of 02:00, process 4711, since 02:00:03.",
          "It is due next on 2026-03-30 02:00 (0 2 * * * UTC)."}},
        {"it runs in a later attempt and under a limit",
         Story(nightly().retries(3).time_limit(1h)).runs(17, "2026-03-29T02:00", 2),
         {"It runs: run 17 for the instant of 02:00, attempt 2 of 3, process 4711, since 02:00:03; "
          "its time limit of 1h ended at 03:00:03.",
          "It is never due again: 0 2 * * * UTC has no further instant."}},
        {"skipped because an earlier run still ran, which has ended since",
         Story(hourly)
             .ran(17, "2026-03-29T01:00", "2026-03-29T02:11", Outcome::success,
                  ExitStatus::exited(0))
             .skipped("2026-03-29T02:00", "overlap: run 17 still ran")
             .next("2026-03-29T13:00"),
         {"It waits for its next instant.",
          "The last run that ended, run 17 (of 01:00) succeeded at 02:11 with exit code 0, after "
          "1h11m.",
          "It was skipped at 02:00 because the run of 01:00 still ran; it ended at 02:11 with code "
          "0.",
          "It is due next at 13:00 (0 * * * * UTC)."}},
        {"skipped because an earlier run still runs",
         Story(hourly)
             .runs(17, "2026-03-29T10:00")
             .skipped("2026-03-29T11:00", "overlap: run 17 still ran"),
         {"It runs: run 17 for the instant of 10:00, process 4711, since 10:00:03.",
          "It was skipped at 11:00 because the run of 10:00 still ran; it still does.",
          "It is never due again: 0 * * * * UTC has no further instant."}},
        {"skipped because of a run that failed later",
         Story(hourly)
             .ran(17, "2026-03-29T01:00", "2026-03-29T02:11", Outcome::failed,
                  ExitStatus::signalled(9))
             .skipped("2026-03-29T02:00", "overlap: run 17 still ran")
             .next("2026-03-29T13:00"),
         {"It waits for its next instant.",
          "The last run that ended, run 17 (of 01:00) failed at 02:11 by signal 9 (SIGKILL), after "
          "1h11m.",
          "It was skipped at 02:00 because the run of 01:00 still ran; it failed at 02:11 by "
          "signal "
          "9 (SIGKILL).",
          "It is due next at 13:00 (0 * * * * UTC)."}},
        {"skipped because of a run that is no longer kept",
         Story(hourly)
             .skipped("2026-03-29T02:00", "overlap: run 3 still ran")
             .next("2026-03-29T13:00"),
         {"It waits for its next instant.", "It has not run since the records begin.",
          "It was skipped at 02:00 because run 3 still ran.",
          "It is due next at 13:00 (0 * * * * UTC)."}},
        {"missed while Bansuri was not running",
         Story(hourly)
             .ran(17, "2026-03-28T20:00", "2026-03-28T20:01", Outcome::success,
                  ExitStatus::exited(0))
             .skipped("2026-03-28T21:00", "missed: Bansuri was not running", 15, "2026-03-29T11:00")
             .next("2026-03-29T13:00"),
         {"It waits for its next instant.",
          "The last run that ended, run 17 (of 2026-03-28 20:00) succeeded on 2026-03-28 20:01 "
          "with "
          "exit code 0, after 1m.",
          "15 instants from 2026-03-28 21:00 to 11:00 were skipped because Bansuri was not "
          "running.",
          "It is due next at 13:00 (0 * * * * UTC)."}},
        {"more skips than are told one by one",
         Story(hourly)
             .skipped("2026-03-29T08:00", "shutdown")
             .skipped("2026-03-29T09:00", "overlap: replaced by a later instant")
             .skipped("2026-03-29T10:00", "the task was changed")
             .skipped("2026-03-29T11:00", "overlap: 100 instants are waiting already")
             .next("2026-03-29T13:00"),
         {"It waits for its next instant.", "It has not run since the records begin.",
          "It was skipped at 11:00 because 100 instants are waiting already.",
          "It was skipped at 10:00 because the task was changed.",
          "It was skipped at 09:00 because a later instant replaced it.",
          "Earlier instants were skipped as well.", "It is due next at 13:00 (0 * * * * UTC)."}},
        {"disabled",
         Story(nightly().disabled()).state(TaskState::stopped),
         {"It is disabled: \"enabled\" is false in the configuration.",
          "No run of it is recorded."}},
        {"halted by a failure",
         Story(nightly())
             .ran(17, "2026-03-29T02:00", "2026-03-29T02:00:05", Outcome::failed,
                  ExitStatus::exited(3))
             .state(TaskState::stopped)
             .with([](Story& story) { story.status.halted = true; }),
         {"It is stopped since 02:00, because run 17 (of 02:00) failed at 02:00:05 with exit code "
          "3.",
          "Its schedule is over, because \"on-fail\" is \"stop\"; it goes on when the task's "
          "definition changes or Bansuri is started anew."}},
        {"halted when all attempts were used up, and skipped since",
         Story(hourly)
             .with([](Story& story) {
                 story.status.task = task("backup").cron("0 * * * *").retries(3).build();
                 story.status.halted = true;
             })
             .ran(17, "2026-03-29T02:00", "2026-03-29T02:05", Outcome::timeout,
                  ExitStatus::signalled(9), "ran longer than 30s", 3)
             .skipped("2026-03-29T03:00", "stopped: run 17 failed")
             .state(TaskState::stopped),
         {"It is stopped since 02:00, because run 17 (of 02:00) was ended for its time limit at "
          "02:05: ran longer than 30s.",
          "Its schedule is over, because all 3 attempts were used up and \"on-exhausted\" is "
          "\"stop\"; it goes on when the task's definition changes or Bansuri is started anew.",
          "It was skipped at 03:00 because run 17 (of 02:00) had failed, which stopped the task."}},
        {"halted because an end was seen by nobody",
         Story(nightly())
             .ran(17, "2026-03-29T02:00", "2026-03-29T02:30", Outcome::lost, std::nullopt,
                  "Bansuri and its keeper were killed")
             .state(TaskState::stopped)
             .with([](Story& story) { story.status.halted = true; }),
         {"It is stopped since 02:00, because run 17 (of 02:00) is LOST, its end was noticed at "
          "02:30: Bansuri and its keeper were killed.",
          "A run whose end nobody saw is not repeated, because \"on-lost\" is \"stop\".",
          "Its schedule is over, because \"on-fail\" is \"stop\"; it goes on when the task's "
          "definition changes or Bansuri is started anew."}},
        {"LOST, and its schedule goes on",
         Story(nightly().goes_on())
             .ran(17, "2026-03-29T02:00", "2026-03-29T02:30", Outcome::lost)
             .next("2026-03-30T02:00"),
         {"It waits for its next instant.",
          "The last run that ended, run 17 (of 02:00) is LOST, its end was noticed at 02:30, after "
          "30m.",
          "LOST means that nobody saw its end: whether it did its work is not known.",
          "It is due next on 2026-03-30 02:00 (0 2 * * * UTC)."}},
        {"between two attempts",
         Story(nightly().retries(3))
             .runs(17, "2026-03-29T11:59", 1, 0)
             .state(TaskState::restarting)
             .with([](Story& story) {
                 story.status.runs[0].retry_at = utc("2026-03-29T12:01");
                 engine::AttemptRecord attempt;
                 attempt.run = 17;
                 attempt.ended_at = utc("2026-03-29T11:59:30");
                 attempt.result = AttemptResult{Outcome::failed, ExitStatus::exited(1), "", 30s};
                 story.attempts.push_back(attempt);
             })
             .next("2026-03-30T02:00"),
         {"Attempt 1 of 3 of run 17 (of 11:59) failed at 11:59:30 with exit code 1; attempt 2 "
          "follows at 12:01.",
          "It is due next on 2026-03-30 02:00 (0 2 * * * UTC)."}},
        {"instants wait for a run",
         Story(task("import").every(5min).overlap(Overlap::queue))
             .runs(17, "2026-03-29T11:00")
             .with([](Story& story) { story.status.waiting = 3; })
             .next("2026-03-29T12:05"),
         {"It runs: run 17 for the instant of 11:00, process 4711, since 11:00:03.",
          "3 instants are due and wait until run 17 has ended (\"overlap\").",
          "It is due next at 12:05 (every 5m)."}},
        {"an instant waits for something else",
         Story(nightly())
             .with([](Story& story) {
                 story.status.waiting = 1;
                 story.status.reason = "upload is STOPPED after a failure";
             })
             .next("2026-03-30T02:00"),
         {"One instant is due and waits: upload is STOPPED after a failure.",
          "No run of it is recorded.", "It is due next on 2026-03-30 02:00 (0 2 * * * UTC)."}},
        {"done by max-runs",
         Story(nightly().max_runs(2))
             .ran(17, "2026-03-29T02:00", "2026-03-29T02:01", Outcome::success,
                  ExitStatus::exited(0))
             .state(TaskState::success)
             .with([](Story& story) { story.status.successes = 2; }),
         {"It is done: \"max-runs\" is 2 and 2 runs succeeded.",
          "The last run that ended, run 17 (of 02:00) succeeded at 02:01 with exit code 0, after "
          "1m."}},
        {"a once-task that is over",
         Story(task("migrate"))
             .ran(1, "2026-03-29T00:00", "2026-03-29T00:00:02", Outcome::success,
                  ExitStatus::exited(0))
             .state(TaskState::success),
         {"It ran once, at start-up, which came to SUCCESS; a task without a schedule is not due "
          "again.",
          "The last run that ended, run 1 (of 00:00) succeeded at 00:00:02 with exit code 0, after "
          "2s."}},
        {"never due again",
         Story(task("party").cron("0 0 31 12 *"))
             .ran(1, "2025-12-31T00:00", "2025-12-31T06:00", Outcome::stopped, std::nullopt,
                  "shutdown"),
         {"It is PENDING and has no next instant.",
          "The last run that ended, run 1 (of 2025-12-31 00:00) was stopped on 2025-12-31 06:00: "
          "shutdown, after 6h.",
          "It is never due again: 0 0 31 12 * UTC has no further instant."}},
        {"removed while it runs",
         Story(nightly()).runs(17, "2026-03-29T02:00").with([](Story& story) {
             story.status.removed = true;
         }),
         {"It was removed from the configuration; run 17 is being ended."}},
        {"its time limit was changed while it runs, which keeps the old one",
         Story(nightly().time_limit(1h)).runs(17, "2026-03-29T02:00").with([](Story& story) {
             story.status.task = task("backup").cron("0 2 * * *").time_limit(24h).build();
             story.next("2026-03-30T02:00");
         }),
         {"It runs: run 17 for the instant of 02:00, process 4711, since 02:00:03; its time limit "
          "of 1h ended at 03:00:03.",
          "It is due next on 2026-03-30 02:00 (0 2 * * * UTC)."}},
        {"a later run was skipped past, and an earlier one ended last",
         Story(hourly)
             .ran(18, "2026-03-29T10:00", "2026-03-29T10:05", Outcome::success,
                  ExitStatus::exited(0))
             .ran(17, "2026-03-29T09:00", "2026-03-29T11:00", Outcome::success,
                  ExitStatus::exited(0))
             .with([](Story& story) { std::swap(story.records[0], story.records[1]); })
             .next("2026-03-29T13:00"),
         {"It waits for its next instant.",
          "The last run that ended, run 17 (of 09:00) succeeded at 11:00 with exit code 0, after "
          "2h.",
          "It is due next at 13:00 (0 * * * * UTC)."}},
        {"halted by a run, beside which a later one succeeded since",
         Story(hourly)
             .ran(2, "2026-03-29T09:00", "2026-03-29T10:30", Outcome::failed, ExitStatus::exited(3))
             .ran(5, "2026-03-29T10:00", "2026-03-29T11:00", Outcome::success,
                  ExitStatus::exited(0))
             .state(TaskState::stopped)
             .with([](Story& story) { story.status.halted = true; }),
         {"It is stopped since 02:00, because run 2 (of 09:00) failed at 10:30 with exit code 3.",
          "Its schedule is over, because \"on-fail\" is \"stop\"; it goes on when the task's "
          "definition changes or Bansuri is started anew."}},
        {"its end is known and yet to be written",
         Story(hourly)
             .ran(2, "2026-03-29T10:00", "2026-03-29T10:30", Outcome::failed)
             .with([](Story& story) { story.records.back().result.reset(); })
             .next("2026-03-29T13:00"),
         {"It waits for its next instant.",
          "The last run that ended, run 2 (of 10:00) failed at "
          "10:30.",
          "It is due next at 13:00 (0 * * * * UTC)."}},
        {"two runs at once, one of them between its attempts",
         Story(task("job").every(5min).retries(3).overlap(Overlap::allow).time_limit(2h))
             .runs(17, "2026-03-29T11:55", 2, 0)
             .runs(18, "2026-03-29T12:00")
             .state(TaskState::restarting)
             .with([](Story& story) {
                 story.status.runs[0].retry_at = utc("2026-03-29T12:02");
                 story.status.retry_at = utc("2026-03-29T12:02");
             })
             .next("2026-03-29T12:05"),
         {"Attempt 2 of 3 of run 17 (of 11:55) failed; attempt 3 follows at 12:02.",
          "It runs: run 18 for the instant of 12:00, attempt 1 of 3, process 4711, since 12:00:03; "
          "its time limit of 2h ends at 14:00:03.",
          "It is due next at 12:05 (every 5m)."}},
        {"the later of two runs is between its attempts",
         Story(task("job").every(5min).retries(3).overlap(Overlap::allow))
             .runs(17, "2026-03-29T11:50")
             .runs(18, "2026-03-29T11:55", 1, 0)
             .with([](Story& story) { story.status.runs[1].retry_at = utc("2026-03-29T12:02"); })
             .next("2026-03-29T12:05"),
         {"It runs: run 17 for the instant of 11:50, attempt 1 of 3, process 4711, since 11:50:03.",
          "Attempt 1 of 3 of run 18 (of 11:55) failed; attempt 2 follows at 12:02.",
          "It is due next at 12:05 (every 5m)."}},
        {"halted, and a run that overlapped is alive",
         Story(task("job").every(5min).overlap(Overlap::allow))
             .runs(17, "2026-03-29T11:50")
             .ran(18, "2026-03-29T11:55", "2026-03-29T11:56", Outcome::failed,
                  ExitStatus::exited(3))
             .with([](Story& story) { story.status.halted = true; }),
         {"It runs: run 17 for the instant of 11:50, process 4711, since 11:50:03.",
          "No other run begins, because run 18 (of 11:55) failed at 11:56 with exit code 3.",
          "Its schedule is over, because \"on-fail\" is \"stop\"; it goes on when the task's "
          "definition changes or Bansuri is started anew."}},
        {"more runs at once than are told one by one",
         Story(task("job").every(5min).overlap(Overlap::allow))
             .runs(11, "2026-03-29T11:25")
             .runs(12, "2026-03-29T11:30")
             .runs(13, "2026-03-29T11:35")
             .runs(14, "2026-03-29T11:40")
             .runs(15, "2026-03-29T11:45")
             .runs(16, "2026-03-29T11:50")
             .runs(17, "2026-03-29T11:55")
             .next("2026-03-29T12:00"),
         {"It runs: run 11 for the instant of 11:25, process 4711, since 11:25:03.",
          "It runs: run 12 for the instant of 11:30, process 4711, since 11:30:03.",
          "It runs: run 13 for the instant of 11:35, process 4711, since 11:35:03.",
          "It runs: run 14 for the instant of 11:40, process 4711, since 11:40:03.",
          "It runs: run 15 for the instant of 11:45, process 4711, since 11:45:03.",
          "2 runs that began later are alive as well.", "It is due next at 12:00 (every 5m)."}},
        {"what is made up for waits although runs may overlap",
         Story(hourly)
             .runs(17, "2026-03-29T10:00")
             .runs(18, "2026-03-29T11:00", 1, 0)
             .with([](Story& story) {
                 story.status.task =
                     task("backup").cron("0 * * * *").overlap(Overlap::allow).build();
                 story.status.waiting = 1;
             })
             .next("2026-03-29T13:00"),
         {"It runs: run 17 for the instant of 10:00, process 4711, since 10:00:03.",
          "It is about to run for the instant of 11:00.",
          "One instant is due and waits until its 2 runs have ended.",
          "It is due next at 13:00 (0 * * * * UTC)."}},
        {"halted by a last attempt that was lost",
         Story(nightly().retries(3))
             .ran(17, "2026-03-29T02:00", "2026-03-29T02:30", Outcome::lost, std::nullopt, "", 3)
             .state(TaskState::stopped)
             .with([](Story& story) { story.status.halted = true; }),
         {"It is stopped since 02:00, because run 17 (of 02:00) is LOST, its end was noticed at "
          "02:30.",
          "A run whose end nobody saw is not repeated, because \"on-lost\" is \"stop\".",
          "Its schedule is over, because \"on-exhausted\" is \"stop\"; it goes on when the task's "
          "definition changes or Bansuri is started anew."}},
        {"halted by a first attempt that was lost",
         Story(nightly().retries(5))
             .ran(17, "2026-03-29T02:00", "2026-03-29T02:30", Outcome::lost)
             .state(TaskState::stopped)
             .with([](Story& story) { story.status.halted = true; }),
         {"It is stopped since 02:00, because run 17 (of 02:00) is LOST, its end was noticed at "
          "02:30.",
          "A run whose end nobody saw is not repeated, because \"on-lost\" is \"stop\".",
          "Its schedule is over, because \"on-exhausted\" is \"stop\"; it goes on when the task's "
          "definition changes or Bansuri is started anew."}},
        {"Bansuri is shutting down and it runs",
         Story(nightly()).runs(17, "2026-03-29T02:00").with([](Story& story) {
             story.shutting_down = true;
         }),
         {"Bansuri is shutting down and starts nothing any more.",
          "Run 17 for the instant of 02:00 is being ended."}},
        {"Bansuri is shutting down and it does not run",
         Story(nightly())
             .ran(17, "2026-03-29T02:00", "2026-03-29T02:01", Outcome::success,
                  ExitStatus::exited(0))
             .state(TaskState::stopped)
             .with([](Story& story) { story.shutting_down = true; }),
         {"Bansuri is shutting down and starts nothing any more.",
          "The last run that ended, run 17 (of 02:00) succeeded at 02:01 with exit code 0, after "
          "1m."}},
        {"asked for by hand",
         Story(nightly())
             .ran(17, "2026-03-29T10:30", "2026-03-29T10:31", Outcome::success,
                  ExitStatus::exited(0), "", 2)
             .with([](Story& story) { story.records.back().origin = engine::RunOrigin::manual; })
             .next("2026-03-30T02:00"),
         {"It waits for its next instant.",
          "The last run that ended, run 17, which was asked for at 10:30, succeeded at 10:31 with "
          "exit code 0, after 1m, in attempt 2.",
          "It is due next on 2026-03-30 02:00 (0 2 * * * UTC)."}},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.what);
        EXPECT_THAT(why(row.story.status, row.story.facts()), ElementsAreArray(row.sentences));
    }
}

TEST(Why, TellsTimesInTheTasksZone) {
    Story story(task("backup").cron("0 2 * * *", "Europe/Berlin"));
    story.next("2026-03-30T00:00Z");  // 02:00 in Berlin, where it is summer since this night
    story.zone = test::zone("Europe/Berlin");
    EXPECT_EQ(why(story.status, story.facts()).back(),
              "It is due next on 2026-03-30 02:00 (0 2 * * * Europe/Berlin).");
}

TEST(Why, OfATaskThatIsNoLongerConfiguredTellsWhatIsRecorded) {
    Story story(task("backup").cron("0 2 * * *"));
    story.ran(17, "2026-03-29T02:00", "2026-03-29T02:01", Outcome::stopped, std::nullopt,
              "the task was removed from the configuration");
    EXPECT_THAT(why_not_configured(story.facts()),
                ::testing::ElementsAre(
                    "It is not in the configuration; this is what is recorded of it.",
                    "The last run that ended, run 17 (of 02:00) was stopped at 02:01: the task was "
                    "removed from the configuration, after 1m."));
}

}  // namespace
}  // namespace bansuri::http
