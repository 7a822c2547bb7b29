#ifndef CSOCKETS_H
#define CSOCKETS_H

// What Swift's Glibc module leaves out.

#include <stddef.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

/// memmem, which needs _GNU_SOURCE. The position of `needle` in `bytes`, or -1.
long csockets_find(const void *bytes, size_t count, const void *needle, size_t needleCount);

#endif
