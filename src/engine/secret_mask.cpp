// SPDX-License-Identifier: MIT
#include "engine/secret_mask.hpp"

#include <algorithm>

namespace bansuri::engine {
namespace {

/// A line of a key is a secret of its own from this length on; "}" and "" are none.
constexpr std::size_t shortest_line = 8;

}  // namespace

Secrets::Secrets(const std::vector<std::string>& names,
                 const std::vector<std::string>& environment) {
    for (const std::string& name : names) {
        const std::string lead = name + "=";
        for (const std::string& variable : environment) {
            if (variable.starts_with(lead)) add(std::string_view(variable).substr(lead.size()));
        }
    }
}

void Secrets::add(std::string_view value) {
    if (value.empty()) return;
    const auto insert = [this](std::string_view text) {
        if (std::find(values_.begin(), values_.end(), text) != values_.end()) return;
        const auto place = std::find_if(values_.begin(), values_.end(), [&](const auto& known) {
            return known.size() < text.size();
        });
        values_.emplace(place, text);
    };
    insert(value);
    for (std::size_t at = 0; at < value.size();) {
        const std::size_t end = std::min(value.find('\n', at), value.size());
        if (end - at >= shortest_line) insert(value.substr(at, end - at));
        at = end + 1;
    }
}

void Secrets::add(const Secrets& others) {
    for (const std::string& value : others.values_) add(value);
}

std::size_t Secrets::mask(std::string_view text, std::size_t decided, std::string& shown) const {
    // Where each comes next, so that a text is not searched anew after each that was found.
    std::vector<std::size_t> next;
    next.reserve(values_.size());
    for (const std::string& value : values_) next.push_back(text.find(value));
    std::size_t from = 0;
    for (;;) {
        // The first one; of those that begin there the longest, which come first.
        const auto nearest = std::min_element(next.begin(), next.end());
        if (nearest == next.end() || *nearest >= decided) break;
        shown.append(text.substr(from, *nearest - from)).append(secret_mark);
        from = *nearest + values_[static_cast<std::size_t>(nearest - next.begin())].size();
        for (std::size_t i = 0; i < next.size(); ++i) {
            if (next[i] < from) next[i] = text.find(values_[i], from);
        }
    }
    const std::size_t end = std::max(from, decided);
    shown.append(text.substr(from, end - from));
    return end;
}

std::size_t Secrets::unfinished(std::string_view text) const {
    std::size_t longest = 0;
    for (const std::string& value : values_) {
        const std::size_t most = std::min(value.size() - 1, text.size());
        for (std::size_t length = most; length > longest; --length) {
            if (!text.ends_with(std::string_view(value).substr(0, length))) continue;
            longest = length;
            break;
        }
    }
    return longest;
}

std::string Secrets::masked(std::string_view text) const {
    std::string shown;
    shown.reserve(text.size());
    mask(text, text.size(), shown);
    return shown;
}

std::string SecretMask::feed(const Secrets& secrets, std::string_view bytes) {
    held_back_.append(bytes);
    std::string shown;
    // What may yet become one, or a longer one than it is now, is not decided.
    const std::size_t decided = held_back_.size() - secrets.unfinished(held_back_);
    held_back_.erase(0, secrets.mask(held_back_, decided, shown));
    return shown;
}

}  // namespace bansuri::engine
