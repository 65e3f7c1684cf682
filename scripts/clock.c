/* A clock that jumps, for scripts/chaos.sh. Preloaded into a process, it adds the milliseconds in the file
 * that PULSO_CLOCK names to the process's time of day.
 *
 * libfaketime does not work here: it shifts the time from which Kafka's client computes deadlines, but not
 * the time by which glibc waits for them in `cnd_timedwait`, so every wait lasts as long as the jump. Here
 * both use one clock, as on a machine whose clock is set: only waits that are under way when the clock is
 * set back take longer.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

/* How soon a wait notices that the clock was set. */
static const int64_t SLICE_NS = 20000000;

static volatile int64_t *offset_ms;
static int (*wait_until)(cnd_t *, mtx_t *, const struct timespec *);

__attribute__((constructor)) static void map_offset(void) {
  int file = open(getenv("PULSO_CLOCK"), O_RDONLY);
  void *map = mmap(NULL, sizeof *offset_ms, PROT_READ, MAP_SHARED, file, 0);
  if (map == MAP_FAILED) abort();
  close(file);
  offset_ms = map;
  wait_until = dlsym(RTLD_NEXT, "cnd_timedwait");
}

static int64_t nanoseconds(struct timespec time) { return time.tv_sec * INT64_C(1000000000) + time.tv_nsec; }

static struct timespec timespec(int64_t ns) {
  return (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

static struct timespec machine_time(void) {
  struct timespec time;
  syscall(SYS_clock_gettime, CLOCK_REALTIME, &time);
  return time;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  if (syscall(SYS_clock_gettime, clock, time) != 0) return -1;
  if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) {
    *time = timespec(nanoseconds(*time) + *offset_ms * 1000000);
  }
  return 0;
}

int timespec_get(struct timespec *time, int base) {
  return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, time) == 0 ? base : 0;
}

int cnd_timedwait(cnd_t *condition, mtx_t *mutex, const struct timespec *deadline) {
  for (;;) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t left = nanoseconds(*deadline) - nanoseconds(now);
    if (left <= 0) return thrd_timedout;
    struct timespec slice = timespec(nanoseconds(machine_time()) + (left < SLICE_NS ? left : SLICE_NS));
    int outcome = wait_until(condition, mutex, &slice);
    if (outcome != thrd_timedout) return outcome;
  }
}
