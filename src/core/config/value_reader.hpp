// SPDX-License-Identifier: MIT
//
// From a JSON value to the typed value of its key, as the key table says, or to the errors that
// name what is wrong with it.
#pragma once

#include "core/config/diagnostic_sink.hpp"
#include "core/config/key_table.hpp"
#include "core/config/schedule_cache.hpp"
#include "core/config/unknown_key.hpp"
#include "core/config/value_tree.hpp"

namespace bansuri::config {

/// Where errors go, and about whom they are.
struct ReadContext {
    DiagnosticSink& sink;
    ScheduleCache& cache;
    Subject subject;  ///< its key is set by the functions below
};

/// Where stored values go: one of both.
struct Draft {
    TaskDraft* task = nullptr;
    RootDraft* root = nullptr;
};

/// Checks `value` as the row says and stores it. Reports a valid value of a key that is not
/// available yet, too. `key` is how the key is called in messages.
void read_key(const KeyRow& row, std::string_view key, const Value& value, Draft draft,
              ReadContext& context);

/// Reports each key of `object`, and of the objects within it, that stands there twice.
void report_duplicates(const Value& object, ReadContext& context);

}  // namespace bansuri::config
