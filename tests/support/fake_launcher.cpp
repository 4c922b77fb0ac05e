// SPDX-License-Identifier: MIT
#include "support/fake_launcher.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <csignal>

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

class FakeLauncher::FakeProcess final : public engine::Process {
  public:
    FakeProcess(FakeLauncher& launcher, std::string task, pid_t pid, Behaviour behaviour,
                engine::OutputSink& sink, std::function<void()> changed)
        : launcher_(launcher),
          task_(std::move(task)),
          pid_(pid),
          behaviour_(std::move(behaviour)),
          sink_(sink),
          changed_(std::move(changed)) {
        launcher_.alive_.push_back(this);
        launcher_.most_[task_] = std::max(launcher_.most_[task_], ++launcher_.running_[task_]);
        own_end_ = launcher_.clock_.at(launcher_.clock_.mono_now() + behaviour_.takes,
                                       [this] { leave(behaviour_.ends); });
    }
    ~FakeProcess() override {
        if (!status_) --launcher_.running_[task_];
        std::erase(launcher_.alive_, this);
    }

    pid_t pid() const override { return pid_; }
    std::optional<ExitStatus> exit_status() const override { return status_; }
    bool gone() const override { return status_.has_value(); }
    bool lost() const override { return lost_; }
    const std::vector<pid_t>& survivors() const override { return survivors_; }
    void end(Duration grace) override {
        if (status_) return;
        if (grace == Duration::zero()) {
            kill_ = launcher_.clock_.at(launcher_.clock_.mono_now(), [this] { be_killed(); });
        } else if (behaviour_.ignores_term) {
            kill_ =
                launcher_.clock_.at(launcher_.clock_.mono_now() + grace, [this] { be_killed(); });
        } else {
            kill_ = launcher_.clock_.at(launcher_.clock_.mono_now(),
                                        [this] { leave(ExitStatus::signalled(SIGTERM)); });
        }
    }
    void lose() {
        lost_ = true;
        changed_();
    }

  private:
    void be_killed() {
        ++launcher_.kills_;
        leave(ExitStatus::signalled(SIGKILL));
    }
    void leave(ExitStatus status) {
        if (status_) return;
        if (!behaviour_.says.empty()) sink_.write(engine::Stream::standard_output, behaviour_.says);
        status_ = status;
        --launcher_.running_[task_];
        changed_();
    }

    FakeLauncher& launcher_;
    std::string task_;
    pid_t pid_;
    Behaviour behaviour_;
    engine::OutputSink& sink_;
    std::function<void()> changed_;
    std::optional<ExitStatus> status_;
    bool lost_ = false;
    std::vector<pid_t> survivors_;
    std::unique_ptr<engine::Alarm> own_end_;
    std::unique_ptr<engine::Alarm> kill_;
};

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
    std::unique_ptr<engine::Process> process = std::make_unique<FakeProcess>(
        *this, task, ++last_pid_, behaviour, sink, std::move(changed));
    co_return process;
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

void FakeLauncher::lose_everything() {
    const std::vector<FakeProcess*> alive = alive_;
    for (FakeProcess* process : alive) process->lose();
}

}  // namespace bansuri::testing
