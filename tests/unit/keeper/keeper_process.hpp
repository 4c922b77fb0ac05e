// SPDX-License-Identifier: MIT
//
// A real keeper in a process of its own, at the other end of a socketpair, and words to talk to it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "keeper/keeper.hpp"
#include "keeper/run.hpp"

namespace bansuri::keeper {

/// Far beyond what anything here takes, sanitizers and a busy machine included.
inline constexpr std::chrono::seconds patience{60};

/// Asks again and again, until the answer is yes or patience is over.
bool eventually(const std::function<bool()>& claim);

/// There is such a process and it is not a zombie.
bool alive(pid_t pid);
/// How many processes, zombies included, have this parent.
int children_of(pid_t pid);
int open_descriptors(pid_t pid);

/// The directory of the cgroup (v2) that a process is in; empty if there is none.
std::string cgroup_of(pid_t pid);
/// Puts it into the cgroup of the test, as systemd-run or a login puts it into another.
bool move_out_of_its_cgroup(pid_t pid);

class KeeperProcess {
  public:
    /// `before` runs in the new process before it prepares itself as a keeper.
    explicit KeeperProcess(Options options = {}, const std::function<void()>& before = {});
    /// Hangs up, and expects the keeper to end with all of its attempts.
    ~KeeperProcess();
    KeeperProcess(const KeeperProcess&) = delete;
    KeeperProcess& operator=(const KeeperProcess&) = delete;

    pid_t pid() const { return pid_; }
    int socket() const { return socket_.get(); }
    UniqueFd take_socket() { return std::move(socket_); }
    void hang_up() { socket_.reset(); }
    void kill();
    /// Waits for it to end; its wait status, or nothing if it does not end.
    std::optional<int> join();

  private:
    pid_t pid_ = -1;
    UniqueFd socket_;
};

/// keeper::run in a process of its own, with daemons that do nothing: the test is each of them in
/// turn, by their end of the socket.
class SupervisedKeeper {
  public:
    /// Restarts without a noticeable pause.
    static Options quick();
    explicit SupervisedKeeper(Options options = quick(),
                              const std::function<void(DaemonCommand&)>& change = {});
    /// Ends keeper, daemon and attempts.
    ~SupervisedKeeper();
    SupervisedKeeper(const SupervisedKeeper&) = delete;
    SupervisedKeeper& operator=(const SupervisedKeeper&) = delete;

    pid_t pid() const { return pid_; }
    /// The next daemon's end of the socket, once there is one.
    UniqueFd next_daemon();
    /// One daemon is not waited for: it does not live long enough to be seen.
    void skip_daemon() { ++number_; }
    pid_t daemon() const { return daemon_; }
    void kill_daemon() const { ::kill(daemon_, SIGKILL); }
    /// What the keeper says on stderr.
    std::string read_line();
    void kill();
    std::optional<int> join();

  private:
    pid_t pid_ = -1;
    pid_t daemon_ = -1;
    unsigned number_ = 0;
    UniqueFd socket_;
    UniqueFd said_;
};

/// Such a variable in the environment of a process.
bool has_variable(pid_t pid, const std::string& variable);

/// What a test wants to be started. Output is captured unless it says otherwise.
struct Order {
    std::vector<std::string> argv;
    std::vector<std::string> environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
    std::string directory = "/";
    TargetKind output = TargetKind::pipe;
    std::string output_path = {};
    TargetKind error = TargetKind::combined;
    std::string error_path = {};
    Survive survive = Survive::daemons;
    std::chrono::microseconds stop_timeout = std::chrono::seconds(10);
    std::optional<std::string> input = {};
    std::string label = {};
    /// What few tests ask for.
    std::function<void(StartSpec&)> change = {};
};

Order shell(const std::string& script);

/// A message that has arrived, with its descriptors.
struct Arrived {
    Header header;
    std::vector<std::byte> bytes;  ///< the whole packet
    std::vector<UniqueFd> fds;

    template <class Body>
    Body body() const {
        return parse_body<Body>(*parse_message(bytes)).value();
    }
    template <class Body>
    Labelled<Body> labelled() const {
        return parse_labelled<Body>(*parse_message(bytes)).value();
    }
};

/// The daemon's side of the protocol, with waiting.
class Peer {
  public:
    explicit Peer(int socket) : socket_(socket) {}

    void send(std::span<const std::byte> packet, std::span<const int> fds = {});
    void start(AttemptId id, const Order& order);
    void end(AttemptId id, std::chrono::microseconds grace, EndCause cause = EndCause::none);
    void ack(AttemptId id) { send(encode(MessageType::ack, id)); }

    /// Returns once the keeper has taken all that was sent before.
    void sync();

    /// The next message of this kind about this attempt; others wait for their turn. Throws
    /// std::runtime_error if none comes.
    Arrived expect(MessageType type, AttemptId id);
    /// started or spawn_error, whichever comes.
    Arrived answer_to_start(AttemptId id);

    /// start() and started, with the captured output's read end kept for read_line().
    Started launch(AttemptId id, const Order& order);
    /// A line that the attempt has written to its captured output.
    std::string read_line(AttemptId id);
    /// All that it writes until the pipe is closed.
    std::string read_all(AttemptId id);
    void drop_pipe(AttemptId id);
    /// Such a message has arrived and was not asked for yet.
    bool has(MessageType type, AttemptId id) const;
    /// exited, and gone where it comes apart; then ack.
    struct End {
        int status;
        Usage usage;
        std::vector<pid_t> survivors;
    };
    End finish(AttemptId id);

  private:
    struct Pipe {
        AttemptId id;
        UniqueFd fd;
        std::string unread;
    };
    Arrived expect_if(const std::function<bool(const Header&)>& wanted);
    bool receive(std::chrono::milliseconds limit);
    Pipe& pipe(AttemptId id);
    bool read_more(Pipe& pipe);

    int socket_;
    std::deque<Arrived> arrived_;
    std::deque<Pipe> pipes_;
};

}  // namespace bansuri::keeper
