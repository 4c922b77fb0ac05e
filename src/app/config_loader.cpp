// SPDX-License-Identifier: MIT
#include "app/config_loader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <exception>
#include <functional>
#include <string_view>
#include <utility>

#include "os/config_file.hpp"

namespace bansuri::app {

void tell_problems(const LoadedConfiguration& loaded, Log& log) {
    constexpr std::size_t most = 100;
    for (std::size_t i = 0; i < std::min(most, loaded.problems.size()); ++i) {
        loaded.configuration ? log.warn("configuration", loaded.problems[i])
                             : log.error("configuration", loaded.problems[i]);
    }
    if (loaded.problems.size() <= most) return;
    log.warn("configuration",
             fmt::format("and {} more: bansuri check tells all", loaded.problems.size() - most));
}

LoadedConfiguration ConfigLoader::read() {
    try {
        return read_file();
    } catch (const std::exception& error) {  // no memory for a file this large, say
        LoadedConfiguration failed;
        failed.problems.push_back(fmt::format("{}: {}", path_, error.what()));
        last_hash_.reset();
        return failed;
    }
}

LoadedConfiguration ConfigLoader::read_file() {
    LoadedConfiguration loaded;
    const Result<os::ConfigText> file = os::read_config_file(path_);
    if (!file) {
        last_hash_.reset();
        loaded.problems.push_back(file.error().message);
        return loaded;
    }
    const std::size_t hash = std::hash<std::string_view>()(file->text);
    if (last_hash_ == hash) {
        loaded.unchanged = true;
        return loaded;
    }
    ParsedConfiguration parsed = parse_configuration(file->text, path_, file->directory);
    for (const Diagnostic& diagnostic : parsed.diagnostics) {
        loaded.problems.push_back(render(diagnostic, path_));
    }
    const std::size_t untold = parsed.errors + parsed.warnings - parsed.diagnostics.size();
    if (untold > 0) loaded.problems.push_back(fmt::format("{}: and {} more", path_, untold));
    // Only what is in force is "the same as before": a refused file is refused again when asked
    // for.
    last_hash_ = hash;
    if (!parsed.configuration) last_hash_.reset();
    loaded.configuration = std::move(parsed.configuration);
    loaded.source = std::make_shared<SavedConfiguration::Text>(
        SavedConfiguration::Text{file->directory, file->text});
    return loaded;
}

void ConfigLoader::load(Done done) {
    waiting_.push_back(std::move(done));
    if (!loading_) load_next();
}

void ConfigLoader::load_next() {
    loading_ = true;
    boost::asio::post(reader_, [this, asked = std::exchange(waiting_, {})]() mutable {
        auto loaded = std::make_shared<LoadedConfiguration>(read());
        boost::asio::post(loop_, [this, asked = std::move(asked), loaded] {
            loading_ = false;
            LoadedConfiguration known;
            known.problems = loaded->problems;
            known.unchanged = loaded->unchanged || loaded->configuration;
            asked.front()(std::move(*loaded));
            for (std::size_t i = 1; i < asked.size(); ++i) asked[i](known);
            if (!loading_ && !waiting_.empty()) load_next();
        });
    });
}

}  // namespace bansuri::app
