// SPDX-License-Identifier: MIT
#include "import/python_task.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "core/duration.hpp"
#include "import/draft_text.hpp"

namespace bansuri::imports {
namespace {

bool is_handled(std::string_view key) {
    constexpr auto keys = std::to_array<std::string_view>(
        {"name",           "command",          "description",   "working-directory",
         "where",          "schedule-cron",    "timer",         "timeout",
         "times",          "max-runs",         "max-attempts",  "on-fail",
         "restart-delay",  "depends-on",       "success-codes", "user",
         "priority",       "environment-file", "stdout",        "stderr",
         "notify",         "notify-after",     "notify-mode",   "notify-threshold",
         "notify-command", "no-interface"});
    return std::find(keys.begin(), keys.end(), key) != keys.end();
}

std::string lowered(std::string text) {
    for (char& c : text) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    }
    return text;
}

class PythonTask {
  public:
    explicit PythonTask(const PythonEntry& entry) : entry_(entry) { task_.notes = entry.notes; }

    DraftTask make() && {
        task_.set("command", value("command"));
        if (const std::string text = string_of("description"); !text.empty()) {
            task_.set("description", text);
        }
        set_directory();
        set_schedule();
        set_failure();
        set_unused();
        set_output();
        set_notification();
        for (const auto& [key, unknown] : entry_.keys) {
            if (!is_handled(key)) {
                leave_out(key, unknown, "the Python program does not know it either");
            }
        }
        return std::move(task_);
    }

  private:
    const Json& value(const std::string& key) const {
        static const Json none;
        const auto found = entry_.keys.find(key);
        return found == entry_.keys.end() ? none : found->second;
    }
    /// Empty if there is none.
    std::string string_of(const std::string& key) {
        const Json& text = value(key);
        if (text.is_string()) return text.get<std::string>();
        if (!text.is_null()) leave_out(key, text, "it is no string");
        return {};
    }
    std::optional<long> number_of(const std::string& key) {
        const Json& number = value(key);
        if (number.is_null() || number == "") return std::nullopt;
        const auto whole = whole_number(number);
        if (!whole) leave_out(key, number, "it is no whole number");
        return whole;
    }
    /// A span in the words of the format; nothing if there is none, or it is none.
    std::optional<Json> span_of(const std::string& key) {
        const Json& span = value(key);
        if (span.is_null() || span == "") return std::nullopt;
        if (span.is_number() && span >= 0) return span;
        if (span.is_string() && parse_duration(span.get_ref<const std::string&>())) return span;
        leave_out(key, span, "it is no span of time, and so the Python program ignored it");
        return std::nullopt;
    }
    void leave_out(std::string_view key, const Json& left, std::string_view why) {
        note(fmt::format("Left out: {} {}: {}.", shown(key), shown(in_one_line(left)), why));
    }
    void note(std::string text) { task_.notes.push_back(std::move(text)); }

    void set_directory() {
        const std::string directory = string_of("working-directory");
        const std::string older = string_of("where");
        if (!directory.empty()) {
            task_.set("working-directory", directory);
            if (!older.empty()) leave_out("where", older, "working-directory says it too");
        } else if (!older.empty()) {
            task_.set("working-directory", older,
                      "\"where\" in older descriptions of the Python program.");
        }
    }

    void set_schedule() {
        const std::string cron = string_of("schedule-cron");
        const Json& timer = value("timer");
        const bool none = timer.is_null() || timer == "" || whole_number(timer) == 0 ||
                          (timer.is_string() && lowered(timer.get<std::string>()) == "none");
        if (!cron.empty()) {
            if (!none) leave_out("timer", timer, "schedule-cron came first");
            task_.set("schedule-cron", in_our_order(cron));
            scheduled_ = true;
        } else if (!none) {
            if (const auto span = span_of("timer")) {
                task_.set("timer", *span);
                scheduled_ = true;
            }
        } else if (!timer.is_null()) {
            note(fmt::format(
                "timer {}: it runs once, from the start on, and on-fail says what follows a "
                "failure. "
                "The Python program ran it again after a success as well; for that add \"timer\": "
                "\"5s\".",
                shown(in_one_line(timer))));
        }
        if (const auto limit = span_of("timeout")) {
            task_.set("timeout", *limit);
            task_.set("kill-grace", "2m");
        }
        task_.set("stop-timeout", "2m");
    }

    /// croniter has the seconds behind the five fields, we have them in front.
    std::string in_our_order(const std::string& cron) {
        std::vector<std::string> fields;
        for (std::size_t at = 0; at < cron.size() && fields.size() < 8;) {
            const std::size_t end = std::min(cron.find_first_of(" \t", at), cron.size());
            if (end > at) fields.push_back(cron.substr(at, end - at));
            at = end + 1;
        }
        if (fields.size() != 6) return cron;
        note(
            "The seconds, which the Python program read as the last of six fields, are the first.");
        std::string ours = fields.back();
        for (std::size_t i = 0; i < 5; ++i) ours += ' ' + fields[i];
        return ours;
    }

