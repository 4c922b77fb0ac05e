// SPDX-License-Identifier: MIT
//
// One attempt as the daemon sees it through the keeper: what has been told of it, and the reading
// of its pipes. KeeperClient makes it; the engine's Process is a handle on it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "engine/process_launcher.hpp"
#include "keeper/protocol.hpp"
#include "keeper/unique_fd.hpp"

namespace bansuri::os {

class KeptAttempt : public std::enable_shared_from_this<KeptAttempt> {
  public:
    /// How long, after all that had to end has ended, a pipe is read that a survivor keeps open.
    static constexpr std::chrono::seconds drain_time{2};

    /// `buffer` is shared by all readers of the loop and must outlive them. Without a sink it waits
    /// for take_over().
    KeptAttempt(boost::asio::any_io_executor loop, std::span<char> buffer, engine::OutputSink* sink,
                std::function<void()> changed);

    // What the keeper tells.
    void started(const keeper::Started& told);
    /// Its pipes, as far as they are captured.
    void pipes(keeper::UniqueFd output, keeper::UniqueFd error);
    void exited(const keeper::Exited& told, bool also_gone);
    /// All that there is to tell of an attempt that an earlier daemon started.
    void held(const keeper::Held& told);
    void gone(std::span<const std::int32_t> survivors);
    void refused(const keeper::SpawnError& failure);
    void lose();

    /// The pipes come later: gone() waits for them.
    void await_pipes() { awaits_pipes_ = true; }
    bool awaits_pipes() const { return awaits_pipes_; }

    // What the daemon asks.
    bool answered() const { return started_ || refusal_ || lost_; }
    bool has_started() const { return started_.has_value(); }
    const std::optional<keeper::SpawnError>& refusal() const { return refusal_; }
    pid_t pid() const { return started_ ? started_->pid : -1; }
    engine::ProcessIdentity identity() const;
    keeper::EndCause end_cause() const { return end_cause_; }
    std::uint64_t file_offset(engine::Stream stream) const;
    const std::optional<ExitStatus>& exit_status() const { return exit_status_; }
    bool ended() const { return keeper_gone_; }
    bool gone() const { return keeper_gone_ && readers_ == 0 && !awaits_pipes_; }
    bool lost() const { return lost_; }
    const std::vector<pid_t>& survivors() const { return survivors_; }

    /// Until there is an answer to `start`; bounded by the keeper, which answers or is lost.
    boost::asio::awaitable<void> wait_for_answer();
    /// Changes are told from now on; one that has happened already is told soon.
    void hand_out();
    /// As if it had been started for this sink, and handed out. True: its pipes have to be fetched.
    bool take_over(engine::OutputSink& sink, std::function<void()> changed);
    /// It is being ended: the first cause counts, while the leader runs.
    void ending(keeper::EndCause cause);
    /// Nobody wants to know any more: the sink is not called again. A ready() of it that is still
    /// waited for is left to complete; what comes after it does not touch the sink.
    void abandon();
    bool abandoned() const { return abandoned_; }

  private:
    struct Pipe {
        Pipe(const boost::asio::any_io_executor& loop, engine::Stream which, keeper::UniqueFd fd);
        int number();
        /// Until there may be bytes, or cancel().
        boost::asio::awaitable<boost::system::error_code> wait();
        void cancel();
        void close();

        boost::asio::posix::stream_descriptor descriptor;
        keeper::UniqueFd unwatched;  ///< the descriptor, if epoll had no room for it
        boost::asio::steady_timer next_look;
        engine::Stream stream;
        std::size_t owed = 0;  ///< bytes that lay in it when the attempt was gone
        bool muted = false;    ///< the sink has thrown: what comes is read and dropped
    };
    void open_pipe(engine::Stream stream, keeper::UniqueFd fd);
    static boost::asio::awaitable<void> read_pipe(std::shared_ptr<KeptAttempt> self,
                                                  std::shared_ptr<Pipe> pipe);
    /// Like read(2) into the buffer, by way of the sink's place if it has one.
    ssize_t take(Pipe& pipe, bool& placed);
    static boost::asio::awaitable<void> deliver(std::shared_ptr<KeptAttempt> self,
                                                std::shared_ptr<Pipe> pipe, std::size_t size,
                                                bool placed);
    void pipe_ended(const std::shared_ptr<Pipe>& pipe);
    void start_drain();
    void change();

    boost::asio::any_io_executor loop_;
    std::span<char> buffer_;
    engine::OutputSink* sink_;
    std::function<void()> changed_;
    boost::asio::steady_timer answer_;  ///< never expires; cancelled when there is one
    boost::asio::steady_timer drain_;

    std::optional<keeper::Started> started_;
    std::optional<keeper::SpawnError> refusal_;
    std::optional<ExitStatus> exit_status_;
    std::vector<pid_t> survivors_;
    std::vector<std::shared_ptr<Pipe>> pipes_;
    unsigned readers_ = 0;
    keeper::EndCause end_cause_ = keeper::EndCause::none;
    bool leader_ended_ = false;
    bool keeper_gone_ = false;
    bool awaits_pipes_ = false;
    bool lost_ = false;
    bool drained_ = false;  ///< drain_time is over
    bool handed_out_ = false;
    bool abandoned_ = false;
};

}  // namespace bansuri::os
