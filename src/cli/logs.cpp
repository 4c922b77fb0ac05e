// SPDX-License-Identifier: MIT
//
// `bansuri logs`: what a run has printed, and what it prints.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ostream>
#include <thread>

#include "cli/client_commands.hpp"
#include "cli/reading.hpp"
#include "cli/shown.hpp"
#include "core/base64.hpp"
#include "core/printable.hpp"
#include "core/quote.hpp"

namespace bansuri::cli {
namespace {

constexpr std::uint64_t most_a_piece = 256 * 1024;

/// How many bytes at the end of `bytes` may be the beginning of a character.
std::size_t unfinished(std::string_view bytes) {
    for (std::size_t back = 1; back <= std::min<std::size_t>(3, bytes.size()); ++back) {
        const auto byte = static_cast<unsigned char>(bytes[bytes.size() - back]);
        if ((byte & 0xc0) == 0x80) continue;
        const std::size_t length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 1;
        return length > back ? back : 0;
    }
    return 0;
}

/// Where the bytes go: with stdout a terminal all of them there, in their order; else stderr's to
/// stderr. Raw to what is no terminal, escaped to what is one.
class Printer {
  public:
    explicit Printer(const Surroundings& around) : around_(around) {}

    void print(const Json& piece) {
        if (const std::string problem = text_of(piece, "problem"); !problem.empty()) {
            say("[" + printable_line(problem) + "]");
        }
        if (const std::uint64_t missing = number_of(piece, "missing"); missing > 0) {
            say(fmt::format("[{} bytes were not kept]", missing));
        }
        for (const Json& span : list_of(piece, "spans")) {
            const bool is_error = text_of(span, "stream") == "stderr";
            const std::string base64 = text_of(span, "base64");
            const std::string bytes = base64.empty() ? text_of(span, "text")
                                                     : from_base64(base64).value_or(std::string());
            write(bytes, is_error);
        }
        if (is_set(piece, "complete")) finish();
        around_.out.flush();
        around_.err.flush();
    }

    /// A remark that is not output.
    void say(const std::string& text) {
        finish();
        around_.out.flush();
        (around_.on_terminal ? around_.out : around_.err) << text << '\n';
    }

    bool failed() const { return !around_.out; }

  private:
    void write(const std::string& bytes, bool is_error) {
        std::ostream& place = place_of(is_error);
        if (!(&place == &around_.out ? around_.on_terminal : around_.errors_on_terminal)) {
            place << bytes;
            return;
        }
        // A character may come in two pieces.
        std::string& held = held_[is_error ? 1 : 0];
        held += bytes;
        const std::size_t rest = unfinished(held);
        place << printable_lines(std::string_view(held).substr(0, held.size() - rest));
        held.erase(0, held.size() - rest);
    }
    void finish() {
        for (const bool is_error : {false, true}) {
            place_of(is_error) << printable_lines(std::exchange(held_[is_error ? 1 : 0], {}));
        }
    }
    std::ostream& place_of(bool is_error) const {
        return is_error && !around_.on_terminal ? around_.err : around_.out;
    }

    const Surroundings& around_;
    std::array<std::string, 2> held_;
};

/// What there is of one attempt, and how much of it has been shown. A stream that was redirected to
/// a file is read by itself; what was captured is read with both streams in their order.
class AttemptStreams {
  public:
    struct Stream {
        const char* choice = nullptr;  ///< of the API; none: what was captured
        std::uint64_t position = 0;
        bool complete = false;
    };
    AttemptStreams(std::uint64_t number, const Json& attempt) : number_(number) {
        const bool output = !text_of(attempt, "stdout_file").empty();
        const bool error = !text_of(attempt, "stderr_file").empty();
        if (output) streams_.push_back({"stdout"});
        if (!output) streams_.push_back({error ? "stdout" : nullptr});
        if (error) streams_.push_back({"stderr"});
    }
    std::uint64_t number() const { return number_; }
    std::vector<Stream>& streams() { return streams_; }
    bool complete() const {
        return std::all_of(streams_.begin(), streams_.end(),
                           [](const Stream& stream) { return stream.complete; });
    }

