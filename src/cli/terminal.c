/* terminal.c — raw mode with termios, and the bytes that terminals send for keys: those of xterm, which others follow (ECMA-48). */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "terminal.h"

#define ESCAPE_WAIT_MS                                                                             \
    60 /* an Esc with nothing behind it for so long is the key itself, unless ESCDELAY says how long */

/* Signal handlers and exit have no argument to say which terminal. */
static struct termios cooked;
static volatile sig_atomic_t raw;
/* The terminal as it was before .output sent standard output elsewhere. */
static int screen = STDOUT_FILENO;
static volatile sig_atomic_t resized;
static const int ending[] = {SIGTERM, SIGHUP, SIGQUIT, SIGABRT};
static struct sigaction ending_before[sizeof ending / sizeof *ending], winch_before, cont_before;

static int escape_wait_ms = ESCAPE_WAIT_MS;

/* Bytes that were read and not used. */
static unsigned char input[4096];
static size_t input_at, input_end;

static void make_cooked(void)
{
    static const char paste_off[] = "\033[?2004l";

    if (!raw) return;
    raw = 0;
    (void)!write(screen, paste_off, sizeof paste_off - 1);
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &cooked);
}

static bool make_raw(void)
{
    static const char paste_on[] = "\033[?2004h";
    struct termios wanted = cooked;

    wanted.c_iflag &= ~(tcflag_t)(BRKINT | ICRNL | INPCK | ISTRIP | IXON);
    wanted.c_lflag &= ~(tcflag_t)(ECHO | ICANON | IEXTEN | ISIG);
    wanted.c_cc[VMIN] = 1;
    wanted.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSADRAIN, &wanted) != 0) return false;
    raw = 1;
    terminal_write(paste_on, sizeof paste_on - 1);
    return true;
}

static void on_ending(int signal_number)
{
    make_cooked();
    (void)signal(signal_number, SIG_DFL);
    (void)raise(signal_number);
}

static void on_resize(int signal_number)
{
    (void)signal_number;
    resized = 1;
}

void terminal_keep(void)
{
    const int copy = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    const char *delay = getenv("ESCDELAY"); /* in milliseconds, as curses has it: of slow lines */
    const long wait_ms = delay == NULL ? 0 : strtol(delay, NULL, 10);

    if (copy >= 0) screen = copy;
    if (wait_ms > 0 && wait_ms <= 10000) escape_wait_ms = (int)wait_ms;
}

bool terminal_enter(void)
{
    static bool registered;
    struct sigaction end = {.sa_handler = on_ending}, resize = {.sa_handler = on_resize};

    if (tcgetattr(STDIN_FILENO, &cooked) != 0) return false;
    if (!registered) (void)atexit(make_cooked);
    registered = true;
    for (size_t i = 0; i < sizeof ending / sizeof *ending; i++)
        (void)sigaction(ending[i], &end, &ending_before[i]);
    (void)sigaction(SIGWINCH, &resize, &winch_before); /* without SA_RESTART: read comes back */
    (void)sigaction(SIGCONT, &resize, &cont_before);
    return make_raw();
}

void terminal_leave(void)
{
    make_cooked();
    for (size_t i = 0; i < sizeof ending / sizeof *ending; i++)
        (void)sigaction(ending[i], &ending_before[i], NULL);
    (void)sigaction(SIGWINCH, &winch_before, NULL);
    (void)sigaction(SIGCONT, &cont_before, NULL);
}

void terminal_suspend(void)
{
    make_cooked();
    (void)kill(0, SIGTSTP); /* a script that runs the shell, too: as the key does by itself */
    (void)make_raw();
}

void terminal_size(size_t *rows, size_t *columns)
{
    struct winsize size;
    const bool known = ioctl(screen, TIOCGWINSZ, &size) == 0;

    *rows = known && size.ws_row != 0 ? size.ws_row : 24;
    *columns = known && size.ws_col != 0 ? size.ws_col : 80;
}

void terminal_write(const char *text, size_t bytes)
{
    while (bytes != 0) {
        const ssize_t done = write(screen, text, bytes);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return; /* the terminal is gone: reading will tell */
        text += done;
        bytes -= (size_t)done;
    }
}

/* ---- Keys ----------------------------------------------------------------------------------------------------------------- */

#define NO_BYTE (-1)
#define RESIZED (-2)

/* The next byte, waiting for it at most so long (-1: for ever). */
static int next_byte(int wait_ms)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    ssize_t got;

    if (input_at < input_end) return input[input_at++];
    if (resized) {
        resized = 0;
        return RESIZED;
    }
    if (wait_ms >= 0 && poll(&in, 1, wait_ms) <= 0) return NO_BYTE;
    got = read(STDIN_FILENO, input, sizeof input);
    if (got < 0 && errno == EINTR) return RESIZED;
    if (got <= 0) return NO_BYTE;
    input_at = 1;
    input_end = (size_t)got;
    return input[0];
}

