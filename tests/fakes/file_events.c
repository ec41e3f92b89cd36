/* Preloaded into a process: counts what it does to files below a folder, and cuts it off at one.
 *
 * FILE_EVENTS names a file of four longs, shared by all processes that are told of it: how many
 * events there were, at which one to cut (0: never), how, and how many were cut. FILE_EVENTS_BELOW
 * names the folder. Ways to cut: 1 before the event, 2 in the middle of it (half of what is to be
 * written is), 3 the power fails: what was not brought to disk by fsync is gone, and a name that
 * was given is, unless its folder was brought to disk, 4 the event never ends, as on a disk that hangs.
 * Logs are no events. But for a power failure only processes that lead a session are cut: those
 * that train. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { BEFORE = 1, TORN = 2, POWER = 3, HANG = 4 };

static volatile long *told; /* events, at, way, cut */
static const char *below;
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;

/* What a power failure takes back, newest first: old bytes of a file, or an old name. */
struct change {
    struct change *before;
    char path[PATH_MAX], old_name[PATH_MAX];
    off_t length, place;
    size_t size;
    char *bytes;
};
static struct change *changes;

/* Opened past this library. */
static int plainly(const char *path, int flags) {
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0);
}

#define REAL(name, type, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("FILE_EVENTS");
    below = getenv("FILE_EVENTS_BELOW");
    int file = name && below ? plainly(name, O_RDWR) : -1;
    if (file < 0) return;
    void *seen = mmap(NULL, 4 * sizeof(long), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    told = seen == MAP_FAILED ? NULL : seen;
}

static int counts(const char *path) {
    if (!told || !path || strncmp(path, below, strlen(below))) return 0;
    size_t length = strlen(path);
    return !(length > 4 && !strcmp(path + length - 4, "-shm")) &&
           !(length > 7 && !strcmp(path + length - 7, "log.txt"));
}

static int open_path(int file, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = told ? readlink(link, path, PATH_MAX - 1) : -1;
    path[length > 0 ? length : 0] = 0;
    return length > 0 && counts(path);
}

static void take_back(void) {
    for (struct change *one = changes; one; one = one->before) {
        if (*one->old_name) {
            rename(one->path, one->old_name);
            continue;
        }
        int file = plainly(one->path, O_WRONLY);
        if (file < 0) continue;
        if (one->size && pwrite(file, one->bytes, one->size, one->place) < 0) continue;
        if (ftruncate(file, one->length)) continue;
        close(file);
    }
}

/* Count an event; returns whether it is to be torn. Does not return where it is to be cut. */
static int event(int is_write) {
    long number = __sync_add_and_fetch(&told[0], 1);
    if (number != told[1] || (told[2] != POWER && getsid(0) != getpid())) return 0;
    if (told[2] == TORN && is_write) return 1;
    told[3]++;
    if (told[2] == HANG) for (;;) pause();
    if (told[2] == POWER) {
        volatile long *seen = told;
        told = NULL; /* what follows is no event */
        pthread_mutex_lock(&guard);
        take_back();
        seen[1] = 0;
    }
    kill(getpid(), SIGKILL);
    return 0;
}

static void cut(void) {
    told[3]++;
    kill(getpid(), SIGKILL);
}

static struct change *noted(const char *path) {
    struct change *one = calloc(1, sizeof *one);
    snprintf(one->path, sizeof one->path, "%s", path);
    pthread_mutex_lock(&guard);
    one->before = changes;
    changes = one;
    pthread_mutex_unlock(&guard);
    return one;
}

/* Remember what stands in a file where something is about to be written. */
static void remember(const char *path, int file, off_t place, size_t size) {
    struct stat now;
    if (!told || told[2] != POWER || fstat(file, &now) || !S_ISREG(now.st_mode)) return;
    struct change *one = noted(path);
    one->length = now.st_size;
    one->place = place;
    if (place >= now.st_size) return;
    size_t most = (size_t)(now.st_size - place) < size ? (size_t)(now.st_size - place) : size;
    int readable = plainly(path, O_RDONLY);
    one->bytes = malloc(most);
    ssize_t read_ = readable < 0 ? 0 : pread(readable, one->bytes, most, place);
    one->size = read_ > 0 ? (size_t)read_ : 0;
    if (readable >= 0) close(readable);
}

/* A file, or the names in a folder, are on the disk now: nothing takes them back. */
static void settled(const char *path) {
    size_t length = strlen(path);
    pthread_mutex_lock(&guard);
    for (struct change **here = &changes; *here;) {
        struct change *one = *here;
        int same = !*one->old_name && !strcmp(one->path, path);
        int inside = *one->old_name && !strncmp(one->path, path, length) &&
                     one->path[length] == '/' && !strchr(one->path + length + 1, '/');
        if (same || inside) {
            *here = one->before;
            free(one->bytes);
            free(one);
        } else here = &one->before;
    }
    pthread_mutex_unlock(&guard);
}

