// SPDX-License-Identifier: MIT
#include "notify/curl_heartbeat.hpp"

#include <curl/curl.h>
#include <fmt/format.h>
#include <pthread.h>

#include <array>
#include <boost/asio/post.hpp>
#include <csignal>
#include <deque>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

namespace bansuri::notify {
namespace asio = boost::asio;

namespace {

using Easy = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;
using Multi = std::unique_ptr<CURLM, decltype(&curl_multi_cleanup)>;

/// A request under way. Pinned: libcurl keeps its address.
struct Transfer {
    std::string task;
    std::array<char, CURL_ERROR_SIZE> error{};
    std::size_t left = 0;  ///< bytes of head and body that are still taken
    bool cut = false;      ///< the answer is longer than that
    Easy easy{nullptr, curl_easy_cleanup};
};

std::size_t discard(char*, std::size_t size, std::size_t count, void* context) {
    auto& transfer = *static_cast<Transfer*>(context);
    const std::size_t bytes = size * count;
    if (bytes <= transfer.left) {
        transfer.left -= bytes;
        return bytes;
    }
    transfer.cut = true;
    return bytes == 0 ? 1 : 0;  // another number than that of the bytes ends the transfer
}

std::string error_of(const Transfer& transfer, CURLcode code) {
    long status = 0;
    curl_easy_getinfo(transfer.easy.get(), CURLINFO_RESPONSE_CODE, &status);
    // Who sends more than is read has been asked all the same.
    if (code != CURLE_OK && !(transfer.cut && code == CURLE_WRITE_ERROR)) {
        return transfer.error[0] != '\0' ? transfer.error.data() : curl_easy_strerror(code);
    }
    if (status >= 200 && status < 400) return {};
    return fmt::format("the answer is HTTP status {}", status);
}

}  // namespace

/// What the thread works on. Outlives the heartbeat if the thread is stuck in a name server.
class CurlHeartbeat::Worker : public std::enable_shared_from_this<Worker> {
  public:
    using Answer = std::function<void(std::string task, std::string error)>;

    Worker(Limits limits, Answer answer)
        : limits_(limits),
          answer_(std::move(answer)),
          multi_(curl_multi_init(), curl_multi_cleanup) {
        if (!multi_) throw std::runtime_error("curl_multi_init: no memory");
    }

    void begin() {
        sigset_t all;
        sigset_t before;
        sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are for the loop
        thread_ = std::thread([self = shared_from_this()] { self->work(); });
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    }

    void push(std::string task, std::string address) {
        {
            const std::lock_guard lock(mutex_);
            queue_.emplace_back(std::move(task), std::move(address));
        }
        curl_multi_wakeup(multi_.get());
    }

    void end(std::chrono::milliseconds patience) {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        curl_multi_wakeup(multi_.get());
        if (ended_.get_future().wait_for(patience) == std::future_status::ready) {
            thread_.join();
        } else {
            thread_.detach();
        }
    }

  private:
    void work() {
        while (fill()) {
            int running = 0;
            curl_multi_perform(multi_.get(), &running);
            take_answers();
            // Ended by push() and end(), which wake it, and by what arrives.
            curl_multi_poll(multi_.get(), nullptr, 0, 1000, nullptr);
        }
        for (const auto& [easy, transfer] : transfers_) {
            curl_multi_remove_handle(multi_.get(), easy);
        }
        transfers_.clear();
        ended_.set_value();
    }

    /// False: it is to end.
    bool fill() {
        const std::lock_guard lock(mutex_);
        for (; !stopping_ && !queue_.empty() && transfers_.size() < limits_.at_once;
             queue_.pop_front()) {
            begin_transfer(queue_.front().first, queue_.front().second);
        }
        return !stopping_;
    }

