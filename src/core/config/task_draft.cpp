// SPDX-License-Identifier: MIT
#include "core/config/task_draft.hpp"

namespace bansuri::config {

void TaskDraft::set(Key key, Span place) {
    const auto at = static_cast<std::size_t>(key);
    places[at] = place;
    present.set(at);
    inherited.reset(at);
}

void TaskDraft::drop(Key key) {
    present.reset(static_cast<std::size_t>(key));
    if (key == Key::timer) timer.reset();
    if (key == Key::schedule_cron) cron.clear();
}

TaskDraft TaskDraft::heir() const {
    TaskDraft draft = *this;
    draft.inherited = present;
    return draft;
}

}  // namespace bansuri::config
