// SPDX-License-Identifier: MIT
#include "app/daemon.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <random>
#include <string_view>

#include "app/api_backend.hpp"
#include "app/config_loader.hpp"
#include "app/event_log.hpp"
#include "app/log.hpp"
#include "app/messages.hpp"
#include "app/single_run.hpp"
#include "app/state.hpp"
#include "app/stock.hpp"
#include "core/counted.hpp"
#include "core/crash_point.hpp"
#include "core/state_directory.hpp"
#include "engine/orchestrator.hpp"
#include "http/server.hpp"
#include "keeper/run.hpp"
#include "os/config_watcher.hpp"
#include "os/console.hpp"
#include "os/keeper_client.hpp"
#include "os/start_lookup.hpp"
#include "os/state_directory.hpp"
#include "os/system_clock.hpp"
#include "store/memory_run_store.hpp"

namespace bansuri::app {
namespace asio = boost::asio;

namespace {

constexpr auto patience_for_the_store = std::chrono::seconds(5);

/// Why it cannot begin; the keeper has been told, and so has whoever reads the log.
struct NotStarted {};

/// Which daemon of its keeper this is, counted from 1.
std::uint32_t daemon_number() {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets variables.
    const char* const text = std::getenv(keeper::daemon_number);
    std::uint32_t number = 1;
    if (text != nullptr) std::from_chars(text, text + std::string_view(text).size(), number);
    return std::max(number, 1U);
}

class Daemon {
  public:
    Daemon(const DaemonOptions& options, int keeper_fd)
        : options_(options),
          console_(loop_.get_executor(), STDOUT_FILENO, STDERR_FILENO),
          log_(options.log, console_),
          clock_(loop_.get_executor()),
          started_(clock_.wall_now()),
          keeper_(loop_.get_executor(), keeper::UniqueFd(keeper_fd)),
          state_(open_state()),
          messages_({loop_.get_executor(), clock_, keeper_, health_, log_, state_.get(), number_}),
          listening_(log_events(events_, log_)),
          engine_(services()),
          loader_(loop_.get_executor(), options.config),
          signals_(loop_, SIGTERM, SIGINT, SIGHUP) {
        for (const int signal : {SIGQUIT, SIGUSR1, SIGUSR2}) signals_.add(signal);
        wait_for_signal();
        // From here on whatever came while we started is taken. The threads keep them blocked.
        const sigset_t forwarded = keeper::forwarded_signals();
        ::pthread_sigmask(SIG_UNBLOCK, &forwarded, nullptr);
    }

    int run() {
        // The watcher before the first reading: no change falls between.
        std::optional<os::ConfigWatcher> watcher;
        if (state_) {
            watcher.emplace(loop_.get_executor(), options_.config, [this] { reload(false); });
        }
        LoadedConfiguration first = loader_.read();
        // Of a single task nobody wants to hear what is unwise about the others.
        if (!first.configuration || options_.only_task.empty()) {
            tell_problems(first, log_);
        }
        keeper_.on_lost([this] { keeper_lost(); });
        if (state_) return serve(std::move(first));
        return run_once(std::move(first));
    }

  private:
    int run_once(LoadedConfiguration first) {
        if (!first.configuration) return refuse_configuration();
        Result<Configuration> part =
            single_run(std::move(*first.configuration), options_.only_task);
        if (!part) {
            log_.error("configuration", part.error().message);
            keeper_.leave();
            return 1;
        }
        begun_ = true;
        SingleRunResult result(events_);
        loop_.poll();  // a signal that came while the file was read
        if (!engine_.is_shutting_down()) apply(*part);
        end_when_idle();
        run_loop();
        if (exit_code_ != 0) return exit_code_;
        const int code = result.exit_code(options_.only_task);
        return code == 0 && interrupted_ && options_.once ? 1 : code;
    }

    int serve(LoadedConfiguration first) {
        asio::co_spawn(loop_, begin(std::move(first)), [this](std::exception_ptr bug) {
            if (!bug) return;
            log_.error("bug", "the start came to nothing");
            end_at_once(1);
        });
        run_loop();
        if (server_) server_->stop();
        state_->flush();
        end_at_once(exit_code_);
    }

