// SPDX-License-Identifier: MIT
#include "unit/keeper/keeper_process.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "keeper/cgroup_pool.hpp"
#include "keeper/proc_file.hpp"
#include "keeper/process_setup.hpp"
#include "keeper/sealed_memory.hpp"

namespace bansuri::keeper {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

bool eventually(const std::function<bool()>& claim) {
    const auto deadline = Clock::now() + patience;
    while (!claim()) {
        if (Clock::now() > deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
}

bool alive(pid_t pid) {
    const auto info = ProcessInfo::read(pid);
    return info && !info->dead;
}

int children_of(pid_t pid) {
    const ProcessTable table = ProcessTable::read();
    int count = 0;
    for (const ProcessInfo& process : table.processes()) count += process.parent == pid ? 1 : 0;
    return count;
}

int open_descriptors(pid_t pid) {
    DIR* const directory = ::opendir(("/proc/" + std::to_string(pid) + "/fd").c_str());
    if (directory == nullptr) return -1;
    int count = 0;
    while (::readdir(directory) != nullptr) ++count;
    ::closedir(directory);
    return count - 2;
}

std::string cgroup_of(pid_t pid) {
    const auto read = [](const std::string& path) {
        std::ifstream file(path);
        return std::string(std::istreambuf_iterator<char>(file), {});
    };
    return own_cgroup_directory(read("/proc/" + std::to_string(pid) + "/cgroup"),
                                read("/proc/self/mountinfo"));
}

bool move_out_of_its_cgroup(pid_t pid) {
    const std::string file = cgroup_of(::getpid()) + "/cgroup.procs";
    return write_small_file(AT_FDCWD, file.c_str(), std::to_string(pid));
}

KeeperProcess::KeeperProcess(Options options, const std::function<void()>& before) {
    std::array<int, 2> sockets{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets.data()) < 0) {
        throw std::runtime_error("socketpair");
    }
    socket_.reset(sockets[0]);
    UniqueFd theirs(sockets[1]);
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("fork");
    if (pid_ > 0) return;
    socket_.reset();
    if (before) before();
    try {
        const auto inherited = prepare_process();
        Keeper keeper(std::move(theirs), inherited, options);
        keeper.run();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "keeper: %s\n", error.what());
        ::_exit(1);
    }
    ::_exit(0);
}

KeeperProcess::~KeeperProcess() {
    hang_up();
    if (pid_ < 0) return;
    const auto status = join();
    EXPECT_TRUE(status.has_value()) << "the keeper does not end";
    if (!status) kill();
}

void KeeperProcess::kill() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
}

std::optional<int> KeeperProcess::join() {
    int status = 0;
    if (!eventually([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; })) return std::nullopt;
    pid_ = -1;
    return status;
}

bool has_variable(pid_t pid, const std::string& variable) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/environ");
    for (std::string one; std::getline(file, one, '\0');) {
        if (one == variable) return true;
    }
    return false;
}

Options SupervisedKeeper::quick() {
    Options options;
    options.restart = true;
    options.backoff.first = options.backoff.longest = std::chrono::milliseconds(1);
    return options;
}

SupervisedKeeper::SupervisedKeeper(Options options,
                                   const std::function<void(DaemonCommand&)>& change) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) < 0) throw std::runtime_error("pipe2");
    said_.reset(ends[0]);
    const UniqueFd theirs(ends[1]);
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("fork");
    if (pid_ > 0) return;
    ::dup2(theirs.get(), STDERR_FILENO);
    DaemonCommand command;
    command.path = "/bin/sleep";
    command.installed_path = "/bin/sleep";  // and not the file of this program
    command.argv = {"sleep", "1000"};
    if (change) change(command);
    ::_exit(run(command, options));
}

SupervisedKeeper::~SupervisedKeeper() {
    if (pid_ > 0 && socket_) {
        send_packet(socket_.get(), encode(MessageType::leave, {}));
        kill_daemon();
        EXPECT_TRUE(join().has_value()) << "the keeper does not end";
    }
    kill();
}