static void opening(const char *path, int flags) {
    char whole[PATH_MAX];
    if (!(flags & (O_CREAT | O_TRUNC)) || !told) return;
    if (path[0] != '/' && getcwd(whole, sizeof whole / 2)) {
        size_t length = strlen(whole);
        snprintf(whole + length, sizeof whole - length, "/%s", path);
        path = whole;
    }
    if (!counts(path)) return;
    event(0);
    int there = flags & O_TRUNC ? plainly(path, O_RDONLY) : -1;
    struct stat now;
    if (there >= 0 && !fstat(there, &now)) remember(path, there, 0, (size_t)now.st_size);
    if (there >= 0) close(there);
}

#define OPENING(name) \
    int name(const char *path, int flags, ...) { \
        REAL(name, int, const char *, int, ...); \
        va_list more; \
        va_start(more, flags); \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; \
        va_end(more); \
        opening(path, flags); \
        return real(path, flags, mode); \
    }
OPENING(open) OPENING(open64)

#define OPENING_AT(name) \
    int name(int folder, const char *path, int flags, ...) { \
        REAL(name, int, int, const char *, int, ...); \
        va_list more; \
        va_start(more, flags); \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; \
        va_end(more); \
        if (path[0] == '/' || folder == AT_FDCWD) opening(path, flags); \
        return real(folder, path, flags, mode); \
    }
OPENING_AT(openat) OPENING_AT(openat64)

FILE *fopen64(const char *path, const char *mode) {
    REAL(fopen64, FILE *, const char *, const char *);
    if (*mode == 'w') opening(path, O_CREAT | O_TRUNC);
    return real(path, mode);
}

FILE *fopen(const char *path, const char *mode) { return fopen64(path, mode); }

ssize_t write(int file, const void *bytes, size_t size) {
    REAL(write, ssize_t, int, const void *, size_t);
    char path[PATH_MAX];
    if (!open_path(file, path)) return real(file, bytes, size);
    if (event(1)) {
        real(file, bytes, size / 2);
        cut();
    }
    off_t place = fcntl(file, F_GETFL) & O_APPEND ? lseek(file, 0, SEEK_END) : lseek(file, 0, SEEK_CUR);
    remember(path, file, place, size);
    return real(file, bytes, size);
}

ssize_t writev(int file, const struct iovec *parts, int count) {
    REAL(writev, ssize_t, int, const struct iovec *, int);
    char path[PATH_MAX];
    if (!open_path(file, path)) return real(file, parts, count);
    if (event(1)) {
        real(file, parts, count / 2);
        cut();
    }
    size_t size = 0;
    for (int one = 0; one < count; one++) size += parts[one].iov_len;
    remember(path, file, lseek(file, 0, SEEK_CUR), size);
    return real(file, parts, count);
}

#define WRITING_AT(name) \
    ssize_t name(int file, const void *bytes, size_t size, off_t place) { \
        REAL(name, ssize_t, int, const void *, size_t, off_t); \
        char path[PATH_MAX]; \
        if (!open_path(file, path)) return real(file, bytes, size, place); \
        if (event(1)) { \
            real(file, bytes, size / 2, place); \
            cut(); \
        } \
        remember(path, file, place, size); \
        return real(file, bytes, size, place); \
    }
WRITING_AT(pwrite) WRITING_AT(pwrite64)

#define TRUNCATING(name) \
    int name(int file, off_t length) { \
        REAL(name, int, int, off_t); \
        char path[PATH_MAX]; \
        if (open_path(file, path)) { \
            event(0); \
            remember(path, file, length, SIZE_MAX / 2); \
        } \
        return real(file, length); \
    }
TRUNCATING(ftruncate) TRUNCATING(ftruncate64)

#define SYNCING(name) \
    int name(int file) { \
        REAL(name, int, int); \
        char path[PATH_MAX]; \
        int matters = open_path(file, path); \
        if (matters) event(0); \
        int result = real(file); \
        if (matters && !result) settled(path); \
        return result; \
    }
SYNCING(fsync) SYNCING(fdatasync)

int rename(const char *from, const char *to) {
    REAL(rename, int, const char *, const char *);
    int matters = counts(to);
    if (matters) event(0);
    int result = real(from, to);
    if (matters && !result && told && told[2] == POWER)
        snprintf(noted(to)->old_name, PATH_MAX, "%s", from);
    return result;
}

int mkdir(const char *path, mode_t mode) {
    REAL(mkdir, int, const char *, mode_t);
    if (counts(path)) event(0);
    return real(path, mode);
}

#define REMOVING(name) \
    int name(const char *path) { \
        REAL(name, int, const char *); \
        if (counts(path)) event(0); \
        return real(path); \
    }
REMOVING(unlink) REMOVING(rmdir)

int unlinkat(int folder, const char *name, int flags) {
    REAL(unlinkat, int, int, const char *, int);
    char path[PATH_MAX];
    if (open_path(folder, path)) event(0);
    return real(folder, name, flags);
}