  private:
    std::uint64_t number_;
    std::vector<Stream> streams_;
};

class Logs {
  public:
    Logs(const LogsCommand& command, ApiClient& api, const Surroundings& around)
        : command_(command), api_(api), around_(around), printer_(around) {}

    Result<void> show() {
        auto run = command_.run ? Result<std::optional<std::uint64_t>>(command_.run) : latest_run();
        if (!run) return tl::unexpected(run.error());
        if (!*run && !command_.follow) {
            return fail(ErrorCode::not_found,
                        fmt::format("task {} has not run yet; bansuri why tells more",
                                    quote(command_.task)));
        }
        if (!command_.follow) return show_run(**run);
        return follow(*run);
    }

  private:
    /// A question of a follower, who outlives daemons.
    Result<Json> ask(const std::string& path, const Parameters& parameters = {}) {
        std::optional<MonoTime> away_since;
        while (true) {
            Result<Json> answer = api_.get(path, parameters);
            const bool away = !answer && answer.error().code == ErrorCode::unreachable;
            const MonoTime now = around_.mono_now();
            if (!away_since) away_since = now;
            const bool over = now - *away_since >= command_.patience;
            if (!away || !command_.follow || !reached_ || over) {
                reached_ = reached_ || answer.has_value();
                return answer;
            }
            rest();
        }
    }

    void rest() const { std::this_thread::sleep_for(command_.interval); }

    /// The oldest run after `after`, or the latest of all; those that were skipped are none.
    Result<std::optional<std::uint64_t>> find_run(std::optional<std::uint64_t> after) {
        std::optional<std::uint64_t> found;
        std::optional<std::uint64_t> before;
        while (true) {
            Parameters parameters = {{"task", command_.task}, {"limit", "100"}};
            if (before) parameters.emplace_back("before", std::to_string(*before));
            const Result<Json> page = ask("/api/v1/history", parameters);
            if (!page) return tl::unexpected(page.error());
            for (const Json& record : list_of(*page, "runs")) {
                const std::uint64_t id = number_of(record, "run");
                if (after && id <= *after) return found;
                if (text_of(record, "outcome") == "SKIPPED") continue;
                found = id;
                if (!after) return found;
            }
            if (!member(*page, "next_before").is_number_unsigned()) return found;
            before = number_of(*page, "next_before");
        }
    }
    Result<std::optional<std::uint64_t>> latest_run() { return find_run(std::nullopt); }

    Result<Json> run_record(std::uint64_t run) {
        Result<Json> record = ask(fmt::format("/api/v1/runs/{}", run));
        if (!record) return record;
        if (const std::string task = text_of(*record, "task"); task != command_.task) {
            return fail(ErrorCode::usage, fmt::format("run {} is one of task {}, not of {}", run,
                                                      quote(task), quote(command_.task)));
        }
        return record;
    }

    /// Prints what there is of an attempt beyond what was shown. True if there will be no more.
    Result<bool> show_attempt(std::uint64_t run, AttemptStreams& attempt) {
        for (AttemptStreams::Stream& stream : attempt.streams()) {
            const Result<void> shown = show_stream(run, attempt.number(), stream);
            if (!shown) {
                // An attempt that is about to start has no output yet.
                if (shown.error().code == ErrorCode::not_found && command_.follow) return false;
                return tl::unexpected(shown.error());
            }
        }
        return attempt.complete();
    }

    Result<void> show_stream(std::uint64_t run, std::uint64_t attempt,
                             AttemptStreams::Stream& stream) {
        while (!stream.complete) {
            Parameters parameters = {{"attempt", std::to_string(attempt)},
                                     {"position", std::to_string(stream.position)},
                                     {"limit", std::to_string(most_a_piece)}};
            if (stream.choice != nullptr) parameters.emplace_back("stream", stream.choice);
            const Result<Json> piece = ask(fmt::format("/api/v1/runs/{}/output", run), parameters);
            if (!piece) return tl::unexpected(piece.error());
            if (command_.client.json) {
                if (!list_of(*piece, "spans").empty()) print_json(*piece, around_, -1);
                around_.out.flush();
            } else {
                printer_.print(*piece);
            }
            if (printer_.failed()) return fail(ErrorCode::io, "the output cannot be written");
            const std::uint64_t end = number_of(*piece, "end");
            const bool moved = end > stream.position;
            stream.position = std::max(stream.position, end);
            // What could not be read is said once.
            stream.complete = is_set(*piece, "complete") || member(*piece, "problem").is_string();
            if (!moved) break;
        }
        return {};
    }

