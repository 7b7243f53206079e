. "${SOURCE:?is set by ctest}/tests/cli/lib.sh"
# The library's sources and the page's server name neither stdout nor stderr, and do not end the process.
# (test_library has the other half: wrong calls with both captured.)

check() { # FOLDER...: prints offending lines
    grep -rnE --include='*.[ch]' --include='*.inc' --include='*.cu' --include='*.cuh' \
        '\b(printf|vprintf|puts|putchar|perror|psignal|abort|exit|_exit|quick_exit|err|errx|warn|warnx|error)[ ]*\(|\b(stdout|stderr)\b|\bSTD(OUT|ERR)_FILENO\b' "$@" |
        grep -vE '^[^:]*:[0-9]+: *(/?\*|//)|printf, [0-9]|[>.](err|error|exit)\(|"[^"]*\b(exit|error|stdout|stderr)\b[^"]*"'
}
# Films whose output is called "-" are what the caller wants there.
check "$SOURCE/src" "$SOURCE/web/server" | grep -vE '/src/video/.*(drn_y4m_sink\(&r->sink, stdout|s->f != stdout)' >found && { fail "the library prints or exits"; cat found; }

mkdir src
printf 'int f(void)\n{\n    fprintf(stderr, "x");\n    /* printf(stdout) */\n    exit(1);\n}\n' >src/a.c
printf 'static void g(void)\n{\n    puts("x");\n}\n' >src/b.c
check src >found
equal "$(wc -l <found)" 3
finish
