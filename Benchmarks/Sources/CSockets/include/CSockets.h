#ifndef CSOCKETS_H
#define CSOCKETS_H

// What Swift's Glibc module leaves out.

#include <stddef.h>
#include <sys/epoll.h>

/// memmem, which needs _GNU_SOURCE. The position of `needle` in `bytes`, or -1.
long csockets_find(const void *bytes, size_t count, const void *needle, size_t needleCount);

/// epoll_wait with a timeout in nanoseconds: epoll_pwait2, which needs _GNU_SOURCE.
int csockets_wait(int descriptor, struct epoll_event *events, int count, unsigned long long nanoseconds);

/// Lets this thread's timers fire when they are due and not up to 50 microseconds later.
void csockets_wake_on_time(void);

#endif
