// SPDX-License-Identifier: MIT
#include "app/state.hpp"

#include <fmt/format.h>

#include <csignal>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include "os/session.hpp"
#include "os/system_clock.hpp"

namespace bansuri::app {
namespace {

constexpr auto patience = std::chrono::seconds(5);

/// The keeper holds the lock of the directory as it was; if somebody has deleted that, a new one.
std::optional<os::StateDirectory> remade(const std::string& directory,
                                         const State::Listener& listener) {
    std::error_code unknown;
    if (std::filesystem::exists(directory + "/lock", unknown) || unknown) return std::nullopt;
    Result<os::StateDirectory> made = os::StateDirectory::open(directory);
    if (!made) throw std::runtime_error(made.error().message);
    listener.on_news("state-deleted",
                     fmt::format("the state directory \"{}\" was deleted under the daemon before: "
                                 "made anew, and the history begins anew",
                                 directory));
    return std::move(*made);
}

}  // namespace

State::State(boost::asio::any_io_executor loop, engine::Clock& clock, engine::Health& health,
             std::string directory, Listener listener)
    : directory_(std::move(directory)),
      remade_(remade(directory_, listener)),
      outputs_(directory_ + "/output", clock, health),
      store_(std::move(loop), options(clock, health, std::move(listener))),
      configuration_(directory_, [&health](const std::string& problem) {
          constexpr const char* component = "saved configuration";
          problem.empty() ? health.recover(component) : health.degrade(component, problem);
      }) {}

State::~State() {
    if (sweeper_.joinable()) sweeper_.join();
}

store::SqliteOptions State::options(engine::Clock&, engine::Health& health, Listener listener) {
    store::SqliteOptions options;
    options.directory = directory_;
    options.boot_id = os::boot_id();
    options.session = os::keeper_session();
    options.health = &health;
    options.output = &outputs_;
    options.wall_now = [] { return os::SystemClock::read_wall(); };
    options.mono_now = [] { return os::SystemClock::read_mono(); };
    options.on_event = [told = listener.on_news](const engine::EventRecord& event) {
        told(event.kind, event.text);
    };
    options.on_corrupt = std::move(listener.on_corrupt);
    return options;
}

std::unique_ptr<engine::RunHistory> State::history() {
    return std::make_unique<store::SqliteHistory>(store::SqliteRunStore::file(directory_),
                                                  &outputs_);
}

void State::sweep() {
    if (sweeper_.joinable()) return;
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are for the loop
    sweeper_ = std::thread([this] {
        try {
            const auto history = this->history();
            outputs_.sweep([&history](engine::AttemptId attempt) {
                return history->run(attempt.run).has_value();
            });
        } catch (const std::exception&) {
            // The history cannot be read now: what is too much waits for the next start.
        }
    });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void State::flush() {
    store_.flush(patience);
    configuration_.finish(patience);
}

}  // namespace bansuri::app
