// SPDX-License-Identifier: MIT
#include "keeper/supervisor.hpp"

#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>

#include "keeper/boot_clock.hpp"
#include "keeper/report.hpp"
#include "keeper/spare_descriptors.hpp"

namespace bansuri::keeper {
namespace {

using Text = std::array<char, 320>;

/// Those that ask for an orderly end. A daemon that dies without one leaves them to the next.
bool asks_to_end(int signal_number) {
    return signal_number == SIGTERM || signal_number == SIGINT || signal_number == SIGQUIT;
}

Text death(int status) {
    Text text{};
    if (WIFSIGNALED(status)) {
        const char* const name = ::sigabbrev_np(WTERMSIG(status));
        std::snprintf(text.data(), text.size(), "the daemon was killed by signal %d (SIG%s)",
                      WTERMSIG(status), name == nullptr ? "?" : name);
    } else {
        std::snprintf(text.data(), text.size(), "the daemon ended with code %d, unasked",
                      WEXITSTATUS(status));
    }
    return text;
}

Text that_run_on(std::size_t tasks) {
    Text text{};
    std::snprintf(text.data(), text.size(), "%zu %s", tasks,
                  tasks == 1 ? "task runs on" : "tasks run on");
    return text;
}

}  // namespace

Supervisor::Supervisor(DaemonCommand command, Launcher::Inherited inherited, bool restart,
                       Backoff backoff)
    : command_(std::move(command)), inherited_(inherited), restart_(restart), backoff_(backoff) {}

const char* Supervisor::program() const {
    return installed_ ? command_.installed_path.c_str() : command_.path.c_str();
}

UniqueFd Supervisor::start() {
    start_at_ = never;
    begun_ = boot_now();
    ready_ = leaves_ = replace_ = false;
    failure_ = {};
    exec_error_ = 0;
    wait_status_ = 0;
    try {
        daemon_ = start_daemon(command_, program(), number_ + 1, inherited_);
    } catch (const std::system_error& error) {
        std::snprintf(failure_.data(), failure_.size(), "the daemon was not started: %s",
                      error.what());
        lived_ = BootTime::zero();
        return {};
    } catch (...) {
        start_at_ = begun_ + std::chrono::milliseconds(20);  // no memory: soon again
        throw;
    }
    ++number_;
    for (int number = 1; number < NSIG; ++number) {
        if (!waiting_[number]) continue;
        waiting_[number] = false;
        forward(number);
    }
    return std::move(daemon_.socket);
}

void Supervisor::forward(int signal_number) {
    if (daemon_.pid > 0) {
        ::kill(daemon_.pid, signal_number);  // our child and not reaped: the number is its own
        sent_[signal_number] = true;
    } else {
        waiting_[signal_number] = true;
        if (start_at_ != never) start_at_ = boot_now();
    }
}

void Supervisor::reaped(int wait_status) {
    wait_status_ = wait_status;
    lived_ = boot_now() - begun_;
    exec_error_ = daemon_.exec_error();
    worked_ = worked_ || exec_error_ == 0;
    if (exec_error_ != 0) {
        std::snprintf(failure_.data(), failure_.size(), "exec \"%.160s\": %s", program(),
                      ::strerrordesc_np(exec_error_));
    }
    for (int number = 1; number < NSIG; ++number) {
        if (sent_[number] && (exec_error_ != 0 || asks_to_end(number))) waiting_[number] = true;
    }
    sent_ = {};
    daemon_ = {};
}

bool Supervisor::goes_on(Tasks tasks) {
    const bool started = failure_[0] == '\0';
    const Text end = death(wait_status_);
    const char* const cause = started ? end.data() : failure_.data();
    const Text run_on = that_run_on(tasks.running);
    if (!started && !worked_) {
        report("%s", cause);
        return give_up(1);
    }
    if (leaves_ || !restart_) {
        if (WIFEXITED(wait_status_)) return give_up(WEXITSTATUS(wait_status_));
        report("%s; its tasks are ended", cause);
        return give_up(1);
    }
    const BootTime now = boot_now();
    if (replace_ && started) {
        installed_ = true;
        proven_ = false;
        excused_ = 0;
        short_lives_ = 0;
        report("the daemon ended to be replaced; starting \"%.160s\", %s", program(),
               run_on.data());
        return again_at(now);
    }
    const bool short_life = lived_ < backoff_.enough_life;
    if (installed_ && is_to_fall_back()) {
        installed_ = false;
        report("%s, before it could work; going back to the program that ran before, %s", cause,
               run_on.data());
        return again_at(now);
    }
    if (!short_life) {
        short_lives_ = 0;
        report("%s; restarting it, %s", cause, run_on.data());
        return again_at(now);
    }
    pause_ = short_lives_ == 0 ? backoff_.first : std::min(2 * pause_, backoff_.longest);
    ++short_lives_;
    const bool asked_to_end = waiting_[SIGTERM] || waiting_[SIGINT] || waiting_[SIGQUIT];
    if (short_lives_ >= backoff_.short_lives && (tasks.held == 0 || asked_to_end)) {
        report("%s, for the %uth time soon after its start; given up", cause, short_lives_);
        return give_up(1);
    }
    report("%s; restarting it in %lld ms, %s", cause, static_cast<long long>(pause_.count()),
           run_on.data());
    return again_at(now + pause_);
}

// Back to the program that ran before, until `replace` asks for the installed one anew: if that
// cannot be executed, or has ended before it was ready for the first time. What may pass, such as a
// file that is just being replaced or memory that somebody else has taken, is waited for a little.
bool Supervisor::is_to_fall_back() {
    const bool started = failure_[0] == '\0';
    if (ready_ || (started && proven_)) {
        excused_ = 0;
        return false;
    }
    if (!started && exec_error_ == 0) return false;  // no other program would fare better
    const bool killed = WIFSIGNALED(wait_status_) && WTERMSIG(wait_status_) == SIGKILL;
    const bool may_pass = started ? killed
                                  : proven_ || is_shortage(exec_error_) || exec_error_ == EAGAIN ||
                                        exec_error_ == ETXTBSY;
    return !may_pass || ++excused_ > backoff_.excuses;
}

bool Supervisor::again_at(BootTime when) {
    start_at_ = when;
    return true;
}

bool Supervisor::give_up(int exit_code) {
    exit_code_ = exit_code;
    return false;
}

}  // namespace bansuri::keeper
