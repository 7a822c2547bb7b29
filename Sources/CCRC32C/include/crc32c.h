#ifndef SLUICE_CRC32C_H
#define SLUICE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/// Whether this processor has an instruction for CRC-32C (SSE 4.2, or the CRC extension of ARMv8).
int sluice_crc32c_has_instruction(void);

/// Goes on with a CRC-32C over `count` bytes by that instruction; `state` and the result are the register's content, not inverted.
/// To be called only if `sluice_crc32c_has_instruction` says so.
uint32_t sluice_crc32c_update(uint32_t state, const void *_Nonnull bytes, size_t count);

#endif
