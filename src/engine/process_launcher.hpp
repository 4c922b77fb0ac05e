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
    /// What becomes of processes that the leader leaves behind when it ends by itself, and how
    /// long they get between SIGTERM and SIGKILL.
    Survive survive = Survive::daemons;
    Duration stop_timeout = std::chrono::seconds(10);
};

enum class Stream { standard_output, standard_error };

/// Takes the captured output of one attempt. Called on the loop.
class OutputSink {
  public:
    virtual ~OutputSink() = default;
    virtual void write(Stream stream, std::string_view bytes) = 0;
    /// Resumes when the sink can take more; bounded by the sink itself, which drops and counts
    /// rather than make a task wait for a reader that has gone.
    virtual boost::asio::awaitable<void> ready() = 0;
};

/// A started attempt. Destroying it before gone() ends the attempt at once (SIGKILL, all of it).
class Process {
  public:
    virtual ~Process() = default;
    virtual pid_t pid() const = 0;
    /// How the leader ended; nothing while it runs, or when its end can no longer be learned.
    virtual std::optional<ExitStatus> exit_status() const = 0;
    /// True once the leader has ended, what had to end with it has ended too, and its captured
    /// output has been delivered.
    virtual bool gone() const = 0;
    /// True if the keeper was lost, so that nothing more will be learned of this attempt.
    virtual bool lost() const = 0;
    /// Processes that were left alive on purpose ("survive"), known once gone().
    virtual const std::vector<pid_t>& survivors() const = 0;
    /// Where in the file of a redirected stream this attempt began to append, in bytes.
    virtual std::uint64_t file_offset(Stream) const { return 0; }
    /// SIGTERM to every process of the attempt now, SIGKILL to what is left after `grace`
    /// (at once if zero). May be called again with a shorter grace.
    virtual void end(Duration grace) = 0;
};

class ProcessLauncher {
  public:
    virtual ~ProcessLauncher() = default;
    /// Starts an attempt. `sink` must outlive the returned Process. `changed` is called on the
    /// loop each time that an answer of the Process has changed, never from within start().
    /// The error (cannot_start) names the step that failed and its reason, for example
    /// `chdir "/srv/data": No such file or directory`.
    virtual boost::asio::awaitable<Result<std::unique_ptr<Process>>> start(
        LaunchSpec spec, OutputSink& sink, std::function<void()> changed) = 0;
};

}  // namespace bansuri::engine
