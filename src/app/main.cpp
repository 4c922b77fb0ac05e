// SPDX-License-Identifier: MIT
//
// `bansuri`: hands each command to who answers it. `run` and `exec` become the keeper, which starts
// this program once more as the daemon.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <utility>
#include <variant>

#include "app/daemon.hpp"
#include "cli/arguments.hpp"
#include "cli/check.hpp"
#include "cli/client_commands.hpp"
#include "cli/import_file.hpp"
#include "cli/next.hpp"
#include "core/config/parsed_configuration.hpp"
#include "core/config/schema.hpp"
#include "core/state_directory.hpp"
#include "keeper/process_setup.hpp"
#include "keeper/run.hpp"
#include "os/config_file.hpp"
#include "os/crash_points.hpp"
#include "os/state_directory.hpp"
#include "os/system_clock.hpp"

namespace {

using namespace bansuri;

/// In the keeper: starts the same command line once more, marked as the daemon, and with `restart`
/// again whenever it dies.
int be_keeper(int argc, const char* const* argv, bool use_cgroups, bool restart,
              const os::StateDirectory* state = nullptr) {
    keeper::DaemonCommand daemon;
    // Both processes hold the lock: the directory is free when the last of them has ended.
    if (state != nullptr) daemon.descriptors = state->descriptors();
    daemon.argv.assign(argv, argv + argc);
    for (const char* const* variable = environ; *variable != nullptr; ++variable) {
        daemon.environment.emplace_back(*variable);
    }
    keeper::Options options;
    options.use_cgroups = use_cgroups;
    options.restart = restart;
    return keeper::run(std::move(daemon), options);
}

int be_daemon(const app::DaemonOptions& options) {
    os::arm_crash_points();
    ::fcntl(keeper::daemon_socket, F_SETFD, FD_CLOEXEC);
    ::prctl(PR_SET_NAME, "bansuri-daemon");  // it was executed as /proc/self/exe, hence "exe"
    return app::run_daemon(options, keeper::daemon_socket);
}

class Dispatch {
  public:
    Dispatch(int argc, const char* const* argv) : argc_(argc), argv_(argv) {}

    int operator()(const cli::Answered& answered) const { return answered.exit_code; }

    int operator()(const cli::RunCommand& run) const {
        if (run.once) {
            if (!is_daemon()) return be_keeper(argc_, argv_, run.use_cgroups, false);
            return be_daemon({run.config, run.log, true, {}, {}, BANSURI_VERSION});
        }
        const auto path = state_directory(run.state, variable, ::geteuid() == 0);
        if (!path) return refuse(path.error().message, 2);
        if (is_daemon()) return be_daemon({run.config, run.log, false, {}, *path, BANSURI_VERSION});
        const auto state = os::StateDirectory::open(*path);
        if (!state) return refuse(state.error().message, 1);
        return be_keeper(argc_, argv_, run.use_cgroups, true, &*state);
    }

    int operator()(const cli::ExecCommand& exec) const {
        if (!is_daemon()) return be_keeper(argc_, argv_, exec.use_cgroups, false);
        return be_daemon({exec.config, exec.log, false, exec.task, {}, BANSURI_VERSION});
    }

    int operator()(const cli::CheckCommand& check) const {
        const auto file = os::read_config_file(check.config);
        if (!file) return refuse(file.error().message, 1);
        return cli::report(parse_configuration(file->text, check.config, file->directory),
                           check.config, check.json, std::cout, std::cerr);
    }

    int operator()(const cli::SchemaCommand&) const {
        std::cout << json_schema();
        return 0;
    }

    int operator()(const cli::ImportCommand& command) const {
        return cli::import_file(command, std::cout, std::cerr);
    }

    int operator()(const cli::NextCommand& next) const {
        const WallTime now = os::SystemClock::read_wall();
        if (next.batch) return cli::answer_batch(std::cin, std::cout, now);
        cli::NextRequest request{next.subject, {}, next.zone, next.from, next.count, now};
        if (const auto task = find_task(next)) {
            const auto* cron = std::get_if<CronSchedule>(&task->schedule);
            if (cron == nullptr) {
                return refuse(fmt::format("task \"{}\" is not due by cron: it runs {}", task->name,
                                          std::holds_alternative<Once>(task->schedule)
                                              ? "once, at start-up"
                                              : "at start-up and at a fixed interval after it"),
                              2);
            }
            request.schedule = *cron;
        }
        return cli::print_next(request, std::cout, std::cerr);
    }

    /// What is left asks a daemon.
    template <class ClientCommand>
    int operator()(const ClientCommand& command) const {
        const auto directory = state_directory(command.client.state, variable, ::geteuid() == 0);
        if (!directory) return refuse(directory.error().message, 2);
        cli::ApiClient api(*directory);
        return cli::execute(
            command, api,
            cli::look_around(std::cout, std::cerr, variable, os::SystemClock::read_wall(),
                             os::SystemClock::read_mono));
    }

  private:
    static std::string variable(const char* name) {
        // NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread, and nobody sets variables.
        const char* const value = std::getenv(name);
        return value == nullptr ? std::string() : std::string(value);
    }

    /// The variable, which tasks do not inherit, alone could be anybody's; the socket is not.
    static bool is_daemon() {
        int type = 0;
        socklen_t size = sizeof type;
        // NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread, and nobody sets variables.
        return std::getenv(keeper::daemon_number) != nullptr &&
               ::getsockopt(keeper::daemon_socket, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
               type == SOCK_SEQPACKET;
    }

    static int refuse(const std::string& why, int exit_code) {
        std::cerr << "bansuri: " << why << '\n';
        return exit_code;
    }

    /// The task that is meant, if the subject is not an expression but a name of the configuration.
    static std::shared_ptr<const Task> find_task(const cli::NextCommand& next) {
        const auto file = os::read_config_file(next.config);
        if (!file) return nullptr;
        const ParsedConfiguration parsed =
            parse_configuration(file->text, next.config, file->directory);
        if (!parsed.configuration) return nullptr;
        for (const auto& task : parsed.configuration->tasks) {
            if (task->name == next.subject) return task;
        }
        return nullptr;
    }

    int argc_;
    const char* const* argv_;
};

/// What was asked for is done only when all of it could be written; streams tell that at the end.
int checked(int exit_code) {
    if (exit_code != 0 || std::cout.flush()) return exit_code;
    std::cerr << "bansuri: the output cannot be written\n";
    return 1;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        // First of all: what is opened next would be what others write to.
        keeper::fill_standard_descriptors();
        const cli::Command command = cli::parse_arguments(argc, argv, BANSURI_VERSION);
        return checked(std::visit(Dispatch(argc, argv), command));
    } catch (const std::exception& error) {
        std::cerr << "bansuri: " << error.what() << '\n';
        return 1;
    }
}