    /// What earlier daemons left first, then the file as it is now.
    asio::awaitable<void> begin(LoadedConfiguration first) {
        Result<Stock> stock = co_await take_stock(*state_, keeper_, number_ > 1,
                                                  first.configuration, options_.config);
        if (!stock) keeper_lost(stock.error().message);
        std::optional<Configuration>& before = stock->before;
        if (!before && !first.configuration) {
            exit_code_ = refuse_configuration();
            loop_.stop();
            co_return;
        }
        // Whose session this is must be known before anything happens in it: a daemon that dies
        // before its first commit must not leave the next one in doubt about once-tasks.
        state_->store().flush(std::chrono::seconds(1));
        messages_.read_past();
        engine_.inherit(engine::Inheritance(std::move(stock->left), std::move(stock->held),
                                            keeper_.has_started()));
        const bool is_same = before && first.source && first.source->text == stock->saved.text &&
                             first.source->directory == stock->saved.directory;
        if (before) apply(*before);
        if (first.configuration) {
            if (!is_same) take(first);
        } else {
            refused(first.problems);
        }
        // A file that cannot be read does not say that a task is gone.
        engine_.close_inheritance(first.configuration ? engine::Orchestrator::Leftovers::end
                                                      : engine::Orchestrator::Leftovers::let_end);
        note(number_ > 1 ? "daemon-restarted" : "started",
             fmt::format("daemon {} with pid {}, version {}", number_, ::getpid(),
                         options_.version));
        state_->sweep();
        open_socket();
        keeper_.ready();
        begun_ = true;
        if (std::exchange(interrupted_early_, false)) {
            interrupt("a signal during the start");
        } else if (reload_wanted_) {
            reload(false);
        }
    }

    int refuse_configuration() {
        log_.error("configuration", "not started: the configuration cannot be taken");
        // Where tasks run on under the keeper, it tries again with another daemon.
        if (number_ == 1 || !state_) keeper_.leave();
        return 1;
    }

    std::unique_ptr<State> open_state() {
        if (options_.state.empty()) return nullptr;
        try {
            return std::make_unique<State>(
                loop_.get_executor(), clock_, health_, options_.state,
                State::Listener{[this](const std::string& kind, const std::string& text) {
                                    log_.warn(kind, text);
                                },
                                [this](const std::string& why) {
                                    log_.error("store", why + "; starting the daemon anew");
                                    end_at_once(1);
                                }});
        } catch (const std::exception& error) {
            log_.error("store", fmt::format("not started: {}", error.what()));
            if (number_ == 1) keeper_.leave();
            throw NotStarted();
        }
    }

    engine::Services services() {
        engine::RunStore& store =
            state_ ? static_cast<engine::RunStore&>(state_->store()) : memory_;
        return {loop_.get_executor(),
                clock_,
                keeper_,
                lookup_,
                store,
                state_ ? &state_->outputs() : nullptr,
                messages_.notifier(),
                &messages_.heartbeat(),
                events_,
                console_,
                engine::inheritable(environ),
                [this] { return std::uniform_real_distribution<double>(0.0, 1.0)(random_); },
                [this](const std::string& task, const std::string& what) {
                    log_.error("bug",
                               fmt::format("{}: an exception escaped its run: {}", task, what));
                }};
    }

    void open_socket() {
        ApiBackend::Answers answers;
        answers.status = [this](const std::vector<std::string>& names) { return status(names); };
        answers.reload = [this](const ReloadDone& done) { reload(true, done); };
        answers.shutdown = [this]() -> Result<void> {
            if (!engine_.is_shutting_down()) interrupt("asked by command");
            return {};
        };
        answers.restart_daemon = [this] { return restart_daemon(); };
        answers.report = [this](const std::string& what) { log_.warn("api", what); };
        api_ = std::make_unique<ApiBackend>(loop_.get_executor(),
                                            http::Identity{options_.version, ::getpid(), number_},
                                            std::move(answers), state_->history());
        try {
            const keeper::UniqueFd directory = os::open_state_directory(state_->directory());
            server_.emplace(*api_, directory.get(), socket_name);
            health_.recover("api");
        } catch (const std::exception& error) {
            // Nobody can ask, but what runs runs.
            log_.error("api", error.what());
            health_.degrade("api", error.what());
        }
    }

