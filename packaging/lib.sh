# What the scripts of packaging share. Sourced; the caller is in the root of the checkout.

# The newest change of the checkout: the time of everything that is built from it.
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH=$epoch LC_ALL=C TZ=UTC

# In a pipe it is `grep … >/dev/null`, not -q: that ends at the first match, and with pipefail the writer fails then.

say() { printf '%s\n' "$*" >&2; }
fail() { say "error: $*"; exit 1; }

# machine_of ARCH: ARCH is x86_64 or aarch64
triple_of() { echo "$1-unknown-linux-musl"; }
debian_of() { case $1 in x86_64) echo amd64 ;; aarch64) echo arm64 ;; *) fail "no Debian architecture for $1" ;; esac; }
oci_of() { debian_of "$1"; }

# The version of the workspace; a commit without the tag of its version sorts before that version.
version() {
  local version
  version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
  if git tag --points-at HEAD | grep -x "v$version" >/dev/null; then
    echo "$version"
  else
    echo "$version~git$(date -u -d "@$epoch" +%Y%m%d.%H%M%S).$(git rev-parse --short=9 HEAD)"
  fi
}

# debian PROGRAM PACKAGE: is PROGRAM there? Root installs it from Debian, anybody else is told.
debian() {
  command -v "$1" >/dev/null && return
  [ "$(id -u)" = 0 ] || { say "$1 is missing: install Debian's package $2"; return 1; }
  say "installing $2"
  (apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=600 install -y --no-install-recommends "$2") >"${TMPDIR:-/tmp}/omega-apt.log" 2>&1 ||
    { tail -n 5 "${TMPDIR:-/tmp}/omega-apt.log" >&2; say "$2 could not be installed"; return 1; }
}

# run_program ARCH PROGRAM ARGUMENT...: also a program of another architecture
run_program() {
  local arch=$1 program=$2; shift 2
  if [ "$arch" = "$(uname -m)" ]; then
    env -i PATH=/usr/bin:/bin HOME=/nonexistent "$program" "$@"
  else
    debian "qemu-$arch-static" qemu-user-static >&2 || return 1
    env -i PATH=/usr/bin:/bin HOME=/nonexistent "qemu-$arch-static" "$program" "$@"
  fi
}
