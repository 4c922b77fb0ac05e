// SPDX-License-Identifier: MIT
//
// A configuration that is being made from a file of another program: its keys, and beside them what
// there is to say about each. What comes of it is text for people to read and to edit, and it
// passes `bansuri check`: whatever the parser refuses is left out, and the comment says why.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace bansuri::imports {

using Json = nlohmann::ordered_json;  // keys stay in the order in which they were written
using Notes = std::vector<std::string>;

/// One key, and the comments above it.
struct Member {
    std::string key;
    Json value;
    Notes notes;
};

/// One element of `scripts`. Without members it is a remark: comments where something was left out.
struct DraftTask {
    Notes notes;
    std::vector<Member> members;

    /// Sets a key to a value; an empty note is none.
    void set(std::string_view key, Json value, std::string note = {});
    /// nullptr if the key is not set.
    Member* find(std::string_view key);
    void erase(std::string_view key);
    /// The text of a key; empty if it is not set, or is no text.
    std::string text(std::string_view key) const;
};

/// Text of the foreign file for a comment: printable, in one line, cut after `limit` characters.
std::string shown(std::string_view text, std::size_t limit = 100);

class Draft {
  public:
    /// Comments above the whole file.
    Notes notes;
    std::vector<Member> root;

    void add(DraftTask task);
    /// There are more tasks, or more text in them, than any honest file has: finish() will fail, so
    /// the rest need not be read.
    bool full() const;
    /// Something that becomes no task. Beyond a thousand they are only counted, so that a hostile
    /// file does not become a larger one.
    void remark(std::string note);

    /// The text of scripts.json. What all tasks have in common stands in its `defaults`. Fails
    /// (config_invalid) only if there are too many tasks, or the whole breaks a limit of the
    /// format, such as 32 MiB.
    Result<std::string> finish() &&;

  private:
    enum class LeftOut { nothing, key, task };

    void hoist();
    void hoist_environment();
    void keep_to_text();
    Result<bool> settle();
    LeftOut leave_out(std::size_t task_number, std::string_view key, const std::string& reason);
    std::string write() const;

    std::vector<Member> defaults_;
    std::vector<DraftTask> tasks_;
    std::size_t added_ = 0;
    std::size_t size_ = 0;  // bytes of text in the tasks
    std::size_t remarks_ = 0;
};

}  // namespace bansuri::imports