    http::StatusAnswer status(const std::vector<std::string>& names) {
        http::StatusAnswer answer;
        engine::DaemonStatus& daemon = answer.daemon;
        daemon.version = options_.version;
        daemon.pid = ::getpid();
        daemon.keeper_pid = ::getppid();
        daemon.started = started_;
        daemon.number = number_;
        daemon.generation = engine_.generation();
        daemon.configuration = options_.config;
        daemon.configuration_error = configuration_error_;
        daemon.problems = health_.problems();
        daemon.tasks = engine_.task_count();
        daemon.runs_alive = engine_.runs_alive();
        daemon.shutting_down = engine_.is_shutting_down();
        daemon.zone = log_.zone();
        daemon.now = clock_.wall_now();
        answer.tasks = engine_.status(names);
        return answer;
    }

    /// An exception of a handler is logged. What the handler had yet to do, such as to wait for the
    /// next message, nobody does any more: the next daemon goes on, if there can be one.
    void run_loop() {
        while (true) {
            try {
                loop_.run();
                return;
            } catch (const std::exception& bug) {
                log_.error("bug", fmt::format("an exception reached the loop: {}", bug.what()));
                if (state_) end_at_once(1);
            }
        }
    }

    void note(const std::string& kind, const std::string& text) {
        if (state_) state_->store().record_event(clock_.wall_now(), kind, text);
    }

    void apply(const Configuration& configuration) {
        crash_point("during-reload");
        log_.use(configuration.zone);
        messages_.use(configuration);
        if (state_) state_->store().use(configuration.retention, configuration.durability);
        engine_.apply(configuration);
        crash_point("after-reload");
    }

    /// The file's configuration comes into force.
    void take(const LoadedConfiguration& loaded) {
        apply(*loaded.configuration);
        state_->configuration().save(loaded.source);
        configuration_good();
    }

    /// The file is the one in force.
    void configuration_good() {
        configuration_error_.clear();
        health_.recover("configuration");
        messages_.alerts().configuration_taken();
    }

    void refused(const std::vector<std::string>& problems) {
        configuration_error_ = problems.empty() ? "it cannot be read" : problems.front();
        health_.degrade("configuration", "the file was refused: " + configuration_error_);
        log_.error("configuration",
                   "the new configuration was refused; the one before it stays in force");
        note("configuration-refused", configuration_error_);
        messages_.alerts().configuration_refused(configuration_error_);
    }

    using ReloadDone = http::Backend::Done<Result<http::ReloadAnswer>>;

    void reload(
        bool asked_for, const ReloadDone& done = [](auto) {}) {
        if (!begun_) {
            // What is loaded now would count as known and could not be taken.
            reload_wanted_ = true;
            return;
        }
        loader_.load([this, asked_for, done](const LoadedConfiguration& loaded) {
            if (engine_.is_shutting_down()) {
                return done(fail(ErrorCode::not_available, "Bansuri is shutting down"));
            }
            http::ReloadAnswer answer;
            answer.problems = loaded.problems;
            answer.refused = !loaded.configuration && !loaded.unchanged;
            if (loaded.unchanged) {
                // A bad file that was made good again by putting the old one back.
                configuration_good();
                if (asked_for) log_.info("configuration", "the configuration has not changed");
                return done(answer);
            }
            tell_problems(loaded, log_);
            if (loaded.configuration) {
                const auto listening = events_.subscribe([&answer](const engine::Event& event) {
                    const auto* applied = std::get_if<engine::ConfigurationApplied>(&event);
                    if (applied != nullptr) answer.applied = *applied;
                });
                take(loaded);
            } else {
                refused(loaded.problems);
            }
            done(answer);
        });
    }

    void wait_for_signal() {
        signals_.async_wait([this](boost::system::error_code cancelled, int signal) {
            if (cancelled) return;
            if (signal == SIGUSR1 || signal == SIGUSR2) {
                log_.info("signal", fmt::format("signal {} means nothing here: ignored", signal));
            } else if (signal == SIGHUP && state_) {
                if (!engine_.is_shutting_down()) reload(true);
            } else if (!engine_.is_shutting_down()) {
                interrupt(fmt::format("signal {}", signal));
            } else {
                log_.warn("shutdown", "asked again: killing what still runs");
                engine_.kill_all();
                messages_.abandon();
            }
            wait_for_signal();
        });
    }

