// SPDX-License-Identifier: MIT
//
// `bansuri why`, `reload`, `shutdown` and `restart-daemon`: one question each, and for the last two
// a wait until what was asked for is so.
#include <fmt/format.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <ostream>
#include <thread>

#include "cli/client_commands.hpp"
#include "cli/reading.hpp"
#include "cli/shown.hpp"
#include "core/printable.hpp"

namespace bansuri::cli {
namespace {

constexpr auto interval = std::chrono::milliseconds(50);

/// What is left of a --timeout. A daemon that answers slowly, or not at all, takes of it too.
class Deadline {
  public:
    Deadline(Duration bound, ApiClient& api, const Surroundings& around)
        : bound_(bound), api_(api), around_(around), begun_(around.mono_now()) {
        api_.use_patience(bound_);
    }
    Deadline(const Deadline&) = delete;
    Deadline& operator=(const Deadline&) = delete;
    ~Deadline() { api_.use_patience(ApiClient::longest_patience); }

    /// Looks until `claim` is true; false when the time is over.
    template <class Claim>
    bool wait_until(const Claim& claim) {
        while (!claim()) {
            const Duration left = bound_ - (around_.mono_now() - begun_);
            if (left <= Duration::zero()) return false;
            api_.use_patience(left);
            std::this_thread::sleep_for(std::min<Duration>(left, interval));
        }
        return true;
    }

  private:
    Duration bound_;
    ApiClient& api_;
    const Surroundings& around_;
    MonoTime begun_;
};

/// The keeper is the process that a terminal or a service manager sees: when it has gone, all has.
/// -1 if its number does not mean the same here as there, as between two containers.
int watch_keeper(ApiClient& api) {
    const Result<Json> status = api.get("/api/v1/status");
    if (!status) return -1;
    const Json& daemon = member(*status, "daemon");
    const auto keeper = static_cast<pid_t>(number_of(daemon, "keeper_pid"));
    const auto peer = api.peer();
    if (keeper <= 0 || !peer || number_of(daemon, "pid") != static_cast<std::uint64_t>(*peer)) {
        return -1;
    }
    return static_cast<int>(::syscall(SYS_pidfd_open, keeper, 0));
}

bool has_ended(int pidfd) {
    pollfd watched{pidfd, POLLIN, 0};
    return ::poll(&watched, 1, 0) == 1;
}

}  // namespace

int execute(const WhyCommand& command, ApiClient& api, const Surroundings& around) {
    const Result<Json> answer = api.get("/api/v1/why", {{"task", command.task}});
    if (!answer) return refuse(around, "why", answer.error());
    if (command.client.json) {
        print_json(*answer, around);
        return 0;
    }
    const std::string state = text_of(*answer, "state");
    around.out << printable_line(command.task);
    if (!state.empty()) {
        around.out << ": " << coloured(printable_line(state), colour_of(state), around.colour);
    }
    around.out << '\n';
    for (const Json& sentence : list_of(*answer, "sentences")) {
        if (!sentence.is_string()) continue;
        around.out << printable_line(sentence.get_ref<const std::string&>()) << '\n';
    }
    return 0;
}

int execute(const ReloadCommand& command, ApiClient& api, const Surroundings& around) {
    const Result<Json> answer = api.post("/api/v1/reload");
    if (!answer) return refuse(around, "reload", answer.error());
    const std::string result = text_of(*answer, "result");
    const int exit_code = result == "refused" ? 1 : 0;
    if (command.client.json) {
        print_json(*answer, around);
        return exit_code;
    }
    for (const Json& problem : list_of(*answer, "problems")) {
        if (!problem.is_string()) continue;
        around.err << printable_lines(problem.get_ref<const std::string&>()) << '\n';
    }
    if (result == "refused") {
        around.err << "bansuri reload: the configuration was refused; the one before it stays in "
                      "force\n";
    } else if (result == "unchanged") {
        around.out << "the configuration has not changed\n";
    } else {
        around.out << fmt::format(
            "generation {}: {} tasks, {} added, {} removed, {} restarted, {} changed in place\n",
            number_of(*answer, "generation"), number_of(*answer, "tasks"),
            number_of(*answer, "added"), number_of(*answer, "removed"),
            number_of(*answer, "restarted"), number_of(*answer, "changed"));
    }
    return exit_code;
}

int execute(const ShutdownCommand& command, ApiClient& api, const Surroundings& around) {
    Deadline deadline(command.timeout, api, around);
    const int keeper = watch_keeper(api);
    const Result<Json> answer = api.post("/api/v1/shutdown");
    if (!answer) {
        if (keeper >= 0) ::close(keeper);
        return refuse(around, "shutdown", answer.error());
    }
    const std::uint64_t number = number_of(*answer, "number");
    const std::uint64_t pid = number_of(*answer, "pid");
    const bool gone = deadline.wait_until([&] {
        if (keeper >= 0) return has_ended(keeper);
        const Result<Json> version = api.get("/api/v1/version");
        if (!version) return version.error().code == ErrorCode::unreachable;
        // A service manager may have started the next Bansuri already.
        return number_of(*version, "number") != number || number_of(*version, "pid") != pid;
    });
    if (keeper >= 0) ::close(keeper);
    if (!gone) {
        return refuse(around, "shutdown",
                      {ErrorCode::io, fmt::format("it has not ended within {}; bansuri status "
                                                  "shows what still runs",
                                                  shown_span(command.timeout))});
    }
    if (command.client.json) print_json(*answer, around);
    return 0;
}

int execute(const RestartDaemonCommand& command, ApiClient& api, const Surroundings& around) {
    Deadline deadline(command.timeout, api, around);
    const Result<Json> answer = api.post("/api/v1/restart-daemon");
    if (!answer) return refuse(around, "restart-daemon", answer.error());
    const std::uint64_t before = number_of(*answer, "number");
    Result<Json> version = fail(ErrorCode::unreachable, {});
    const bool replaced = deadline.wait_until([&] {
        version = api.get("/api/v1/version");
        return version && number_of(*version, "number") != before;
    });
    if (!replaced) {
        return refuse(around, "restart-daemon",
                      {version ? ErrorCode::io : ErrorCode::unreachable,
                       fmt::format("no other daemon has answered within {}; the log says more",
                                   shown_span(command.timeout))});
    }
    if (command.client.json) {
        print_json(*version, around);
    } else {
        around.out << fmt::format("daemon {} (pid {}), version {}, took over from daemon {}\n",
                                  number_of(*version, "number"), number_of(*version, "pid"),
                                  printable_line(text_of(*version, "version")), before);
    }
    return 0;
}

}  // namespace bansuri::cli
