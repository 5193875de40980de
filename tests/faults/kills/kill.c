// Ends the process it is loaded into (LD_PRELOAD) with SIGKILL at a call that was chosen beforehand. The product has no
// hook for this: it sees the calls of libc by which something becomes durable, or visible outside.
//
//     SYNC_KILLS_TRACE=FILE   every point is written there as it is reached: `SORT NUMBER WHAT`
//     SYNC_KILLS_AT=SORT:NUMBER:before|after   the point, and on which side of the call; none: nothing is killed
//
// | sort     | a call that |
// |----------|-------------|
// | event    | writes the last page of a transaction into the log of the state file: what it records is there after it |
// | page     | writes anything else of the state file |
// | PORT     | sends to that port of a server |
// | answer   | sends to a local socket: to a client in a task |
// | name     | makes, renames or removes a file or a folder |
// | text     | writes to, or cuts, any other file |
//
// Children inherit nothing of it. Calls that do not go through libc's symbols (rustix makes its own) are not seen.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define SORTS 32
#define NAME 24
#define FILES 4096

static struct { char name[NAME]; unsigned long count; } sorts[SORTS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pid_t own;
static int trace = -1;
static char at_sort[NAME];
static unsigned long at_number;
static int at_after;
// The header of a frame that ends a transaction was written to this descriptor; its page comes next.
static char ends_transaction[FILES];

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("SYNC_KILLS_TRACE"), *at = getenv("SYNC_KILLS_AT");
    if (path) trace = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    char side[8];
    if (at && sscanf(at, "%23[^:]:%lu:%7s", at_sort, &at_number, side) == 3) at_after = !strcmp(side, "after");
    unsetenv("LD_PRELOAD");
    unsetenv("SYNC_KILLS_TRACE");
    unsetenv("SYNC_KILLS_AT");
    own = getpid();
}

static void die(void) {
    kill(own, SIGKILL);
    for (;;) pause();
}

// Counts a call; whether it is the chosen one and ends with its end.
static int reached(const char *sort, const char *what) {
    if (!own || getpid() != own) return 0; // before the constructor; between fork and exec
    int saved = errno, slot = 0, chosen = 0;
    pthread_mutex_lock(&lock);
    while (slot < SORTS - 1 && sorts[slot].name[0] && strcmp(sorts[slot].name, sort)) slot++;
    if (!sorts[slot].name[0]) snprintf(sorts[slot].name, NAME, "%s", sort);
    unsigned long number = ++sorts[slot].count;
    if (trace >= 0) {
        char line[600];
        int length = snprintf(line, sizeof line, "%s %lu %.500s\n", sort, number, what);
        syscall(SYS_write, trace, line, length);
    }
    chosen = number == at_number && !strcmp(sort, at_sort);
    if (chosen && !at_after) die();
    pthread_mutex_unlock(&lock);
    errno = saved;
    return chosen;
}

static int ends_with(const char *text, const char *end) {
    size_t a = strlen(text), b = strlen(end);
    return a >= b && !strcmp(text + a - b, end);
}

static void path_of(int fd, char *path, size_t size) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, size - 1);
    path[length < 0 ? 0 : length] = 0;
}

static int to_file(int fd, const unsigned char *bytes, size_t count) {
    struct stat status;
    if (fstat(fd, &status) || !S_ISREG(status.st_mode)) return 0;
    char path[512];
    path_of(fd, path, sizeof path);
    if (ends_with(path, "/state.db-wal") && fd < FILES) {
        if (ends_transaction[fd]) {
            ends_transaction[fd] = 0;
            return reached("event", "state.db-wal");
        }
        // Bytes 4 to 7 of a frame's header: the size of the database after a commit, else zero (sqlite.org/fileformat2.html).
        ends_transaction[fd] = count == 24 && (bytes[4] || bytes[5] || bytes[6] || bytes[7]);
        return reached("page", "state.db-wal");
    }
    if (strstr(path, "/state.db")) return reached("page", path);
    return reached("text", path);
}

static int to_socket(int fd) {
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    if (getpeername(fd, (struct sockaddr *)&peer, &size)) return 0;
    if (peer.ss_family == AF_UNIX) return reached("answer", "");
    char port[NAME];
    if (peer.ss_family == AF_INET) snprintf(port, NAME, "%d", ntohs(((struct sockaddr_in *)&peer)->sin_port));
    else if (peer.ss_family == AF_INET6) snprintf(port, NAME, "%d", ntohs(((struct sockaddr_in6 *)&peer)->sin6_port));
    else return 0;
    return reached(port, "");
}

