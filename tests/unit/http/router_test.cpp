// SPDX-License-Identifier: MIT
#include "http/router.hpp"

#include <gmock/gmock.h>

#include <boost/asio/co_spawn.hpp>
#include <nlohmann/json.hpp>

#include "http/json.hpp"
#include "support/fake_backend.hpp"
#include "support/times.hpp"

namespace bansuri::http {
namespace {

using test::utc;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::task;

class Router : public ::testing::Test {
  protected:
    Router() : backend(history) {
        for (const char* name : {"backup", "upload", "report"}) {
            backend.tasks.push_back(testing::status_of(task(name).cron("0 2 * * *")));
        }
        backend.reload_answer = ReloadAnswer{};
    }

    Response ask(const std::string& method, const std::string& target,
                 const std::string& content_type = "application/json") {
        const auto context = std::make_shared<boost::asio::io_context>(1);
        Response response;
        boost::asio::co_spawn(*context,
                              respond({method, target, content_type, "{}", true}, backend, context),
                              [&](std::exception_ptr bug, Response answer) {
                                  if (bug) std::rethrow_exception(bug);
                                  response = std::move(answer);
                              });
        context->run();
        return response;
    }
    Json get(const std::string& target) {
        const Response response = ask("GET", target);
        EXPECT_EQ(response.status, 200u) << response.body;
        EXPECT_EQ(response.content_type, "application/json");
        return Json::parse(response.body);
    }
    /// The detail of a refusal, which must be a problem document of this status.
    std::string refusal(unsigned status, const Response& response) {
        EXPECT_EQ(response.status, status) << response.body;
        EXPECT_EQ(response.content_type, "application/problem+json");
        const Json document = Json::parse(response.body);
        EXPECT_EQ(document.at("status"), status);
        EXPECT_EQ(document.at("title"), reason_phrase(status));
        return document.at("detail");
    }
    engine::RunRecord& add_run(engine::RunId id, const std::string& name, Outcome outcome) {
        engine::RunRecord record;
        record.id = id;
        record.task = name;
        record.instant = record.claimed_at = utc("2026-03-29T02:00");
        record.ended_at = utc("2026-03-29T02:01");
        record.result = engine::AttemptResult{outcome, ExitStatus::exited(0), "", Duration(1500)};
        record.attempts = 1;
        history.records.push_back(record);
        return history.records.back();
    }
    void add_output(engine::RunId id, std::vector<engine::OutputPiece::Span> spans) {
        history.outputs[{id, 1}].spans = std::move(spans);
        history.outputs[{id, 1}].complete = true;
    }

