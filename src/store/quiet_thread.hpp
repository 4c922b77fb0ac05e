// SPDX-License-Identifier: MIT
//
// How the store's threads are made.
#pragma once

#include <pthread.h>

#include <csignal>
#include <thread>
#include <utility>

namespace bansuri::store {

/// A thread that takes no signals: they are for the loop.
template <class Function>
std::thread quiet_thread(Function function) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    std::thread thread(std::move(function));
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return thread;
}

}  // namespace bansuri::store
