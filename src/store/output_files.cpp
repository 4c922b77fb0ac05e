// SPDX-License-Identifier: MIT
#include "store/output_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "store/output_view.hpp"

namespace bansuri::store {

namespace {

/// How far back excerpt() looks: long enough for the last part of one stream among much of the
/// other, short enough for a thousand attempts that are taken over at once.
constexpr std::uint64_t look_back = 1024 * 1024;

/// Keeps nothing, as an output-limit of 0 wants it.
class CountingRecord final : public engine::OutputRecord {
  public:
    std::optional<engine::OutputSink::Place> place(engine::Stream) override { return std::nullopt; }
    void placed(engine::Stream, std::size_t) override {}
    void place_failed(int) override {}
    void append(engine::Stream stream, std::string_view bytes) override {
        (stream == engine::Stream::standard_error ? errors_ : output_) += bytes.size();
    }
    std::uint64_t total() const override { return output_ + errors_; }
    engine::OutputExcerpt excerpt(engine::Stream stream, std::size_t) const override {
        engine::OutputExcerpt excerpt;
        excerpt.dropped = stream == engine::Stream::standard_error ? errors_ : output_;
        return excerpt;
    }

  private:
    std::uint64_t output_ = 0;
    std::uint64_t errors_ = 0;
};

}  // namespace

/// The engine's handle on a writer.
class OutputFiles::Record final : public engine::OutputRecord {
  public:
    Record(OutputFiles& files, std::shared_ptr<OutputWriter> writer)
        : files_(files), writer_(std::move(writer)) {}
    ~Record() override { files_.closed(*writer_); }
    Record(const Record&) = delete;
    Record& operator=(const Record&) = delete;

    std::optional<engine::OutputSink::Place> place(engine::Stream stream) override {
        return writer_->place(stream);
    }
    void placed(engine::Stream stream, std::size_t size) override { writer_->placed(stream, size); }
    void place_failed(int error) override { writer_->place_failed(error); }
    void append(engine::Stream stream, std::string_view bytes) override {
        writer_->append(stream, bytes);
    }
    std::uint64_t total() const override { return writer_->counts().total; }
    engine::OutputExcerpt excerpt(engine::Stream stream, std::size_t limit) const override;

