// SPDX-License-Identifier: MIT
#include "http/why.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/duration.hpp"
#include "core/iso8601.hpp"
#include "http/target.hpp"

namespace bansuri::http {
namespace {

using engine::AttemptRecord;
using engine::RunId;
using engine::RunRecord;
using engine::TaskStatus;

// Of what was skipped one after the other, the latest say it.
constexpr int most_skips_told = 3;
// Of runs that overlap.
constexpr std::size_t most_runs_told = 5;

bool is_skip(const RunRecord& record) {
    return record.result && record.result->outcome == Outcome::skipped;
}

std::string shown(Duration span) {
    return format_duration(std::chrono::round<std::chrono::milliseconds>(span));
}

bool is_failure(Outcome outcome) {
    return outcome == Outcome::failed || outcome == Outcome::timeout || outcome == Outcome::lost;
}

/// Of runs that overlap, another may end last than began last.
std::optional<RunRecord> latest_by_end(const std::vector<RunRecord>& records) {
    const RunRecord* latest = nullptr;
    for (const RunRecord& record : records) {
        if (!record.result) continue;
        if (latest == nullptr || record.ended_at > latest->ended_at) latest = &record;
    }
    return latest == nullptr ? std::nullopt : std::optional(*latest);
}

std::string plural(std::uint64_t count, std::string_view noun) {
    return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

/// Tells of one task. Holds no copy: the facts outlive it.
class Teller {
  public:
    explicit Teller(const WhyFacts& facts) : facts_(facts) {}

    std::vector<std::string> take() { return std::move(sentences_); }
    void say(std::string sentence) { sentences_.push_back(std::move(sentence)); }

    void tell_state(const TaskStatus& status);
    void tell_last_run(const TaskStatus* status);
    void tell_skips();
    void tell_next(const TaskStatus& status);

  private:
    std::string at(WallTime time) const;
    std::string on_or_at(WallTime time) const;
    std::string run_of(const RunRecord& record) const;
    std::string ending(const RunRecord& record) const;
    std::string because(const RunRecord& skipped) const;
    std::optional<RunRecord> run_named_in(std::string_view reason, std::string_view before,
                                          std::string_view after) const;

    std::optional<RunRecord> last_ended(const TaskStatus* status) const;
    std::optional<RunRecord> last_failed(const TaskStatus& status) const;

    void tell_shutdown(const TaskStatus& status);
    void tell_runs(const TaskStatus& status);
    void tell_live_run(const TaskStatus& status, const engine::LiveRun& run);
    void tell_retry(const TaskStatus& status, const engine::LiveRun& run);
    void tell_halted(const TaskStatus& status);
    void tell_stopped(const TaskStatus& status);
    void tell_rest(const TaskStatus& status);
    void tell_waiting(const TaskStatus& status);

    const WhyFacts& facts_;
    std::vector<std::string> sentences_;
};

/// "02:00", "02:00:05", "2026-03-28 02:00".
std::string Teller::at(WallTime time) const {
    const std::string text = format_local(time, facts_.zone);
    const std::string now = format_local(facts_.now, facts_.zone);
    std::string clock = text.substr(11, text.compare(17, 2, "00") == 0 ? 5 : 8);
    if (text.compare(0, 10, now, 0, 10) == 0) return clock;
    return text.substr(0, 10) + " " + clock;
}

/// The same, with the preposition that it needs.
std::string Teller::on_or_at(WallTime time) const {
    const std::string text = at(time);
    return (text.size() > 8 ? "on " : "at ") + text;
}

std::string Teller::run_of(const RunRecord& record) const {
    switch (record.origin) {
        case engine::RunOrigin::manual:
            return fmt::format("run {}, which was asked for {},", record.id,
                               on_or_at(record.claimed_at));
        case engine::RunOrigin::catch_up:
            return fmt::format("run {}, which made up for the instant of {},", record.id,
                               at(record.instant));
        case engine::RunOrigin::schedule: break;
    }
    return fmt::format("run {} (of {})", record.id, at(record.instant));
}

/// "succeeded at 02:11 with exit code 0", "still runs".
std::string Teller::ending(const RunRecord& record) const {
    if (!record.result) return "still runs";
    const engine::AttemptResult& result = *record.result;
    const std::string when = record.ended_at ? " " + on_or_at(*record.ended_at) : std::string();
    const std::string reason = result.reason.empty() ? "" : ": " + result.reason;
    std::string status;
    if (result.status) {
        status = result.status->kind == ExitStatus::Kind::exited ? " with " : " by ";
        status += describe(*result.status);
    }
    switch (result.outcome) {
        case Outcome::success: return "succeeded" + when + status;
        case Outcome::failed: return "failed" + when + status + reason;
        case Outcome::timeout: return "was ended for its time limit" + when + reason;
        case Outcome::stopped: return "was stopped" + when + reason;
        case Outcome::lost: return "is LOST, its end was noticed" + when + reason;
        case Outcome::skipped: return "was skipped" + when + reason;
    }
    return "ended" + when;
}

std::optional<RunRecord> Teller::run_named_in(std::string_view reason, std::string_view before,
                                              std::string_view after) const {
    if (!reason.starts_with(before) || !reason.ends_with(after) ||
        reason.size() <= before.size() + after.size()) {
        return std::nullopt;
    }
    reason.remove_prefix(before.size());
    reason.remove_suffix(after.size());
    const auto id = parse_number(reason);
    return id ? facts_.run(*id) : std::nullopt;
}

/// Why instants came to nothing: the reason as the engine wrote it, told with what is known of it.
std::string Teller::because(const RunRecord& skipped) const {
    const std::string_view reason = skipped.result->reason;
    if (const auto run = run_named_in(reason, "overlap: run ", " still ran")) {
        const std::string which = run->origin == engine::RunOrigin::manual
                                      ? fmt::format("run {}", run->id)
                                      : "the run of " + at(run->instant);
        if (!run->result) return fmt::format("because {} still ran; it still does", which);
        if (run->result->outcome == Outcome::success && run->result->status && run->ended_at) {
            return fmt::format("because {} still ran; it ended {} with code {}", which,
                               on_or_at(*run->ended_at), run->result->status->shell_code());
        }
        return fmt::format("because {} still ran; it {}", which, ending(*run));
    }
    if (const auto run = run_named_in(reason, "stopped: run ", " failed")) {
        return fmt::format("because {} had failed, which stopped the task", run_of(*run));
    }
    constexpr std::pair<std::string_view, std::string_view> known[] = {
        {"overlap: replaced by a later instant", "because a later instant replaced it"},
        {"max-runs is reached", "because max-runs was reached"},
        {"shutdown", "because Bansuri was shutting down"},
    };
    for (const auto& [written, told] : known) {
        if (reason == written) return std::string(told);
    }
    for (const std::string_view kind : {"overlap: ", "missed: "}) {
        if (reason.starts_with(kind)) {
            return fmt::format("because {}", reason.substr(kind.size()));
        }
    }
    return reason.empty() ? "for a reason that is not recorded" : fmt::format("because {}", reason);
}

std::optional<RunRecord> Teller::last_ended(const TaskStatus* status) const {
    if (status != nullptr && status->last) {
        auto run = facts_.run(status->last->id);
        if (run && !run->result) {  // its end is yet to be written
            run->result = engine::AttemptResult{status->last->outcome, {}, {}, {}};
            run->ended_at = status->last->ended;
        }
        if (run) return run;
    }
    return latest_by_end(facts_.runs());
}

/// What halted the task. Runs that went on beside it may have succeeded since.
std::optional<RunRecord> Teller::last_failed(const TaskStatus& status) const {
    auto last = last_ended(&status);
    if (last && is_failure(last->result->outcome)) return last;
    return latest_by_end(facts_.failures());
}

/// With "overlap": "allow" each may stand elsewhere, and the task's state is that of one of them.
void Teller::tell_runs(const TaskStatus& status) {
    const std::size_t told = std::min(status.runs.size(), most_runs_told);
    for (std::size_t index = 0; index < told; ++index) {
        const engine::LiveRun& run = status.runs[index];
        if (run.pid == 0 && run.retry_at) {
            tell_retry(status, run);
        } else if (run.pid == 0) {
            say(fmt::format("It is about to run for the instant of {}.", at(run.instant)));
        } else {
            tell_live_run(status, run);
        }
    }
    if (told == status.runs.size()) return;
    say(fmt::format("{} that began later {} alive as well.",
                    plural(status.runs.size() - told, "run"),
                    status.runs.size() - told == 1 ? "is" : "are"));
}

void Teller::tell_live_run(const TaskStatus& status, const engine::LiveRun& run) {
    std::string sentence =
        fmt::format("It runs: run {} for the instant of {}", run.id, at(run.instant));
    const unsigned attempts = status.task->retry.attempts;
    if (run.attempt > 1 || attempts > 1) {
        sentence += fmt::format(", attempt {}", run.attempt);
        if (attempts > 1) sentence += fmt::format(" of {}", attempts);
    }
    if (run.pid > 0) sentence += fmt::format(", process {}", run.pid);
    if (run.started) sentence += fmt::format(", since {}", at(*run.started));
    if (run.time_limit && run.started) {
        const WallTime end = *run.started + *run.time_limit;
        sentence += fmt::format("; its time limit of {} {} {}", shown(*run.time_limit),
                                end > facts_.now ? "ends" : "ended", on_or_at(end));
    }
    say(sentence + ".");
}

void Teller::tell_retry(const TaskStatus& status, const engine::LiveRun& run) {
    const unsigned attempts = status.task->retry.attempts;
    const std::string of_all = attempts > 1 ? fmt::format(" of {}", attempts) : std::string();
    std::string failed = "failed";
    const std::vector<AttemptRecord> records = facts_.attempts(run.id);
    if (!records.empty() && records.back().result) {
        const AttemptRecord& last = records.back();
        RunRecord as_run;  // told alike
        as_run.result = last.result;
        as_run.ended_at = last.ended_at;
        failed = ending(as_run);
    }
    say(fmt::format("Attempt {}{} of run {} (of {}) {}; attempt {} follows {}.", run.attempt,
                    of_all, run.id, at(run.instant), failed, run.attempt + 1,
                    on_or_at(*run.retry_at)));
}

/// Runs that overlapped with the one that failed may be alive still.
void Teller::tell_halted(const TaskStatus& status) {
    const Task& task = *status.task;
    const std::optional<RunRecord> failed = last_failed(status);
    const bool lost = failed && failed->result->outcome == Outcome::lost;
    const unsigned most = task.retry.attempts;
    std::string rule = "\"on-fail\" is \"stop\"";
    if (task.on_fail == OnFail::restart) {
        rule = "\"on-exhausted\" is \"stop\"";
        // A lost run is not repeated whatever attempts are left.
        if (failed && !lost && most > 0 && failed->attempts >= most) {
            rule = fmt::format("all {} attempts were used up and {}", most, rule);
        }
    }
    std::string what = "a run failed";
    if (failed) what = fmt::format("{} {}", run_of(*failed), ending(*failed));
    say(status.runs.empty()
            ? fmt::format("It is stopped since {}, because {}.", at(status.since), what)
            : fmt::format("No other run begins, because {}.", what));
    if (lost && task.on_lost == OnLost::stop) {
        say("A run whose end nobody saw is not repeated, because \"on-lost\" is \"stop\".");
    }
    say(
        fmt::format("Its schedule is over, because {}; it goes on when the task's definition "
                    "changes or Bansuri is started anew.",
                    rule));
}

void Teller::tell_stopped(const TaskStatus& status) {
    if (!status.task->enabled) {
        return say("It is disabled: \"enabled\" is false in the configuration.");
    }
    if (status.halted) return tell_halted(status);
    say(fmt::format("It is stopped since {}{}.", at(status.since),
                    status.reason.empty() ? "" : ": " + status.reason));
}

void Teller::tell_waiting(const TaskStatus& status) {
    if (status.waiting == 0) return;
    const std::string what = status.waiting == 1
                                 ? "One instant is due and waits"
                                 : fmt::format("{} instants are due and wait", status.waiting);
    if (status.runs.empty()) {
        return say(what + (status.reason.empty() ? "." : ": " + status.reason + "."));
    }
    const std::string which = status.runs.size() == 1
                                  ? fmt::format("run {} has", status.runs.front().id)
                                  : fmt::format("its {} runs have", status.runs.size());
    // What is made up for waits as well, whatever the policy.
    const Overlap overlap = status.task->overlap;
    const bool by_policy = overlap == Overlap::queue || overlap == Overlap::replace;
    say(fmt::format("{} until {} ended{}.", what, which, by_policy ? " (\"overlap\")" : ""));
}

/// States in which nothing of it runs.
void Teller::tell_rest(const TaskStatus& status) {
    const Task& task = *status.task;
    const bool is_once = std::holds_alternative<Once>(task.schedule);
    if (task.max_runs && status.successes >= *task.max_runs) {
        return say(fmt::format("It is done: \"max-runs\" is {} and {} succeeded.", *task.max_runs,
                               plural(status.successes, "run")));
    }
    if (!status.next && status.waiting == 0 && is_once && status.last) {
        return say(
            fmt::format("It ran once, at start-up, which came to {}; a task without a "
                        "schedule is not due again.",
                        to_string(status.last->outcome)));
    }
    if (status.waiting == 0) {
        say(status.next
                ? std::string("It waits for its next instant.")
                : fmt::format("It is {} and has no next instant{}.", to_string(status.state),
                              status.reason.empty() ? "" : ": " + status.reason));
    }
}

/// Of an end that comes from outside, the state tells nothing.
void Teller::tell_shutdown(const TaskStatus& status) {
    say("Bansuri is shutting down and starts nothing any more.");
    for (const engine::LiveRun& run : status.runs) {
        say(fmt::format("Run {} for the instant of {} is being ended.", run.id, at(run.instant)));
    }
    if (status.halted || !status.task->enabled) tell_stopped(status);
}

void Teller::tell_state(const TaskStatus& status) {
    if (status.removed) {
        say(status.runs.empty()
                ? std::string("It was removed from the configuration.")
                : fmt::format("It was removed from the configuration; run {} is being ended.",
                              status.runs.front().id));
        return;
    }
    if (facts_.shutting_down) return tell_shutdown(status);
    if (!status.runs.empty()) {
        tell_runs(status);
        if (status.halted || !status.task->enabled) tell_stopped(status);
        return tell_waiting(status);
    }
    switch (status.state) {
        case TaskState::running:
        case TaskState::restarting: say("It is about to run."); break;
        case TaskState::stopped: tell_stopped(status); break;
        case TaskState::pending:
        case TaskState::success:
        case TaskState::failed:
        case TaskState::timeout: tell_rest(status); break;
    }
    tell_waiting(status);
}

void Teller::tell_last_run(const TaskStatus* status) {
    // What its state told already is not told twice.
    if (status != nullptr && status->halted && !status->removed) return;
    const std::optional<RunRecord> ended = last_ended(status);
    if (!ended) {
        const bool runs = status != nullptr ? !status->runs.empty() : !facts_.runs().empty();
        if (runs) return;
        return say(facts_.records.empty() ? "No run of it is recorded."
                                          : "It has not run since the records begin.");
    }
    std::string sentence =
        fmt::format("The last run that ended, {} {}", run_of(*ended), ending(*ended));
    if (ended->result->elapsed > Duration::zero()) {
        sentence += fmt::format(", after {}", shown(ended->result->elapsed));
    }
    if (ended->attempts > 1) sentence += fmt::format(", in attempt {}", ended->attempts);
    say(sentence + ".");
    if (ended->result->outcome == Outcome::lost) {
        say("LOST means that nobody saw its end: whether it did its work is not known.");
    }
}

void Teller::tell_skips() {
    int told = 0;
    for (const RunRecord& record : facts_.records) {
        // Older than the run that is told of: over and done with. A run that was going on when an
        // instant was skipped is older than the skip.
        if (!is_skip(record)) break;
        if (told++ == most_skips_told) return say("Earlier instants were skipped as well.");
        if (record.skipped_count > 1) {
            say(fmt::format("{}{} from {} to {} were skipped {}.",
                            record.at_least ? "At least " : "",
                            plural(record.skipped_count, "instant"), at(record.instant),
                            at(record.last_instant), because(record)));
        } else {
            say(fmt::format("It was skipped {} {}.", on_or_at(record.instant), because(record)));
        }
    }
}

void Teller::tell_next(const TaskStatus& status) {
    if (status.removed || facts_.shutting_down) return;
    const bool is_cron = std::holds_alternative<CronSchedule>(status.task->schedule);
    if (status.next) {
        say(fmt::format("It is due next {} ({}).", on_or_at(*status.next),
                        schedule_text(*status.task)));
        if (status.next_start) {
            say(fmt::format("It starts {}: \"jitter\" delays it.", on_or_at(*status.next_start)));
        }
        return;
    }
    const bool over = status.halted || !status.task->enabled ||
                      (status.task->max_runs && status.successes >= *status.task->max_runs);
    if (is_cron && !over && !status.task->cron.empty()) {
        say(fmt::format("It is never due again: {} has no further instant.",
                        schedule_text(*status.task)));
    }
}

}  // namespace

std::vector<std::string> why(const TaskStatus& status, const WhyFacts& facts) {
    Teller teller(facts);
    teller.tell_state(status);
    teller.tell_last_run(&status);
    teller.tell_skips();
    teller.tell_next(status);
    return teller.take();
}

std::vector<std::string> why_not_configured(const WhyFacts& facts) {
    Teller teller(facts);
    teller.say("It is not in the configuration; this is what is recorded of it.");
    teller.tell_last_run(nullptr);
    teller.tell_skips();
    return teller.take();
}

}  // namespace bansuri::http
