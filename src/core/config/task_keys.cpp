// SPDX-License-Identifier: MIT
//
// The rows of the key table that stand in a task. A new key is a row here, a member of Task, and
// an example in the tests; nothing else needs to learn its name.
#include <algorithm>
#include <array>

#include "core/config/key_table.hpp"

namespace bansuri::config {
namespace {

constexpr double microsecond = 1;
constexpr double millisecond = 1000;
constexpr double most = 1'000'000'000;  // of things that are counted
constexpr double most_bytes = 1e18;

constexpr ValueSpec text(const TextRule& rule) { return {.kind = ValueKind::text, .rule = &rule}; }
constexpr ValueSpec texts(const TextRule& rule) {
    return {.kind = ValueKind::text_list, .rule = &rule};
}
constexpr ValueSpec boolean() { return {.kind = ValueKind::boolean}; }
constexpr ValueSpec integer(double minimum, double maximum) {
    return {.kind = ValueKind::integer, .minimum = minimum, .maximum = maximum};
}
constexpr ValueSpec number(double minimum, double maximum) {
    return {.kind = ValueKind::number, .minimum = minimum, .maximum = maximum};
}
constexpr ValueSpec duration(double minimum = 0) {
    return {.kind = ValueKind::duration, .minimum = minimum};
}
constexpr ValueSpec size(double minimum) {
    return {.kind = ValueKind::size, .minimum = minimum, .maximum = most_bytes};
}
constexpr ValueSpec choice(std::span<const Choice> choices) {
    return {.kind = ValueKind::choice, .choices = choices};
}
constexpr ValueSpec object(std::span<const KeyRow> members) {
    return {.kind = ValueKind::object, .members = members};
}

constexpr Choice overlaps[] = {
    {"skip", "the instant is recorded as skipped"},
    {"queue", "the instant waits until the run has ended"},
    {"allow", "both run at once"},
    {"replace", "the run is stopped and a new one starts"},
};
constexpr Choice catch_ups[] = {
    {"none", "they are recorded as skipped"},
    {"latest", "the last of them runs"},
    {"all", "each of them runs, one after the other, the latest 100 at most"},
};
constexpr Choice failure_answers[] = {
    {"stop", "the task is stopped until it is started by hand or changed"},
    {"restart", "the run is attempted again"},
    {"continue", "the task waits for its next instant"},
    {"ignore", "another word for continue"},
};
constexpr Choice exhaustion_answers[] = {
    {"stop", "the task is stopped"},
    {"continue", "the task waits for its next instant"},
};
constexpr Choice notifiers[] = {
    {"none", "nobody is told"},
    {"mail", "notify_command runs"},
    {"command", "the same as mail"},
};
constexpr Choice notify_modes[] = {
    {"after-fail", "a message for each failed attempt"},
    {"on-exhausted", "a message when no attempt is left"},
    {"after-many", "a message for each notify-threshold failed attempts in a row"},
    {"incident", "a message when failing begins, reminders, and one when it is over"},
};
constexpr Choice survivals[] = {
    {"daemons", "its process group is ended; processes that made a session of their own live on"},
    {"none", "all are ended"},
    {"all", "none is ended"},
};
constexpr Choice losses[] = {
    {"stop", "the task is stopped"},
    {"restart", "the task is run again"},
};

// A row is read as a paragraph, not as a column of words.
// clang-format off
const KeyRow backoff_members[] = {
    {.name = "factor", .place = Place::member, .spec = number(1, 1000), .fallback = "2",
     .example = "1.5", .doc = "Each pause is so many times the one before.",
     .store = [](TaskDraft& draft, const TypedValue& v) {
         draft.task.retry.backoff->factor = v.number;
     }},
    {.name = "max", .place = Place::member, .spec = duration(microsecond), .fallback = "1m",
     .example = R"("5m")", .doc = "No pause is longer.",
     .store = [](TaskDraft& draft, const TypedValue& v) {
         draft.task.retry.backoff->max = v.span;
     }},
    {.name = "jitter", .place = Place::member, .spec = number(0, 1), .fallback = "0",
     .example = "0.2", .doc = "The part of each pause that is random.",
     .store = [](TaskDraft& draft, const TypedValue& v) {
         draft.task.retry.backoff->jitter = v.number;
     }},
};

const KeyRow limit_members[] = {
    {.name = "memory", .place = Place::member, .spec = size(1), .example = R"("512M")",
     .doc = "Bytes of memory.",
     .store = [](TaskDraft& draft, const TypedValue& v) {
         draft.task.command.isolation.edit().limits.memory = v.size;
     }},
    {.name = "cpu", .place = Place::member, .spec = number(0.01, 4096), .example = "1.5",
     .doc = "Processor cores.",
     .store = [](TaskDraft& draft, const TypedValue& v) {
         draft.task.command.isolation.edit().limits.cpu = v.number;
     }},
    {.name = "processes", .place = Place::member, .spec = integer(1, most), .example = "50",
     .doc = "Processes and threads at once.",
     .store = [](TaskDraft& draft, const TypedValue& v) {
         draft.task.command.isolation.edit().limits.processes = static_cast<std::uint64_t>(v.integer);
     }},
    {.name = "open-files", .place = Place::member, .spec = integer(3, most), .example = "1024",
     .doc = "File descriptors of one process.",
     .store = [](TaskDraft& draft, const TypedValue& v) {
         draft.task.command.isolation.edit().limits.open_files = static_cast<std::uint64_t>(v.integer);
     }},
    {.name = "file-size", .place = Place::member, .spec = size(0), .example = R"("1G")",
     .doc = "Bytes of a file that the task writes.",
     .store = [](TaskDraft& draft, const TypedValue& v) {
         draft.task.command.isolation.edit().limits.file_size = v.size;
     }},
    {.name = "core", .place = Place::member, .spec = size(0), .example = "0",
     .doc = "Bytes of a core dump.",
     .store = [](TaskDraft& draft, const TypedValue& v) {
         draft.task.command.isolation.edit().limits.core = v.size;
     }},
    {.name = "cpu-time", .place = Place::member, .spec = duration(microsecond),
     .example = R"("10m")", .doc = "Processor time of one process.",
     .store = [](TaskDraft& draft, const TypedValue& v) {
         draft.task.command.isolation.edit().limits.cpu_time = v.span;
     }},
};
// clang-format on

void store_codes(TaskDraft& draft, const TypedValue& v) {
    draft.task.success_codes.reset();
    for (const Value code : v.value) {
        draft.task.success_codes.set(static_cast<std::size_t>(code.integer().value_or(0)));
    }
}

void store_environment(TaskDraft& draft, const TypedValue& v) {
    // Added to the inherited ones: a default holds for each variable that the task does not set.
    for (const Value variable : v.value) {
        draft.task.command.environment.insert_or_assign(std::string(variable.key()),
                                                        std::string(variable.text()));
    }
}

void store_environment_files(TaskDraft& draft, const TypedValue& v) {
    draft.environment_files.clear();
    if (v.value.kind() == JsonKind::string) {
        draft.environment_files.emplace_back(v.value.text());
        return;
    }
    for (const Value path : v.value) draft.environment_files.emplace_back(path.text());
}

void store_secrets(TaskDraft& draft, const TypedValue& v) {
    auto& secrets = draft.task.command.isolation.edit().secrets;
    secrets.clear();
    for (const Value name : v.value) secrets.emplace_back(name.text());
}

unsigned octal(std::string_view digits) {
    unsigned mode = 0;
    for (const char digit : digits) mode = mode * 8 + static_cast<unsigned>(digit - '0');
    return mode;
}

void store_failure_answer(TaskDraft& draft, const TypedValue& v) {
    draft.task.on_fail = static_cast<OnFail>(std::min<std::size_t>(v.choice, 2));  // ignore
}

void store_attempts(TaskDraft& draft, const TypedValue& v) {
    draft.attempts = static_cast<unsigned>(v.integer);
}

/// The words that mean the same for both streams; a path stays in the draft until the directory
/// is known.
OutputTarget target_of(std::string_view text) {
    using Kind = OutputTarget::Kind;
    if (text == "ignore") return {.kind = Kind::ignore, .path = {}};
    if (text == "combined") return {.kind = Kind::combined, .path = {}};
    return {.kind = Kind::file, .path = {}};
}

constexpr auto not_yet = Availability::not_yet;

// A row is read as a paragraph, not as a column of words.
// clang-format off
const KeyRow rows[] = {
    {.name = "name", .key = Key::name, .place = Place::task, .spec = text(task_name),
     .example = R"("backup")",
     .doc = "The task's name, unique in the file: 1 to 128 letters (a-z, A-Z), digits, blanks or "
            "`. _ : @ + -`, not beginning with a dot or blank.", .required = true,
     .store = [](TaskDraft& draft, const TypedValue& v) { draft.task.name = v.text; }},
    {.name = "command", .key = Key::command, .place = Place::task, .spec = text(command_line),
     .example = R"("tar czf /backup/home.tgz /home")",
     .doc = "What `/bin/sh -c` is given; 131 071 bytes at most.",
     .store = [](TaskDraft& draft, const TypedValue& v) { draft.task.command.line = v.text; }},
    {.name = "task", .key = Key::task, .place = Place::task, .spec = text(class_name),
     .example = R"("jobs.cleanup:Cleanup")",
     .doc = "Instead of `command`: a task class, `package.module:Class` (Python) or "
            "`path/lib.so:Class` (C++).", .availability = not_yet},
    {.name = "description", .key = Key::description, .spec = text(any_text),
     .example = R"("Nightly backup of the home directories")",
     .doc = "Shown to people, and part of notifications.",
     .store = [](TaskDraft& draft, const TypedValue& v) { draft.task.description = v.text; }},
    {.name = "tags", .key = Key::tags, .spec = texts(some_text),
     .example = R"(["backup", "nightly"])", .doc = "Words to select tasks by.",
     .store = [](TaskDraft& draft, const TypedValue& v) {
         draft.task.tags.clear();
         for (const Value tag : v.value) draft.task.tags.emplace_back(tag.text());
     }},
    {.name = "enabled", .key = Key::enabled, .spec = boolean(), .fallback = "true",
     .example = "false", .doc = "false: the task is known and shown, but never scheduled.",
     .store = [](TaskDraft& draft, const TypedValue& v) { draft.task.enabled = v.flag; }},
    {.name = "timer", .key = Key::timer, .spec = duration(millisecond), .example = R"("5m")",
     .doc = "Run so often: first at start-up, then at start + k times the interval. With neither "
            "`timer` nor `schedule-cron` a task runs once, at start-up.",
     .store = [](TaskDraft& draft, const TypedValue& v) { draft.timer = v.span; }},
    {.name = "schedule-cron", .key = Key::schedule_cron, .spec = text(cron_text),
     .example = R"("0 2 * * *")",
     .doc = "Run when this cron expression is due; `@reboot` means once, at start-up. Not "
            "together with `timer`.",
     .store = [](TaskDraft& draft, const TypedValue& v) { draft.cron = v.text; }},
    {.name = "timezone", .key = Key::timezone, .spec = text(zone_name),
     .fallback = "the root's `timezone`", .example = R"("Europe/Berlin")",
     .doc = "IANA name of the zone in which the cron expression is read.",
     .store = [](TaskDraft& draft, const TypedValue& v) { draft.zone = v.text; }},
    {.name = "jitter", .key = Key::jitter, .spec = duration(), .fallback = "0",
     .example = R"("30s")",
     .doc = "Each instant of a timer or cron schedule starts later by a random part of this, fixed "
            "per task and instant, and before the next instant.",
     .store = [](TaskDraft& draft, const TypedValue& v) { draft.task.jitter = v.span; }},
    {.name = "overlap", .key = Key::overlap, .spec = choice(overlaps), .fallback = "skip",
     .example = R"("queue")", .doc = "What happens when the task is due while it still runs.",
     .store = [](TaskDraft& draft, const TypedValue& v) {
         draft.task.overlap = static_cast<Overlap>(v.choice);
     }},
    {.name = "catch-up", .key = Key::catch_up, .spec = choice(catch_ups), .fallback = "none",
     .example = R"("latest")",
     .doc = "What becomes of instants that were missed while Bansuri was not running, the machine "
            "slept or the clock was set forward.",
     .store = [](TaskDraft& draft, const TypedValue& v) {
         draft.task.catch_up = static_cast<CatchUp>(v.choice);
     }},
    {.name = "catch-up-window", .key = Key::catch_up_window, .spec = duration(microsecond),
     .fallback = "1d", .example = R"("6h")",
     .doc = "With `catch-up`: instants missed longer ago are not made up for.",
     .store = [](TaskDraft& draft, const TypedValue& v) {
         draft.task.catch_up_window = v.span;
     }},
    {.name = "depends-on", .key = Key::depends_on, .spec = texts(task_name),
     .example = R"(["fetch", "convert"])",
     .doc = "Names of tasks that must have succeeded before this one runs.",
     .availability = not_yet,
     .store = [](TaskDraft& draft, const TypedValue& v) {
         draft.depends_on.clear();
         for (const Value name : v.value) draft.depends_on.emplace_back(name.text());
     }},
    {.name = "timeout", .key = Key::timeout, .spec = duration(microsecond), .fallback = "no limit",
     .example = R"("10m")", .doc = "Time limit of one attempt.",
     .store = [](TaskDraft& draft, const TypedValue& v) { draft.task.time_limit = v.span; }},
    {.name = "kill-grace", .key = Key::kill_grace, .spec = duration(), .fallback = "0",
     .example = R"("5s")",
     .doc = "On time-out: SIGTERM first, SIGKILL after this; 0 means SIGKILL at once.",
     .store = [](TaskDraft& draft, const TypedValue& v) { draft.task.kill_grace = v.span; }},
    {.name = "stop-timeout", .key = Key::stop_timeout, .spec = duration(), .fallback = "10s",
     .example = R"("1m")", .doc = "On stop and shutdown: SIGTERM first, SIGKILL after this.",
     .store = [](TaskDraft& draft, const TypedValue& v) { draft.task.stop_timeout = v.span; }},
    {.name = "on-fail", .key = Key::on_fail, .spec = choice(failure_answers), .fallback = "stop",
     .example = R"("restart")", .doc = "What follows a failed attempt or a time-out.",
     .store = store_failure_answer},
    {.name = "times", .key = Key::times, .spec = integer(0, most), .fallback = "no limit",
     .example = "3",
     .doc = "With `on-fail: restart`: attempts of one run in all, the first included; 0 means no "
            "limit.", .store = store_attempts},
    {.name = "max-attempts", .key = Key::max_attempts, .spec = integer(0, most),
     .fallback = "no limit", .example = "3", .doc = "The same as `times`; not together with it.",
     .store = store_attempts},
    {.name = "max-runs", .key = Key::max_runs, .spec = integer(1, most), .fallback = "no limit",
     .example = "10", .doc = "After so many successful runs the task is done.",
     .store = [](TaskDraft& draft, const TypedValue& v) {
         draft.task.max_runs = static_cast<unsigned>(v.integer);
     }},
    {.name = "on-exhausted", .key = Key::on_exhausted, .spec = choice(exhaustion_answers),
     .fallback = "stop", .example = R"("continue")", .doc = "What follows the last attempt.",
     .store = [](TaskDraft& draft, const TypedValue& v) {
         draft.task.on_exhausted = static_cast<OnExhausted>(v.choice);
     }},
    {.name = "restart-delay", .key = Key::restart_delay, .spec = duration(),
     .fallback = "0, then 1s, 2s, 4s ... up to 1m", .example = R"("10s")",
     .doc = "Pause before a retry.",
     .store = [](TaskDraft& draft, const TypedValue& v) { draft.task.retry.delay = v.span; }},
    {.name = "restart-backoff", .key = Key::restart_backoff, .spec = object(backoff_members),
     .example = R"({"factor": 2, "max": "5m", "jitter": 0.2})",
     .doc = "How `restart-delay` grows from retry to retry.",
     .store = [](TaskDraft& draft, const TypedValue& /*v*/) {
         if (!draft.task.retry.backoff) draft.task.retry.backoff.emplace();
     }},
    {.name = "success-codes", .key = Key::success_codes,
     .spec = {.kind = ValueKind::integer_list, .minimum = 0, .maximum = 255}, .fallback = "[0]",
     .example = "[0, 75]", .doc = "Exit codes that count as success.", .store = store_codes},
    {.name = "working-directory", .key = Key::working_directory, .spec = text(path_name),
     .fallback = "the directory of the configuration file", .example = R"("/srv/data")",
     .doc = "Where the command runs; also the base of a relative `stdout` and `stderr`. A "
            "relative path starts at the directory of the configuration file.",
     .store = [](TaskDraft& draft, const TypedValue& v) { draft.working_directory = v.text; }},
    {.name = "environment", .key = Key::environment,
     .spec = {.kind = ValueKind::text_map, .rule = &variable_name},
     .example = R"({"LANG": "C", "RETRIES": "3"})",
     .doc = "Variables that are added to the inherited environment.", .store = store_environment},
    {.name = "environment-file", .key = Key::environment_file,
     .spec = {.kind = ValueKind::text_or_list, .rule = &path_name}, .example = R"("-secrets.env")",
     .doc = "Files of variables, read at each start: JSON if the name ends with `.json`, else lines "
            "of `NAME=value`. `environment` wins over them. A leading `-` allows that the file is "
            "missing.", .store = [](TaskDraft& draft, const TypedValue& v) {
         store_environment_files(draft, v);
     }},
    {.name = "clean-environment", .key = Key::clean_environment, .spec = boolean(),
     .fallback = "false", .example = "true",
     .doc = "Start from PATH, HOME, USER, LOGNAME, SHELL, LANG and TZ only.",
     .store = [](TaskDraft& draft, const TypedValue& v) {
         draft.task.command.clean_environment = v.flag;
     }},
    {.name = "user", .key = Key::user, .spec = text(some_text), .example = R"("www-data")",
     .doc = "Name or number of the user as whom the task runs.", .store = [](TaskDraft& draft, const TypedValue& v) {
         draft.task.command.isolation.edit().user = v.text;
     }},
    {.name = "group", .key = Key::group, .spec = text(some_text), .example = R"("adm")",
     .doc = "Name or number of the group as which the task runs; without it, the user's.", .store = [](TaskDraft& draft, const TypedValue& v) {
         draft.task.command.isolation.edit().group = v.text;
     }},
    {.name = "priority", .key = Key::priority, .spec = integer(-20, 19), .fallback = "0",
     .example = "10", .doc = "Nice value.", .store = [](TaskDraft& draft, const TypedValue& v) {
         draft.task.command.isolation.edit().priority = static_cast<int>(v.integer);
     }},
    {.name = "umask", .key = Key::umask, .spec = text(file_mask), .example = R"("0022")",
     .doc = "File mode mask, in octal digits.", .store = [](TaskDraft& draft, const TypedValue& v) {
         draft.task.command.isolation.edit().umask = octal(v.text);
     }},
    {.name = "limits", .key = Key::limits, .spec = object(limit_members),
     .example = R"({"memory": "512M", "processes": 50})",
     .doc = "Resources that the task may use at most.",
     .store = [](TaskDraft& draft, const TypedValue& /*v*/) {
         draft.task.command.isolation.edit();
     }},
    {.name = "stdout", .key = Key::standard_output, .spec = text(path_name),
     .fallback = "Bansuri's own output", .example = R"("/var/log/backup.log")",
     .doc = "File to which the output is appended, or `ignore`.",
     .store = [](TaskDraft& draft, const TypedValue& v) {
         draft.standard_output = v.text;
         draft.task.command.standard_output = target_of(v.text);
     }},
    {.name = "stderr", .key = Key::standard_error, .spec = text(path_name),
     .fallback = "`combined` if `stdout` is set", .example = R"("combined")",
     .doc = "File to which the error output is appended, `ignore`, or `combined`: where stdout "
            "goes.",
     .store = [](TaskDraft& draft, const TypedValue& v) {
         draft.standard_error = v.text;
         draft.task.command.standard_error = target_of(v.text);
     }},
    {.name = "output-limit", .key = Key::output_limit, .spec = size(0), .fallback = "10M",
     .example = R"("64KiB")",
     .doc = "Captured output that is kept of one run: its head and its tail.",
     .store = [](TaskDraft& draft, const TypedValue& v) {
         draft.task.command.output_limit = v.size;
     }},
    {.name = "notify", .key = Key::notify, .spec = choice(notifiers), .fallback = "none",
     .example = R"("mail")",
     .doc = "Whether the `notify_command` of the root tells somebody when the task fails.",
     .store = [](TaskDraft& draft, const TypedValue& v) {
         draft.task.notify.enabled = v.choice > 0;
     }},
    {.name = "notify-after", .key = Key::notify_after, .spec = duration(), .fallback = "0",
     .example = R"("10m")",
     .doc = "Hold the first message back so long, and drop it if the task recovers meanwhile.",
     .store = [](TaskDraft& draft, const TypedValue& v) { draft.task.notify.hold_back = v.span; }},
    {.name = "notify-mode", .key = Key::notify_mode, .spec = choice(notify_modes),
     .fallback = "after-fail", .example = R"("on-exhausted")", .doc = "When a message is sent.",
     .store = [](TaskDraft& draft, const TypedValue& v) {
         draft.task.notify.mode = static_cast<NotifyMode>(v.choice);
     }},
    {.name = "notify-threshold", .key = Key::notify_threshold, .spec = integer(1, most),
     .fallback = "3", .example = "5",
     .doc = "With `notify-mode: after-many`: failed attempts in a row for each message.",
     .store = [](TaskDraft& draft, const TypedValue& v) {
         draft.task.notify.threshold = static_cast<unsigned>(v.integer);
     }},
    {.name = "notify-on-recovery", .key = Key::notify_on_recovery, .spec = boolean(),
     .fallback = "false", .example = "true",
     .doc = "Send one message when a run succeeds after a failure.",
     .store = [](TaskDraft& draft, const TypedValue& v) {
         draft.task.notify.on_recovery = v.flag;
     }},
    {.name = "notify-remind", .key = Key::notify_remind, .spec = duration(microsecond),
     .fallback = "1d", .example = R"("12h")",
     .doc = "With `notify-mode: incident`: a reminder so often while the task fails.",
     .store = [](TaskDraft& draft, const TypedValue& v) { draft.task.notify.remind = v.span; }},
    {.name = "expect-within", .key = Key::expect_within, .spec = duration(microsecond),
     .example = R"("26h")",
     .doc = "Alert when the task had no success for so long, also if it never ran: in the log, and "
            "by `notify_command` if `notify` is on.",
     .store = [](TaskDraft& draft, const TypedValue& v) { draft.task.expect_within = v.span; }},
    {.name = "heartbeat", .key = Key::heartbeat, .spec = text(web_address),
     .example = R"("https://example.org/ping/backup")",
     .doc = "Address that is requested after each success of a run; `http` or `https`.",
     .store = [](TaskDraft& draft, const TypedValue& v) { draft.task.heartbeat = v.text; }},
    {.name = "secrets", .key = Key::secrets, .spec = texts(variable_name),
     .example = R"(["DB_PASSWORD"])",
     .doc = "Names of environment variables whose values are hidden in what is shown.",
     .store = [](TaskDraft& draft, const TypedValue& v) {
         store_secrets(draft, v);
     }},
    {.name = "survive", .key = Key::survive, .spec = choice(survivals), .fallback = "daemons",
     .example = R"("none")",
     .doc = "What becomes of processes that the command leaves behind when it ends by itself.",
     .store = [](TaskDraft& draft, const TypedValue& v) {
         draft.task.survive = static_cast<Survive>(v.choice);
     }},
    {.name = "parameters", .key = Key::parameters, .spec = {.kind = ValueKind::free_object},
     .example = R"({"depth": 3})", .doc = "For `task`: data that the class is given.",
     .availability = not_yet},
    {.name = "python-path", .key = Key::python_path, .spec = texts(path_name),
     .example = R"(["lib"])", .doc = "For `task`: directories from which Python imports.",
     .availability = not_yet},
    {.name = "warm", .key = Key::warm, .spec = boolean(), .fallback = "false", .example = "true",
     .doc = "For `task`: keep a prepared process, so that a run starts at once.",
     .availability = not_yet},
    {.name = "on-lost", .key = Key::on_lost, .spec = choice(losses), .fallback = "stop",
     .example = R"("restart")", .doc = "What follows a run whose end nobody saw.",
     .store = [](TaskDraft& draft, const TypedValue& v) {
         draft.task.on_lost = static_cast<OnLost>(v.choice);
     }},
};
// clang-format on

static_assert(std::size(rows) == key_count);

}  // namespace

std::span<const KeyRow> task_keys() { return rows; }

}  // namespace bansuri::config
