#define _GNU_SOURCE
#include "CSockets.h"
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

long csockets_find(const void *bytes, size_t count, const void *needle, size_t needleCount) {
    const char *found = memmem(bytes, count, needle, needleCount);
    return found ? found - (const char *)bytes : -1;
}

int csockets_wait(int descriptor, struct epoll_event *events, int count, unsigned long long nanoseconds) {
    struct timespec timeout = {nanoseconds / 1000000000, nanoseconds % 1000000000};
    return epoll_pwait2(descriptor, events, count, &timeout, NULL);
}

void csockets_wake_on_time(void) { prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0); }
