// SPDX-License-Identifier: MIT
//
// A real server with a fake daemon behind it, and a client that asks it.
#pragma once

#include <fcntl.h>
#include <gmock/gmock.h>

#include <chrono>
#include <functional>
#include <optional>
#include <sstream>
#include <string>

#include "cli/client_commands.hpp"
#include "http/server.hpp"
#include "support/fake_backend.hpp"
#include "support/temporary_directory.hpp"
#include "support/times.hpp"

namespace bansuri::cli {

using namespace std::chrono_literals;
using test::utc;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::task;

inline MonoTime steady_now() {
    return MonoTime(
        std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

struct Printed {
    int code = 0;
    std::string out;
    std::string err;
};

class TheClient : public ::testing::Test {
  protected:
    TheClient() : backend(history), api(folder.path("")) {
        directory = ::open(folder.path("").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
        backend.daemon.version = "1.2.3";
        backend.daemon.pid = 4711;
        backend.daemon.started = utc("2026-03-28T12:00");
        backend.daemon.now = utc("2026-03-29T12:00");
        for (const char* name : {"backup", "upload"}) {
            backend.tasks.push_back(testing::status_of(task(name).cron("0 2 * * *")));
            backend.tasks.back().since = utc("2026-03-29T11:55");
        }
        backend.daemon.tasks = 2;
        backend.reload_answer = http::ReloadAnswer{};
        serve();
    }
    ~TheClient() override { ::close(directory); }
    TheClient(const TheClient&) = delete;
    TheClient& operator=(const TheClient&) = delete;

    void serve() { server.emplace(backend, directory, socket_name); }

    template <class Command>
    Printed run(Command command, std::size_t width = 0, bool on_terminal = false,
                bool errors_on_terminal = false) {
        std::ostringstream out;
        std::ostringstream err;
        Surroundings around{out, err, on_terminal, errors_on_terminal};
        around.width = width;
        around.now = utc("2026-03-29T12:00");
        around.mono_now = mono_now;
        const int code = execute(command, api, around);
        return {code, out.str(), err.str()};
    }
    void add_run(engine::RunId id, std::optional<Outcome> outcome, std::uint32_t attempts = 1) {
        engine::RunRecord record;
        record.id = id;
        record.task = "backup";
        record.instant = record.claimed_at = record.last_instant = utc("2026-03-29T02:00");
        record.attempts = attempts;
        if (outcome) {
            record.ended_at = utc("2026-03-29T02:01");
            record.result = engine::AttemptResult{*outcome, {}, "", 61s};
        }
        const std::lock_guard lock(history.mutex);
        for (std::uint32_t number = 1; number <= attempts; ++number) {
            engine::AttemptRecord attempt;
            attempt.run = id;
            attempt.number = number;
            if (outcome || number < attempts) attempt.result = engine::AttemptResult{};
            history.attempt_records[id].push_back(attempt);
        }
        history.records.push_back(record);
    }
    void end_run(engine::RunId id) {
        const std::lock_guard lock(history.mutex);
        for (auto& record : history.records) {
            if (record.id == id)
                record.result = engine::AttemptResult{Outcome::success, {}, "", {}};
        }
        for (auto& attempt : history.attempt_records[id]) {
            attempt.result = engine::AttemptResult{Outcome::success, {}, "", {}};
        }
    }
    void print(engine::RunId id, std::uint32_t attempt, const std::string& bytes,
               bool is_error = false, bool complete = true) {
        const std::lock_guard lock(history.mutex);
        history.outputs[{id, attempt}].spans.push_back({is_error, bytes});
        history.outputs[{id, attempt}].complete = complete;
    }
    static LogsCommand logs() {
        LogsCommand command;
        command.task = "backup";
        command.interval = 5ms;
        return command;
    }

    std::function<MonoTime()> mono_now = steady_now;
    testing::TemporaryDirectory folder;
    int directory = -1;
    testing::FakeHistory history;
    testing::FakeBackend backend;
    ApiClient api;
    std::optional<http::Server> server;
};

}  // namespace bansuri::cli
