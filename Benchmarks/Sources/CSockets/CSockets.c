#define _GNU_SOURCE
#include "CSockets.h"
#include <string.h>

long csockets_find(const void *bytes, size_t count, const void *needle, size_t needleCount) {
    const char *found = memmem(bytes, count, needle, needleCount);
    return found ? found - (const char *)bytes : -1;
}
