// SPDX-License-Identifier: MIT
//
// The daemon's lives: when one ends, whether another is started, which program it is, and when; and
// that no signal for it is lost in between. What the tasks need meanwhile is the Keeper's business.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>

#include "keeper/attempt.hpp"
#include "keeper/daemon_process.hpp"
#include "keeper/protocol.hpp"

namespace bansuri::keeper {

/// Pauses before a daemon that died early is started again. They double.
struct Backoff {
    std::chrono::milliseconds first{100};
    std::chrono::milliseconds longest{5000};
    /// A daemon that lived so long is started again at once.
    std::chrono::milliseconds enough_life{1000};
    /// So many shorter lives in a row are enough, unless tasks are left that need a daemon.
    unsigned short_lives = 10;
};

class Supervisor {
  public:
    Supervisor(DaemonCommand command, Launcher::Inherited inherited, bool restart, Backoff backoff);

    /// Starts a daemon; the result is our end of its socket. None if that failed: decided like a
    /// death. Throws std::bad_alloc.
    UniqueFd start();
    /// -1 while there is none.
    pid_t pid() const { return daemon_.pid; }
    /// When start() has to be called.
    BootTime due() const { return start_at_; }

    /// A signal that is to reach the daemon: this one, or else the next.
    void forward(int signal_number);
    // What the daemon says.
    void said_hello(const Hello& hello) { greeted_ = hello.version == protocol_version; }
    void said_leave() { leaves_ = true; }
    void said_replace() { replace_ = true; }
    void said_ending() { sent_[SIGTERM] = true; }

    /// The daemon has been reaped. What it has said may not all be known yet.
    void reaped(int wait_status);
    struct Tasks {
        std::size_t held = 0;     ///< attempts in any state
        std::size_t running = 0;  ///< those whose leader lives
    };
    /// It is now. Says on stderr what follows. True: another one starts when due(); false: this was
    /// the last one, and exit_code() is how the keeper ends.
    bool goes_on(Tasks tasks);
    int exit_code() const { return exit_code_; }

  private:
    const char* program() const;
    bool again_at(BootTime when);
    bool give_up(int exit_code);

    DaemonCommand command_;
    Launcher::Inherited inherited_;
    bool restart_;
    Backoff backoff_;

    unsigned number_ = 0;
    DaemonProcess daemon_;
    BootTime begun_ = BootTime::zero();
    BootTime start_at_ = never;
    bool worked_ = false;     ///< one has been executed
    bool installed_ = false;  ///< the program is the installed one
    unsigned short_lives_ = 0;
    std::chrono::milliseconds pause_{0};
    // By number: those that the daemon was sent, and those that wait for one.
    std::array<bool, NSIG> sent_{};
    std::array<bool, NSIG> waiting_{};

    // Of the daemon that runs, or was the last.
    bool greeted_ = false;
    bool leaves_ = false;
    bool replace_ = false;
    int wait_status_ = 0;
    std::array<char, 256> failure_{};  ///< why it was not started; empty: it was
    BootTime lived_ = BootTime::zero();
    int exit_code_ = 0;
};

}  // namespace bansuri::keeper
