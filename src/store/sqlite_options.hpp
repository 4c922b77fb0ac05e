// SPDX-License-Identifier: MIT
//
// What a SqliteRunStore is given.
#pragma once

#include <functional>
#include <string>

#include "core/configuration.hpp"
#include "engine/health.hpp"
#include "engine/run_history.hpp"
#include "store/output_keeper.hpp"

namespace bansuri::store {

struct SqliteOptions {
    std::string directory;  ///< the state directory: absolute, ours alone, locked
    std::string boot_id;    ///< of this boot of the machine
    std::string session;    ///< of this life of the keeper
    Retention retention;
    Durability durability = Durability::normal;
    /// "store": what keeps records from being written. "history": an earlier file was damaged and
    /// moved aside, or the file was removed while it was in use; stays until the next start.
    /// "durability": it could not be set. Outlives the store.
    engine::Health* health = nullptr;
    OutputKeeper* output = nullptr;  ///< outlives the store; nothing: output has no place with it
    /// Safe on any thread.
    std::function<WallTime()> wall_now;
    std::function<MonoTime()> mono_now;
    /// News of the store itself, recorded as well when they can be. On the loop.
    std::function<void(const engine::EventRecord&)> on_event = [](const engine::EventRecord&) {};
    /// The file turned out to be damaged while in use. Whoever is told starts the daemon anew: the
    /// next store moves the file aside. Until then all goes on in memory. Once, on the loop.
    std::function<void(const std::string& why)> on_corrupt = [](const std::string&) {};

    /// While nothing can be written.
    struct Bounds {
        std::size_t operations = 100'000;
        std::size_t bytes = 32 << 20;
        std::size_t tokens = 1000;  ///< until_committed
        Duration retry = std::chrono::seconds(1);
    };
    Bounds bounds;
};

}  // namespace bansuri::store
