// SPDX-License-Identifier: MIT
//
// What one attempt says: kept with its run, forwarded line by line, led by the task's name, and its
// last part held for the notification.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "engine/notifier.hpp"
#include "engine/output_store.hpp"
#include "engine/process_launcher.hpp"
#include "engine/secret_mask.hpp"

namespace bansuri::engine {

/// Where captured lines are shown. os::Console is Bansuri's own stdout and stderr.
class OutputForwarder {
  public:
    virtual ~OutputForwarder() = default;
    /// Whole lines, each ending in a newline. Never blocks.
    virtual void forward(Stream stream, std::string lines) = 0;
    /// Resumes when more can be taken, or when the reader was given up for now.
    virtual boost::asio::awaitable<void> ready() = 0;
};

/// The last bytes of a stream, in bounded memory.
class OutputTail {
  public:
    explicit OutputTail(std::size_t limit) : limit_(limit) {}
    /// Goes on after what was said before.
    OutputTail(std::size_t limit, OutputExcerpt earlier)
        : limit_(limit),
          total_(earlier.dropped + earlier.bytes.size()),
          kept_(std::move(earlier.bytes)) {}
    void append(std::string_view bytes);
    OutputExcerpt excerpt() const;

  private:
    std::size_t limit_;
    std::uint64_t total_ = 0;
    std::string kept_;  // up to twice the limit, so that trimming is rare
};

/// One attempt's sink. Lives on the loop.
class OutputCapture final : public OutputSink {
  public:
    /// Kept per stream for the notification.
    static constexpr std::size_t tail_limit = 64 * 1024;
    /// A line longer than this is forwarded in pieces.
    static constexpr std::size_t longest_line = 64 * 1024;

    /// From now on these are not shown, and not kept. Bytes pass through memory for it: those of
    /// the moment in which the daemon is killed are lost.
    void hide(Secrets secrets) { secrets_ = std::move(secrets); }
    const Secrets& secrets() const { return secrets_; }

    /// `record` may be nullptr: nothing is kept then. If it has an earlier daemon's part of the
    /// attempt, the tails and the line that was not complete yet go on from there.
    OutputCapture(std::string_view task, std::uint64_t output_limit, OutputForwarder& forwarder,
                  std::unique_ptr<OutputRecord> record = nullptr);

    std::optional<Place> place(Stream stream) override;
    void placed(Stream stream, std::string_view bytes) override;
    void place_failed(int error) override;
    void write(Stream stream, std::string_view bytes) override;
    boost::asio::awaitable<void> ready() override { return forwarder_.ready(); }
    /// Forwards what stands there without a final newline, or is held back. Call it when the
    /// attempt has ended.
    void flush();
    OutputExcerpt excerpt(Stream stream) const { return of(stream).tail.excerpt(); }
    /// Bytes that the attempt has said in all, of both streams.
    std::uint64_t total() const { return total_; }

  private:
    struct StreamState {
        OutputTail tail;
        std::string unfinished;  // the line that has no newline yet
        SecretMask mask = {};
    };
    void take(Stream stream, std::string_view bytes);
    void show(Stream stream, std::string_view bytes);
    void take_over(Stream stream, std::size_t tail);
    StreamState& of(Stream stream) { return stream == Stream::standard_output ? out_ : err_; }
    const StreamState& of(Stream stream) const {
        return stream == Stream::standard_output ? out_ : err_;
    }

    std::string lead_;
    OutputForwarder& forwarder_;
    std::unique_ptr<OutputRecord> record_;
    std::uint64_t total_ = 0;
    Secrets secrets_;
    StreamState out_;
    StreamState err_;
};

}  // namespace bansuri::engine
