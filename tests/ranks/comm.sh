. "${SOURCE:?is set by ctest}/tests/ranks/lib.sh"
# What ranks tell each other, by the library's functions.
need_mpi
for n in 2 3; do
    run 0 mpi $n timeout 130 "$TEST"
    grep 'a sum takes' out
    equal "$(grep -c '^ok' out)" "$((n * $("$TEST" | grep -c '^ok')))"
done
finish
