// SPDX-License-Identifier: MIT
//
// Starts the process of one attempt: vfork-like, on a stack of its own, straight into its cgroup.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <array>
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

    /// Throws std::system_error if there is no memory for the child's stack.
    explicit Launcher(Inherited inherited, bool use_clone3 = true);
    ~Launcher();
    Launcher(const Launcher&) = delete;
    Launcher& operator=(const Launcher&) = delete;

    /// Returns once the program has been exec'd or has failed to. All signals must be blocked in
    /// the caller, and its descriptors 0 to 2 be in use.
    Launched launch(const StartSpec& spec, const Descriptors& descriptors);

  private:
    Inherited inherited_;
    bool clone3_;
    void* stack_ = nullptr;
};

}  // namespace bansuri::keeper
