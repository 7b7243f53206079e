#include "interrupt.h"

#include "drn/comm.h"
#include "drn/status.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t asked;

/* Ends as the signal would have, without leaving temporary files. */
static void on_end(int number)
{
    drn_unfinished_remove();
    signal(number, SIG_DFL);
    raise(number);
}

static void on_signal(int number)
{
    asked = 1;
    drn_comm_interrupt();
    interrupt_second(number);
}

void interrupt_second(int number)
{
    struct sigaction a = {.sa_handler = on_end};
    sigaction(number, &a, NULL);
}

void interrupt_start(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction old;
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN) /* nohup */
            interrupt_second(numbers[i]);
    }
    signal(SIGXFSZ, SIG_IGN); /* a file too large (ulimit -f) is an error like a full disk */
}

void interrupt_catch(void)
{
    struct sigaction a = {.sa_handler = on_signal};
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
}

bool interrupt_asked(void)
{
    return asked != 0;
}