    void begin_transfer(const std::string& task, const std::string& address) {
        auto transfer = std::make_unique<Transfer>();
        transfer->task = task;
        transfer->left = limits_.bytes;
        transfer->easy.reset(curl_easy_init());
        CURL* const easy = transfer->easy.get();
        if (easy == nullptr) return answer_(task, "curl_easy_init: no memory");
        const auto limit = std::chrono::ceil<std::chrono::milliseconds>(limits_.each).count();
        curl_easy_setopt(easy, CURLOPT_URL, address.c_str());
        curl_easy_setopt(easy, CURLOPT_USERAGENT, "bansuri");
        curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
        curl_easy_setopt(easy, CURLOPT_MAXREDIRS, limits_.redirects);
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(limit));
        curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limit));
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        // A name server that does not answer must not hold up the other requests.
        curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
        // No connection is kept open for the next one, which comes in an hour or a day.
        curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, discard);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer.get());
        curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, discard);
        curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer.get());
        curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error.data());
        if (curl_multi_add_handle(multi_.get(), easy) != CURLM_OK) {
            return answer_(task, "curl_multi_add_handle: refused");
        }
        transfers_.emplace(easy, std::move(transfer));
    }

    void take_answers() {
        int left = 0;
        while (const CURLMsg* const message = curl_multi_info_read(multi_.get(), &left)) {
            if (message->msg != CURLMSG_DONE) continue;
            CURL* const easy = message->easy_handle;
            const CURLcode code = message->data.result;  // gone with the handle
            auto node = transfers_.extract(easy);
            curl_multi_remove_handle(multi_.get(), easy);
            answer(node.mapped()->task, error_of(*node.mapped(), code));
            curl_multi_wakeup(multi_.get());  // there is room for the next one at once
        }
    }

    /// Not once nobody waits for it any more: the loop may be gone.
    void answer(const std::string& task, const std::string& error) {
        const std::lock_guard lock(mutex_);
        if (!stopping_) answer_(task, error);
    }

    const Limits limits_;
    const Answer answer_;
    Multi multi_;
    std::map<CURL*, std::unique_ptr<Transfer>> transfers_;  // of the thread
    std::mutex mutex_;
    std::deque<std::pair<std::string, std::string>> queue_;  // guarded by mutex_, as what follows
    bool stopping_ = false;
    std::promise<void> ended_;
    std::thread thread_;
};

CurlHeartbeat::CurlHeartbeat(asio::any_io_executor loop, Report report, Limits limits)
    : loop_(std::move(loop)), report_(std::move(report)), limits_(limits), changed_(loop_) {}

CurlHeartbeat::~CurlHeartbeat() {
    if (worker_) worker_->end(std::chrono::seconds(1));
}

void CurlHeartbeat::beat(const std::string& task, const std::string& address) {
    if (abandoned_) return;
    if (waiting_ >= limits_.queued) {
        if (failing_.insert(task).second) {
            report_(task, fmt::format("dropped: {} are waiting already", limits_.queued));
        }
        return;
    }
    if (!worker_) {
        // Once, and before there is a second thread that could use libcurl.
        static const CURLcode initialized = curl_global_init(CURL_GLOBAL_DEFAULT);
        if (initialized != CURLE_OK) return report_(task, curl_easy_strerror(initialized));
        worker_ = std::make_shared<Worker>(
            limits_, [this, loop = loop_](std::string each, std::string error) {
                // Answered only while the loop runs, and so while this lives.
                asio::post(loop, [this, each = std::move(each), error = std::move(error)] {
                    done(each, error);
                });
            });
        worker_->begin();
    }
    ++waiting_;
    worker_->push(task, address);
}

void CurlHeartbeat::done(const std::string& task, const std::string& error) {
    --waiting_;
    changed_.notify();
    if (error.empty() ? failing_.erase(task) > 0 : failing_.insert(task).second) {
        report_(task, error);
    }
}

asio::awaitable<void> CurlHeartbeat::until_idle() {
    while (waiting_ > 0 && !abandoned_) co_await changed_.wait();
}

void CurlHeartbeat::abandon() {
    abandoned_ = true;
    changed_.notify();
}

}  // namespace bansuri::notify
