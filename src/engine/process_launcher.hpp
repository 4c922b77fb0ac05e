// SPDX-License-Identifier: MIT
//
// Starting and ending processes, as the engine asks for it. os::KeeperClient fulfils it through the
// keeper; the tests' FakeLauncher in simulated time.
#pragma once

#include <sys/types.h>

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/exit_status.hpp"
#include "core/result.hpp"
#include "core/task.hpp"
#include "engine/run_store.hpp"
#include "engine/start_lookup.hpp"

namespace bansuri::engine {

/// Identifies one attempt for the keeper: unique among all that it holds.
struct AttemptId {
    std::uint64_t run = 0;
    std::uint32_t attempt = 0;
    auto operator<=>(const AttemptId&) const = default;
};

/// All that one attempt needs to start.
struct LaunchSpec {
    AttemptId id;
    std::vector<std::string> argv;              ///< argv[0] is the absolute path of the program
    std::vector<std::string> environment;       ///< "NAME=value", complete: nothing is inherited
    std::string working_directory;              ///< absolute
    OutputTarget standard_output;               ///< capture, file or ignore
    OutputTarget standard_error;                ///< any kind
    std::optional<std::string> standard_input;  ///< its bytes; nothing: /dev/null
    std::optional<Account> account;             ///< as whom; nothing: as Bansuri itself
    std::optional<int> priority;
    std::optional<unsigned> umask;
    ResourceLimits limits;
    /// What becomes of processes that the leader leaves behind when it ends by itself, and how
    /// long they get between SIGTERM and SIGKILL.
    Survive survive = Survive::daemons;
    Duration stop_timeout = std::chrono::seconds(10);
    /// Kept beside the attempt for a daemon that knows nothing of it; at most longest_label bytes.
    std::string label = {};
};
inline constexpr std::size_t longest_label = 512;

/// An attempt that an earlier daemon started, as the keeper holds it.
struct HeldAttempt {
    AttemptId id;
    ProcessIdentity process;
    std::string label;
};

/// An attempt that lives on although the keeper that started it does not.
struct AdoptSpec {
    AttemptId id;
    ProcessIdentity process;
    Survive survive = Survive::daemons;
    Duration stop_timeout = std::chrono::seconds(10);
    std::string label = {};
};

enum class Stream { standard_output, standard_error };

/// Takes the captured output of one attempt. Called on the loop.
class OutputSink {
  public:
    virtual ~OutputSink() = default;
    virtual void write(Stream stream, std::string_view bytes) = 0;

    /// Where the next bytes are to be put instead, without passing through this process' memory,
    /// so that none is lost on the way if it dies.
    struct Place {
        int fd = -1;  ///< of a regular file, open for reading and writing
        std::uint64_t offset = 0;
        std::size_t room = 0;  ///< bytes at most, more than none
    };
    /// Nothing: write() takes them.
    virtual std::optional<Place> place(Stream) { return std::nullopt; }
    /// These bytes lie at the place now.
    virtual void placed(Stream, std::string_view) {}
    /// The place took nothing (an errno): the same bytes come by write().
    virtual void place_failed(int) {}

    /// Resumes when the sink can take more; bounded by the sink itself, which drops and counts
    /// rather than make a task wait for a reader that has gone.
    virtual boost::asio::awaitable<void> ready() = 0;
};

/// Why the engine ends an attempt. The keeper remembers the first one: it tells a daemon that took
/// the attempt over what its end means.
enum class EndCause : std::uint32_t { none, time_limit, stop };

/// A started attempt. Destroying it before gone() ends the attempt at once (SIGKILL, all of it);
/// destroying it afterwards lets the keeper forget it.
class Process {
  public:
    virtual ~Process() = default;
    virtual pid_t pid() const = 0;
    virtual ProcessIdentity identity() const = 0;
    /// How the leader ended; nothing while it runs, or when its end can no longer be learned.
    virtual std::optional<ExitStatus> exit_status() const = 0;
    /// True once the leader has ended, what had to end with it has ended too, and its captured
    /// output has been delivered.
    virtual bool gone() const = 0;
    /// True if the keeper was lost, so that nothing more will be learned of this attempt.
    virtual bool lost() const = 0;
    /// What the first end() was for, also if another daemon called it.
    virtual EndCause end_cause() const = 0;
    /// Processes that were left alive on purpose ("survive"), known once gone().
    virtual const std::vector<pid_t>& survivors() const = 0;
    /// Where in the file of a redirected stream this attempt began to append, in bytes.
    virtual std::uint64_t file_offset(Stream) const { return 0; }
    /// SIGTERM to every process of the attempt now, SIGKILL to what is left after `grace`
    /// (at once if zero). May be called again with a shorter grace.
    virtual void end(Duration grace, EndCause cause) = 0;
};

class ProcessLauncher {
  public:
    virtual ~ProcessLauncher() = default;
    /// Starts an attempt. `sink` must outlive the returned Process. `changed` is called on the
    /// loop each time that an answer of the Process has changed, never from within start().
    /// The error (cannot_start; unreachable if the keeper is gone, so that nobody can say whether
    /// it was started) names the step that failed and its reason, for example `chdir "/srv/data":
    /// No such file or directory`.
    virtual boost::asio::awaitable<Result<std::unique_ptr<Process>>> start(
        LaunchSpec spec, OutputSink& sink, std::function<void()> changed) = 0;

    /// What of a task's limits is not enforced on this machine, or otherwise than it was meant: a
    /// sentence each, led by the key.
    virtual std::vector<std::string> shortcomings(const Isolation& isolation) const = 0;

    /// What earlier daemons started and the keeper still holds. Called once, before any start().
    virtual boost::asio::awaitable<std::vector<HeldAttempt>> held() = 0;
    /// One of these, as if start() had returned it. Nothing if the keeper does not hold it, or it
    /// was taken over already.
    virtual std::unique_ptr<Process> take_over(AttemptId id, OutputSink& sink,
                                               std::function<void()> changed) = 0;
    /// Has the keeper hold a process that another keeper started, if it lives and is the one that
    /// is meant; take_over() then gives it. The errors: it is not there (not_found); it is held
    /// already (already_claimed); nobody can say, for example for want of descriptors (io).
    virtual boost::asio::awaitable<Result<void>> adopt(AdoptSpec spec) = 0;
};

}  // namespace bansuri::engine
