#define _GNU_SOURCE
#include "CMeasuredSection.h"
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <stdbool.h>

// An executable's own malloc stands before the C library's for everything in the process, Swift's runtime included. These call on to the C library.
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

static _Thread_local struct measured_allocations counted;
static _Thread_local bool is_measuring;
static uint64_t *stacks;
static size_t stacks_capacity;
static size_t stacks_count;

enum { frames_limit = 40 };

static void note_stack(size_t bytes) {
    void *frames[frames_limit];
    // What backtrace allocates is not the section's.
    is_measuring = false;
    int count = backtrace(frames, frames_limit);
    is_measuring = true;
    if (stacks_count + (size_t)count + 2 > stacks_capacity) return;
    stacks[stacks_count++] = (uint64_t)count;
    stacks[stacks_count++] = bytes;
    for (int index = 0; index < count; index++) stacks[stacks_count++] = (uint64_t)(uintptr_t)frames[index];
}

static inline void count_allocation(size_t bytes) {
    if (!is_measuring) return;
    counted.count += 1;
    counted.bytes += bytes;
    if (stacks) note_stack(bytes);
}

void *malloc(size_t bytes) {
    count_allocation(bytes);
    return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes) {
    count_allocation(count * bytes);
    return __libc_calloc(count, bytes);
}

void *realloc(void *old, size_t bytes) {
    count_allocation(bytes);
    return __libc_realloc(old, bytes);
}

void *memalign(size_t alignment, size_t bytes) {
    count_allocation(bytes);
    return __libc_memalign(alignment, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes) { return memalign(alignment, bytes); }

int posix_memalign(void **result, size_t alignment, size_t bytes) {
    void *memory = memalign(alignment, bytes);
    if (!memory) return ENOMEM;
    *result = memory;
    return 0;
}

__attribute__((noinline)) struct measured_allocations measured_section(void (*body)(void *), void *context) {
    counted = (struct measured_allocations){0, 0};
    is_measuring = true;
    body(context);
    is_measuring = false;
    return counted;
}

void measured_keep(const void *value) { (void)value; }

void measured_stacks_begin(uint64_t *memory, size_t capacity) {
    // The first call loads the unwinder.
    void *frames[1];
    backtrace(frames, 1);
    stacks_capacity = capacity;
    stacks_count = 0;
    stacks = memory;
}

size_t measured_stacks_count(void) { return stacks_count; }

uint64_t measured_executable_base(void) {
    Dl_info information;
    if (!dladdr((void *)(uintptr_t)measured_executable_base, &information)) return 0;
    return (uint64_t)(uintptr_t)information.dli_fbase;
}
