// SPDX-License-Identifier: MIT
#include "core/config/parsed_configuration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include "core/config/dependencies.hpp"
#include "core/config/diagnostic_sink.hpp"
#include "core/config/document_reader.hpp"
#include "core/config/key_table.hpp"
#include "core/config/schedule_cache.hpp"
#include "core/config/task_rules.hpp"
#include "core/config/text_fault.hpp"
#include "core/config/value_reader.hpp"

namespace bansuri {
namespace {

using namespace config;

/// What of the root every task needs to be read.
struct Inheritance {
    TaskDraft defaults;
    std::size_t weight = 0;  ///< bytes, about, that each task takes for the defaults
    TimeZone zone = TimeZone::system();
    std::vector<std::string> secrets;
};

/// Reads a document once. Tasks are read as they come, with the defaults that are known by then;
/// if defaults come behind the tasks, came_too_late() is true and the document is read again.
class Parser final : public DocumentTaker {
  public:
    Parser(const SourceText& source, std::string_view directory, const Inheritance* known,
           ScheduleCache& cache)
        : sink_(source), cache_(cache), knows_all_(known != nullptr) {
        if (known != nullptr) inheritance_ = *known;
        surroundings_ = {resolve(directory, "/"), inheritance_.zone};
        cache_.expect_zone(inheritance_.zone);
    }

    void read() {
        if (read_document(*this, sink_)) check_whole();
        if (sink_.errors() > 0) tasks_.clear();
    }

    bool came_too_late() const { return !knows_all_ && too_late_; }
    const Inheritance& inheritance() const { return inheritance_; }

    ParsedConfiguration take() {
        ParsedConfiguration parsed;
        parsed.errors = sink_.errors();
        parsed.warnings = sink_.warnings();
        parsed.tasks = count_;
        parsed.diagnostics = sink_.take();
        if (parsed.errors == 0) {
            parsed.configuration = Configuration{.tasks = std::move(tasks_),
                                                 .notify_command = std::move(root_.notify_command),
                                                 .directory = surroundings_.directory,
                                                 .retention = root_.retention,
                                                 .durability = root_.durability,
                                                 .alerts = root_.alerts,
                                                 .zone = surroundings_.zone};
        }
        return parsed;
    }

    Wish take_key(std::string_view key, Span place) override {
        row_ = find_row(root_keys(), key);
        if (row_ == nullptr) {
            if (sink_.only_counts(Severity::error)) return Wish::nothing;
            sink_.report_at(Severity::error, {.key = key}, place.begin,
                            unknown_key(key, Home::root, root_keys()));
            return Wish::nothing;
        }
        const auto [seen, is_new] = root_places_.try_emplace(row_, place.begin);
        if (!is_new) {
            sink_.report_at(Severity::error, {.key = key}, place.begin,
                            {fmt::format("the key stands here twice; the other is at {}",
                                         to_string(sink_.source().locate(seen->second))),
                             "keep one of them"});
            return Wish::nothing;
        }
        if (row_->spec.kind != ValueKind::tasks) return Wish::value;
        met_tasks_ = true;
        // Most likely the document will be read again: then its tasks can wait.
        if (!knows_all_ &&
            sink_.source().text().find("\"defaults\"", place.end) != std::string_view::npos &&
            !has_root_key("defaults")) {
            too_late_ = true;
            return Wish::nothing;
        }
        return Wish::elements;
    }

    void take_value(const Value& value) override {
        ReadContext context{sink_, cache_, {}};
        if (row_->spec.kind == ValueKind::defaults) {
            take_defaults(value, context);
            return;
        }
        report_duplicates(value, context);
        read_key(*row_, row_->name, value, {.root = &root_}, context);
        if (row_->name == "timezone" && !root_.zone.empty()) {
            const auto zone = cache_.zone(root_.zone);
            if (!zone) return;
            inheritance_.zone = surroundings_.zone = *zone;
            cache_.expect_zone(*zone);
            too_late_ = too_late_ || met_tasks_;
        }
        if (row_->name == "secrets") {
            inheritance_.secrets = root_.secrets;
            add_secrets(inheritance_.defaults.task.command.isolation);
            too_late_ = too_late_ || met_tasks_;
        }
    }

