. "${SOURCE:?is set by ctest}/tests/cli/lib.sh"
# The Debian packages: what is in them, and that they install and run in a system that has nothing but what
# they depend on.  The second part needs root and debootstrap or mmdebstrap; with DRN_TEST_INSTALL=1 the latter
# is installed.

skip() {
    [ "$failures" -eq 0 ] || finish
    echo "skip: $*"
    exit 77
}
[ -z "$SANITIZE" ] || skip "packages are not made of sanitizer builds"
[ -e "$BUILD/manual/drn.1" ] || skip "no manual pages in this build"
if ! command -v dpkg-shlibdeps >/dev/null && [ "${DRN_TEST_INSTALL:-0}" = 1 ] && [ "$(id -u)" -eq 0 ]; then
    DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends dpkg-dev </dev/null >/dev/null 2>&1
fi
for tool in dpkg-deb dpkg-shlibdeps; do
    command -v $tool >/dev/null || skip "no $tool (dpkg-dev)"
done

# ---- made ----
(cd "$BUILD" && "${CMAKE%/*}/cpack" -G DEB -B "$work/packages") >cpack.log 2>&1 || { fail "cpack"; cat cpack.log; }
mkdir debs
mv packages/*.deb debs/ || finish
arch=$(dpkg --print-architecture)
version=$("$DRN" --version | cut -d' ' -f2)
control() { dpkg-deb -f "debs/$1_${version}_$2.deb" "$3"; }
holds() {
    dpkg-deb -c "debs/$1_${version}_$2.deb" >list
    grep -qE " \./$3( ->|\$)" list || fail "$1 lacks $3"
}
for package in "drn $arch" "libdrn0 $arch" "libdrn-dev $arch" "python3-drn all"; do
    # shellcheck disable=SC2086
    set -- $package
    [ -e "debs/$1_${version}_$2.deb" ] || { fail "no $1"; continue; }
    holds "$1" "$2" "usr/share/doc/$1/copyright"
    holds "$1" "$2" "usr/share/doc/$1/changelog.gz"
    dpkg-deb -c "debs/$1_${version}_$2.deb" | grep -vE ' root/root ' && fail "$1 holds somebody's files"
    dpkg-deb --fsys-tarfile "debs/$1_${version}_$2.deb" | tar -xO "./usr/share/doc/$1/copyright" >copyright
    has copyright '^License: Expat'
    has copyright '^Copyright: 20'
    [ -n "$(control "$1" "$2" Maintainer)" ] && [ -n "$(control "$1" "$2" Description)" ] || fail "$1 says too little"
done
control drn "$arch" Depends >depends
has depends 'libc6'
if ldd "$DRN" | grep -q libvips; then
    has depends 'libvips'
fi
grep -q libdrn depends && fail "the program needs the library's package"
control libdrn-dev "$arch" Depends >depends
has depends "libdrn0 (= $version)"
holds drn "$arch" usr/bin/drn
holds drn "$arch" usr/share/man/man1/drn-upscale.1.gz
holds drn "$arch" usr/share/bash-completion/completions/drn
holds drn "$arch" usr/share/zsh/vendor-completions/_drn
holds libdrn0 "$arch" 'usr/lib/.*libdrn.so.0'
holds libdrn-dev "$arch" usr/include/drn/drn.h
holds libdrn-dev "$arch" 'usr/lib/.*libdrn.so'
holds python3-drn all usr/lib/python3/dist-packages/drn/__init__.py
# no file in two packages
for deb in debs/*.deb; do
    dpkg-deb -c "$deb" | grep -v '^d' | sed 's/.* \.//; s/ ->.*//'
done | sort | uniq -d >twice
[ ! -s twice ] || { fail "in two packages"; cat twice; }
[ "$failures" -eq 0 ] || finish

