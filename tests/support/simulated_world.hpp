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

struct RecordingHeartbeat final : engine::Heartbeat {
    void beat(const std::string& task, const std::string& address) override {
        beats.push_back(task + " " + address);
    }
    std::vector<std::string> beats;
};

struct RecordingForwarder final : engine::OutputForwarder {
    void forward(engine::Stream, std::string lines) override { text += lines; }
    boost::asio::awaitable<void> ready() override { co_return; }
    std::string text;
};

/// Accounts and files as a test says; an answer may be held back.
struct FakeLookup final : engine::StartLookup {
    boost::asio::awaitable<Result<engine::StartFacts>> look_up(
        std::shared_ptr<const Task> task) override {
        ++asked;
        while (holds_back) co_await released.wait();
        Result<engine::StartFacts> known = answer(*task);
        co_return known;
    }
    std::vector<std::string> environment_of(pid_t) override { return {}; }
    explicit FakeLookup(boost::asio::any_io_executor loop) : released(loop) {}
    std::function<Result<engine::StartFacts>(const Task&)> answer = [](const Task&) {
        return engine::StartFacts{};
    };
    int asked = 0;
    bool holds_back = false;
    engine::Wakeup released;
};

/// The clock as one daemon knows it: when that is killed, its alarms ring no more.
class DaemonClock final : public engine::Clock {
  public:
    explicit DaemonClock(engine::Clock& clock) : clock_(clock) {}
    WallTime wall_now() const override { return clock_.wall_now(); }
    MonoTime mono_now() const override { return clock_.mono_now(); }
    std::unique_ptr<engine::Alarm> at(MonoTime when, std::function<void()> ring) override {
        return clock_.at(when, mortal(std::move(ring)));
    }
    std::unique_ptr<engine::Alarm> at(WallTime when, std::function<void()> ring) override {
        return clock_.at(when, mortal(std::move(ring)));
    }
    void on_wall_clock_set(std::function<void()> changed) override {
        clock_.on_wall_clock_set(mortal(std::move(changed)));
    }
    void die() { alive_.reset(); }

  private:
    std::function<void()> mortal(std::function<void()> call) {
        return [life = std::weak_ptr<int>(alive_), call = std::move(call)] {
            if (!life.expired()) call();
        };
    }
    engine::Clock& clock_;
    std::shared_ptr<int> alive_ = std::make_shared<int>();
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
        configuration_ = configuration;
        engine->apply(configuration);
        clock.settle();
    }

    /// kill -9 of the daemon: nothing of it is ended in order, nothing is told.
    void kill_daemon() {
        launcher.lose_daemon();
        daemon_clock->die();
        // Its coroutines still wait in the loop and refer to it. They never go on, and it is never
        // destroyed: as with a real one, there is nobody left to do that.
        struct Dead {
            std::unique_ptr<engine::Orchestrator> engine;
            std::unique_ptr<DaemonClock> clock;
        };
        static auto& graveyard = *new std::vector<Dead>;  // not even at the end of the program
        graveyard.push_back({std::move(engine), std::move(daemon_clock)});
    }
    /// The keeper starts the next daemon.
    void restart_daemon() { next_daemon(true); }
    /// kill -9 of both.
    void kill_bansuri() {
        kill_daemon();
        launcher.lose_keeper();
    }
    /// The configuration changes while nobody is there to see it.
    void configured(const TaskBuilder& added) {
        forget_configured(added.name());
        configuration_.tasks.push_back(added.build());
        launcher.script(added.name(), added.behaviours());
    }
    void forget_configured(const std::string& name) {
        std::erase_if(configuration_.tasks, [&](const auto& task) { return task->name == name; });
    }
    /// The history is damaged: the next daemon begins with an empty one.
    void lose_store() {
        store = store::MemoryRunStore{1'000'000};
        store_lost_ = true;
    }
    /// Somebody starts Bansuri again; with `rebooted`, the machine was restarted meanwhile.
    void start_bansuri(bool rebooted = false) {
        begin_session(rebooted);
        next_daemon(false);
    }
    /// Somebody starts Bansuri again, and its first daemon dies before it has done more than to say
    /// whose session it is.
    void begin_session(bool rebooted = false) {
        session_after_ = await(store.recover()).last_id;
        if (rebooted) boot_after_ = session_after_;
    }
    /// What the next daemon is told of the past, as a store that lost records would tell it.
    std::function<void(engine::Recovery&)> tamper;

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
    FakeLookup lookup{loop.get_executor()};
    store::MemoryRunStore store{1'000'000};
    RecordingNotifier notifier;
    RecordingHeartbeat heartbeat;
    RecordingForwarder forwarder;
    engine::EventBus events;
    std::vector<engine::Event> heard;
    std::shared_ptr<void> listening;
    std::unique_ptr<DaemonClock> daemon_clock;
    std::unique_ptr<engine::Orchestrator> engine;
    std::vector<std::string> bugs;
    bool is_shut_down = false;

  private:
    void next_daemon(bool keeper_lives) {
        make_engine();
        engine::Recovery left = await(store.recover());
        for (engine::UnfinishedRun& run : left.runs) {
            run.same_session = keeper_lives && run.id > session_after_;
            run.same_boot = run.id > boot_after_;
        }
        if (std::exchange(store_lost_, false)) left.same_session = false;
        if (!keeper_lives) {
            left.same_session = false;
            for (engine::TaskProgress& progress : left.tasks) {
                progress.tick.reset();
                const engine::TaskWatch watch = progress.memory.watch;
                progress.memory = {};
                progress.memory.watch = watch;
                progress.waiting.clear();
            }
        }
        std::vector<engine::HeldAttempt> held = await(launcher.held());
        if (tamper) std::exchange(tamper, nullptr)(left);
        const Result<void> adopted =
            await(engine::adopt_what_lives(launcher, left, configuration_, held));
        ASSERT_TRUE(adopted);
        engine->inherit(engine::Inheritance(std::move(left), std::move(held), keeper_lives));
        engine->apply(configuration_);
        engine->close_inheritance(engine::Orchestrator::Leftovers::end);
        clock.settle();
    }
    template <class T>
    T await(boost::asio::awaitable<T> question) {
        std::optional<T> answer;
        boost::asio::co_spawn(loop, std::move(question),
                              [&](std::exception_ptr, T got) { answer = std::move(got); });
        loop.restart();
        loop.poll();
        return std::move(answer).value();
    }

    Configuration configuration_;
    bool store_lost_ = false;
    // Runs with higher ids are of this session, of this boot.
    engine::RunId session_after_ = 0;
    engine::RunId boot_after_ = 0;
    void make_engine() {
        daemon_clock = std::make_unique<DaemonClock>(clock);
        engine = std::make_unique<engine::Orchestrator>(engine::Services{
            loop.get_executor(), *daemon_clock, launcher, lookup, store, nullptr, notifier,
            &heartbeat, events, forwarder, engine::Environment{"PATH=/usr/bin"}, [] { return 0.0; },
            [this](const std::string& name, const std::string& what) {
                bugs.push_back(name + ": " + what);
                ADD_FAILURE() << "an exception escaped a run of " << name << ": " << what;
            }});
    }
};

}  // namespace bansuri::testing
