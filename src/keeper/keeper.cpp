// SPDX-License-Identifier: MIT
#include "keeper/keeper.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <new>
#include <system_error>
#include <utility>

#include "keeper/boot_clock.hpp"
#include "keeper/report.hpp"
#include "keeper/sealed_memory.hpp"

namespace bansuri::keeper {
namespace {

// What an event of epoll belongs to; from first_pipe on: a descriptor that is being drained.
constexpr std::uint64_t tag_socket = 0;
constexpr std::uint64_t tag_signals = 1;
constexpr std::uint64_t tag_timer = 2;
constexpr std::uint64_t first_pipe = 16;

// A start takes a third of a millisecond, so a turn stays below five.
constexpr int max_requests_a_turn = 16;
constexpr int max_reaped_a_turn = 256;
/// Kept free for looking into /proc and for what requests bring along.
constexpr rlim_t spare_descriptors = 64;
constexpr std::chrono::milliseconds retry_pause(20);
/// A process in uninterruptible sleep must not keep the machine from shutting down.
constexpr std::chrono::seconds patience_at_exit(10);

constexpr std::array forwarded = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

UniqueFd checked(int fd, const char* call) {
    if (fd < 0) throw std::system_error(errno, std::generic_category(), call);
    return UniqueFd(fd);
}

UniqueFd open_signals() {
    sigset_t watched;
    sigemptyset(&watched);
    sigaddset(&watched, SIGCHLD);
    for (const int number : forwarded) sigaddset(&watched, number);
    return checked(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd");
}

/// A pipe for a captured stream; its read end does not block.
bool open_pipe(UniqueFd& read_end, UniqueFd& write_end) {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) < 0) return false;
    read_end.reset(ends[0]);
    write_end.reset(ends[1]);
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    if (static_cast<rlim_t>(ends[1]) + spare_descriptors > limit.rlim_cur) {
        errno = EMFILE;
        return false;
    }
    return ::fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0;
}

}  // namespace

Keeper::Keeper(UniqueFd socket, pid_t daemon, Launcher::Inherited inherited, Options options)
    : options_(options),
      daemon_(daemon),
      containment_(options.use_cgroups),
      ending_(attempts_, containment_),
      outbox_(std::move(socket), attempts_),
      launcher_(inherited, options.use_clone3),
      epoll_(checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      signals_(open_signals()),
      timer_(
          checked(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK), "timerfd_create")) {
    containment_.set_daemon(daemon);
    watch(signals_.get(), EPOLLIN, tag_signals);
    watch(timer_.get(), EPOLLIN, tag_timer);
    watch(outbox_.socket(), EPOLLIN, tag_socket);
}

int Keeper::run() {
    while (!finished()) {
        try {
            turn();
        } catch (const std::bad_alloc&) {
            // What could not be done is still marked as due.
            retry_at_ = boot_now() + retry_pause;
            more_to_do_ = false;
        }
    }
    return daemon_status_;
}

void Keeper::turn() {
    arm_timer();
    std::array<epoll_event, 64> events;
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                   std::exchange(more_to_do_, false) ? 0 : -1);
    bool requests = false;
    bool children = false;
    for (int i = 0; i < count; ++i) {
        const std::uint64_t tag = events[static_cast<std::size_t>(i)].data.u64;
        if (tag == tag_socket) {
            requests = true;
        } else if (tag == tag_signals) {
            children = true;
        } else if (tag == tag_timer) {
            std::uint64_t expirations = 0;
            [[maybe_unused]] const auto size =
                ::read(timer_.get(), &expirations, sizeof(expirations));
            children = true;  // a turn that ran out of memory may have left some unreaped
        } else {
            drain(static_cast<int>(tag - first_pipe));
        }
    }
    if (children) read_signals();
    if (std::exchange(reap_more_, false) || children) reap();
    if (requests) receive();
    ending_.work();
    flush();
}

void Keeper::arm_timer() {
    BootTime due = std::min({ending_.next_due(), retry_at_, give_up_at_});
    itimerspec setting{};
    if (due != never) {
        due = std::max(due, BootTime(1));  // zero would disarm it
        setting.it_value.tv_sec = due / std::chrono::seconds(1);
        setting.it_value.tv_nsec = (due % std::chrono::seconds(1)).count();
    }
    ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &setting, nullptr);
}