bool terminal_pending(void)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};

    /* The terminal hands out few kilobytes at a time. One that is gone has no keys, and is to be seen. */
    return input_at < input_end || (poll(&in, 1, 0) > 0 && in.revents == POLLIN);
}

/* All between the marks of a paste, with '\n' for '\r' and "\r\n", without other control characters. */
static void read_paste(key *pressed)
{
    static const char mark[] = "\033[201~";
    text_buffer *text = &pressed->text;
    int byte;

    pressed->kind = KEY_PASTE;
    text->size = 0;
    while ((byte = next_byte(5000)) !=
           NO_BYTE) { /* a mark that never comes must not hold all keys */
        char c = (char)byte;
        if (byte == RESIZED) continue;
        put(text, &c, 1);
        if (text->size >= sizeof mark - 1 &&
            memcmp(text->data + text->size - (sizeof mark - 1), mark, sizeof mark - 1) == 0) {
            text->size -= sizeof mark - 1;
            break;
        }
    }
    {
        size_t kept = 0;
        char before = '\0';
        for (size_t i = 0; i < text->size; i++) {
            const char c = text->data[i];
            if (c == '\r')
                text->data[kept++] = '\n';
            else if (c == '\n' ? before != '\r' : c == '\t' || !iscntrl((unsigned char)c))
                text->data[kept++] = c;
            before = c;
        }
        text->size = kept;
    }
}

/* Behind ESC [ : parameters, then the letter that says which key. */
static void read_sequence(key *pressed)
{
    int numbers[2] = {0, 0}, count = 0, byte;
    bool changed; /* with Ctrl or Alt */

    while ((byte = next_byte(escape_wait_ms)) >= 0x20 && byte < 0x40) {
        if (byte == ';')
            count = 1;
        else if (isdigit(byte) && numbers[count] < 10000)
            numbers[count] = numbers[count] * 10 + byte - '0';
    }
    changed = numbers[1] > 2; /* 2 is Shift */
    switch (byte) {
    case 'A': pressed->kind = KEY_UP; break;
    case 'B': pressed->kind = KEY_DOWN; break;
    case 'C': pressed->kind = changed ? KEY_WORD_RIGHT : KEY_RIGHT; break;
    case 'D': pressed->kind = changed ? KEY_WORD_LEFT : KEY_LEFT; break;
    case 'H': pressed->kind = KEY_HOME; break;
    case 'F': pressed->kind = KEY_END; break;
    case '~':
        if (numbers[0] == 200)
            read_paste(pressed);
        else
            pressed->kind = numbers[0] == 1 || numbers[0] == 7   ? KEY_HOME
                            : numbers[0] == 4 || numbers[0] == 8 ? KEY_END
                            : numbers[0] == 3                    ? KEY_DELETE
                                                                 : KEY_UNKNOWN;
        break;
    default: pressed->kind = KEY_UNKNOWN;
    }
}

static void read_escape(key *pressed)
{
    const int byte = next_byte(escape_wait_ms);

    if (byte < 0) {
        pressed->kind = KEY_ESCAPE;
    } else if (byte == '[' || byte == 'O') {
        read_sequence(pressed);
    } else if (byte == '\r' || byte == '\n') {
        pressed->kind = KEY_ALT_ENTER;
    } else if (byte == 0x7F || byte == 8) {
        pressed->kind = KEY_ALT_BACKSPACE;
    } else {
        pressed->kind = KEY_ALT;
        pressed->code = (char)tolower(byte);
    }
}

/* A character of several bytes: as many as the first one says. */
static void read_character(key *pressed, int byte)
{
    const int more = byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : byte >= 0xC0 ? 1 : 0;
    char c = (char)byte;

    pressed->kind = KEY_TEXT;
    pressed->text.size = 0;
    put(&pressed->text, &c, 1);
    for (int i = 0; i < more; i++) {
        const int next = next_byte(escape_wait_ms);
        if (next < 0x80 || next >= 0xC0) {
            pressed->kind = KEY_UNKNOWN; /* no UTF-8 */
            return;
        }
        c = (char)next;
        put(&pressed->text, &c, 1);
    }
    if (byte >= 0x80 && more == 0) pressed->kind = KEY_UNKNOWN;
}

void terminal_key(key *pressed)
{
    const int byte = next_byte(-1);

    if (byte == RESIZED)
        pressed->kind = KEY_RESIZE;
    else if (byte == NO_BYTE)
        pressed->kind = KEY_EOF;
    else if (byte == 0x1B)
        read_escape(pressed);
    else if (byte == '\r' || byte == '\n')
        pressed->kind = KEY_ENTER;
    else if (byte == '\t')
        pressed->kind = KEY_TAB;
    else if (byte == 0x7F || byte == 8)
        pressed->kind = KEY_BACKSPACE;
    else if (byte < 0x20) {
        pressed->kind = KEY_CTRL;
        pressed->code = byte == 0x1F ? '_' : (char)('a' + byte - 1);
    } else {
        read_character(pressed, byte);
    }
}
