// SPDX-License-Identifier: MIT
#include "app/saved_configuration.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <system_error>

namespace bansuri::app {
namespace {

std::string write_whole(const std::string& path, const SavedConfiguration::Text& saved) {
    const std::string fresh = path + ".new";
    const auto failure = [&](const char* call) {
        const std::string why = std::generic_category().message(errno);
        std::remove(fresh.c_str());
        return fmt::format("{} \"{}\": {}", call, fresh, why);
    };
    const mode_t mask = ::umask(077);
    std::ofstream file(fresh, std::ios::binary | std::ios::trunc);
    ::umask(mask);
    // The length comes first, so that a part of a file is never taken for the whole.
    file << saved.directory << '\n' << saved.text.size() << '\n' << saved.text;
    file.close();
    if (!file) return failure("write");
    if (std::rename(fresh.c_str(), path.c_str()) != 0) return failure("rename");
    return {};
}

}  // namespace

std::optional<SavedConfiguration::Text> SavedConfiguration::read() const {
    std::ifstream file(path_, std::ios::binary);
    Text saved;
    std::string size;
    if (!std::getline(file, saved.directory) || !std::getline(file, size)) return std::nullopt;
    std::ostringstream rest;
    rest << file.rdbuf();
    saved.text = std::move(rest).str();
    if (std::to_string(saved.text.size()) != size) return std::nullopt;
    return saved;
}

void SavedConfiguration::save(std::shared_ptr<const Text> text) {
    boost::asio::post(writer_, [this, text = std::move(text)] {
        const std::string problem = write_whole(path_, *text);
        if (!problem.empty()) failed_(problem);
    });
}

}  // namespace bansuri::app