static int to_either(int fd, const void *bytes, size_t count) {
    struct stat status;
    if (fd == trace || fstat(fd, &status)) return 0;
    return S_ISSOCK(status.st_mode) ? to_socket(fd) : to_file(fd, bytes, count);
}

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

#define CALL(type, check, call) \
    int chosen = check; \
    type result = call; \
    if (chosen) die(); \
    return result

ssize_t write(int fd, const void *bytes, size_t count) {
    REAL(ssize_t, write, int, const void *, size_t);
    CALL(ssize_t, to_either(fd, bytes, count), real(fd, bytes, count));
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(ssize_t, writev, int, const struct iovec *, int);
    CALL(ssize_t, to_either(fd, "", 0), real(fd, parts, count));
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
    REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
    CALL(ssize_t, to_file(fd, bytes, count), real(fd, bytes, count, offset));
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    REAL(ssize_t, pwrite, int, const void *, size_t, off_t);
    CALL(ssize_t, to_file(fd, bytes, count), real(fd, bytes, count, offset));
}

int ftruncate64(int fd, off64_t size) {
    REAL(int, ftruncate64, int, off64_t);
    CALL(int, to_file(fd, (const unsigned char *)"", 0), real(fd, size));
}

int fdatasync(int fd) {
    REAL(int, fdatasync, int);
    CALL(int, to_file(fd, (const unsigned char *)"", 0), real(fd));
}

int fsync(int fd) {
    REAL(int, fsync, int);
    CALL(int, to_file(fd, (const unsigned char *)"", 0), real(fd));
}

ssize_t send(int fd, const void *bytes, size_t count, int flags) {
    REAL(ssize_t, send, int, const void *, size_t, int);
    CALL(ssize_t, to_socket(fd), real(fd, bytes, count, flags));
}

ssize_t sendto(int fd, const void *bytes, size_t count, int flags, const struct sockaddr *to, socklen_t size) {
    REAL(ssize_t, sendto, int, const void *, size_t, int, const struct sockaddr *, socklen_t);
    CALL(ssize_t, to_socket(fd), real(fd, bytes, count, flags, to, size));
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    REAL(ssize_t, sendmsg, int, const struct msghdr *, int);
    CALL(ssize_t, to_socket(fd), real(fd, message, flags));
}

#define OPENED(name, what) \
    mode_t mode = 0; \
    if (flags & O_CREAT) { \
        va_list rest; \
        va_start(rest, flags); \
        mode = va_arg(rest, mode_t); \
        va_end(rest); \
    } \
    int chosen = (flags & O_CREAT) ? reached("name", path) : 0

int open(const char *path, int flags, ...) {
    REAL(int, open, const char *, int, ...);
    OPENED(open, path);
    int result = real(path, flags, mode);
    if (chosen) die();
    return result;
}

int open64(const char *path, int flags, ...) {
    REAL(int, open64, const char *, int, ...);
    OPENED(open64, path);
    int result = real(path, flags, mode);
    if (chosen) die();
    return result;
}

int openat64(int folder, const char *path, int flags, ...) {
    REAL(int, openat64, int, const char *, int, ...);
    OPENED(openat64, path);
    int result = real(folder, path, flags, mode);
    if (chosen) die();
    return result;
}

int mkdir(const char *path, mode_t mode) {
    REAL(int, mkdir, const char *, mode_t);
    CALL(int, reached("name", path), real(path, mode));
}

int rename(const char *from, const char *to) {
    REAL(int, rename, const char *, const char *);
    CALL(int, reached("name", to), real(from, to));
}

int unlink(const char *path) {
    REAL(int, unlink, const char *);
    CALL(int, reached("name", path), real(path));
}

int unlinkat(int folder, const char *path, int flags) {
    REAL(int, unlinkat, int, const char *, int);
    CALL(int, reached("name", path), real(folder, path, flags));
}

int rmdir(const char *path) {
    REAL(int, rmdir, const char *);
    CALL(int, reached("name", path), real(path));
}

int link(const char *from, const char *to) {
    REAL(int, link, const char *, const char *);
    CALL(int, reached("name", to), real(from, to));
}