    Result<void> show_run(std::uint64_t run) {
        const Result<Json> record = run_record(run);
        if (!record) return tl::unexpected(record.error());
        const Json& attempts = list_of(*record, "attempt_records");
        for (const Json& attempt : attempts) {
            const std::uint64_t number = number_of(attempt, "attempt");
            if (command_.attempt && number != *command_.attempt) continue;
            if (attempts.size() > 1 && !command_.attempt && around_.on_terminal &&
                !command_.client.json) {
                printer_.say(fmt::format("-- attempt {} --", number));
            }
            AttemptStreams streams(number, attempt);
            const Result<bool> shown = show_attempt(run, streams);
            // Of several attempts the first ones may be kept no longer.
            if (!shown && (shown.error().code != ErrorCode::not_found || command_.attempt)) {
                return tl::unexpected(shown.error());
            }
            if (command_.attempt) return {};
        }
        if (command_.attempt) {
            return fail(ErrorCode::not_found,
                        fmt::format("run {} has no attempt {}", run, *command_.attempt));
        }
        return {};
    }

    /// Until the run, or the attempt that was asked for, has ended and all of it is shown.
    Result<void> follow_run(std::uint64_t run) {
        std::uint64_t attempt = command_.attempt.value_or(0);
        std::optional<AttemptStreams> streams;  // of that attempt, once it is recorded
        while (true) {
            // Read before the output: what is said to have ended then has all its output.
            const Result<Json> record = run_record(run);
            if (!record) return tl::unexpected(record.error());
            const Json& kept = list_of(*record, "attempt_records");
            if (attempt == 0 && !kept.empty()) attempt = number_of(kept.front(), "attempt");
            const bool ended = member(*record, "outcome").is_string();
            const bool is_last = command_.attempt || number_of(*record, "attempts") <= attempt;
            if (attempt > 0) {
                const Json* const known = record_of(kept, attempt);
                if (!streams && known != nullptr) streams.emplace(attempt, *known);
                const Result<bool> complete = streams ? show_attempt(run, *streams) : false;
                if (!complete) return tl::unexpected(complete.error());
                if (is_last && (*complete ? ended || command_.attempt.has_value() : ended)) {
                    return {};
                }
                if (!is_last && (*complete || ended || has_ended(kept, attempt))) {
                    ++attempt;
                    streams.reset();
                    continue;
                }
            } else if (ended) {
                return {};
            }
            rest();
        }
    }

    static const Json* record_of(const Json& attempts, std::uint64_t number) {
        const auto found = std::find_if(
            attempts.begin(), attempts.end(),
            [number](const Json& attempt) { return number_of(attempt, "attempt") == number; });
        return found == attempts.end() ? nullptr : &*found;
    }
    static bool has_ended(const Json& attempts, std::uint64_t number) {
        const Json* const record = record_of(attempts, number);
        return record != nullptr && member(*record, "outcome").is_string();
    }

    Result<void> follow(std::optional<std::uint64_t> run) {
        std::uint64_t last = 0;
        while (true) {
            if (run) {
                if (Result<void> shown = follow_run(*run); !shown) return shown;
                if (command_.run || command_.attempt) return {};
                last = *run;
            } else {
                rest();
            }
            const auto next = find_run(last);
            if (!next) return tl::unexpected(next.error());
            run = *next;
        }
    }

    const LogsCommand& command_;
    ApiClient& api_;
    const Surroundings& around_;
    Printer printer_;
    bool reached_ = false;  // who has never seen a daemon does not wait for one
};

}  // namespace

int execute(const LogsCommand& command, ApiClient& api, const Surroundings& around) {
    const Result<void> shown = Logs(command, api, around).show();
    return shown ? 0 : refuse(around, "logs", shown.error());
}

}  // namespace bansuri::cli
