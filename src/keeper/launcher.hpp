// SPDX-License-Identifier: MIT
//
// Starts the process of one attempt: in the keeper's memory, on a stack of its own, straight into
// its cgroup. The keeper waits until it has executed its program, as after vfork(2), but not for
// ever: a task's own user may stop it on the way, and its file system may not answer.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstdint>

#include "keeper/protocol.hpp"
#include "keeper/start_spec.hpp"

namespace bansuri::keeper {

class Launcher {
  public:
    /// What a process of ours is to be given back; see ChildPlan.
    struct Inherited {
        bool restore_descriptors = false;
        rlimit descriptors{};
        std::array<char, 16> oom_score{};  ///< empty: as it is
    };
    struct Descriptors {
        int input = -1;
        int output = -1;
        int error = -1;
        int cgroup = -1;  ///< a directory of cgroup v2, or none
    };
    struct Launched {
        pid_t pid = -1;  ///< -1: failed, and no process is left of it
        SpawnError failure;
        /// As field 22 of /proc/PID/stat has it; 0 if that has to be read there.
        std::uint64_t start_time = 0;
        std::uint64_t output_offset = 0;  ///< see Started
        std::uint64_t error_offset = 0;
    };

    /// How long a process is given for its way to its program.
    static constexpr std::chrono::seconds patience{5};

    /// Throws std::system_error if there is no memory for the child's stack.
    explicit Launcher(Inherited inherited, bool use_clone3 = true);
    ~Launcher();
    Launcher(const Launcher&) = delete;
    Launcher& operator=(const Launcher&) = delete;

    /// Returns once the program has been exec'd or has failed to (ETIMEDOUT: it was killed for
    /// being late). All signals must be blocked in the caller, and its descriptors 0 to 2 be in
    /// use. Throws std::system_error if there is no memory for another stack.
    Launched launch(const StartSpec& spec, const Descriptors& descriptors);

  private:
    struct Workplace;
    static Workplace* make_workplace();

    Inherited inherited_;
    bool clone3_;
    Workplace* place_;
};

}  // namespace bansuri::keeper
