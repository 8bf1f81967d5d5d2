/*
 * What a power loss would leave of a file: for LD_PRELOAD, a record of how long each regular file was when its last
 * fsync or fdatasync that succeeded began. What another thread writes while the call runs may or may not reach the
 * disk, so it does not count.
 *
 * The records are in the file that SYNCED_SIZE_TABLE names: an open-addressed table of pairs of 64-bit words, key and
 * size, of its own byte order. A key of 0 is free. The file is mapped and shared, so that the records survive SIGKILL,
 * and a forked child (which rewrites the AOF) writes into the same ones. A word changes by compare and swap only: a
 * process that dies in the middle leaves nothing half-done.
 *
 * A key is made of inode and time of birth, because a file may be renamed, and its inode is used again after it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

_Static_assert(sizeof(off_t) == 8, "sizes are of 64 bits");

struct record {
  _Atomic uint64_t key;
  _Atomic uint64_t size;
};

static struct record *table;
static uint64_t capacity;

/* Ends the process: a file that was not recorded would look as if it had never been synced. */
static void fail(const char *what) {
  fprintf(stderr, "synced-size: %s\n", what);
  _exit(70);
}

__attribute__((constructor)) static void map_table(void) {
  const char *path = getenv("SYNCED_SIZE_TABLE");
  if (path == NULL) fail("SYNCED_SIZE_TABLE is not set");
  int fd = open(path, O_RDWR | O_CLOEXEC);
  struct stat status;
  if (fd < 0 || fstat(fd, &status) != 0) fail("the file of SYNCED_SIZE_TABLE can't be opened");
  capacity = (uint64_t)status.st_size / sizeof(struct record);
  table = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (table == MAP_FAILED) fail("the file of SYNCED_SIZE_TABLE can't be mapped");
  close(fd);
}

/* FNV-1a over two words; power-cut.ts has the same. */
static uint64_t key_of(const struct statx *file) {
  uint64_t born_ns = (uint64_t)file->stx_btime.tv_sec * 1000000000u + file->stx_btime.tv_nsec;
  uint64_t key = (14695981039346656037u ^ file->stx_ino) * 1099511628211u;
  return (key ^ born_ns) * 1099511628211u | 1;
}

static struct record *record_of(uint64_t key) {
  for (uint64_t probe = 0; probe < capacity; probe++) {
    struct record *record = &table[(key + probe) % capacity];
    uint64_t found = 0;
    if (__atomic_compare_exchange_n(&record->key, &found, key, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) return record;
    if (found == key) return record;
  }
  fail("the table is full");
  return NULL;
}

/* Two threads may sync one file at the same time, and end in another order than they began. */
static void raise_size(struct record *record, uint64_t size) {
  uint64_t known = record->size;
  while (known < size && !__atomic_compare_exchange_n(&record->size, &known, size, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {}
}

static void lower_size(struct record *record, uint64_t size) {
  uint64_t known = record->size;
  while (known > size && !__atomic_compare_exchange_n(&record->size, &known, size, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {}
}

static int is_recorded(int fd, const char *path, int flags, struct statx *file) {
  int before = errno;
  int status = statx(fd, path, flags, STATX_BASIC_STATS | STATX_BTIME, file);
  errno = before;
  return status == 0 && S_ISREG(file->stx_mode);
}

static int synchronize(long call, int fd) {
  struct statx file;
  int counts = is_recorded(fd, "", AT_EMPTY_PATH, &file);
  int status = (int)syscall(call, fd);
  if (status == 0 && counts) raise_size(record_of(key_of(&file)), file.stx_size);
  return status;
}

int fsync(int fd) { return synchronize(SYS_fsync, fd); }

int fdatasync(int fd) { return synchronize(SYS_fdatasync, fd); }

/* What is written after the cut of a file has not been synced, also where the file was longer before. */
int ftruncate(int fd, off_t length) {
  struct statx file;
  if (is_recorded(fd, "", AT_EMPTY_PATH, &file)) lower_size(record_of(key_of(&file)), (uint64_t)length);
  return (int)syscall(SYS_ftruncate, fd, length);
}

int truncate(const char *path, off_t length) {
  struct statx file;
  if (is_recorded(AT_FDCWD, path, 0, &file)) lower_size(record_of(key_of(&file)), (uint64_t)length);
  return (int)syscall(SYS_truncate, path, length);
}

int ftruncate64(int fd, off_t length) __attribute__((alias("ftruncate")));

int truncate64(const char *path, off_t length) __attribute__((alias("truncate")));
