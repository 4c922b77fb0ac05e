// SPDX-License-Identifier: MIT
//
// The engine on fakes, in simulated time: what the scenario tests stand on.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/iso8601.hpp"
#include "engine/orchestrator.hpp"
#include "store/memory_run_store.hpp"
#include "support/fake_clock.hpp"
#include "support/fake_launcher.hpp"
#include "support/task_builder.hpp"

namespace bansuri::testing {

inline WallTime utc(const std::string& text) { return parse_iso8601(text, TimeZone()).value(); }

/// Keeps what it is told.
struct RecordingNotifier final : engine::Notifier {
    void notify(engine::FailureInfo info) override { told.push_back(std::move(info)); }
    std::vector<engine::FailureInfo> told;
};

struct RecordingForwarder final : engine::OutputForwarder {
    void forward(engine::Stream, std::string lines) override { text += lines; }
    boost::asio::awaitable<void> ready() override { co_return; }
    std::string text;
};

class SimulatedWorld : public ::testing::Test {
  protected:
    explicit SimulatedWorld(WallTime start = utc("2026-01-01T00:00:00"))
        : clock(loop, start), launcher(loop, clock) {
        make_engine();
        listening =
            events.subscribe([this](const engine::Event& event) { heard.push_back(event); });
    }
    // Runners are ended before what they refer to dies.
    ~SimulatedWorld() override { shut_down(); }

    template <class... Tasks>
    void start(const Tasks&... tasks) {
        configure({tasks...});
    }
    void configure(const std::vector<TaskBuilder>& tasks) {
        Configuration configuration;
        for (const TaskBuilder& each : tasks) {
            configuration.tasks.push_back(each.build());
            launcher.script(each.name(), each.behaviours());
        }
        engine->apply(configuration);
        clock.settle();
    }
    void begin_shutdown() {
        boost::asio::co_spawn(loop, engine->shutdown(), [this](std::exception_ptr bug) {
            ASSERT_FALSE(bug);
            is_shut_down = true;
        });
        clock.settle();
    }
    void shut_down() {
        if (!engine) return;
        begin_shutdown();
        engine->kill_all();
        clock.advance(std::chrono::hours(1));
        EXPECT_TRUE(is_shut_down);
        EXPECT_EQ(engine->runs_alive(), 0u);
        engine.reset();
    }

    std::optional<TaskState> state(const std::string& name) const { return engine->state_of(name); }
    std::vector<store::RecordedRun> runs(const std::string& name) const { return store.runs(name); }
    std::size_t run_count(const std::string& name) const { return launcher.started(name).size(); }
    /// When its attempts started, as text.
    std::vector<std::string> starts(const std::string& name) const {
        std::vector<std::string> times;
        for (const auto& start : launcher.started(name)) times.push_back(format_utc(start.at));
        return times;
    }
    /// The states that the task went through.
    std::vector<TaskState> states(const std::string& name) const {
        std::vector<TaskState> seen;
        for (const engine::Event& event : heard) {
            const auto* change = std::get_if<engine::StateChanged>(&event);
            if (change != nullptr && change->task == name) seen.push_back(change->to);
        }
        return seen;
    }
    std::vector<Outcome> outcomes(const std::string& name) const {
        std::vector<Outcome> ended;
        for (const auto& run : runs(name)) {
            if (run.result) ended.push_back(run.result->outcome);
        }
        return ended;
    }

    boost::asio::io_context loop;
    FakeClock clock;
    FakeLauncher launcher;
    store::MemoryRunStore store{1'000'000};
    RecordingNotifier notifier;
    RecordingForwarder forwarder;
    engine::EventBus events;
    std::vector<engine::Event> heard;
    std::shared_ptr<void> listening;
    std::unique_ptr<engine::Orchestrator> engine;
    std::vector<std::string> bugs;
    bool is_shut_down = false;

  private:
    void make_engine() {
        engine = std::make_unique<engine::Orchestrator>(engine::Services{
            loop.get_executor(), clock, launcher, store, notifier, events, forwarder,
            engine::Environment{"PATH=/usr/bin"}, [] { return 0.0; },
            [this](const std::string& name, const std::string& what) {
                bugs.push_back(name + ": " + what);
                ADD_FAILURE() << "an exception escaped a run of " << name << ": " << what;
            }});
    }
};

}  // namespace bansuri::testing