    void set_failure() {
        const std::string word = lowered(string_of("on-fail"));
        const bool restart = word == "restart";
        if (restart || word == "stop" || word == "ignore" || word.empty()) {
            const bool stops = word.empty() || word == "stop";
            task_.set("on-fail",
                      stops     ? "stop"
                      : restart ? "restart"
                                : "continue",
                      stops && scheduled_
                          ? "As before, one failure ends its schedule; \"continue\" "
                            "would not."
                          : "");
        } else {
            leave_out("on-fail", word, "it is stop, restart or ignore; taken as stop");
        }
        set_limits(restart);
        const auto delay = span_of("restart-delay");
        if (restart) task_.set("restart-delay", delay.value_or("5s"));
        set_success_codes();
    }

    /// `times` has meant attempts and runs in turn; beside `max-attempts` it means runs.
    void set_limits(bool restart) {
        const auto attempts = number_of("max-attempts");
        auto runs = number_of("max-runs");
        const auto times = number_of("times");
        std::optional<long> tries = attempts;
        if (times && !attempts && restart && !runs) {
            tries = times;
            note(
                "\"times\" without \"max-attempts\" is taken for attempts, as the Python program "
                "described it; its last version counted runs (\"max-runs\").");
        } else if (times && !runs) {
            runs = times;
        }
        if (restart && tries) {
            task_.set("times", std::max(*tries, 1L),
                      scheduled_
                          ? "The Python program tried again at the next instant only; here it "
                            "is tried again within the run."
                          : "");
        } else if (restart) {
            note(
                "Without \"max-attempts\" the Python program gave up after the first failure, in "
                "spite of \"restart\"; here it is tried again without an end. Add \"times\".");
        }
        if (!runs || *runs <= 0) return;
        if (value("schedule-cron").is_string() && value("schedule-cron") != "") {
            note(
                fmt::format("Left out: {} runs: the Python program did not count those of cron; "
                            "\"max-runs\" would.",
                            *runs));
        } else if (scheduled_) {
            task_.set("max-runs", *runs,
                      "Bansuri counts runs that succeed; the Python program counted all.");
        } else if (*runs > 1) {
            note(
                fmt::format("Left out: {} runs of a task without a schedule; \"timer\" and "
                            "\"max-runs\" make them.",
                            *runs));
        }
    }

    void set_success_codes() {
        const Json& codes = value("success-codes");
        if (codes.is_null()) return;
        Json taken = Json::array();
        bool left = !codes.is_array();
        for (const Json& code : codes.is_array() ? codes : Json::array()) {
            const auto number = whole_number(code);
            const bool good = number && *number >= 0 && *number <= 255;
            if (good) taken.push_back(*number);
            left = left || !good;
        }
        if (left) leave_out("success-codes", codes, "of these, what is no number from 0 to 255");
        if (!taken.empty() && taken != Json::array({0})) task_.set("success-codes", taken);
    }

    /// Keys that the Python program read and did nothing with.
    void set_unused() {
        constexpr std::string_view unused =
            "The Python program did nothing with this key. Now it counts.";
        if (const std::string user = string_of("user"); !user.empty()) {
            task_.set("user", user, std::string(unused));
        }
        if (const auto nice = number_of("priority"); nice && *nice != 0) {
            task_.set("priority", *nice, std::string(unused));
        }
        if (const std::string file = string_of("environment-file"); !file.empty()) {
            task_.set("environment-file", file, std::string(unused));
        }
    }

    void set_output() {
        const auto target_of = [this](const char* key) {
            std::string target = string_of(key);
            return target == "$$combined" ? std::string("combined") : target;
        };
        const std::string out = target_of("stdout");
        const std::string err = target_of("stderr");
        if (out == "combined") {
            leave_out("stdout", out, "only stderr can go where the other goes");
        } else if (!out.empty()) {
            task_.set("stdout", out);
        }
        // "combined" is the default of both programs.
        if (!err.empty() && err != "combined") task_.set("stderr", err);
    }

    void set_notification() {
        const std::string word = lowered(string_of("notify"));
        if (word == "mail" || word == "command" || word == "on-fail") {
            task_.set("notify", "mail");
        } else if (word == "all") {
            task_.set("notify", "mail",
                      "Was \"all\": of success nobody is told, only of recovery.");
            task_.set("notify-on-recovery", true);
        } else if (!word.empty() && word != "none") {
            leave_out("notify", word, "it is none, mail or command");
        }
        if (task_.find("notify") == nullptr) return;
        const std::string mode = lowered(string_of("notify-mode"));
        if (!mode.empty()) task_.set("notify-mode", mode);
        const auto threshold = number_of("notify-threshold");
        if (mode == "after-many" && threshold) task_.set("notify-threshold", *threshold);
        if (const auto span = span_of("notify-after")) task_.set("notify-after", *span);
    }

    const PythonEntry& entry_;
    DraftTask task_;
    bool scheduled_ = false;
};

}  // namespace

DraftTask python_task(const PythonEntry& entry) { return PythonTask(entry).make(); }

}  // namespace bansuri::imports