# ---- installed ----
[ "$(id -u)" -eq 0 ] || skip "packages are well made; installing them into a new system needs root"
. /etc/os-release
[ "${ID-}" = debian ] || skip "packages are well made; the new system would be Debian, this is ${ID-unknown}"
if ! command -v mmdebstrap >/dev/null && [ "${DRN_TEST_INSTALL:-0}" = 1 ]; then
    apt-get update -q </dev/null >/dev/null 2>&1
    DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends mmdebstrap </dev/null >/dev/null 2>&1
fi
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' "Codename: $VERSION_CODENAME" 2>/dev/null | head -n 1)
[ -n "$mirror" ] || mirror=$(sed -n "s/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\) $VERSION_CODENAME main.*/\2/p" /etc/apt/sources.list 2>/dev/null | head -n 1)
[ -n "$mirror" ] || skip "packages are well made; no Debian mirror is configured"
# a failed test leaves nothing mounted
system=$work/system
remove_system() {
    umount -l "$system/proc" 2>/dev/null
    rm -rf --one-file-system "$system"
}
leave() {
    remove_system
    rm -rf --one-file-system "$work"
}
trap leave EXIT
if command -v mmdebstrap >/dev/null; then
    mmdebstrap --mode=root --variant=apt --skip=cleanup/apt/lists --dpkgopt=force-unsafe-io \
        --aptopt='APT::Install-Recommends "false"' "$VERSION_CODENAME" "$system" "$mirror" >bootstrap.log 2>&1 ||
        { tail -n 3 bootstrap.log; skip "packages are well made; mmdebstrap could not make a system"; }
elif command -v debootstrap >/dev/null; then
    debootstrap --variant=minbase "$VERSION_CODENAME" "$system" "$mirror" >bootstrap.log 2>&1 ||
        { tail -n 3 bootstrap.log; skip "packages are well made; debootstrap could not make a system"; }
else
    skip "packages are well made; installing them into a new system needs mmdebstrap or debootstrap"
fi
echo 'force-unsafe-io' >"$system/etc/dpkg/dpkg.cfg.d/fast"
cp debs/*.deb "$system/tmp/"
cp photo.png "$system/tmp/"
inside() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 chroot "$system" "$@"; }
mount -t proc proc "$system/proc" 2>/dev/null || true
apt() { inside apt-get -yq --no-install-recommends "$@" </dev/null >apt.log 2>&1 || { fail "apt-get $*"; tail -n 20 apt.log; finish; }; }
[ ! -e "$system/usr/lib/$arch-linux-gnu/libvips.so.42" ] || fail "the new system is not clean"
apt install "/tmp/drn_${version}_$arch.deb" "/tmp/libdrn0_${version}_$arch.deb" "/tmp/libdrn-dev_${version}_$arch.deb" \
    "/tmp/python3-drn_${version}_all.deb"
run 0 inside drn --version
equal "$(cat out)" "drn $version"
run 0 inside drn doctor -m default
has out '^all is well'
cat out
run 0 inside drn upscale /tmp/photo.png -o /tmp/large.png
run 0 "$DRN" upscale photo.png -o large.png
same "$system/tmp/large.png" large.png
run 0 inside bash -c '. /usr/share/bash-completion/completions/drn; complete -p drn'

run 0 inside /sbin/ldconfig -p
has out 'libdrn\.so\.0'
run 0 inside python3 -c '
import drn
a = drn.read("/tmp/photo.png")
drn.write("/tmp/python.png", drn.upscale(a))
print(drn._library.lib._name)'
echo "python3-drn uses $(cat out)"
run 0 "$DRN" downscale "$system/tmp/python.png" -o python.ppm -s 1
run 0 "$DRN" downscale large.png -o program.ppm -s 1
same python.ppm program.ppm

apt purge drn libdrn0 libdrn-dev python3-drn
find "$system/usr" "$system/etc" -name '*drn*' ! -name '*.pyc' ! -name __pycache__ ! -path '*/dist-packages/drn' >left
[ ! -s left ] || { fail "purging leaves"; cat left; }
remove_system
echo "installed, used and removed in $VERSION_CODENAME"
finish
