// SPDX-License-Identifier: MIT
#include "import/supervisor.hpp"

#include <gmock/gmock.h>

#include <cstring>

#include "unit/import/importing.hpp"

namespace bansuri::imports {
namespace {

using ::testing::HasSubstr;

Imported imported(std::string_view text) {
    SupervisorOptions options{"/etc/sv/main.conf", "/etc/sv", "host1"};
    options.include = [](const std::string& pattern) -> std::vector<IncludedFile> {
        if (pattern == "/etc/sv/conf.d/*.conf") {
            return {{"/etc/sv/conf.d/one.conf", "[program:one]\ncommand=%(here)s/run\n"},
                    {"/etc/sv/conf.d/two.conf",
                     fail(ErrorCode::io, "open \"/etc/sv/conf.d/two.conf\": Permission denied")}};
        }
        return {};
    };
    return Imported(import_supervisor(text, options));
}
/// One program with these options.
Imported program(std::string_view options) {
    return imported("[program:web]\ncommand=/usr/bin/web\n" + std::string(options) + "\n");
}

TEST(Supervisor, AProgramIsATaskThatIsKeptRunning) {
    const Imported file = program(
        "directory=/srv/web\nuser=www-data\numask=22\n"
        "environment=A=\"b,c\",C='d'\nstopwaitsecs=60\nexitcodes=0,2");
    ASSERT_EQ(file.tasks(), 1U);
    EXPECT_EQ(file.task().dump(),
              R"({"name":"web","command":"/usr/bin/web","user":"www-data","umask":"0022",)"
              R"("working-directory":"/srv/web","environment":{"A":"b,c","C":"d"},)"
              R"("on-fail":"restart","success-codes":[0,2],"stop-timeout":"60s"})");
}

TEST(Supervisor, WhatItSaysOfNothingIsItsDefault) {
    EXPECT_EQ(
        program("").task().dump(),
        R"({"name":"web","command":"/usr/bin/web","working-directory":"/","on-fail":"restart"})");
    EXPECT_EQ(program("exitcodes=0\nstopwaitsecs=10\nstopsignal=TERM\nautostart=yes\n"
                      "autorestart=unexpected\nstdout_logfile=AUTO\nstderr_logfile=auto")
                  .task(),
              program("").task());
}

TEST(Supervisor, RestartsAreThreeKinds) {
    const Imported always = program("autorestart=true");
    EXPECT_EQ(always.value("timer"), R"("5s")");
    EXPECT_EQ(always.value("overlap"), R"("skip")");
    EXPECT_EQ(always.value("on-fail"), R"("restart")");
    EXPECT_TRUE(always.says("after a success within five seconds"));
    const Imported never = program("autorestart=FALSE");
    EXPECT_EQ(never.value("on-fail"), R"("stop")");
    EXPECT_EQ(never.value("timer"), "-");
    EXPECT_EQ(program("autorestart=unexpected").value("timer"), "-");
    EXPECT_TRUE(program("autorestart=perhaps").says("taken as \"unexpected\""));
    EXPECT_TRUE(program("startretries=3").says("\"times\": 4 would end it"));
    EXPECT_EQ(program("startretries=3").value("times"), "-");
    EXPECT_EQ(program("autostart=off").value("enabled"), "false");
}

TEST(Supervisor, CommandsHaveNoShellSoWordsStayWords) {
    struct Row {
        const char* command;
        const char* carried;
    };
    const Row rows[] = {
        {"/bin/cat  -n", "/bin/cat -n"},
        {"printf %%s\\\\n $HOME", R"(exec printf '%s\n' '$HOME')"},
        {"sh -c \"echo a && echo b\"", "exec sh -c 'echo a && echo b'"},
        {"printf '%%s|' *.c > x", "exec printf '%s|' '*.c' '>' x"},
        {"printf '%%s' it\\'s", R"(exec printf %s 'it'\''s')"},
        {"%(here)s/%(program_name)s-%(group_name)s@%(host_node_name)s", "/etc/sv/web-web@host1"},
        {"/bin/echo a%(ENV_STAGE)s/%(ENV_B)s", R"(exec /bin/echo a"${STAGE}"/"${B}")"},
        {"echo \"\"", "exec echo ''"},
    };
    for (const Row& row : rows) {
        const Imported file = imported("[program:web]\ncommand=" + std::string(row.command) + "\n");
        EXPECT_EQ(file.task().value("command", ""), row.carried);
    }
    EXPECT_EQ(output_of("STAGE='a b  c' sh -c '" + std::string(R"(printf %s. x"${STAGE}")") + "'"),
              "xa b  c.");
    for (const char* const wrong : {"command='open", "command=a %s", "command=%(nowhere)s",
                                    "command=", "command=A=b c", "priority=1"}) {
        const Imported file =
            imported("[program:bad]\n" + std::string(wrong) + "\n[program:good]\ncommand=x\n");
        EXPECT_EQ(file.tasks(), 1U) << wrong;
        EXPECT_TRUE(file.says("Not carried over: [program:bad]: command")) << wrong << file.text;
    }
}

TEST(Supervisor, VariablesOfTheFileAreKnown) {
    const Imported file = imported(
        "[supervisord]\nenvironment=ROOT=\"/opt\",B=\"1\"\n"
        "[program:web]\nenvironment=B=\"2\",P=\"%(ENV_ROOT)s/p\"\n"
        "command=%(ENV_ROOT)s/run %(ENV_P)s\n"
        "stdout_logfile=%(ENV_LOGS)s/x.log\n");
    EXPECT_EQ(file.value("command"), R"("/opt/run /opt/p")");
    EXPECT_EQ(file.value("environment"), R"({"B":"2","ROOT":"/opt","P":"/opt/p"})");
    EXPECT_EQ(file.value("stdout"), "-");
    EXPECT_TRUE(file.says("what %(ENV_LOGS)s stands for is not known here"));
}

TEST(Supervisor, ProcessesBecomeTasksOfTheirOwn) {
    const Imported file = imported(
        "[program:w]\ncommand=work --slot=%(process_num)d\nnumprocs=3\n"
        "numprocs_start=8\nprocess_name=%(program_name)s_%(process_num)02d\n");
    ASSERT_EQ(file.tasks(), 3U);
    EXPECT_EQ(file.value("name", 0), R"("w_08")");
    EXPECT_EQ(file.value("name", 2), R"("w_10")");
    EXPECT_EQ(file.value("command", 2), R"("work --slot=10")");
    EXPECT_EQ(file.value("tags", 1), R"(["w"])");
    EXPECT_EQ(imported("[program:w]\ncommand=x\nprocess_name=%(process_num)d\n").value("name"),
              R"("w:0")");
    for (const char* const wrong : {"2", "0", "many", "1000000000"}) {
        const Imported bad =
            imported("[program:w]\ncommand=x\nnumprocs=" + std::string(wrong) + "\n");
        EXPECT_EQ(bad.tasks(), 0U) << wrong;
        EXPECT_TRUE(bad.says("Not carried over: [program:w]: ")) << wrong;
    }
}

TEST(Supervisor, GroupsAreTags) {
    const Imported file = imported(
        "[program:a]\ncommand=a\n[program:b]\ncommand=b\n"
        "[group:g]\nprograms=a, b,ghost\npriority=5\n"
        "[group:h]\nprograms=b\n");
    EXPECT_EQ(file.value("tags", 0), R"(["g"])");
    EXPECT_EQ(file.value("tags", 1), R"(["g","h"])");
    EXPECT_TRUE(file.says("[group:g] names ghost, which there is not"));
    EXPECT_TRUE(file.says("[group:g] priority=5"));
}

TEST(Supervisor, OutputGoesWhereItWent) {
    struct Row {
        const char* options;
        const char* out;
        const char* err;
        const char* said;
    };
    const Row rows[] = {
        {"", "-", "-", ""},
        {"stdout_logfile=/v/o.log", R"("/v/o.log")", "-", "goes where stdout goes"},
        {"stdout_logfile=/v/o\nstderr_logfile=/v/e", R"("/v/o")", R"("/v/e")", ""},
        {"stdout_logfile=/v/o\nredirect_stderr=true", R"("/v/o")", R"("combined")", ""},
        {"stdout_logfile=o.log\nredirect_stderr=true", R"("/o.log")", R"("combined")", ""},
        {"stdout_logfile=NONE\nstderr_logfile=NONE", R"("ignore")", R"("ignore")", ""},
        {"stdout_logfile=NONE\nstderr_logfile=/v/e", R"("ignore")", R"("/v/e")", ""},
        {"stdout_logfile=NONE\nredirect_stderr=1", R"("ignore")", R"("combined")", ""},
        {"stdout_logfile=NONE", "-", "-", "kept all the same"},
        {"stderr_logfile=off", "-", R"("ignore")", ""},
        {"stdout_logfile=/dev/stdout\nstdout_logfile_maxbytes=0", "-", "-", "/dev/stdout: that is"},
        {"stdout_logfile=~/x", "-", "-", "write the path of the home directory"},
        {"stdout_logfile=syslog", "-", "-", "keeps the output itself"},
        {"stdout_logfile=/v/o\nstdout_logfile_maxbytes=1MB\nredirect_stderr=true", R"("/v/o")",
         R"("combined")", "stdout_logfile_maxbytes=1MB: Bansuri rotates no files"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.options);
        const Imported file = program(row.options);
        EXPECT_EQ(file.value("stdout"), row.out);
        EXPECT_EQ(file.value("stderr"), row.err);
        EXPECT_TRUE(file.says(row.said)) << file.text;
    }
}

TEST(Supervisor, WhatCannotBeCarriedOverIsSaidAtTheTask) {
    const char* const options[] = {"priority=5",
                                   "stopsignal=QUIT",
                                   "stopasgroup=false",
                                   "killasgroup=no",
                                   "startsecs=10",
                                   "stdout_events_enabled=true",
                                   "stderr_capture_maxbytes=1MB",
                                   "stdout_syslog=true",
                                   "serverurl=AUTO",
                                   "colour=red",
                                   "stopwaitsecs=long",
                                   "exitcodes=0,256",
                                   "redirect_stderr=perhaps",
                                   "autorestart=%(x)s"};
    for (const char* const option : options) {
        const std::string key(option, std::strchr(option, '='));
        EXPECT_TRUE(program(option).says(key)) << option << program(option).text;
    }
    for (const char* const option : {"stopasgroup=true", "killasgroup=true", "stopsignal=SIGTERM",
                                     "stdout_events_enabled=false"}) {
        const std::string key(option, std::strchr(option, '='));
        EXPECT_FALSE(program(option).says(key)) << option;
    }
    EXPECT_FALSE(program("startsecs=1").says("startsecs=1:"));
    EXPECT_TRUE(program("user=1000").says("takes a number; write the name"));
}

TEST(Supervisor, SectionsOfOtherKindsAreExplained) {
    const Imported file = imported(
        "[unix_http_server]\nfile=/s\n[inet_http_server]\nport=1\n"
        "[supervisorctl]\n[rpcinterface:s]\n[eventlistener:mailer]\n"
        "command=mailer --to me\n[fcgi-program:f]\nsocket=tcp://x:1\n"
        "command=f\n[ctlplugin:c]\n[strange]\n[program:a]\ncommand=a\n");
    for (const char* const section :
         {"unix_http_server", "inet_http_server", "supervisorctl", "rpcinterface:s",
          "eventlistener:mailer", "fcgi-program:f", "ctlplugin:c", "strange"}) {
        EXPECT_TRUE(file.says("Not carried over: [" + std::string(section) + "]")) << section;
    }
    EXPECT_TRUE(file.says("command mailer --to me: a listener speaks"));
    EXPECT_EQ(file.tasks(), 1U);
}

TEST(Supervisor, TheDaemonsOwnOptionsHoldForItsPrograms) {
    const Imported file = imported(
        "[supervisord]\nuser=app\numask=077\ndirectory=/srv\nloglevel=info\n"
        "[program:a]\ncommand=a\nuser=other\n[program:b]\ncommand=b\n"
        "directory=sub\nstdout_logfile=b.log\n");
    EXPECT_EQ(file.value("user", 0), R"("other")");
    EXPECT_EQ(file.value("user", 1), R"("app")");
    EXPECT_EQ(file.value("umask", 1), R"("0077")");
    EXPECT_EQ(file.value("working-directory", 0), R"("/srv")");
    EXPECT_EQ(file.value("working-directory", 1), R"("/srv/sub")");
    EXPECT_EQ(file.value("stdout", 1), R"("/srv/b.log")");
    EXPECT_TRUE(file.says("Of [supervisord] without a like here: loglevel."));
}

TEST(Supervisor, IncludedFilesAreRead) {
    const Imported file =
        imported("[include]\nfiles=conf.d/*.conf\n  /none/*.ini\n[supervisord]\n");
    ASSERT_EQ(file.tasks(), 1U);
    EXPECT_EQ(file.value("command"), R"("/etc/sv/conf.d/run")");
    EXPECT_TRUE(file.says("Included: /etc/sv/conf.d/one.conf."));
    EXPECT_TRUE(file.says("Not read: open \"/etc/sv/conf.d/two.conf\": Permission denied."));
    EXPECT_TRUE(file.says("[include] files=/none/*.ini: there is no such file."));
}

TEST(Supervisor, AFileOfAnotherKindIsRefused) {
    EXPECT_THAT(imported("0 1 * * * x\n").error, HasSubstr("something stands before its first"));
    EXPECT_THAT(imported("{\"scripts\": []}").error,
                HasSubstr("something stands before its first"));
    EXPECT_THAT(imported("[Unit]\nDescription=x\n").error, HasSubstr("no section in it is one of"));
    EXPECT_THAT(imported("").error, HasSubstr("no section in it is one of"));
    EXPECT_EQ(imported("[supervisord]\n").tasks(), 0U);
}

}  // namespace
}  // namespace bansuri::imports
