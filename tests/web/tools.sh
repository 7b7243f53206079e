# Sourced by page.sh and e2e.sh: what they need, or a skip (77) with the reason.  With
# DRN_TEST_INSTALL=1 (.ci/run sets it) what is missing is installed; otherwise nothing is.
set -eu
allowed=${DRN_TEST_INSTALL:-0}

skip() {
    echo "skipped: $*"
    exit 77
}

need_npm() {
    command -v node >/dev/null && command -v npm >/dev/null || skip "no node and npm"
    node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)' || skip "node is older than 20"
}

# need_packages FOLDER: the packages of its lock file
need_packages() {
    [ ! -d "$1/node_modules" ] || return 0
    [ "$allowed" = 1 ] || skip "run 'npm ci' in $1 first, or set DRN_TEST_INSTALL=1"
    npm ci --prefix "$1" --no-audit --no-fund --loglevel=error </dev/null ||
        skip "npm could not install the packages of $1"
}

need_chromium() {
    CHROMIUM=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
    [ -z "$CHROMIUM" ] || return 0
    [ "$allowed" = 1 ] || skip "no Chromium; install it, or set DRN_TEST_INSTALL=1"
    [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null || skip "no Chromium, and no way to install it"
    DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends chromium fonts-dejavu-core \
        </dev/null >/dev/null 2>&1 || {
        apt-get update -q </dev/null >/dev/null 2>&1 || true
        DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends chromium \
            fonts-dejavu-core </dev/null >/dev/null 2>&1 || skip "Chromium could not be installed"
    }
    CHROMIUM=$(command -v chromium) || skip "Chromium was installed but is not there"
}