    bool take_element(const Value& value) override {
        ++count_;
        if (count_ > Limits::tasks || inheritance_.weight * count_ > heaviest_inheritance) {
            const bool many = count_ > Limits::tasks;
            --count_;
            sink_.report_at(Severity::error, {}, value.place().begin,
                            {many ? fmt::format("there are more than {} tasks", Limits::tasks)
                                  : "the defaults are too large for so many tasks",
                             "split the file over several instances of Bansuri"});
            return false;
        }
        take_task(value);
        return true;
    }

    void refuse(Span place) override {
        if (row_->spec.kind == ValueKind::tasks) ++count_;
        sink_.report_at(
            Severity::error, {.task_number = task_number()}, place.begin,
            {fmt::format("more than {} values lie within this", Limits::values), "shorten it"});
    }

  private:
    /// Bytes that all tasks together may take for the defaults which each of them is given.
    static constexpr std::size_t heaviest_inheritance = 256U << 20;

    /// Bytes, about, that a copy of the draft takes beside the draft itself.
    static std::size_t heap_of(const TaskDraft& draft) {
        constexpr std::size_t entry = 64;  // of a list or map, with its share of the allocator
        std::size_t bytes = draft.task.description.size() + draft.cron.size() +
                            2 * draft.working_directory.size() + 2 * draft.standard_output.size() +
                            2 * draft.standard_error.size();
        for (const auto& [name, value] : draft.task.command.environment) {
            bytes += 2 * entry + name.size() + value.size();
        }
        for (const std::string& path : draft.environment_files)
            bytes += 2 * entry + 2 * path.size();
        for (const std::string& tag : draft.task.tags) bytes += entry + tag.size();
        for (const std::string& name : draft.depends_on) bytes += entry + name.size();
        return bytes;
    }

    struct Notifying {
        std::string task;
        unsigned number;
        Span place;
    };

    unsigned task_number() const {
        return row_->spec.kind == ValueKind::tasks ? static_cast<unsigned>(count_) : 0;
    }

    static const KeyRow* task_row(std::string_view name) {
        static const auto index = [] {
            std::unordered_map<std::string_view, const KeyRow*> rows;
            for (const KeyRow& row : task_keys()) rows.emplace(row.name, &row);
            return rows;
        }();
        const auto found = index.find(name);
        return found == index.end() ? nullptr : found->second;
    }

    void read_keys(const Value& object, Home home, TaskDraft& draft, ReadContext& context) {
        const std::string prefix = home == Home::defaults ? "defaults." : "";
        for (const Value member : object) {
            const KeyRow* row = task_row(member.key());
            const bool fits =
                row != nullptr && (home == Home::task || row->place == Place::task_default);
            const std::string path = prefix + std::string(member.key());
            if (fits) {
                draft.set(row->key, member.place());
                read_key(*row, path, member, {.task = &draft}, context);
                continue;
            }
            if (sink_.only_counts(Severity::error)) continue;
            context.subject.key = path;
            sink_.report_at(Severity::error, context.subject, member.key_place().begin,
                            unknown_key(member.key(), home, task_keys()));
            context.subject.key = {};
        }
    }

    void take_defaults(const Value& value, ReadContext& context) {
        report_duplicates(value, context);
        read_key(*row_, row_->name, value, {}, context);
        if (value.kind() != JsonKind::object) return;
        TaskDraft draft;
        read_keys(value, Home::defaults, draft, context);
        context.subject.key = "defaults";
        check_own_keys(draft, context);
        if (draft.task.notify.enabled) {
            notifying_.push_back({{}, 0, draft.place(Key::notify)});
        }
        inheritance_.defaults = draft.heir();
        add_secrets(inheritance_.defaults.task.command.isolation);
        inheritance_.weight = heap_of(draft);
        too_late_ = too_late_ || met_tasks_;
    }

