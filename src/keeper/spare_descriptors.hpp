// SPDX-License-Identifier: MIT
//
// Descriptors that are kept free: with none left, nobody can be looked at or signalled any more.
#pragma once

namespace bansuri::keeper {

/// Whether a descriptor that was just opened, and so has the lowest free number, leaves enough of
/// them for looking into /proc and for what requests bring along.
bool leaves_spare_descriptors(int fd);

/// Whether there are as many left as looking at a process and signalling it takes.
bool can_look();

/// Whether this errno tells of a want that may pass, and so nothing of what was asked about.
bool is_shortage(int error);

}  // namespace bansuri::keeper