UniqueFd SupervisedKeeper::next_daemon() {
    const std::string mark = "BANSURI_DAEMON=" + std::to_string(++number_);
    const bool found = eventually([&] {
        const ProcessTable table = ProcessTable::read();
        for (const ProcessInfo& process : table.processes()) {
            if (process.parent != pid_ || !has_variable(process.pid, mark)) continue;
            daemon_ = process.pid;
            return true;
        }
        return false;
    });
    if (!found) throw std::runtime_error("no daemon " + mark);
    const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, daemon_, 0)));
    socket_.reset(static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd.get(), daemon_socket, 0)));
    UniqueFd socket(::fcntl(socket_.get(), F_DUPFD_CLOEXEC, 3));
    if (!socket) throw std::runtime_error("pidfd_getfd");
    return socket;
}

std::string SupervisedKeeper::read_line() {
    std::string line;
    for (char byte = 0; ::read(said_.get(), &byte, 1) == 1 && byte != '\n';) line += byte;
    return line;
}

void SupervisedKeeper::kill() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
    if (daemon_ > 0 && alive(daemon_)) kill_daemon();
}

std::optional<int> SupervisedKeeper::join() {
    int status = 0;
    if (!eventually([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; })) return std::nullopt;
    pid_ = -1;
    return status;
}

Order shell(const std::string& script) {
    Order order;
    order.argv = {"/bin/sh", "-c", script};
    return order;
}

void Peer::send(std::span<const std::byte> packet, std::span<const int> fds) {
    if (!eventually([&] { return send_packet(socket_, packet, fds) == Transfer::done; })) {
        throw std::runtime_error("the keeper does not read");
    }
}

void Peer::start(AttemptId id, const Order& order) {
    StartSpec spec;
    for (const std::string& text : order.argv) spec.argv.push_back(text.c_str());
    std::vector<std::string> environment = order.environment;
    environment.push_back("BANSURI_RUN_ID=" + std::to_string(id.run));
    environment.push_back("BANSURI_ATTEMPT=" + std::to_string(id.attempt));
    for (const std::string& text : environment) spec.environment.push_back(text.c_str());
    spec.working_directory = order.directory.c_str();
    spec.output = {order.output, order.output_path.c_str()};
    spec.error = {order.error, order.error_path.c_str()};
    spec.survive = order.survive;
    spec.stop_timeout_us = order.stop_timeout.count();
    spec.label = order.label;
    if (order.change) order.change(spec);
    std::vector<std::byte> body = encode_start(spec);
    std::vector<UniqueFd> owned;
    std::vector<int> fds;
    std::uint16_t flags = 0;
    const auto attach = [&](std::span<const std::byte> bytes, std::uint16_t flag) {
        owned.push_back(make_sealed_memory("test", bytes));
        fds.push_back(owned.back().get());
        flags |= flag;
    };
    if (body.size() > max_inline_spec) {
        attach(body, flag_spec_in_memfd);
        body.clear();
    }
    if (order.input) attach(std::as_bytes(std::span(*order.input)), flag_input_in_memfd);
    send(encode_start_packet(id, flags, body), fds);
}

void Peer::end(AttemptId id, std::chrono::microseconds grace, EndCause cause) {
    keeper::End body;
    body.grace_us = grace.count();
    body.cause = cause;
    send(encode(MessageType::end, id, body));
}

bool Peer::receive(std::chrono::milliseconds limit) {
    pollfd waiting{socket_, POLLIN, 0};
    if (::poll(&waiting, 1, static_cast<int>(limit.count())) != 1) return false;
    std::array<std::byte, max_packet> buffer;
    ReceivedPacket packet;
    if (receive_packet(socket_, buffer, packet) != Transfer::done) return false;
    const auto message = parse_message(std::span(buffer).first(packet.size));
    if (!message) throw std::runtime_error("a message that is none");
    Arrived arrived{
        message->header, {buffer.begin(), buffer.begin() + static_cast<long>(packet.size)}, {}};
    for (std::size_t i = 0; i < packet.fd_count; ++i) {
        arrived.fds.push_back(std::move(packet.fds[i]));
    }
    arrived_.push_back(std::move(arrived));
    return true;
}

