// SPDX-License-Identifier: MIT
//
// The rows of the key table that stand at the root of the file.
#include "core/config/key_table.hpp"

namespace bansuri::config {
namespace {

constexpr auto not_yet = Availability::not_yet;

constexpr Choice durabilities[] = {
    {"normal", "what is recorded survives the death of Bansuri"},
    {"full", "it survives a loss of power too; each start then waits for the disk"},
};

// A row is read as a paragraph, not as a column of words.
// clang-format off
const KeyRow retention_members[] = {
    {.name = "days", .place = Place::member,
     .spec = {.kind = ValueKind::integer, .minimum = 1, .maximum = 36'500}, .fallback = "30",
     .example = "30", .doc = "Runs are kept so many days.",
     .store_root = [](RootDraft& draft, const TypedValue& v) {
         draft.retention.days = static_cast<unsigned>(v.integer);
     }},
    {.name = "runs", .place = Place::member,
     .spec = {.kind = ValueKind::integer, .minimum = 1, .maximum = 1'000'000'000},
     .fallback = "1000", .example = "1000", .doc = "So many runs of each task are kept.",
     .store_root = [](RootDraft& draft, const TypedValue& v) {
         draft.retention.runs = static_cast<unsigned>(v.integer);
     }},
};

const KeyRow rows[] = {
    {.name = "version", .place = Place::root,
     .spec = {.kind = ValueKind::text, .rule = &version_number}, .fallback = "1.0",
     .example = R"("1.0")", .doc = "Version of the configuration format."},
    {.name = "scripts", .place = Place::root, .spec = {.kind = ValueKind::tasks},
     .example = R"([{"name": "hello", "command": "echo hello"}])",
     .doc = "The tasks; the list may be empty.", .required = true},
    {.name = "notify_command", .place = Place::root,
     .spec = {.kind = ValueKind::text, .rule = &command_line},
     .example = R"("mail -s '{task} {outcome}' root")",
     .doc = "Command for `/bin/sh -c` that is given each notification on its standard input; "
            "`{task} {outcome} {code} {attempt} {run}` are replaced.",
     .store_root = [](RootDraft& draft, const TypedValue& v) { draft.notify_command = v.text; }},
    {.name = "defaults", .place = Place::root, .spec = {.kind = ValueKind::defaults},
     .example = R"({"on-fail": "restart", "times": 3})",
     .doc = "Keys of a task, except `name`, `command` and `task`, that hold for each task which "
            "does not set them itself."},
    {.name = "timezone", .place = Place::root,
     .spec = {.kind = ValueKind::text, .rule = &zone_name}, .fallback = "the system's",
     .example = R"("Europe/Berlin")",
     .doc = "IANA name of the zone in which cron expressions are read and people are shown times.",
     .store_root = [](RootDraft& draft, const TypedValue& v) { draft.zone = v.text; }},
    {.name = "secrets", .place = Place::root,
     .spec = {.kind = ValueKind::text_list, .rule = &variable_name},
     .example = R"(["DB_PASSWORD"])",
     .doc = "Names of environment variables whose values are hidden in what is shown, of all "
            "tasks.",
     .store_root = [](RootDraft& draft, const TypedValue& v) {
         draft.secrets.clear();
         for (const Value name : v.value) draft.secrets.emplace_back(name.text());
     }},
    {.name = "alerts", .place = Place::root, .spec = {.kind = ValueKind::boolean},
     .fallback = "false", .example = "true",
     .doc = "Send alerts that are not a task's (the configuration was refused, the disk is full, "
            "descriptors run short, the daemon was restarted) to `notify_command` too.",
     .store_root = [](RootDraft& draft, const TypedValue& v) { draft.alerts = v.flag; }},
    {.name = "retention", .place = Place::root,
     .spec = {.kind = ValueKind::object, .members = retention_members},
     .fallback = R"({"days": 30, "runs": 1000})", .example = R"({"days": 30, "runs": 1000})",
     .doc = "How long the history is kept: a run goes when it is too old, or too many came after "
            "it."},
    {.name = "durability", .place = Place::root,
     .spec = {.kind = ValueKind::choice, .choices = durabilities}, .fallback = "normal",
     .example = R"("full")", .doc = "How hard the history is written to the disk.",
     .store_root = [](RootDraft& draft, const TypedValue& v) {
         draft.durability = static_cast<Durability>(v.choice);
     }},
    {.name = "listen", .place = Place::root, .spec = {.kind = ValueKind::text, .rule = &some_text},
     .example = R"("127.0.0.1:8080")",
     .doc = "Address on which the dashboard and the API are served.", .availability = not_yet},
};
// clang-format on

}  // namespace

std::span<const KeyRow> root_keys() { return rows; }

}  // namespace bansuri::config
