// SPDX-License-Identifier: MIT
#include "support/fake_launcher.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <csignal>
#include <utility>

namespace bansuri::testing {
namespace {

std::string task_of(const engine::LaunchSpec& spec) {
    const std::string name = "BANSURI_TASK=";
    for (const std::string& variable : spec.environment) {
        if (variable.starts_with(name)) return variable.substr(name.size());
    }
    return {};
}

}  // namespace

/// A process, as the kernel and the keeper know it.
struct FakeLauncher::Attempt {
    std::string task;
    engine::HeldAttempt held;
    Behaviour behaviour;
    std::optional<ExitStatus> status;  // how it ended, if its keeper saw it
    bool ended = false;
    bool lost = false;
    engine::EndCause cause = engine::EndCause::none;
    std::string unread;  // output that no daemon has taken
    Handle* handle = nullptr;
    std::unique_ptr<engine::Alarm> own_end;
    std::unique_ptr<engine::Alarm> kill;
};

class FakeLauncher::Handle final : public engine::Process {
  public:
    Handle(FakeLauncher& launcher, std::shared_ptr<Attempt> attempt, engine::OutputSink& sink,
           std::function<void()> changed)
        : launcher_(launcher),
          attempt_(std::move(attempt)),
          sink_(sink),
          changed_(std::move(changed)) {
        attempt_->handle = this;
    }
    ~Handle() override {
        if (attempt_->handle != this) return;  // the daemon that it was given to is dead
        attempt_->handle = nullptr;
        if (!attempt_->ended) {
            ++launcher_.kills_;
            launcher_.leave(*attempt_, ExitStatus::signalled(SIGKILL));
        }
        launcher_.attempts_.erase(attempt_->held.id);
    }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;

    pid_t pid() const override { return attempt_->held.process.pid; }
    engine::ProcessIdentity identity() const override { return attempt_->held.process; }
    std::optional<ExitStatus> exit_status() const override { return attempt_->status; }
    bool gone() const override { return attempt_->ended && !attempt_->lost; }
    bool lost() const override { return attempt_->lost; }
    engine::EndCause end_cause() const override { return attempt_->cause; }
    const std::vector<pid_t>& survivors() const override { return survivors_; }
    void end(Duration grace, engine::EndCause cause) override {
        if (attempt_->cause == engine::EndCause::none) attempt_->cause = cause;
        launcher_.end(*attempt_, grace);
    }
    void deliver() {
        if (attempt_->unread.empty()) return;
        sink_.write(engine::Stream::standard_output, std::exchange(attempt_->unread, {}));
    }
    void change() { changed_(); }

