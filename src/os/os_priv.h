/* os_priv.h — what the files of os/ share: the system's clock and randomness, who holds a lock, and error texts. */
#ifndef SB_OS_PRIV_H
#define SB_OS_PRIV_H

#include <sys/stat.h>

#include "os/os.h"

uint64_t sb_os__monotonic_ns(void);
uint64_t sb_os__wall_ns(void);
/* Sleeps at least ns, also when signals arrive. */
void sb_os__sleep_ns(uint64_t ns);
sb_status sb_os__random(void *data, size_t bytes, sb_err *err) SB_MUST_CHECK;

/* A process that has an open-file-description lock on the byte at, of the file that fd is, by another open file than that of fd. 0: none is found. */
uint64_t sb_os__lock_holder(int fd, uint64_t at);

/* Is path the name of a file beside another (x-wal, x-shm, x-making, x-vacuum) that is there? *model is that one then. */
bool sb_os__beside_what(const char *path, struct stat *model);
/* Give an open file, just made with mode 0600, the mode of model, and its owner and group where the system allows. */
void sb_os__take_after(int fd, const struct stat *model);

#define SB_OS__ERRNO_TEXT_BYTES 96u
/* The system's text for errno_value, in text or static. */
const char *sb_os__errno_text(int errno_value, char text[SB_OS__ERRNO_TEXT_BYTES]);

#endif
