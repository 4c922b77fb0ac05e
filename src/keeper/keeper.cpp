// SPDX-License-Identifier: MIT
#include "keeper/keeper.hpp"

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

namespace bansuri::keeper {
namespace {

// A start takes a third of a millisecond, so a turn stays below five.
constexpr int max_requests_a_turn = 16;
constexpr int max_reaped_a_turn = 256;
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

}  // namespace

Keeper::Keeper(UniqueFd socket, Launcher::Inherited inherited, Options options)
    : options_(options),
      epoll_(checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      signals_(open_signals()),
      timer_(
          checked(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK), "timerfd_create")),
      containment_(options.use_cgroups),
      ending_(attempts_, containment_),
      outbox_(std::move(socket), attempts_),
      starter_(attempts_, containment_, inherited, options.use_clone3),
      adoption_(attempts_, containment_, ending_, epoll_.get()),
      drain_(epoll_.get()) {
    watch(epoll_.get(), {PollKind::signals, signals_.get()}, EPOLLIN);
    watch(epoll_.get(), {PollKind::timer, timer_.get()}, EPOLLIN);
    if (outbox_.open()) watch_socket(false);
}

Keeper::Keeper(Supervisor supervisor, Launcher::Inherited inherited, Options options)
    : Keeper(UniqueFd(), inherited, options) {
    supervisor_.emplace(std::move(supervisor));
    start_daemon();
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
    return supervisor_ ? supervisor_->exit_code() : 0;
}

void Keeper::turn() {
    arm_timer();
    std::array<epoll_event, 64> events;
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                   std::exchange(more_to_do_, false) ? 0 : -1);
    bool requests = last_words_;
    bool children = false;
    for (int i = 0; i < count; ++i) {
        take_event(PollTag::unpack(events[static_cast<std::size_t>(i)].data.u64), requests,
                   children);
    }
    if (children) read_signals();
    if (std::exchange(reap_more_, false) || children) reap();
    if (requests || last_words_) receive();
    if (supervisor_ && supervisor_->due() <= boot_now()) start_daemon();
    adoption_.work();
    ending_.work();
    flush();
}

void Keeper::take_event(PollTag tag, bool& requests, bool& children) {
    switch (tag.kind) {
        case PollKind::socket: requests = true; break;
        case PollKind::signals: children = true; break;
        case PollKind::timer: {
            std::uint64_t expirations = 0;
            [[maybe_unused]] const auto size =
                ::read(timer_.get(), &expirations, sizeof(expirations));
            children = true;  // a turn that ran out of memory may have left some unreaped
            break;
        }
        case PollKind::drained_pipe: drain_.read(tag.fd); break;
        case PollKind::adopted_leader: adoption_.leader_event(tag.fd); break;
    }
}

void Keeper::arm_timer() {
    BootTime due = std::min({ending_.next_due(), adoption_.next_due(), retry_at_, give_up_at_});
    if (supervisor_) due = std::min(due, supervisor_->due());
    itimerspec setting{};
    if (due != never) {
        due = std::max(due, BootTime(1));  // zero would disarm it
        setting.it_value.tv_sec = due / std::chrono::seconds(1);
        setting.it_value.tv_nsec = (due % std::chrono::seconds(1)).count();
    }
    ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &setting, nullptr);
}

void Keeper::watch_socket(bool known) {
    if (!outbox_.open()) return;
    watch(epoll_.get(), {PollKind::socket, outbox_.socket()},
          (reading_ ? EPOLLIN : 0U) | (want_write_ ? EPOLLOUT : 0U), known);
}

void Keeper::read_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof(info)) == sizeof(info)) {
        const int number = static_cast<int>(info.ssi_signo);
        if (number == SIGCHLD || closing_) continue;
        if (supervisor_) {
            supervisor_->forward(number);
        } else if (number == SIGTERM) {
            close_down();
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
        } else if (supervisor_ && child.si_pid == supervisor_->pid()) {
            int status = 0;
            ::waitpid(child.si_pid, &status, 0);
            supervisor_->reaped(status);
            containment_.set_daemon(-1);
            outbox_.mute();
            last_words_ = true;
        } else {
            ::waitpid(child.si_pid, nullptr, 0);
            containment_.orphan_reaped(child.si_pid);
            orphans = true;
        }
    }
    if (orphans) ending_.orphans_died();
    reap_more_ = more_to_do_ = true;
}

void Keeper::start_daemon() {
    UniqueFd socket = supervisor_->start();
    if (!socket) return daemon_ended();
    containment_.set_daemon(supervisor_->pid());
    outbox_.connect(std::move(socket));
    reading_ = true;
    want_write_ = false;
    watch_socket(false);
}

// What a daemon has said before it died counts, all of it, and before the next one asks what there
// is: its record says what it meant to start, and the keeper's list what has been started.
void Keeper::daemon_ended() {
    last_words_ = false;
    hang_up();
    Supervisor::Tasks tasks{attempts_.size(), 0};
    for (const Attempt* attempt = attempts_.first(); attempt != nullptr;
         attempt = attempts_.after(attempt->id)) {
        if (attempt->leader_alive()) ++tasks.running;
    }
    if (!supervisor_->goes_on(tasks)) close_down();
}

