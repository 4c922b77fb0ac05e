// SPDX-License-Identifier: MIT
#include "notify/command_notifier.hpp"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "core/duration.hpp"
#include "core/printable.hpp"
#include "notify/message.hpp"

namespace bansuri::notify {
namespace asio = boost::asio;

namespace {

// Attempt ids of notifiers must not meet those of runs, which count up from one.
constexpr std::uint64_t notifier_ids = std::uint64_t{1} << 63;

const char* word_of(engine::FailureInfo::Kind kind) {
    using Kind = engine::FailureInfo::Kind;
    switch (kind) {
        case Kind::failure: return "failure";
        case Kind::recovery: return "recovery";
        case Kind::reminder: return "reminder";
        case Kind::overdue: return "overdue";
        case Kind::alert: return "alert";
    }
    return "";
}

asio::awaitable<std::string> compose(engine::FailureInfo info, TimeZone zone) {
    read_excerpt(info.standard_output);
    read_excerpt(info.standard_error);
    co_return render_message(info, zone);
}

}  // namespace

/// What the notifier itself says, for the log when it fails.
class CommandNotifier::LogTail final : public engine::OutputSink {
  public:
    void write(engine::Stream, std::string_view bytes) override { tail_.append(bytes); }
    asio::awaitable<void> ready() override { co_return; }
    std::string text() const {
        std::string text = printable_lines(tail_.excerpt().bytes);
        while (text.ends_with('\n')) text.pop_back();
        return text;
    }

  private:
    engine::OutputTail tail_{1024};
};

CommandNotifier::CommandNotifier(asio::any_io_executor loop, engine::Clock& clock,
                                 engine::ProcessLauncher& launcher, engine::Environment inherited,
                                 Report report, Limits limits)
    : loop_(loop),
      clock_(clock),
      launcher_(launcher),
      inherited_(std::move(inherited)),
      report_(std::move(report)),
      next_id_(notifier_ids | (std::uint64_t{limits.series} << 32)),
      limits_(limits),
      changed_(loop) {}

void CommandNotifier::notify(engine::FailureInfo info) {
    if (delivery_.command.empty() || abandoned_) return;
    if (queue_.size() >= limits_.queued) {
        return report_(info.task,
                       fmt::format("notification dropped: {} are waiting already", limits_.queued));
    }
    queue_.push_back({std::move(info), delivery_});
    send_next();
}

void CommandNotifier::send_next() {
    while (sending_ < limits_.at_once && !queue_.empty()) {
        Waiting waiting = std::move(queue_.front());
        queue_.pop_front();
        ++sending_;
        const std::string task = waiting.info.task;
        asio::co_spawn(loop_, send(std::move(waiting)),
                       [this, task](std::exception_ptr bug, const std::string& error) {
                           --sending_;
                           report_(task, bug ? "notification lost: an exception escaped" : error);
                           send_next();
                           changed_.notify();
                       });
    }
}

asio::awaitable<std::string> CommandNotifier::send(Waiting waiting) {
    asio::awaitable<std::string> composing = compose(waiting.info, waiting.delivery.zone);
    std::string message =
        co_await asio::co_spawn(files_, std::move(composing), asio::use_awaitable);
    if (abandoned_) co_return "notification given up: shutdown";
    LogTail said;
    engine::LaunchSpec spec = launch_spec(waiting, std::move(message));
    auto started = co_await launcher_.start(std::move(spec), said, [this] { changed_.notify(); });
    if (!started) co_return "notify_command: " + started.error().message;
    engine::Process& process = **started;

    const MonoTime deadline = clock_.mono_now() + limits_.each;
    const auto limit = clock_.at(deadline, [this] { changed_.notify(); });
    bool ending = false;
    // Ended by the command, which the deadline ends in turn.
    while (!process.gone() && !process.lost()) {
        if (!ending && (abandoned_ || clock_.mono_now() >= deadline)) {
            ending = true;
            process.end(Duration::zero(), engine::EndCause::time_limit);
        }
        co_await changed_.wait();
    }
    if (abandoned_ && ending) co_return "notification given up: shutdown";
    if (ending) {
        co_return fmt::format("notify_command ran longer than {} and was ended",
                              format_duration(limits_.each));
    }
    const auto status = process.exit_status();
    if (status == ExitStatus::exited(0)) co_return std::string();
    const std::string words = said.text();
    co_return fmt::format("notify_command: {}{}{}", status ? describe(*status) : "lost",
                          words.empty() ? "" : ": ", words);
}

engine::LaunchSpec CommandNotifier::launch_spec(const Waiting& waiting, std::string message) {
    const engine::FailureInfo& info = waiting.info;
    engine::LaunchSpec spec;
    spec.id = {++next_id_, 0};
    spec.argv = {"/bin/sh", "-c", fill_placeholders(waiting.delivery.command, info)};
    spec.environment = inherited_;
    const auto set = [&spec](std::string_view name, std::string_view value) {
        engine::set_variable(spec.environment, name, value);
    };
    const bool exited = info.status && info.status->kind == ExitStatus::Kind::exited;
    const bool signalled = info.status && !exited;
    set("BANSURI_TASK", info.task);
    set("BANSURI_RUN_ID", info.run == 0 ? "" : std::to_string(info.run));
    set("BANSURI_ATTEMPT", is_of_attempt(info) ? attempt_of_all(info) : "");
    set("BANSURI_OUTCOME", outcome_word(info));
    set("BANSURI_MESSAGE", word_of(info.kind));
    set("BANSURI_ALERT", info.alert);
    set("BANSURI_EXIT_CODE", exited ? std::to_string(info.status->number) : "");
    set("BANSURI_SIGNAL", signalled ? std::to_string(info.status->number) : "");
    spec.working_directory = waiting.delivery.directory;
    spec.standard_input = std::move(message);
    spec.survive = Survive::none;
    spec.stop_timeout = std::chrono::seconds(1);
    return spec;
}

asio::awaitable<void> CommandNotifier::until_idle() {
    while (sending_ > 0 || !queue_.empty()) co_await changed_.wait();
}

void CommandNotifier::abandon() {
    abandoned_ = true;
    queue_.clear();
    changed_.notify();
}

}  // namespace bansuri::notify