void Keeper::watch(int fd, std::uint32_t events, std::uint64_t tag, bool known) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = tag;
    ::epoll_ctl(epoll_.get(), known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
}

void Keeper::watch_socket() {
    if (!outbox_.open()) return;
    watch(outbox_.socket(), (reading_ ? EPOLLIN : 0U) | (want_write_ ? EPOLLOUT : 0U), tag_socket,
          true);
}

void Keeper::read_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof(info)) == sizeof(info)) {
        const int number = static_cast<int>(info.ssi_signo);
        if (number == SIGCHLD || closing_) continue;
        if (daemon_ > 0) {
            ::kill(daemon_, number);  // our child and not reaped: the number is its own
        } else if (number == SIGTERM) {
            daemon_gone();
        }
    }
}

void Keeper::reap() {
    bool orphans = false;
    for (int i = 0; i < max_reaped_a_turn; ++i) {
        siginfo_t child{};
        // Only a peek: a leader is reaped by those who know what to do with its status.
        if (::waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) < 0 || child.si_pid == 0) {
            if (orphans) ending_.orphans_died();
            return;
        }
        Attempt* const attempt = attempts_.led_by(child.si_pid);
        if (attempt != nullptr && attempt->leader_alive()) {
            ending_.leader_ended(*attempt);
        } else if (child.si_pid == daemon_) {
            ::waitpid(daemon_, &daemon_status_, 0);
            daemon_gone();
        } else {
            ::waitpid(child.si_pid, nullptr, 0);
            containment_.orphan_reaped(child.si_pid);
            orphans = true;
        }
    }
    if (orphans) ending_.orphans_died();
    reap_more_ = more_to_do_ = true;
}

void Keeper::daemon_gone() {
    if (closing_) return;
    closing_ = true;
    daemon_ = -1;
    containment_.set_daemon(-1);
    outbox_.close();
    give_up_at_ = boot_now() + patience_at_exit;
    for (Attempt* attempt = attempts_.first(); attempt != nullptr;
         attempt = attempts_.after(attempt->id)) {
        ending_.end(*attempt, std::chrono::nanoseconds::zero());
    }
}

bool Keeper::finished() const {
    if (!closing_) return false;
    if (attempts_.settling().empty()) return true;
    if (boot_now() < give_up_at_) return false;
    for (const Attempt* attempt : attempts_.settling()) {
        report("run %llu, attempt %u: cannot be ended, left behind (leader %d)",
               static_cast<unsigned long long>(attempt->id.run), attempt->id.attempt,
               attempt->leader());
    }
    return true;
}

void Keeper::flush() {
    retry_at_ = never;
    bool blocked = false;
    switch (outbox_.flush()) {
        case Outbox::Flushed::all: break;
        case Outbox::Flushed::blocked: blocked = true; break;
        case Outbox::Flushed::exhausted: retry_at_ = boot_now() + retry_pause; break;
        case Outbox::Flushed::more: more_to_do_ = true; break;
        case Outbox::Flushed::closed:
            outbox_.close();
            if (daemon_ < 0) daemon_gone();
            return;
    }
    const bool readable = outbox_.has_room();
    if (std::exchange(want_write_, blocked) != blocked ||
        std::exchange(reading_, readable) != readable) {
        reading_ = readable;
        watch_socket();
    }
}

void Keeper::receive() {
    std::array<std::byte, max_packet> buffer;
    for (int i = 0; i < max_requests_a_turn && outbox_.open() && outbox_.has_room(); ++i) {
        ReceivedPacket packet;
        switch (receive_packet(outbox_.socket(), buffer, packet)) {
            case Transfer::done: handle(std::span(buffer).first(packet.size), packet); break;
            case Transfer::would_block:
            case Transfer::exhausted: return;
            case Transfer::closed:
            case Transfer::failed:
                // A daemon that lives on without its socket is waited for all the same.
                outbox_.close();
                if (daemon_ < 0) daemon_gone();
                return;
        }
    }
}

