#ifndef C_MEASURED_SECTION_H
#define C_MEASURED_SECTION_H

#include <stddef.h>
#include <stdint.h>

/// What the calling thread allocated within a measured section.
struct measured_allocations {
    uint64_t count;
    uint64_t bytes;
};

/// Calls body(context), and only that: Callgrind collects while this function runs, and the allocations of the calling thread are counted.
struct measured_allocations measured_section(void (*body)(void *context), void *context);

/// Does nothing, which the optimizer doesn't know.
void measured_keep(const void *value);

/// From now on, measured sections also note where each allocation comes from, until `capacity` words of `stacks` are used.
///
/// A stack is its number of frames, the allocation's bytes, and the return addresses, innermost first. A null pointer ends it.
void measured_stacks_begin(uint64_t *stacks, size_t capacity);

/// Words of the stacks that are used.
size_t measured_stacks_count(void);

/// Where this executable begins in memory: what symbolizers want subtracted.
uint64_t measured_executable_base(void);

#endif