    void interrupt(const std::string& why) {
        interrupted_ = true;
        // What an earlier daemon left must have been taken over before it can be ended in order.
        if (!begun_) {
            interrupted_early_ = true;
            return;
        }
        log_.info("shutdown",
                  fmt::format("{}: ending {}", why, counted(engine_.runs_alive(), "run")));
        shut_down();
    }

    void end_when_idle() {
        asio::co_spawn(loop_, engine_.until_idle(), [this](std::exception_ptr) {
            if (!engine_.is_shutting_down()) shut_down();
        });
    }

    void shut_down() {
        if (engine_.is_shutting_down()) return;
        if (state_) keeper_.ending();
        asio::co_spawn(loop_, end(), [this](std::exception_ptr bug) {
            if (bug) exit_code_ = 1;
            // All is written before the keeper lets go of what it still holds.
            note("ended", fmt::format("daemon {}", number_));
            if (state_) state_->store().flush(patience_for_the_store);
            keeper_.leave();  // or the keeper would start another
            loop_.stop();
        });
    }

    asio::awaitable<void> end() {
        co_await engine_.shutdown();
        // Of a run in the foreground every message goes out; a daemon that must end waits a little.
        co_await messages_.until_said(interrupted_ || state_ != nullptr);
        if (engine_.runs_alive() > 0) {
            log_.warn("shutdown",
                      fmt::format("{} could not be ended and {} left to the next Bansuri",
                                  counted(engine_.runs_alive(), "run"),
                                  engine_.runs_alive() == 1 ? "is" : "are"));
        }
        log_.info("shutdown", "ended");
    }

    Result<void> restart_daemon() {
        if (engine_.is_shutting_down()) {
            return fail(ErrorCode::not_available, "Bansuri is shutting down");
        }
        log_.info("restart",
                  fmt::format("starting the daemon anew; {} run{} on", engine_.runs_alive(),
                              engine_.runs_alive() == 1 ? " goes" : "s go"));
        messages_.restart_asked();
        // After the answer has gone out.
        asio::post(loop_, [this] {
            if (server_) server_->stop();
            state_->flush();
            if (!keeper_.replace()) {
                log_.error("restart", "the keeper could not be told");
            }
            end_at_once(0);
        });
        return {};
    }

    [[noreturn]] void keeper_lost(const std::string& how = "the keeper was lost") {
        log_.error("keeper", how + (state_ ? ": what runs is left to the next daemon, ending"
                                           : ": what runs can no longer be seen, ending"));
        end_at_once(1);
    }

    /// Ends this process and nothing else: runs go on, their records stay open, and whoever comes
    /// next goes on with them. There is no orderly way down, because coroutines wait for what will
    /// not come; a daemon must be able to die anywhere anyhow.
    [[noreturn]] void end_at_once(int code) {
        keeper_.detach();
        if (state_) state_->store().flush(std::chrono::seconds(2));
        console_.close();
        ::_exit(code);
    }

    DaemonOptions options_;
    const std::uint32_t number_ = daemon_number();
    asio::io_context loop_{1};
    os::Console console_;
    Log log_;
    os::SystemClock clock_;
    const WallTime started_;
    engine::Health health_;
    os::KeeperClient keeper_;
    os::StartLookup lookup_;
    store::MemoryRunStore memory_;  // without a state directory
    std::unique_ptr<State> state_;
    engine::EventBus events_;
    Messages messages_;
    std::shared_ptr<void> listening_;
    std::mt19937_64 random_{std::random_device{}()};
    engine::Orchestrator engine_;
    ConfigLoader loader_;
    std::string configuration_error_;  // of the file as it is now
    asio::signal_set signals_;
    std::unique_ptr<ApiBackend> api_;
    std::optional<http::Server> server_;
    int exit_code_ = 0;
    bool begun_ = false;
    bool interrupted_ = false;
    bool interrupted_early_ = false;
    bool reload_wanted_ = false;  // by a change of the file, or a signal, before we had begun
};

}  // namespace

int run_daemon(const DaemonOptions& options, int keeper_fd) {
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
    try {
        return Daemon(options, keeper_fd).run();
    } catch (const NotStarted&) {
        return 1;
    }
}

}  // namespace bansuri::app
