. "${SOURCE:?is set by ctest}/tests/cli/lib.sh"
# libdrn exports what its headers declare, under its version, and nothing else.  The compiler says what they
# declare (-aux-info, of gcc alone), nm what is there.

lib=$BUILD/libdrn.so.0
[ -e "$lib" ] || fail "no $lib"
nm -D --defined-only "$lib" | sed -n 's/^[0-9a-f]* [^A] //p' | sort >exported
sed 's/@@.*//' exported >names
sed 's/.*@@//' exported | sort -u >versions
equal "$(cat versions)" "DRN_$(sed -n 's/^project(drn VERSION \([0-9]*\.[0-9]*\).*/\1/p' "$SOURCE/CMakeLists.txt")"
[ "$(wc -l <names)" -gt 40 ] || fail "only $(wc -l <names) symbols"
grep -v '^drn_[a-z0-9_]*$' names && fail "foreign symbols"

echo '#include <drn/drn.h>' >all.c
for header in "$SOURCE"/include/drn/*.h; do
    echo "#include <drn/${header##*/}>" >>all.c
done
if "$CC" -std=c17 -I"$SOURCE/include" -fsyntax-only -aux-info declared all.c 2>/dev/null && [ -s declared ]; then
    sed -n 's|^/\* [^ ]*/include/drn/[a-z_0-9]*\.h:[^*]*\*/ extern [^(]*[ *]\(drn_[a-z0-9_]*\) (.*|\1|p' declared |
        sort -u >wanted
    [ "$(wc -l <wanted)" -gt 40 ] || fail "the compiler lists only $(wc -l <wanted) declarations"
    diff wanted names >difference || { fail "headers (<) and library (>) differ"; cat difference; }
else
    echo "no gcc: the version script is checked against the library alone"
fi
diff "$BUILD/libdrn.map.names" names >difference || { fail "list (<) and library (>) differ"; cat difference; }

nm -g --defined-only "$BUILD/libdrn.a" | sed -n 's/^[0-9a-f]* [A-Z] //p' | sort >archive
diff archive names >difference || { fail "archive (<) and library (>) differ"; cat difference; }
readelf -d "$lib" | grep -q 'SONAME.*\[libdrn\.so\.0\]' || fail "no soname libdrn.so.0"
# libwebp is inside or beside, but must not be seen through libdrn
nm -D "$lib" | grep -q ' T WebP' && fail "exports libwebp"

# The list's own script: comments, typedefs, pointers to functions and inline functions are no exports.
cat >odd.h <<'EOF'
/* int drn_in_comment(void); */
typedef int drn_fn(void);
typedef void (*drn_fn_pointer)(int drn_argument(void));
static inline int drn_inline(void) { return drn_called(); }
#define drn_macro(x) drn_called(x)
int drn_one(void);
const char *const *drn_two(int a,
                           int b);
struct drn_s *
drn_three(void);
void drn_takes(int (*callback)(void), drn_fn *f); int drn_hidden_on_a_line(void);
EOF
"$CMAKE" "-DHEADERS=$work/odd.h" -DNODE=DRN_9.9 "-DOUT=$work/odd.map" -P "$SOURCE/cmake/libdrn-map.cmake" ||
    fail "the script fails"
equal "$(tr '\n' ' ' <odd.map.names)" 'drn_one drn_takes drn_three drn_two '
has odd.map 'DRN_9.9 {'
finish
