// SPDX-License-Identifier: MIT
#include "app/daemon.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <exception>
#include <random>

#include "app/config_loader.hpp"
#include "app/event_log.hpp"
#include "app/log.hpp"
#include "app/single_run.hpp"
#include "engine/orchestrator.hpp"
#include "keeper/run.hpp"
#include "notify/command_notifier.hpp"
#include "os/config_watcher.hpp"
#include "os/console.hpp"
#include "os/keeper_client.hpp"
#include "os/system_clock.hpp"
#include "store/memory_run_store.hpp"

namespace bansuri::app {
namespace asio = boost::asio;

namespace {

constexpr auto patience_for_notifications = std::chrono::seconds(5);

class Daemon {
  public:
    Daemon(const DaemonOptions& options, int keeper_fd)
        : options_(options),
          console_(loop_.get_executor(), STDOUT_FILENO, STDERR_FILENO),
          log_(options.log, console_),
          clock_(loop_.get_executor()),
          keeper_(loop_.get_executor(), keeper::UniqueFd(keeper_fd)),
          notifier_(loop_.get_executor(), clock_, keeper_, engine::inheritable(environ),
                    [this](const std::string& task, const std::string& error) {
                        if (!error.empty()) log_.warn("notification", task + ": " + error);
                    }),
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
        if (follows_file_) {
            watcher.emplace(loop_.get_executor(), options_.config, [this] { reload(false); });
        }
        LoadedConfiguration first = loader_.read();
        // Of a single task nobody wants to hear what is unwise about the others.
        if (!first.configuration || options_.only_task.empty()) {
            tell(first.problems, first.configuration ? spdlog::level::warn : spdlog::level::err);
        }
        if (!first.configuration) {
            log_.error("configuration", "not started: the configuration cannot be taken");
            return 1;
        }
        if (!follows_file_) {
            Result<Configuration> part =
                single_run(std::move(*first.configuration), options_.only_task);
            if (!part) {
                log_.error("configuration", part.error().message);
                return 1;
            }
            first.configuration = std::move(*part);
        }
        keeper_.on_lost([this] {
            log_.error("keeper", "the keeper was lost: what runs can no longer be seen, ending");
            exit_code_ = 1;
            shut_down();
        });
        SingleRunResult result(events_);
        loop_.poll();  // a signal that came while the file was read
        if (!engine_.is_shutting_down()) apply(*first.configuration);
        if (!follows_file_) end_when_idle();
        run_loop();
        if (follows_file_ || exit_code_ != 0) return exit_code_;
        const int code = result.exit_code(options_.only_task);
        return code == 0 && interrupted_ && options_.once ? 1 : code;
    }

  private:
    engine::Services services() {
        return {loop_.get_executor(),
                clock_,
                keeper_,
                store_,
                notifier_,
                events_,
                console_,
                engine::inheritable(environ),
                [this] { return std::uniform_real_distribution<double>(0.0, 1.0)(random_); },
                [this](const std::string& task, const std::string& what) {
                    log_.error("bug",
                               fmt::format("{}: an exception escaped its run: {}", task, what));
                }};
    }

    /// No exception of a handler ends the daemon: it is logged, and the loop goes on.
    void run_loop() {
        while (true) {
            try {
                loop_.run();
                return;
            } catch (const std::exception& bug) {
                log_.error("bug", fmt::format("an exception reached the loop: {}", bug.what()));
            }
        }
    }

    void apply(const Configuration& configuration) {
        log_.use(configuration.zone);
        notifier_.use({configuration.notify_command, configuration.directory, configuration.zone});
        engine_.apply(configuration);
    }

    void tell(const std::vector<std::string>& problems, spdlog::level::level_enum level) {
        constexpr std::size_t most = 100;
        for (std::size_t i = 0; i < std::min(most, problems.size()); ++i) {
            level == spdlog::level::err ? log_.error("configuration", problems[i])
                                        : log_.warn("configuration", problems[i]);
        }
        if (problems.size() > most) {
            log_.warn("configuration",
                      fmt::format("and {} more: bansuri check tells all", problems.size() - most));
        }
    }

    void reload(bool asked_for) {
        if (engine_.is_shutting_down()) return;
        loader_.load([this, asked_for](LoadedConfiguration loaded) {
            if (engine_.is_shutting_down()) return;
            if (loaded.unchanged) {
                if (asked_for) log_.info("configuration", "the configuration has not changed");
                return;
            }
            tell(loaded.problems, loaded.configuration ? spdlog::level::warn : spdlog::level::err);
            if (loaded.configuration) return apply(*loaded.configuration);
            log_.error("configuration",
                       "the new configuration was refused; the one before it stays in force");
        });
    }

    void wait_for_signal() {
        signals_.async_wait([this](boost::system::error_code cancelled, int signal) {
            if (cancelled) return;
            if (signal == SIGUSR1 || signal == SIGUSR2) {
                log_.info("signal", fmt::format("signal {} means nothing here: ignored", signal));
            } else if (signal == SIGHUP && follows_file_) {
                reload(true);
            } else if (!engine_.is_shutting_down()) {
                log_.info("shutdown",
                          fmt::format("signal {}: ending {} run{}", signal, engine_.runs_alive(),
                                      engine_.runs_alive() == 1 ? "" : "s"));
                interrupted_ = true;
                shut_down();
            } else {
                log_.warn("shutdown", "asked again: killing what still runs");
                engine_.kill_all();
                notifier_.abandon();
            }
            wait_for_signal();
        });
    }

    void end_when_idle() {
        asio::co_spawn(loop_, engine_.until_idle(), [this](std::exception_ptr) {
            if (!engine_.is_shutting_down()) shut_down();
        });
    }

    void shut_down() {
        if (engine_.is_shutting_down()) return;
        asio::co_spawn(loop_, end(), [this](std::exception_ptr bug) {
            if (bug) exit_code_ = 1;
            loop_.stop();
        });
    }

    asio::awaitable<void> end() {
        co_await engine_.shutdown();
        // Of a run in the foreground every message goes out; a daemon that must end waits a little.
        std::unique_ptr<engine::Alarm> enough;
        if (interrupted_ || follows_file_) {
            enough = clock_.at(clock_.mono_now() + patience_for_notifications,
                               [this] { notifier_.abandon(); });
        }
        co_await notifier_.until_idle();
        log_.info("shutdown", "ended");
    }

    DaemonOptions options_;
    const bool follows_file_ = !options_.once && options_.only_task.empty();
    asio::io_context loop_{1};
    os::Console console_;
    Log log_;
    os::SystemClock clock_;
    os::KeeperClient keeper_;
    store::MemoryRunStore store_;
    engine::EventBus events_;
    notify::CommandNotifier notifier_;
    std::shared_ptr<void> listening_;
    std::mt19937_64 random_{std::random_device{}()};
    engine::Orchestrator engine_;
    ConfigLoader loader_;
    asio::signal_set signals_;
    int exit_code_ = 0;
    bool interrupted_ = false;
};

}  // namespace

int run_daemon(const DaemonOptions& options, int keeper_fd) {
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
    return Daemon(options, keeper_fd).run();
}

}  // namespace bansuri::app