void Keeper::hang_up() {
    // Not left to close(2): a daemon that is being started has a copy until it is executed.
    if (outbox_.open()) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, outbox_.socket(), nullptr);
    outbox_.close();
}

void Keeper::close_down() {
    if (closing_) return;
    closing_ = true;
    hang_up();
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
            // A daemon that lives on without its socket is waited for all the same.
            if (!supervisor_) return close_down();
            // What it said before is still to be read: receive() closes.
            outbox_.mute();
            return;
    }
    const bool readable = outbox_.has_room();
    if (std::exchange(want_write_, blocked) != blocked ||
        std::exchange(reading_, readable) != readable) {
        reading_ = readable;
        watch_socket(true);
    }
}

void Keeper::receive() {
    std::array<std::byte, max_packet> buffer;
    for (int i = 0; i < max_requests_a_turn && outbox_.open() && outbox_.has_room(); ++i) {
        ReceivedPacket packet;
        switch (receive_packet(outbox_.socket(), buffer, packet)) {
            case Transfer::done: handle(std::span(buffer).first(packet.size), packet); break;
            case Transfer::would_block:
                if (last_words_) daemon_ended();
                return;
            case Transfer::exhausted: more_to_do_ = last_words_; return;
            case Transfer::closed:
            case Transfer::failed:
                if (!supervisor_) return close_down();
                hang_up();
                if (last_words_) daemon_ended();
                return;
        }
    }
    if (!last_words_) return;
    if (!outbox_.open()) return daemon_ended();
    more_to_do_ = true;
}

void Keeper::handle(std::span<const std::byte> bytes, ReceivedPacket& packet) {
    const auto message = parse_message(bytes);
    if (!message) return report("a message of %zu bytes was not understood", bytes.size());
    const AttemptId id = message->header.id();
    Attempt* const attempt = attempts_.find(id);
    switch (message->header.type) {
        case MessageType::hello: {
            const auto theirs = parse_body<Hello>(*message);
            if (supervisor_ && theirs) supervisor_->said_hello(*theirs);
            Hello hello;
            hello.pid = ::getpid();
            hello.containment = containment_.kind();
            hello.has_started = has_started_ ? 1 : 0;
            return outbox_.hello(hello);
        }
        case MessageType::start: has_started_ = true; [[fallthrough]];
        case MessageType::adopt: {
            const SpawnError failure = take_in(*message, packet);
            if (failure.step != Step::none) outbox_.refuse(id, failure);
            return;
        }
        case MessageType::end:
            if (const auto end = parse_body<End>(*message); end && attempt != nullptr) {
                ending_.end(*attempt, bounded(end->grace_us),
                            end->cause <= EndCause::stop ? end->cause : EndCause::none);
            }
            return;
        case MessageType::signal:
            if (const auto signal = parse_body<Signal>(*message);
                signal && signal->number > 0 && signal->number < NSIG && attempt != nullptr &&
                attempt->leader_alive()) {
                this->signal(*attempt, signal->number);
            }
            return;
        case MessageType::list:
            if (id == AttemptId{}) return outbox_.list();
            if (attempt != nullptr) return outbox_.show(*attempt);
            return outbox_.refuse(id, {Step::request, ESRCH});
        case MessageType::ack:
            if (attempt != nullptr && attempt->state == AttemptState::gone) acknowledge(*attempt);
            return;
        case MessageType::leave:
            if (supervisor_) supervisor_->said_leave();
            return;
        case MessageType::replace:
            if (supervisor_) supervisor_->said_replace();
            return;
        case MessageType::ending:
            if (supervisor_) supervisor_->said_ending();
            return;
        default:
            return report("a message of type %u was not understood",
                          static_cast<unsigned>(message->header.type));
    }
}

SpawnError Keeper::take_in(const Message& message, ReceivedPacket& packet) {
    const AttemptId id = message.header.id();
    if (id == AttemptId{}) return {Step::request, EBADMSG};  // `list` means all by it
    if (attempts_.find(id) != nullptr) return {Step::request, EEXIST};
    if (attempts_.size() >= options_.max_attempts) return {Step::request, EAGAIN};
    SpawnError failure;
    try {
        failure = message.header.type == MessageType::start ? starter_.start(message, packet)
                                                            : adoption_.adopt(message);
    } catch (const std::bad_alloc&) {
        failure = {Step::request, ENOMEM};
    }
    if (failure.step == Step::none) return failure;
    if (Attempt* const attempt = attempts_.find(id)) {
        containment_.release(*attempt);
        discard(*attempt);
    }
    return failure;
}

void Keeper::signal(Attempt& attempt, int number) {
    if (!attempt.adopted()) {
        ::kill(-attempt.leader(), number);
        return;
    }
    containment_.forget_look();
    for (const ProcessInfo& process : containment_.members(attempt, attempts_).living) {
        if (process.group == attempt.leader()) signal_process(process, number);
    }
}

void Keeper::acknowledge(Attempt& attempt) {
    // A survivor may still write: without a reader it would block.
    drain_.keep(std::move(attempt.output));
    drain_.keep(std::move(attempt.error));
    discard(attempt);
}

void Keeper::discard(Attempt& attempt) {
    outbox_.forget(attempt);
    attempts_.erase(attempt);
}

}  // namespace bansuri::keeper
