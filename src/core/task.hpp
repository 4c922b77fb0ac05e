// SPDX-License-Identifier: MIT
//
// A task as configured: the value that the parser makes and the engine runs. Keys that this
// version refuses ("not available yet") have no member here; each arrives with its behaviour.
#pragma once

#include <bitset>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/isolation.hpp"
#include "core/rare.hpp"
#include "core/retry_policy.hpp"
#include "core/schedule.hpp"
#include "core/time.hpp"

namespace bansuri {

enum class Overlap { skip, queue, allow, replace };
enum class OnFail { stop, restart, go_on };  // "continue" is a word of C++
enum class CatchUp { none, latest, all };
enum class OnLost { stop, restart };
enum class OnExhausted { stop, go_on };
enum class Survive { daemons, none, all };
enum class NotifyMode { after_fail, on_exhausted, after_many, incident };

/// Where a stream of a task goes.
struct OutputTarget {
    enum class Kind {
        capture,   ///< Bansuri's own output, led by the task's name, and kept with the run
        file,      ///< appended to `path`
        combined,  ///< stderr only: where stdout goes
        ignore,    ///< discarded
    };
    Kind kind = Kind::capture;
    std::string path;  ///< absolute; Kind::file only
    bool operator==(const OutputTarget&) const = default;
};

struct NotifyPolicy {
    bool enabled = false;  ///< `notify` is mail or command
    NotifyMode mode = NotifyMode::after_fail;
    unsigned threshold = 3;  ///< with after_many: failed attempts in a row per message
    Duration hold_back = Duration::zero();  ///< `notify-after`
    bool on_recovery = false;
    Duration remind = std::chrono::hours(24);  ///< with incident: a message so often while it lasts
    bool operator==(const NotifyPolicy&) const = default;
};

/// What starts: a change of it restarts the task (docs/configuration.md, "Reload").
struct Command {
    std::string line;               ///< what /bin/sh -c is given
    std::string working_directory;  ///< absolute
    std::map<std::string, std::string> environment;
    bool clean_environment = false;
    Rare<Isolation> isolation;
    OutputTarget standard_output;
    OutputTarget standard_error;
    std::uint64_t output_limit = 10'000'000;  ///< bytes kept of one run's captured output
    bool operator==(const Command&) const = default;
};

/// A configured task. Immutable once parsed and shared, hence safe on any thread.
struct Task {
    std::string name;
    std::string description;
    std::vector<std::string> tags;
    bool enabled = true;

    Command command;
    Schedule schedule = Once{};
    std::string cron;                    ///< the expression of a cron schedule, as it was written
    Duration jitter = Duration::zero();  ///< each instant starts later by a part of it
    Overlap overlap = Overlap::skip;
    CatchUp catch_up = CatchUp::none;
    Duration catch_up_window = std::chrono::hours(24);

    std::optional<Duration> time_limit;  ///< `timeout`: of one attempt
    Duration kill_grace = Duration::zero();
    Duration stop_timeout = std::chrono::seconds(10);
    Survive survive = Survive::daemons;

    std::bitset<256> success_codes = std::bitset<256>{}.set(0);
    OnFail on_fail = OnFail::stop;
    OnExhausted on_exhausted = OnExhausted::stop;
    RetryPolicy retry;  ///< attempts is 1 unless on_fail is restart
    std::optional<unsigned> max_runs;
    OnLost on_lost = OnLost::stop;
    NotifyPolicy notify;
    Duration expect_within = Duration::zero();  ///< no success for so long is told; zero: never
    std::string heartbeat;                      ///< requested after each success; empty: none

    bool operator==(const Task&) const = default;
};

/// "once", "every 5m", "0 2 * * * Europe/Berlin": the same text is the same schedule.
std::string schedule_text(const Task& task);

}  // namespace bansuri