    testing::FakeHistory history;
    testing::FakeBackend backend;
};

std::string path_of(const Route& route) {
    std::string path(route.pattern);
    if (const auto braces = path.find("{id}"); braces != std::string::npos) {
        path.replace(braces, 4, "17");
    }
    return path;
}

TEST_F(Router, EachRouteAnswers) {
    add_run(17, "backup", Outcome::success);
    add_output(17, {{false, "hello"}});
    for (const Route& route : routes()) {
        SCOPED_TRACE(route.pattern);
        std::string target = path_of(route);
        if (target.ends_with("/why")) target += "?task=backup";
        const Response response = ask(std::string(route.method), target);
        EXPECT_TRUE(response.status == 200 || response.status == 202) << response.body;
        EXPECT_TRUE(Json::accept(response.body));
    }
}

TEST_F(Router, EachRouteRefusesOtherMethodsAndSaysWhichItTakes) {
    for (const Route& route : routes()) {
        for (const char* method : {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE",
                                   "PATCH", "get", "REBOOT"}) {
            SCOPED_TRACE(std::string(method) + " " + std::string(route.pattern));
            const bool is_its_own =
                route.method == method || (route.method == "GET" && method == std::string("HEAD"));
            if (is_its_own) continue;
            const Response response = ask(method, path_of(route));
            refusal(405, response);
            ASSERT_EQ(response.headers.size(), 1u);
            EXPECT_EQ(response.headers[0].first, "Allow");
            EXPECT_EQ(response.headers[0].second,
                      route.method == "GET" ? "GET, HEAD" : std::string(route.method));
        }
    }
    EXPECT_EQ(backend.asked, "");
}

TEST_F(Router, EachRouteRefusesParametersThatItDoesNotKnow) {
    for (const Route& route : routes()) {
        SCOPED_TRACE(route.pattern);
        const Response response = ask(std::string(route.method), path_of(route) + "?nonsense=1");
        EXPECT_THAT(refusal(400, response), HasSubstr("unknown parameter \"nonsense\""));
    }
    EXPECT_EQ(backend.asked, "");
}

TEST_F(Router, EachPostNeedsTheTypeThatABrowserDoesNotSendUnasked) {
    for (const Route& route : routes()) {
        if (route.method != "POST") continue;
        for (const char* type : {"", "text/plain", "application/x-www-form-urlencoded",
                                 "multipart/form-data; boundary=application/json"}) {
            SCOPED_TRACE(std::string(route.pattern) + " " + type);
            refusal(415, ask("POST", path_of(route), type));
        }
    }
    EXPECT_EQ(backend.asked, "");
    EXPECT_EQ(ask("POST", "/api/v1/reload", "Application/JSON; charset=utf-8").status, 200u);
    EXPECT_EQ(backend.asked, "reload ");
}

TEST_F(Router, UnknownPathsAreNotFound) {
    for (const char* target :
         {"/", "//", "/api", "/api/v1", "/api/v1/", "/api/v1/status/", "/api/v2/status",
          "/api/v1/runs", "/api/v1/runs/17/", "/api/v1/runs/17/output/x", "/api/v1/runs//output/",
          "/API/v1/status", "/api/v1/../v1/status", "/api%2Fv1/status", "/etc/passwd"}) {
        SCOPED_TRACE(target);
        refusal(404, ask("GET", target));
    }
}

TEST_F(Router, BadTargetsAndValuesAreRefusedByName) {
    struct Row {
        const char* target;
        const char* detail;
    };
    const Row rows[] = {
        {"*", "not a path"},
        {"http://x/api/v1/status", "not a path"},
        {"/api/v1/status?task=%", "not a path"},
        {"/api/v1/status?task=%4", "not a path"},
        {"/api/v1/%zz", "not a path"},
        {"/api/v1/runs/abc", "\"abc\" is not the number of a run"},
        {"/api/v1/runs/-1", "is not the number"},
        {"/api/v1/runs/..", "is not the number"},
        {"/api/v1/runs/18446744073709551616", "is not the number"},
        {"/api/v1/history?limit=0", "write a whole number from 1 to 1000"},
        {"/api/v1/history?limit=1001", "write a whole number from 1 to 1000"},
        {"/api/v1/history?limit=1&limit=2", "more than once"},
        {"/api/v1/history?before=x", "\"before\""},
        {"/api/v1/history?outcome=GREAT", "write SUCCESS, FAILED"},
        {"/api/v1/runs/17/output?attempt=0", "\"attempt\""},
        {"/api/v1/runs/17/output?limit=1048577", "\"limit\""},
        {"/api/v1/runs/17/output?position=-5", "\"position\""},
        {"/api/v1/runs/17/output?stream=stdin", "write stdout or stderr"},
        {"/api/v1/why", "write ?task=NAME"},
        {"/api/v1/events?limit=many", "\"limit\""},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.target);
        EXPECT_THAT(refusal(400, ask("GET", row.target)), HasSubstr(row.detail));
    }
}

TEST_F(Router, WhatAClientSentIsNeverSentBackAsSomethingElseThanText) {
    const Response response = ask("GET", "/api/v1/status?task=%ff%22%3Cscript%3E%0d%0aX:%20y");
    EXPECT_THAT(refusal(404, response), HasSubstr(R"(there is no task "\xff\"<script>\x0d\x0aX)"));
}

TEST_F(Router, StatusTellsTheTasksThatAreAskedFor) {
    const auto names = [this](const std::string& query) {
        std::vector<std::string> found;
        const Json answer = get("/api/v1/status" + query);
        for (const Json& item : answer.at("tasks")) {
            found.push_back(item.at("task"));
        }
        return found;
    };
    EXPECT_THAT(names(""), ElementsAre("backup", "report", "upload"));
    EXPECT_THAT(names("?task=upload"), ElementsAre("upload"));
    EXPECT_THAT(names("?task=*p*o*&task=backup"), ElementsAre("backup", "report", "upload"));
    EXPECT_THAT(names("?task=[ab]*"), ElementsAre("backup"));
    EXPECT_THAT(refusal(404, ask("GET", "/api/v1/status?task=x*")), HasSubstr("no task matches"));
    EXPECT_EQ(refusal(404, ask("GET", "/api/v1/status?task=upload&task=Bakcup")),
              "there is no task \"Bakcup\"; did you mean \"backup\"?");
    EXPECT_EQ(refusal(404, ask("GET", "/api/v1/status?task=zzzzzz")),
              "there is no task \"zzzzzz\"; bansuri status lists all");
}

TEST_F(Router, StatusSpeaksTheWordsOfTheSpecification) {
    backend.daemon.version = "1.2.3";
    backend.daemon.problems = {{"store", "the disk is full"}};
    backend.daemon.configuration_error = "line 3: no";
    backend.tasks.resize(1);
    engine::TaskStatus& status = backend.tasks.front();
    status.state = TaskState::running;
    status.since = utc("2026-03-29T02:00");
    status.runs.push_back({17, 2, 4711, utc("2026-03-29T02:00"), utc("2026-03-29T02:00")});
    status.last = engine::LastRun{16, Outcome::timeout, utc("2026-03-28T02:00")};
    status.next = utc("2026-03-30T02:00");
    status.next_start = utc("2026-03-30T02:17");
    status.overdue = true;
    status.shortcomings = {"cpu: not here"};
    const Json answer = get("/api/v1/status");
    EXPECT_EQ(answer.at("daemon").at("degraded"), true);
    EXPECT_EQ(answer.at("daemon").at("problems"),
              Json::parse(R"([{"component": "store", "reason": "the disk is full"}])"));
    EXPECT_EQ(answer.at("daemon").at("configuration_error"), "line 3: no");
    EXPECT_EQ(answer.at("tasks").at(0), Json::parse(R"({
        "task": "backup", "description": "", "tags": [], "state": "RUNNING", "reason": null,
        "since": "2026-03-29T02:00:00Z", "enabled": true, "schedule": "0 2 * * * UTC",
        "timezone": "UTC", "next": "2026-03-30T02:00:00Z",
        "next_start": "2026-03-30T02:17:00Z", "overdue": true, "waiting": 0,
        "runs": [{"run": 17, "attempt": 2, "pid": 4711, "started_at": "2026-03-29T02:00:00Z",
                  "instant": "2026-03-29T02:00:00Z"}],
        "last": {"run": 16, "outcome": "TIMEOUT", "ended_at": "2026-03-28T02:00:00Z"},
        "retry_at": null, "shortcomings": ["cpu: not here"]})"));
}

TEST_F(Router, HistoryIsPagedAndFiltered) {
    for (engine::RunId id = 1; id <= 5; ++id) {
        add_run(id, id == 3 ? "upload" : "backup", id == 4 ? Outcome::failed : Outcome::success);
    }
    const auto ids = [this](const std::string& query) {
        std::vector<engine::RunId> found;
        const Json answer = get("/api/v1/history" + query);
        for (const Json& record : answer.at("runs")) {
            found.push_back(record.at("run"));
        }
        return found;
    };
    EXPECT_THAT(ids(""), ElementsAre(5, 4, 3, 2, 1));
    EXPECT_THAT(ids("?task=backup&limit=2"), ElementsAre(5, 4));
    EXPECT_THAT(ids("?task=backup&limit=2&before=4"), ElementsAre(2, 1));
    EXPECT_THAT(ids("?outcome=failed"), ElementsAre(4));
    EXPECT_EQ(get("/api/v1/history?limit=2").at("next_before"), 4);
    EXPECT_EQ(get("/api/v1/history?limit=6").at("next_before"), nullptr);
    EXPECT_THAT(ids("?task=report"), ElementsAre());
    EXPECT_THAT(refusal(404, ask("GET", "/api/v1/history?task=reprot")),
                HasSubstr("did you mean \"report\"?"));
}

TEST_F(Router, HistoryOfATaskThatNobodyKnowsIsNotFoundWhateverItsOutcome) {
    add_run(1, "old", Outcome::success);
    for (const char* outcome : {"", "&outcome=FAILED", "&outcome=SKIPPED&limit=3"}) {
        const std::string question = std::string("/api/v1/history?task=backupp") + outcome;
        EXPECT_THAT(refusal(404, ask("GET", question)), HasSubstr("did you mean \"backup\"?"));
    }
    for (const char* known : {"old", "backup"}) {
        const std::string question = std::string("/api/v1/history?outcome=FAILED&task=") + known;
        EXPECT_TRUE(get(question).at("runs").empty());
    }
}

TEST_F(Router, OutputIsExactWhateverItsBytes) {
    add_run(17, "backup", Outcome::success);
    const std::string odd("a\0\x1b[2J\xff", 7);
    add_output(17, {{false, "gr\xc3\xbcn\n"}, {true, odd}});
    const Json answer = get("/api/v1/runs/17/output");
    EXPECT_EQ(answer.at("attempt"), 1);
    EXPECT_EQ(answer.at("end"), 13);
    EXPECT_EQ(answer.at("complete"), true);
    const Json& spans = answer.at("spans");
    EXPECT_EQ(spans.at(0), Json::parse(R"({"stream": "stdout", "text": "grün\n"})"));
    EXPECT_EQ(spans.at(1).at("stream"), "stderr");
    EXPECT_EQ(spans.at(1).at("text"), std::string("a\0\x1b[2J\xef\xbf\xbd", 9));
    EXPECT_EQ(spans.at(1).at("base64"), "YQAbWzJK/w==");

    const Response raw = ask("GET", "/api/v1/runs/17/output?raw&stream=stderr");
    EXPECT_EQ(raw.content_type, "application/octet-stream");
    EXPECT_EQ(raw.body, odd);
    const Json piece = get("/api/v1/runs/17/output?attempt=1&position=2&limit=3");
    EXPECT_EQ(piece.at("begin"), 2);
    EXPECT_EQ(piece.at("end"), 5);
    EXPECT_EQ(piece.at("complete"), false);
    refusal(404, ask("GET", "/api/v1/runs/17/output?attempt=2"));
    refusal(404, ask("GET", "/api/v1/runs/18/output"));
    refusal(404, ask("GET", "/api/v1/runs/18"));
}

TEST_F(Router, WhyAnswersForTasksThatAreGoneAndSuggestsForThoseThatNeverWere) {
    add_run(17, "old", Outcome::success);
    EXPECT_EQ(get("/api/v1/why?task=backup").at("state"), "PENDING");
    const Json old = get("/api/v1/why?task=old");
    EXPECT_EQ(old.at("state"), nullptr);
    EXPECT_THAT(old.at("sentences").at(0).get<std::string>(), HasSubstr("not in the conf"));
    EXPECT_THAT(refusal(404, ask("GET", "/api/v1/why?task=backupp")),
                HasSubstr("did you mean \"backup\"?"));
}

TEST_F(Router, WhyKnowsRunsThatManySkipsAreNewerThan) {
    add_run(1, "backup", Outcome::failed);
    add_run(2, "backup", Outcome::success).ended_at = utc("2026-03-29T02:02");
    add_run(3, "backup", Outcome::failed).result.reset();
    add_run(4, "old", Outcome::success);
    for (engine::RunId id = 5; id < 105; ++id) {
        add_run(id, id % 2 == 0 ? "backup" : "old", Outcome::skipped);
    }
    const auto second = [this](const char* name) {
        return get(std::string("/api/v1/why?task=") + name).at("sentences").at(1);
    };
    EXPECT_THAT(second("backup"), HasSubstr("The last run that ended, run 2"));
    EXPECT_THAT(second("old"), HasSubstr("The last run that ended, run 4"));
    engine::TaskStatus& status = backend.tasks.front();
    status.last = engine::LastRun{1, Outcome::failed, utc("2026-03-29T02:01")};
    EXPECT_THAT(second("backup"), HasSubstr("The last run that ended, run 1"));
    history.records.erase(history.records.begin(), history.records.begin() + 2);
    status.last.reset();
    status.state = TaskState::running;
    status.runs.push_back({3, 1, 99, utc("2026-03-29T02:00"), utc("2026-03-29T02:00")});
    const Json sentences = get("/api/v1/why?task=backup").at("sentences");
    EXPECT_THAT(sentences.at(0), HasSubstr("It runs: run 3"));
    EXPECT_THAT(sentences.at(1), HasSubstr("It was skipped"));
}

TEST_F(Router, WhyOfAHaltedTaskNamesTheRunThatFailed) {
    add_run(1, "backup", Outcome::lost).ended_at = utc("2026-03-29T02:03");
    add_run(2, "backup", Outcome::failed);
    add_run(3, "backup", Outcome::success).ended_at = utc("2026-03-29T02:04");
    for (engine::RunId id = 4; id < 104; ++id) add_run(id, "backup", Outcome::skipped);
    backend.tasks.front().state = TaskState::stopped;
    backend.tasks.front().halted = true;
    EXPECT_THAT(get("/api/v1/why?task=backup").at("sentences").at(0), HasSubstr("because run 1 "));
}

TEST_F(Router, WhySaysThatBansuriIsShuttingDown) {
    backend.daemon.shutting_down = true;
    EXPECT_THAT(get("/api/v1/why?task=backup").at("sentences").at(0),
                HasSubstr("is shutting down"));
}

TEST_F(Router, ReloadTellsWhatChangedAndWhatIsWrong) {
    EXPECT_EQ(Json::parse(ask("POST", "/api/v1/reload").body).at("result"), "unchanged");
    backend.reload_answer->applied = engine::ConfigurationApplied{4, 20, 1, 2, 3, 5};
    Json answer = Json::parse(ask("POST", "/api/v1/reload").body);
    EXPECT_EQ(answer, Json::parse(R"({"result": "applied", "generation": 4, "tasks": 20,
        "added": 1, "removed": 2, "restarted": 3, "changed": 5, "problems": []})"));
    backend.reload_answer = ReloadAnswer{{}, true, {"scripts.json:1:1: error"}};
    answer = Json::parse(ask("POST", "/api/v1/reload").body);
    EXPECT_EQ(answer.at("result"), "refused");
    EXPECT_EQ(answer.at("problems").at(0), "scripts.json:1:1: error");
}

TEST_F(Router, ErrorsOfTheBackendHaveTheirStatus) {
    backend.end_answer = fail(ErrorCode::not_available, "already shutting down");
    EXPECT_EQ(refusal(501, ask("POST", "/api/v1/shutdown")), "already shutting down");
    backend.end_answer = fail(ErrorCode::io, "open \"/secret/place\": no");
    EXPECT_THAT(refusal(500, ask("POST", "/api/v1/shutdown")), Not(HasSubstr("secret")));
    EXPECT_THAT(backend.reports, HasSubstr("/secret/place"));
}

TEST_F(Router, AHistoryThatCannotBeReadIsReportedAndNotTold) {
    history.broken = true;
    EXPECT_THAT(refusal(500, ask("GET", "/api/v1/history")), Not(HasSubstr("secret")));
    EXPECT_THAT(backend.reports, HasSubstr("GET /api/v1/history: disk I/O error in /secret/place"));
}

}  // namespace
}  // namespace bansuri::http
