// SPDX-License-Identifier: MIT
//
// `bansuri next`.
#include "cli/next.hpp"

#include <algorithm>
#include <array>
#include <istream>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string_view>
#include <utility>
#include <vector>

#include "core/cron.hpp"
#include "core/iso8601.hpp"
#include "core/printable.hpp"
#include "core/quote.hpp"
#include "core/result.hpp"
#include "core/time_zone.hpp"

namespace bansuri::cli {

namespace {

using nlohmann::json;

constexpr std::size_t longest_line = 64 * 1024;

Result<std::vector<std::string>> next_instants(const NextRequest& request) {
    if (request.count < 1 || request.count > most_instants) {
        return fail(ErrorCode::usage, "the count of instants is out of range; write 1 to " +
                                          std::to_string(most_instants));
    }
    const auto zone = request.schedule ? Result<TimeZone>(request.schedule->zone())
                      : request.zone   ? TimeZone::find(*request.zone)
                                       : TimeZone::system();
    if (!zone) return tl::unexpected(zone.error());
    const auto from =
        request.from ? parse_iso8601(*request.from, *zone) : Result<WallTime>(request.now);
    if (!from) return tl::unexpected(from.error());
    const auto schedule = request.schedule ? Result<CronSchedule>(*request.schedule)
                                           : CronSchedule::parse(request.expression, *zone);
    if (!schedule) return tl::unexpected(schedule.error());

    std::vector<std::string> instants;
    auto due = schedule->next_after(std::chrono::floor<std::chrono::seconds>(*from));
    while (due && std::cmp_less(instants.size(), request.count)) {
        instants.push_back(format_local(*due, *zone));
        due = schedule->next_after(*due);
    }
    return instants;
}

/// A line without its end; `too_long` if it had to be cut. Memory stays bounded.
struct Line {
    std::string text;
    bool too_long = false;
};

std::optional<Line> read_line(std::istream& in) {
    Line line;
    std::streambuf& source = *in.rdbuf();
    constexpr auto end_of_input = std::char_traits<char>::eof();
    auto next = source.sbumpc();
    if (next == end_of_input) return std::nullopt;
    for (; next != end_of_input && next != '\n'; next = source.sbumpc()) {
        if (line.text.size() == longest_line) {
            line.too_long = true;
        } else {
            line.text += std::char_traits<char>::to_char_type(next);
        }
    }
    return line;
}

tl::unexpected<Error> bad_line(std::string message) {
    return fail(ErrorCode::usage, std::move(message) +
                                      R"(; write {"expr":"0 2 * * *","tz":"Europe/Berlin",)"
                                      R"("from":"2026-03-28T00:00","count":3})");
}

/// The string at `key`; nothing if it is missing or null.
Result<std::optional<std::string>> text_at(const json& object, const char* key) {
    const auto found = object.find(key);
    if (found == object.end() || found->is_null()) return std::nullopt;
    if (!found->is_string()) return bad_line(quote(key) + " is not a string");
    return found->get<std::string>();
}

Result<NextRequest> read_request(const Line& line, WallTime now) {
    if (line.too_long) return bad_line("the line is longer than 64 KiB");
    const json object = json::parse(line.text, nullptr, false);
    if (!object.is_object()) return bad_line("the line is not a JSON object");
    constexpr std::array<std::string_view, 4> known_keys = {"expr", "tz", "from", "count"};
    for (const auto& item : object.items()) {
        if (std::find(known_keys.begin(), known_keys.end(), item.key()) == known_keys.end()) {
            return bad_line("unknown key " + quote(item.key()));
        }
    }
    NextRequest request;
    request.now = now;
    auto expression = text_at(object, "expr");
    if (!expression) return tl::unexpected(expression.error());
    if (!*expression) return bad_line(R"(the key "expr" is missing)");
    request.expression = std::move(**expression);
    auto zone = text_at(object, "tz");
    if (!zone) return tl::unexpected(zone.error());
    request.zone = std::move(*zone);
    auto from = text_at(object, "from");
    if (!from) return tl::unexpected(from.error());
    request.from = std::move(*from);
    if (const auto count = object.find("count"); count != object.end() && !count->is_null()) {
        if (!count->is_number_integer()) return bad_line(R"("count" is not a whole number)");
        // Unsigned numbers beyond 63 bits would wrap to an acceptable value.
        request.count = count->is_number_unsigned() &&
                                count->get<std::uint64_t>() > std::uint64_t{most_instants}
                            ? most_instants + 1
                            : count->get<std::int64_t>();
    }
    return request;
}

json answer_to(const Line& line, WallTime now) {
    const auto instants =
        read_request(line, now).and_then([](const NextRequest& r) { return next_instants(r); });
    if (!instants) return {{"error", instants.error().message}};
    return {{"next", *instants}};
}

}  // namespace

int print_next(const NextRequest& request, std::ostream& out, std::ostream& err) {
    const auto instants = next_instants(request);
    if (!instants) {
        err << instants.error().message << '\n';
        return 2;
    }
    for (const std::string& instant : *instants) out << instant << '\n';
    return 0;
}

int answer_batch(std::istream& in, std::ostream& out, WallTime now) {
    while (const auto line = read_line(in)) {
        const json answer = answer_to(*line, now);
        const std::string text = answer.dump(-1, ' ', false, json::error_handler_t::replace);
        out << printable_json(text) << '\n';
        // Who asks line by line waits for the answer; who sends many at once need not pay for it.
        if (in.rdbuf()->in_avail() <= 0) out.flush();
        if (!out) return 1;
    }
    out.flush();
    return out ? 0 : 1;
}

}  // namespace bansuri::cli
