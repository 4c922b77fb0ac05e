// SPDX-License-Identifier: MIT
#include "os/launch_message.hpp"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>

#include "core/printable.hpp"
#include "keeper/start_spec.hpp"
#include "os/enforcement.hpp"

namespace bansuri::os {
namespace {

keeper::Survive translate(Survive survive) {
    switch (survive) {
        case Survive::daemons: return keeper::Survive::daemons;
        case Survive::none: return keeper::Survive::none;
        case Survive::all: return keeper::Survive::all;
    }
    return keeper::Survive::daemons;
}

keeper::Target translate(const OutputTarget& target) {
    switch (target.kind) {
        case OutputTarget::Kind::capture: return {keeper::TargetKind::pipe, ""};
        case OutputTarget::Kind::file: return {keeper::TargetKind::file, target.path.c_str()};
        case OutputTarget::Kind::combined: return {keeper::TargetKind::combined, ""};
        case OutputTarget::Kind::ignore: return {keeper::TargetKind::null, ""};
    }
    return {};
}

std::vector<const char*> pointers(const std::vector<std::string>& strings) {
    std::vector<const char*> list;
    list.reserve(strings.size());
    for (const std::string& text : strings) list.push_back(text.c_str());
    return list;
}

bool has_nul(const std::string& text) { return text.find('\0') != std::string::npos; }

std::string cause(int error) { return std::generic_category().message(error); }

/// Why a stream's file could not be opened, and what to do.
std::string file_problem(const char* key, const OutputTarget& target, int error) {
    if (target.kind != OutputTarget::Kind::file) return fmt::format("{}: {}", key, cause(error));
    const char* remedy = "correct the path";
    switch (error) {
        case ENOENT: remedy = "create its directory or correct the path"; break;
        case EISDIR: remedy = "name a file in it"; break;
        case ENXIO: remedy = "it is a FIFO that nobody reads, or a socket; name a file"; break;
        case EACCES:
        case EPERM: remedy = "allow it to be written, or name another file"; break;
        case EROFS: remedy = "name a file on a writable file system"; break;
        default: break;
    }
    return fmt::format("{}: open \"{}\": {}; {}", key, printable_lines(target.path), cause(error),
                       remedy);
}

std::string request_problem(int error) {
    switch (error) {
        case EAGAIN: return "the keeper holds as many attempts as it can; it is tried again later";
        case EEXIST: return "the keeper knows this attempt already";
        case EBADMSG: return "the keeper did not understand the request";
        default: return fmt::format("the keeper could not take the request: {}", cause(error));
    }
}

std::string program_problem(const std::string& program, int error) {
    const char* remedy = "";
    switch (error) {
        case ENOENT: remedy = "; install it, or its interpreter, or correct the command"; break;
        case EACCES:
            remedy = "; it must be an executable file on a file system that allows that";
            break;
        case ENOEXEC: remedy = "; it is not a program for this machine, and has no #! line"; break;
        case E2BIG:
            remedy = "; one argument or variable may have 131071 bytes: put more into a file";
            break;
        case ETXTBSY: remedy = "; the file is open for writing"; break;
        case EAGAIN: remedy = "; the user's limit of processes is reached"; break;
        case ETIMEDOUT:
            remedy =
                "; it could not be opened in 5 s: see what its file system, or who has a "
                "lease on it, does";
            break;
        default: break;
    }
    return fmt::format("exec \"{}\": {}{}", printable_lines(program), cause(error), remedy);
}

/// " as user "x"" for a task that is somebody else's.
std::string as_whom(const engine::LaunchSpec& spec) {
    if (!spec.account) return {};
    return fmt::format(" (as user \"{}\")", printable_lines(spec.account->name));
}

std::string limit_problem(const keeper::SpawnError& failure) {
    return fmt::format("limits.{}: {}; {}", key_of_resource(failure.detail), cause(failure.error),
                       failure.error == EPERM ? "it is above the hard limit that Bansuri was "
                                                "started with: raise that, or ask for less"
                                              : "correct it");
}

/// The step by its name: who reads the log of such a failure knows the calls, or looks them up.
std::string identity_problem(const engine::LaunchSpec& spec, const keeper::SpawnError& failure) {
    const char* step = "";
    switch (failure.step) {
        case keeper::Step::ownership: step = "fchown of its output pipes"; break;
        case keeper::Step::groups: step = "setgroups"; break;
        case keeper::Step::group: step = "setresgid"; break;
        case keeper::Step::user: step = "setresuid"; break;
        default:
            return fmt::format(
                "become user \"{}\": the kernel did not make it exactly that user, "
                "or root could be had back; nothing was started",
                printable_lines(spec.account->name));
    }
    const char* remedy = "Bansuri has to be root, in the user namespace that the user is of";
    if (failure.error == EAGAIN) remedy = "the user's limit of processes is reached";
    return fmt::format("become user \"{}\": {}: {}; {}", printable_lines(spec.account->name), step,
                       cause(failure.error), remedy);
}

/// By the variables that every task reads; a notifier's tell of another run.
bool names_itself(const engine::LaunchSpec& spec) {
    const auto has = [&spec](const std::string& variable) {
        return std::find(spec.environment.begin(), spec.environment.end(), variable) !=
               spec.environment.end();
    };
    return has(fmt::format("BANSURI_RUN_ID={}", spec.id.run)) &&
           has(fmt::format("BANSURI_ATTEMPT={}", spec.id.attempt));
}

}  // namespace

Result<std::vector<std::byte>> encode_launch(const engine::LaunchSpec& spec,
                                             std::uint32_t controllers) {
    if (spec.argv.empty()) return fail(ErrorCode::cannot_start, "there is no command to execute");
    if (std::any_of(spec.argv.begin(), spec.argv.end(), has_nul) ||
        has_nul(spec.working_directory) || has_nul(spec.standard_output.path) ||
        has_nul(spec.standard_error.path)) {
        return fail(ErrorCode::cannot_start,
                    "a command or a path with a NUL byte cannot be executed");
    }
    for (const std::string& variable : spec.environment) {
        if (!has_nul(variable)) continue;
        return fail(ErrorCode::cannot_start,
                    fmt::format("environment variable \"{}\" has a NUL byte in it",
                                printable_lines(variable.substr(0, variable.find('=')))));
    }
    if (spec.label.size() > keeper::max_label) {
        return fail(ErrorCode::cannot_start,
                    fmt::format("the label of the attempt has {} bytes, and may have {}",
                                spec.label.size(), keeper::max_label));
    }
    keeper::StartSpec start;
    start.label = spec.label;
    start.argv = pointers(spec.argv);
    const std::string mark =
        fmt::format("{}{}.{}", keeper::attempt_mark, spec.id.run, spec.id.attempt);
    start.environment = pointers(spec.environment);
    if (!names_itself(spec)) start.environment.push_back(mark.c_str());
    start.working_directory = spec.working_directory.c_str();
    start.output = translate(spec.standard_output);
    start.error = translate(spec.standard_error);
    start.survive = translate(spec.survive);
    start.stop_timeout_us = spec.stop_timeout.count();
    // Without privileges an account is checked to be oneself, and nothing has to be changed.
    if (spec.account && ::geteuid() == 0) {
        if (spec.account->groups.size() > keeper::max_groups) {
            return fail(ErrorCode::cannot_start,
                        fmt::format("user \"{}\" is in {} groups; {} are possible",
                                    printable_lines(spec.account->name),
                                    spec.account->groups.size(), keeper::max_groups));
        }
        start.identity = {spec.account->user, spec.account->group, spec.account->groups};
    }
    start.priority = spec.priority;
    start.umask = spec.umask;
    const uid_t user = spec.account ? spec.account->user : ::geteuid();
    Enforcement enforcement = enforce(spec.limits, controllers, user == 0);
    start.limits = std::move(enforcement.limits);
    start.cgroup_limits = enforcement.cgroup;
    std::vector<std::byte> bytes = keeper::encode_start(start);
    if (bytes.size() > keeper::max_spec || start.argv.size() > keeper::max_spec_strings ||
        start.environment.size() > keeper::max_spec_strings) {
        return fail(ErrorCode::cannot_start,
                    fmt::format("command and environment are too large ({} bytes, {} strings)",
                                bytes.size(), start.argv.size() + start.environment.size()));
    }
    return bytes;
}

Error launch_error(const engine::LaunchSpec& spec, const keeper::SpawnError& failure) {
    const int error = failure.error;
    std::string message;
    switch (failure.step) {
        case keeper::Step::request: message = request_problem(error); break;
        case keeper::Step::pipe: message = fmt::format("create a pipe: {}", cause(error)); break;
        case keeper::Step::clone:
            message = fmt::format("create a process: {}", cause(error));
            break;
        case keeper::Step::cgroup: message = fmt::format("join a cgroup: {}", cause(error)); break;
        case keeper::Step::session:
            message = fmt::format("create a session: {}", cause(error));
            break;
        case keeper::Step::limit: message = limit_problem(failure); break;
        case keeper::Step::priority:
            message = fmt::format("priority {}: {}; only root may ask for less than it has",
                                  spec.priority.value_or(0), cause(error));
            break;
        case keeper::Step::ownership:
        case keeper::Step::groups:
        case keeper::Step::group:
        case keeper::Step::user:
        case keeper::Step::identity: message = identity_problem(spec, failure); break;
        case keeper::Step::working_directory:
            message =
                fmt::format("working directory \"{}\"{}: {}; {}",
                            printable_lines(spec.working_directory), as_whom(spec), cause(error),
                            error == EACCES ? "allow it to be entered or correct working-directory"
                                            : "create it or correct working-directory");
            break;
        case keeper::Step::standard_input: message = fmt::format("stdin: {}", cause(error)); break;
        case keeper::Step::standard_output:
            message = file_problem("stdout", spec.standard_output, error) + as_whom(spec);
            break;
        case keeper::Step::standard_error:
            message = file_problem("stderr", spec.standard_error, error) + as_whom(spec);
            break;
        case keeper::Step::program: message = program_problem(spec.argv.front(), error); break;
        case keeper::Step::none:
        case keeper::Step::step_count: message = fmt::format("start: {}", cause(error)); break;
    }
    return {ErrorCode::cannot_start, std::move(message)};
}

keeper::Adopt adopt_body(const engine::AdoptSpec& spec) {
    keeper::Adopt adopt;
    adopt.pid = spec.process.pid;
    adopt.survive = translate(spec.survive);
    adopt.start_time = spec.process.start_time;
    adopt.output_pipe = spec.process.output_pipe;
    adopt.error_pipe = spec.process.error_pipe;
    adopt.stop_timeout_us = spec.stop_timeout.count();
    return adopt;
}

Error adopt_error(const engine::AdoptSpec& spec, const keeper::SpawnError& failure) {
    if (failure.step == keeper::Step::request && failure.error == ESRCH) {
        return {ErrorCode::not_found,
                fmt::format("process {} is not there any more", spec.process.pid)};
    }
    if (failure.step == keeper::Step::request && failure.error == EEXIST) {
        return {ErrorCode::already_claimed, request_problem(failure.error)};
    }
    return {ErrorCode::io,
            fmt::format("adopt process {}: {}", spec.process.pid, cause(failure.error))};
}

keeper::EndCause translate(engine::EndCause cause) {
    switch (cause) {
        case engine::EndCause::none: return keeper::EndCause::none;
        case engine::EndCause::time_limit: return keeper::EndCause::time_limit;
        case engine::EndCause::stop: return keeper::EndCause::stop;
    }
    return keeper::EndCause::none;
}

engine::EndCause translate(keeper::EndCause cause) {
    switch (cause) {
        case keeper::EndCause::none: return engine::EndCause::none;
        case keeper::EndCause::time_limit: return engine::EndCause::time_limit;
        case keeper::EndCause::stop: return engine::EndCause::stop;
    }
    return engine::EndCause::none;
}

ExitStatus exit_status_of(int wait_status) {
    if (WIFEXITED(wait_status)) return ExitStatus::exited(WEXITSTATUS(wait_status));
    return ExitStatus::signalled(WTERMSIG(wait_status), WCOREDUMP(wait_status));
}

}  // namespace bansuri::os