  private:
    FakeLauncher& launcher_;
    std::shared_ptr<Attempt> attempt_;
    engine::OutputSink& sink_;
    std::function<void()> changed_;
    std::vector<pid_t> survivors_;
};

void FakeLauncher::end(Attempt& attempt, Duration grace) {
    if (attempt.ended || attempt.behaviour.immortal) return;
    const MonoTime now = clock_.mono_now();
    if (grace > Duration::zero() && !attempt.behaviour.ignores_term) {
        attempt.kill =
            clock_.at(now, [this, &attempt] { leave(attempt, ExitStatus::signalled(SIGTERM)); });
        return;
    }
    attempt.kill = clock_.at(now + grace, [this, &attempt] {
        ++kills_;
        leave(attempt, ExitStatus::signalled(SIGKILL));
    });
}

void FakeLauncher::leave(Attempt& attempt, ExitStatus status) {
    if (attempt.ended) return;
    attempt.ended = true;
    --running_[attempt.task];
    attempt.unread += attempt.behaviour.says;
    if (attempts_.contains(attempt.held.id)) attempt.status = status;  // else nobody sees it
    if (attempt.handle == nullptr) return;
    attempt.handle->deliver();
    attempt.handle->change();
}

std::unique_ptr<engine::Process> FakeLauncher::hand_out(const std::shared_ptr<Attempt>& attempt,
                                                        engine::OutputSink& sink,
                                                        std::function<void()> changed) {
    auto handle = std::make_unique<Handle>(*this, attempt, sink, std::move(changed));
    handle->deliver();
    return handle;
}

boost::asio::awaitable<Result<std::unique_ptr<engine::Process>>> FakeLauncher::start(
    engine::LaunchSpec spec, engine::OutputSink& sink, std::function<void()> changed) {
    const std::string task = task_of(spec);
    Script& script = scripts_[task];
    Behaviour behaviour;
    if (!script.behaviours.empty()) {
        behaviour = script.behaviours[std::min(script.next, script.behaviours.size() - 1)];
        ++script.next;
    }
    started_.push_back({task, spec.id, clock_.wall_now()});
    specs_.push_back(spec);
    if (!behaviour.cannot_start.empty()) {
        co_return fail(ErrorCode::cannot_start, behaviour.cannot_start);
    }
    const auto attempt = std::make_shared<Attempt>();
    attempt->task = task;
    attempt->held = {
        spec.id, {++last_pid_, static_cast<std::uint64_t>(last_pid_) * 7, 0, 0}, spec.label};
    attempt->behaviour = std::move(behaviour);
    attempts_[spec.id] = attempt;
    most_[task] = std::max(most_[task], ++running_[task]);
    attempt->own_end = clock_.at(clock_.mono_now() + attempt->behaviour.takes,
                                 [this, raw = attempt.get()] { leave(*raw, raw->behaviour.ends); });
    co_return hand_out(attempt, sink, std::move(changed));
}

boost::asio::awaitable<std::vector<engine::HeldAttempt>> FakeLauncher::held() {
    std::vector<engine::HeldAttempt> all;
    for (const auto& [id, attempt] : attempts_) all.push_back(attempt->held);
    co_return all;
}

std::unique_ptr<engine::Process> FakeLauncher::take_over(engine::AttemptId id,
                                                         engine::OutputSink& sink,
                                                         std::function<void()> changed) {
    const auto known = attempts_.find(id);
    if (known == attempts_.end() || known->second->handle != nullptr) return nullptr;
    return hand_out(known->second, sink, std::move(changed));
}

boost::asio::awaitable<Result<void>> FakeLauncher::adopt(engine::AdoptSpec spec) {
    const auto same = [&](const auto& orphan) {
        return orphan->held.process == spec.process && !orphan->ended;
    };
    const auto found = std::find_if(orphans_.begin(), orphans_.end(), same);
    if (found == orphans_.end()) co_return fail(ErrorCode::not_found, "no such process");
    (*found)->held.id = spec.id;
    (*found)->held.label = spec.label;
    (*found)->cause = engine::EndCause::none;
    attempts_[spec.id] = *found;
    orphans_.erase(found);
    co_return Result<void>();
}

void FakeLauncher::lose_daemon() {
    for (const auto& [id, attempt] : attempts_) attempt->handle = nullptr;
}

void FakeLauncher::lose_keeper() {
    lose_daemon();
    for (auto& [id, attempt] : std::exchange(attempts_, {})) orphans_.push_back(attempt);
}

void FakeLauncher::lose_keeper_under_daemon() {
    std::vector<Handle*> told;
    for (auto& [id, attempt] : attempts_) {
        attempt->lost = true;
        if (attempt->handle != nullptr) told.push_back(attempt->handle);
    }
    for (Handle* handle : told) handle->change();
}

std::vector<FakeLauncher::Started> FakeLauncher::started(const std::string& task) const {
    std::vector<Started> mine;
    std::copy_if(started_.begin(), started_.end(), std::back_inserter(mine),
                 [&](const Started& start) { return start.task == task; });
    return mine;
}

int FakeLauncher::running(const std::string& task) const {
    const auto known = running_.find(task);
    return known == running_.end() ? 0 : known->second;
}

int FakeLauncher::most_at_once(const std::string& task) const {
    const auto known = most_.find(task);
    return known == most_.end() ? 0 : known->second;
}

}  // namespace bansuri::testing