void Keeper::handle(std::span<const std::byte> bytes, ReceivedPacket& packet) {
    const auto message = parse_message(bytes);
    if (!message) return report("a message of %zu bytes was not understood", bytes.size());
    const AttemptId id = message->header.id();
    Attempt* const attempt = attempts_.find(id);
    switch (message->header.type) {
        case MessageType::hello: {
            Hello hello;
            hello.pid = ::getpid();
            hello.containment = containment_.kind();
            return outbox_.hello(hello);
        }
        case MessageType::start: {
            SpawnError failure;
            try {
                failure = start(*message, packet);
            } catch (const std::bad_alloc&) {
                failure = {Step::request, ENOMEM};
            }
            if (failure.step != Step::none) outbox_.refuse(id, failure);
            return;
        }
        case MessageType::end:
            if (const auto end = parse_body<End>(*message); end && attempt != nullptr) {
                constexpr std::int64_t longest = std::int64_t{1} << 50;  // 35 years
                ending_.end(*attempt, std::chrono::microseconds(std::min(end->grace_us, longest)));
            }
            return;
        case MessageType::signal:
            if (const auto signal = parse_body<Signal>(*message);
                signal && signal->number > 0 && signal->number < NSIG && attempt != nullptr &&
                attempt->leader_alive()) {
                ::kill(-attempt->leader(), signal->number);
            }
            return;
        case MessageType::list: return outbox_.list();
        case MessageType::ack:
            if (attempt != nullptr && attempt->state == AttemptState::gone) acknowledge(*attempt);
            return;
        default:
            return report("a message of type %u was not understood",
                          static_cast<unsigned>(message->header.type));
    }
}

SpawnError Keeper::start(const Message& message, ReceivedPacket& packet) {
    const AttemptId id = message.header.id();
    const bool spec_apart = (message.header.flags & flag_spec_in_memfd) != 0;
    const bool has_input = (message.header.flags & flag_input_in_memfd) != 0;
    if (attempts_.find(id) != nullptr) return {Step::request, EEXIST};
    if (attempts_.size() >= options_.max_attempts) return {Step::request, EAGAIN};
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
    Attempt& attempt = attempts_.insert(id);
    const auto failure = [&]() -> SpawnError {
        try {
            return launch(attempt, *spec, input);
        } catch (const std::bad_alloc&) {
            return {Step::request, ENOMEM};
        }
    }();
    if (failure.step != Step::none) {
        containment_.release(attempt);
        outbox_.forget(attempt);
        attempts_.erase(attempt);
    }
    return failure;
}

SpawnError Keeper::launch(Attempt& attempt, const StartSpec& spec, int input) {
    attempt.survive = spec.survive;
    attempt.stop_timeout = std::chrono::microseconds(
        std::clamp<std::int64_t>(spec.stop_timeout_us, 0, std::int64_t{1} << 50));
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

void Keeper::acknowledge(Attempt& attempt) {
    // A survivor may still write: without a reader it would die of SIGPIPE.
    keep_draining(std::move(attempt.output));
    keep_draining(std::move(attempt.error));
    outbox_.forget(attempt);
    attempts_.erase(attempt);
}

void Keeper::keep_draining(UniqueFd pipe) {
    if (!pipe) return;
    std::array<char, 65536> waste;
    ssize_t size = 1;
    // Once for what a pipe holds and once for its end; one who goes on writing is drained later.
    for (int i = 0; i < 2 && size > 0; ++i) size = ::read(pipe.get(), waste.data(), waste.size());
    if (size == 0) return;  // nobody holds the other end
    draining_.reserve(draining_.size() + 1);
    watch(pipe.get(), EPOLLIN, first_pipe + static_cast<std::uint64_t>(pipe.get()));
    draining_.push_back(std::move(pipe));
}

void Keeper::drain(int pipe) {
    std::array<char, 65536> waste;
    const ssize_t size = ::read(pipe, waste.data(), waste.size());
    if (size > 0 || (size < 0 && (errno == EAGAIN || errno == EINTR))) return;
    std::erase_if(draining_, [pipe](const UniqueFd& fd) { return fd.get() == pipe; });
}

}  // namespace bansuri::keeper
