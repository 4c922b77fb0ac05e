// SPDX-License-Identifier: MIT
//
// A task in the making: what its keys say, one by one, before they are looked at together. The
// draft of `defaults` is what each task's draft begins as.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/config/source_text.hpp"
#include "core/task.hpp"

namespace bansuri::config {

/// The keys of a task, in the order of the table.
enum class Key : std::uint8_t {
    name,
    command,
    task,
    description,
    tags,
    enabled,
    timer,
    schedule_cron,
    timezone,
    jitter,
    overlap,
    catch_up,
    catch_up_window,
    depends_on,
    timeout,
    kill_grace,
    stop_timeout,
    on_fail,
    times,
    max_attempts,
    max_runs,
    on_exhausted,
    restart_delay,
    restart_backoff,
    success_codes,
    working_directory,
    environment,
    environment_file,
    clean_environment,
    user,
    group,
    priority,
    umask,
    limits,
    standard_output,
    standard_error,
    output_limit,
    notify,
    notify_after,
    notify_mode,
    notify_threshold,
    notify_on_recovery,
    notify_remind,
    expect_within,
    heartbeat,
    secrets,
    survive,
    parameters,
    python_path,
    warm,
    on_lost,
};
inline constexpr std::size_t key_count = static_cast<std::size_t>(Key::on_lost) + 1;

struct TaskDraft {
    Task task;  ///< what needs no other key to be understood is put here at once
    std::optional<Duration> timer;
    std::string cron;
    std::string zone;
    std::string working_directory;  ///< as written
    std::string standard_output;    ///< as written
    std::string standard_error;     ///< as written
    std::optional<unsigned> attempts;
    std::vector<std::string> depends_on;
    std::vector<std::string> environment_files;  ///< as written

    std::array<Span, key_count> places{};  ///< of the values
    std::bitset<key_count> present;
    std::bitset<key_count> inherited;  ///< present, and from `defaults`

    bool has(Key key) const { return present.test(static_cast<std::size_t>(key)); }
    /// Present in the task itself.
    bool owns(Key key) const { return has(key) && !inherited.test(static_cast<std::size_t>(key)); }
    Span place(Key key) const { return places[static_cast<std::size_t>(key)]; }
    void set(Key key, Span place);
    /// As if the key had not been written.
    void drop(Key key);
    /// What a task begins as if this is the draft of `defaults`.
    TaskDraft heir() const;
};

}  // namespace bansuri::config