    void take_task(const Value& value) {
        ReadContext context{sink_, cache_, {.task_number = task_number()}};
        if (value.kind() != JsonKind::object) {
            sink_.report(Severity::error, context.subject, value.place(),
                         {"a task must be an object", R"(write {"name": ..., "command": ...})"});
            return;
        }
        std::string name;
        for (const Value member : value) {
            if (member.key() == "name" && member.kind() == JsonKind::string) name = member.text();
        }
        context.subject.task = name;
        const std::size_t errors_before = sink_.errors();
        report_duplicates(value, context);
        TaskDraft draft = inheritance_.defaults;
        read_keys(value, Home::task, draft, context);
        if (!name.empty()) register_name(name, draft.place(Key::name), context);
        if (draft.task.notify.enabled && draft.owns(Key::notify) && root_.notify_command.empty()) {
            notifying_.push_back({name, task_number(), draft.place(Key::notify)});
        }
        if (!draft.depends_on.empty()) {
            dependencies_.add(name, task_number(), std::move(draft.depends_on),
                              draft.place(Key::depends_on));
        }
        add_secrets(draft.task.command.isolation);
        Task task =
            finish_task(std::move(draft), value.place(), errors_before, surroundings_, context);
        // One error decides that there will be no configuration: what was built is given back.
        if (sink_.errors() > 0) {
            std::exchange(tasks_, {});
        } else {
            tasks_.push_back(std::make_shared<const Task>(std::move(task)));
        }
    }

    /// Those of the root hold for every task.
    void add_secrets(Rare<Isolation>& isolation) const {
        if (inheritance_.secrets.empty() && isolation->secrets.empty()) return;
        std::vector<std::string> all = isolation->secrets;
        all.insert(all.end(), inheritance_.secrets.begin(), inheritance_.secrets.end());
        std::sort(all.begin(), all.end());
        all.erase(std::unique(all.begin(), all.end()), all.end());
        if (all != isolation->secrets) isolation.edit().secrets = std::move(all);
    }

    void register_name(const std::string& name, Span place, ReadContext& context) {
        const auto [first, is_new] = names_.try_emplace(name, place.begin);
        if (is_new || sink_.only_counts(Severity::error)) return;
        context.subject.key = "name";
        sink_.report(Severity::error, context.subject, place,
                     {fmt::format("another task has this name, at {}",
                                  to_string(sink_.source().locate(first->second))),
                      "rename one of them"});
        context.subject.key = {};
    }

    bool has_root_key(std::string_view name) const {
        return root_places_.contains(find_row(root_keys(), name));
    }

    /// What can be told only when nothing more will come.
    void check_whole() {
        if (!has_root_key("scripts")) {
            sink_.report_at(Severity::error, {.key = "scripts"}, sink_.source().begin(),
                            {"the key is missing", R"(add "scripts": [...])"});
        }
        if (!has_root_key("notify_command")) {
            for (const Notifying& task : notifying_) {
                sink_.report(
                    Severity::error,
                    {task.task, task.number, task.number > 0 ? "notify" : "defaults.notify"},
                    task.place,
                    {"the root has no notify_command to tell anybody with",
                     R"(add "notify_command": "..." beside "scripts")"});
            }
        }
        const auto alerts = root_places_.find(find_row(root_keys(), "alerts"));
        if (root_.alerts && alerts != root_places_.end() && root_.notify_command.empty()) {
            sink_.report_at(Severity::warning, {.key = "alerts"}, alerts->second,
                            {"it has no effect without \"notify_command\"",
                             R"(add "notify_command": "..." beside it)"});
        }
        if (!dependencies_.empty()) {
            dependencies_.check([this](const std::string& name) { return names_.contains(name); },
                                sink_);
        }
    }

    DiagnosticSink sink_;
    ScheduleCache& cache_;
    const bool knows_all_;
    Inheritance inheritance_;
    Surroundings surroundings_;
    RootDraft root_;
    const KeyRow* row_ = nullptr;  // of the root key that is being read
    std::unordered_map<const KeyRow*, Offset> root_places_;
    bool met_tasks_ = false;
    bool too_late_ = false;
    std::size_t count_ = 0;
    std::vector<std::shared_ptr<const Task>> tasks_;
    std::unordered_map<std::string, Offset> names_;
    std::vector<Notifying> notifying_;
    Dependencies dependencies_;
};

}  // namespace

ParsedConfiguration parse_configuration(std::string_view text, std::string_view origin,
                                        std::string_view directory) {
    const SourceText source(text);
    ScheduleCache cache;
    auto parser = std::make_unique<Parser>(source, directory, nullptr, cache);
    parser->read();
    if (parser->came_too_late()) {
        const Inheritance known = parser->inheritance();
        parser = nullptr;  // its tasks go before those of the second reading come
        parser = std::make_unique<Parser>(source, directory, &known, cache);
        parser->read();
    }
    ParsedConfiguration parsed = parser->take();
    parsed.origin = origin;
    return parsed;
}

}  // namespace bansuri
