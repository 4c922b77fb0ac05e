// SPDX-License-Identifier: MIT
#include "keeper/starter.hpp"

#include <algorithm>
#include <cerrno>

#include "keeper/pipe.hpp"
#include "keeper/sealed_memory.hpp"

namespace bansuri::keeper {

std::chrono::microseconds bounded(std::int64_t microseconds) {
    return std::chrono::microseconds(
        std::clamp<std::int64_t>(microseconds, 0, std::int64_t{1} << 50));
}

SpawnError Starter::start(const Message& message, ReceivedPacket& packet) {
    const bool spec_apart = (message.header.flags & flag_spec_in_memfd) != 0;
    const bool has_input = (message.header.flags & flag_input_in_memfd) != 0;
    if (packet.truncated) return {Step::request, EMFILE};
    if (packet.fd_count != std::size_t{spec_apart} + std::size_t{has_input}) {
        return {Step::request, EBADMSG};
    }

    std::optional<SealedView> memory;
    if (spec_apart) {
        memory = SealedView::open(packet.fds[0].get(), max_spec);
        if (!memory) return {Step::request, errno};
    }
    const auto spec = parse_start(memory ? memory->bytes() : message.body);
    if (!spec) return {Step::request, EBADMSG};
    const int input = has_input ? packet.fds[spec_apart ? 1 : 0].get() : -1;
    if (has_input && !is_sealed(input)) return {Step::standard_input, EPERM};

    // Known from here on, before the process exists.
    return launch(attempts_.insert(message.header.id()), *spec, input);
}

SpawnError Starter::launch(Attempt& attempt, const StartSpec& spec, int input) {
    attempt.survive = spec.survive;
    attempt.stop_timeout = bounded(spec.stop_timeout_us);
    attempt.label = spec.label;
    UniqueFd output;
    UniqueFd error;
    const bool capture_output = spec.output.kind == TargetKind::pipe;
    const bool capture_error = spec.error.kind == TargetKind::pipe;
    if (capture_output && !open_pipe(attempt.output, output)) return {Step::pipe, errno};
    if (capture_error && !open_pipe(attempt.error, error)) return {Step::pipe, errno};
    containment_.assign(attempt);

    Launcher::Descriptors descriptors{input, output.get(), error.get(),
                                      attempt.cgroup ? attempt.cgroup->directory.get() : -1};
    auto launched = launcher_.launch(spec, descriptors);
    if (launched.pid < 0 && attempt.cgroup &&
        (launched.failure.step == Step::cgroup ||
         (launched.failure.step == Step::clone && launched.failure.error != EAGAIN))) {
        // Somebody removed our cgroup, or forbade it: the walk through /proc has to do.
        containment_.release(attempt);
        descriptors.cgroup = -1;
        launched = launcher_.launch(spec, descriptors);
    }
    if (launched.pid < 0) return launched.failure;

    Started started;
    started.pid = launched.pid;
    started.captured =
        (capture_output ? captured_output : 0U) | (capture_error ? captured_error : 0U);
    started.output_offset = launched.output_offset;
    started.error_offset = launched.error_offset;
    if (capture_output) started.output_pipe = pipe_inode(attempt.output.get());
    if (capture_error) started.error_pipe = pipe_inode(attempt.error.get());
    started.start_time = launched.start_time;
    if (started.start_time == 0) {
        const auto info =
            ProcessInfo::read(launched.pid);  // not reaped yet, hence there to be read
        started.start_time = info ? info->start_time : 0;
    }
    attempts_.set_leader(attempt, started);
    attempt.owes_started = true;
    attempts_.enqueue(attempt);
    return {};
}

}  // namespace bansuri::keeper