void Peer::sync() {
    send(encode(MessageType::list, {}));
    expect(MessageType::list_end, {});
    std::erase_if(arrived_, [](const Arrived& arrived) {
        return arrived.header.type == MessageType::attempt;
    });
}

Arrived Peer::expect(MessageType type, AttemptId id) {
    return expect_if(
        [=](const Header& header) { return header.type == type && header.id() == id; });
}

Arrived Peer::answer_to_start(AttemptId id) {
    return expect_if([=](const Header& header) {
        return header.id() == id &&
               (header.type == MessageType::started || header.type == MessageType::spawn_error);
    });
}

Arrived Peer::expect_if(const std::function<bool(const Header&)>& wanted) {
    const auto deadline = Clock::now() + patience;
    for (;;) {
        for (auto at = arrived_.begin(); at != arrived_.end(); ++at) {
            if (!wanted(at->header)) continue;
            Arrived found = std::move(*at);
            arrived_.erase(at);
            return found;
        }
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
        if (left.count() <= 0 || !receive(left)) {
            throw std::runtime_error("the message that is waited for does not come");
        }
    }
}

Started Peer::launch(AttemptId id, const Order& order) {
    start(id, order);
    Arrived arrived = expect(MessageType::started, id);
    if (!arrived.fds.empty()) pipes_.push_back({id, std::move(arrived.fds[0]), {}});
    return arrived.body<Started>();
}

Peer::Pipe& Peer::pipe(AttemptId id) {
    for (Pipe& pipe : pipes_) {
        if (pipe.id == id) return pipe;
    }
    throw std::runtime_error("no captured output");
}

bool Peer::read_more(Pipe& pipe) {
    pollfd waiting{pipe.fd.get(), POLLIN, 0};
    if (::poll(&waiting, 1, std::chrono::milliseconds(patience).count()) != 1) {
        throw std::runtime_error("no output");
    }
    std::array<char, 65536> buffer;
    const ssize_t size = ::read(pipe.fd.get(), buffer.data(), buffer.size());
    if (size > 0) pipe.unread.append(buffer.data(), static_cast<std::size_t>(size));
    return size > 0;
}

std::string Peer::read_line(AttemptId id) {
    Pipe& from = pipe(id);
    while (from.unread.find('\n') == std::string::npos) {
        if (!read_more(from)) throw std::runtime_error("end of output: " + from.unread);
    }
    const std::size_t end = from.unread.find('\n');
    const std::string line = from.unread.substr(0, end);
    from.unread.erase(0, end + 1);
    return line;
}

std::string Peer::read_all(AttemptId id) {
    Pipe& from = pipe(id);
    while (read_more(from)) {
    }
    return from.unread;
}

void Peer::drop_pipe(AttemptId id) {
    std::erase_if(pipes_, [id](const Pipe& pipe) { return pipe.id == id; });
}

bool Peer::has(MessageType type, AttemptId id) const {
    return std::any_of(arrived_.begin(), arrived_.end(), [=](const Arrived& arrived) {
        return arrived.header.type == type && arrived.header.id() == id;
    });
}

Peer::End Peer::finish(AttemptId id) {
    const Arrived arrived = expect(MessageType::exited, id);
    const auto exited = arrived.body<Exited>();
    End end{exited.wait_status, exited.usage, {}};
    if ((arrived.header.flags & flag_also_gone) == 0) {
        const auto gone = expect(MessageType::gone, id).body<Gone>();
        const auto named = gone.named();
        end.survivors.assign(named.begin(), named.end());
    }
    ack(id);
    return end;
}

}  // namespace bansuri::keeper
