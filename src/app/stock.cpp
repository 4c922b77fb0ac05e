// SPDX-License-Identifier: MIT
#include "app/stock.hpp"

#include <algorithm>

#include "core/config/parsed_configuration.hpp"
#include "engine/inheritance.hpp"

namespace bansuri::app {
namespace {

tl::unexpected<Error> keeper_gone() { return fail(ErrorCode::unreachable, "the keeper is gone"); }

}  // namespace

boost::asio::awaitable<Result<Stock>> take_stock(State& state, os::KeeperClient& keeper,
                                                 bool keeper_lives,
                                                 const std::optional<Configuration>& file,
                                                 const std::string& path) {
    Stock stock;
    stock.left = co_await state.store().recover();
    stock.held = co_await keeper.held();
    // Nobody's answer is an empty one, too.
    if (keeper.lost()) co_return keeper_gone();
    if (keeper_lives || !stock.held.empty() || !stock.left.runs.empty()) {
        if (auto saved = state.configuration().read()) {
            stock.before = parse_configuration(saved->text, path, saved->directory).configuration;
            stock.saved = *std::move(saved);
        }
    }
    if (!stock.before && !file) co_return stock;
    const Configuration& known = stock.before ? *stock.before : *file;
    const Result<void> adopted =
        co_await engine::adopt_what_lives(keeper, stock.left, known, stock.held);
    if (!adopted || keeper.lost()) co_return keeper_gone();
    if (stock.left.last_id == 0) {
        // With a store that begins anew, ids do too: what is kept of other runs must go first.
        state.outputs().sweep([&stock](engine::AttemptId id) {
            return std::any_of(stock.held.begin(), stock.held.end(),
                               [id](const auto& each) { return each.id == id; });
        });
    }
    co_return stock;
}

}  // namespace bansuri::app