  private:
    OutputFiles& files_;
    std::shared_ptr<OutputWriter> writer_;
};

engine::OutputExcerpt OutputFiles::Record::excerpt(engine::Stream stream, std::size_t limit) const {
    const bool is_error = stream == engine::Stream::standard_error;
    const OutputWriter::Counts counts = writer_->counts();
    engine::OutputExcerpt excerpt;
    try {
        OutputView view(files_.directory_, writer_->id(), writer_->snapshot());
        std::uint64_t position = counts.total > look_back ? counts.total - look_back : 0;
        for (bool complete = false; !complete;) {
            const engine::OutputPiece piece = view.read(position, OutputView::longest_piece);
            // Bytes on both sides of a gap would read as one line.
            if (piece.missing > 0) excerpt.bytes.clear();
            for (const auto& span : piece.spans) {
                if (span.is_error == is_error) excerpt.bytes += span.bytes;
            }
            if (excerpt.bytes.size() > limit) excerpt.bytes.erase(0, excerpt.bytes.size() - limit);
            position = piece.end;
            complete = piece.complete;
        }
    } catch (const std::runtime_error&) {
        excerpt.bytes.clear();  // It cannot be read; what is said from now on still can be.
    }
    const std::uint64_t all = is_error ? counts.errors : counts.total - counts.errors;
    excerpt.dropped = all - std::min<std::uint64_t>(all, excerpt.bytes.size());
    return excerpt;
}

OutputFiles::OutputFiles(std::string directory, engine::Clock& clock, engine::Health& health)
    : directory_(std::move(directory)), clock_(clock), health_(health) {}

OutputFiles::~OutputFiles() = default;

std::unique_ptr<engine::OutputRecord> OutputFiles::open(engine::AttemptId attempt,
                                                        std::uint64_t limit) {
    if (limit == 0) return std::make_unique<CountingRecord>();
    OutputWriter::Callbacks callbacks;
    callbacks.find_earlier = [this, attempt] { return find_earlier(attempt); };
    callbacks.failed = [this, attempt](int error) { failed(attempt, error); };
    if (attempt.attempt > 1) {
        callbacks.room_for = [this, attempt, limit](std::uint64_t bytes) {
            make_room(attempt, bytes, limit);
        };
    }
    auto writer = std::make_shared<OutputWriter>(directory_, attempt, limit, std::move(callbacks));
    {
        const std::lock_guard lock(mutex_);
        writers_[attempt] = writer;
        last_names_.clear();
    }
    return std::make_unique<Record>(*this, std::move(writer));
}

std::optional<OutputFiles::Names> OutputFiles::find_earlier(engine::AttemptId id) {
    const std::uint64_t directory = OutputFileName::directory_of(id.run);
    if (!looked_into_.contains(directory)) {
        const auto names = directory_.list(directory);
        if (!names) return std::nullopt;
        for (const OutputFileName& name : *names) earlier_.insert(name.id);
        looked_into_.insert(directory);
    }
    if (!earlier_.contains(id)) return Names();
    auto names = directory_.list(id);
    if (names) earlier_.erase(id);
    return names;
}

void OutputFiles::failed(engine::AttemptId attempt, int error) {
    failing_.insert(attempt);
    health_.degrade("output",
                    fmt::format("captured output cannot be kept in \"{}\": {}; its latest part is "
                                "kept in memory",
                                directory_.path(), std::generic_category().message(error)));
    if (!retry_alarm_)
        retry_alarm_ = clock_.at(clock_.mono_now() + retry_after, [this] { retry(); });
}

void OutputFiles::closed(OutputWriter& writer) {
    if (writer.retry()) return forget_writer(writer);
    leftovers_.insert(writer.id());
    if (leftovers_.size() <= most_leftovers) return;
    const engine::AttemptId oldest = *leftovers_.begin();
    leftovers_.erase(leftovers_.begin());
    failing_.erase(oldest);
    if (const auto dropped = writer_of(oldest)) forget_writer(*dropped);
}

void OutputFiles::retry() {
    retry_alarm_.reset();
    for (const engine::AttemptId id : std::exchange(failing_, {})) {
        const auto writer = writer_of(id);
        if (writer && !writer->retry()) continue;  // failed() has been told again
        if (leftovers_.erase(id) > 0 && writer) forget_writer(*writer);
    }
    if (failing_.empty()) health_.recover("output");
}

std::optional<SmallOutput> OutputFiles::small(engine::AttemptId attempt) {
    try {
        const auto writer = writer_of(attempt);
        if (writer && writer->discarded()) return std::nullopt;
        const auto names = directory_.list(attempt);
        if (!names) return std::nullopt;
        if (attempt.attempt > 1 && !names->empty()) {
            std::uint64_t bytes = 0;
            for (const OutputFileName& name : *names) {
                if (!name.is_index) bytes += directory_.size_of(name);
            }
            make_room(attempt, bytes, names->back().limit);
        }
        if (writer) {
            OutputView view(directory_, attempt, writer->snapshot());
            if (view.total() == 0) return std::nullopt;
            return pack(view, small_output);
        }
        if (names->empty()) return std::nullopt;
        OutputView view = OutputView::of_files(directory_, *names);
        return pack(view, small_output);
    } catch (const std::exception&) {
        return std::nullopt;  // It cannot be read, or there is no memory: it stays where it is.
    }
}

void OutputFiles::taken(engine::AttemptId attempt) {
    try {
        if (const auto names = directory_.list(attempt)) remove_attempt(attempt, *names);
    } catch (const std::exception&) {
        // No memory: sweep() finds them.
        return;
    }
}

void OutputFiles::pruned(const std::vector<engine::RunId>& runs) {
    try {
        std::map<std::uint64_t, std::set<engine::RunId>> by_directory;
        for (const engine::RunId run : runs)
            by_directory[OutputFileName::directory_of(run)].insert(run);
        for (const auto& [directory, gone] : by_directory) {
            const auto names = directory_.list(directory);
            if (!names || names->empty()) continue;
            bool all = true;
            for (const OutputFileName& name : *names) {
                if (gone.contains(name.id.run)) {
                    remove_attempt(name.id, {name});
                } else {
                    all = false;
                }
            }
            if (all) directory_.remove_if_empty(directory);
        }
    } catch (const std::exception&) {
        return;  // as above
    }
}

engine::OutputPiece OutputFiles::read(const SmallOutput& output, std::uint64_t position,
                                      std::size_t limit) {
    return read_packed(output, position, limit);
}

std::optional<engine::OutputPiece> OutputFiles::read(engine::AttemptId attempt,
                                                     std::uint64_t position, std::size_t limit) {
    if (const auto writer = writer_of(attempt)) {
        OutputView view(directory_, attempt, writer->snapshot());
        auto piece = view.read(position, limit);
        // What is missing may have been removed by taken(), and not to make room.
        if (!view.missed() || !writer->discarded()) return piece;
    }
    for (const bool again : {false, true}) {
        const auto names = names_of(attempt);
        if (!names) {
            throw std::runtime_error(fmt::format("open \"{}\": {}", directory_.path(),
                                                 std::generic_category().message(errno)));
        }
        if (names->empty()) return std::nullopt;
        OutputView view = OutputView::of_files(directory_, *names);
        auto piece = view.read(position, limit);
        if (!view.missed() || again) return piece;
        const std::lock_guard lock(mutex_);
        last_names_.clear();
    }
    return std::nullopt;
}

std::size_t OutputFiles::sweep(const std::function<bool(engine::AttemptId)>& wanted) {
    std::size_t removed = 0;
    for (const std::uint64_t directory : directory_.directories()) {
        const auto names = directory_.list(directory);
        if (!names) continue;
        std::optional<engine::AttemptId> asked;
        bool unwanted = false;
        for (const OutputFileName& name : *names) {
            if (asked != name.id) {
                asked = name.id;
                unwanted = !writer_of(name.id) && !wanted(name.id);
            }
            if (!unwanted) continue;
            directory_.remove(name);
            ++removed;
        }
        directory_.remove_if_empty(directory);
    }
    return removed;
}

std::shared_ptr<OutputWriter> OutputFiles::writer_of(engine::AttemptId id) const {
    const std::lock_guard lock(mutex_);
    const auto found = writers_.find(id);
    return found == writers_.end() ? nullptr : found->second;
}

std::optional<OutputFiles::Names> OutputFiles::names_of(engine::AttemptId id) {
    {
        const std::lock_guard lock(mutex_);
        if (!last_names_.empty() && last_names_.front().id == id) return last_names_;
    }
    auto names = directory_.list(id);
    if (names) {
        const std::lock_guard lock(mutex_);
        last_names_ = *names;
    }
    return names;
}

void OutputFiles::forget_writer(const OutputWriter& writer) {
    const std::lock_guard lock(mutex_);
    const auto found = writers_.find(writer.id());
    if (found != writers_.end() && found->second.get() == &writer) writers_.erase(found);
}

void OutputFiles::remove_attempt(engine::AttemptId id, const Names& names) {
    if (const auto writer = writer_of(id)) {
        writer->discard();  // first: what its loop would write now would never be removed
        forget_writer(*writer);
    }
    for (const OutputFileName& name : names) directory_.remove(name);
    const std::lock_guard lock(mutex_);
    if (!last_names_.empty() && last_names_.front().id == id) last_names_.clear();
}

void OutputFiles::make_room(engine::AttemptId id, std::uint64_t bytes, std::uint64_t limit) {
    const auto names = directory_.list(OutputFileName::directory_of(id.run));
    if (!names) return;
    std::map<std::uint32_t, Names> older;
    std::uint64_t sum = bytes;
    for (const OutputFileName& name : *names) {
        if (name.id.run != id.run || name.id.attempt >= id.attempt) continue;
        older[name.id.attempt].push_back(name);
        if (!name.is_index) sum += directory_.size_of(name);
    }
    const std::uint64_t most = std::max(limit, OutputLayout::smallest_on_disk);
    for (const auto& [attempt, files] : older) {
        if (sum <= most) break;
        for (const OutputFileName& name : files) {
            if (!name.is_index) sum -= std::min(sum, directory_.size_of(name));
        }
        remove_attempt({id.run, attempt}, files);
    }
}

}  // namespace bansuri::store
