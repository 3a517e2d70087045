# What packaging/check checks without --quick: with tools that have to be installed, with the network, or in minutes.

# tool_of CRATE: is its program there? It is for the developer to install: it takes minutes.
tool_of() { command -v "$1" >/dev/null || { echo "$1 is not installed (cargo install $1 --locked)"; return 1; }; }

# with_python PACKAGE...: python3 with these packages, in an environment of its own
with_python() {
  [ -x "$work/venv/bin/python3" ] || python3 -m venv "$work/venv" || { debian python3-venv python3-venv && python3 -m venv "$work/venv"; } || return 1
  "$work/venv/bin/pip" -q install "$@"
}

bill_of_materials_schema() {
  with_python 'cyclonedx-python-lib[json-validation]>=11,<12' || not_here 'the schema could not be installed' || return
  "$work/venv/bin/python3" - "$work/sbom.json" <<'PY'
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
found = JsonStrictValidator(SchemaVersion.V1_5).validate_str(open(sys.argv[1]).read())
assert found is None, found
print("valid by the strict schema of CycloneDX 1.5")
PY
}

package_is_the_same_again() {
  (umask 0077; make_package "$work/again.deb") && cmp "$work/omega.deb" "$work/again.deb"
}

package_lintian() {
  debian lintian lintian || not_here 'there is no lintian' || return
  # A program with libraries is not what is shipped, and needs dependencies that the package does not have.
  is_static || not_here 'lintian is for the package of packaging/build: --program FILE, the static one' || return
  lintian --fail-on error,warning "$work/omega.deb"
}

is_static() { debian file file && file -b "$program" | grep -E 'statically linked|static-pie linked' >/dev/null; }

image_schemas() {
  local spec
  command -v go >/dev/null || not_here 'the schemas are in a module of Go, and there is no go' || return
  spec=$(cd "$work" && go mod download -json github.com/opencontainers/image-spec@v1.1.1 | sed -n 's/.*"Dir": "\(.*\)",/\1/p')
  [ -d "$spec/schema" ] && with_python jsonschema referencing || not_here 'the schemas could not be installed' || return
  "$work/venv/bin/python3" packaging/check_image.py "$work/image.tar" "$work/export.json" "$spec/schema"
}

# Tools of others read the archive, in both of its forms.
image_other_tools() {
  debian skopeo skopeo || not_here 'there is no skopeo' || return
  skopeo inspect --config "oci-archive:$work/image.tar" | grep '"User": "65532:65532"' >/dev/null &&
    skopeo inspect --config "docker-archive:$work/image.tar" | grep '"User": "65532:65532"' >/dev/null &&
    skopeo copy -q "oci-archive:$work/image.tar" "dir:$work/copied" && ls "$work/copied" | wc -l
}

# The program alone in the image's files, as the image's user.
image_runs() {
  is_static || not_here 'the program is not static: --program FILE' || return
  [ "$(id -u)" = 0 ] || not_here 'it needs root' || return
  local layer; layer=$(tar -xOf "$work/image.tar" manifest.json | sed 's/.*"Layers":\["\([^"]*\)".*/\1/')
  mkdir "$work/rootfs" && tar -xOf "$work/image.tar" "$layer" | tar -xz -C "$work/rootfs" --numeric-owner || return 1
  chmod 0755 "$work" "$work/rootfs"
  env -i PATH=/usr/local/bin "$(command -v chroot)" --userspec=65532:65532 "$work/rootfs" omega-cli rehearse graft --quiet >/dev/null &&
    env -i PATH=/usr/local/bin "$(command -v chroot)" --userspec=65532:65532 "$work/rootfs" omega-cli --version | head -n 1
}

# Every crate makes a package that needs nothing outside itself. It is not compiled from it: that takes as long as a
# build. In a copy without `publish = false`, as whoever publishes them would have it: cargo packs no crates together
# that it may not publish.
crates_package() {
  local one tree=$work/tree
  mkdir "$tree" && git ls-files -z | tar -c --null -T - | tar -x -C "$tree" && sed -i '/^publish = false$/d' "$tree/Cargo.toml" &&
    sed -i '/^publish.workspace = true$/d' "$tree"/crates/*/Cargo.toml "$tree/tests/Cargo.toml" &&
    (cd "$tree" && cargo package --workspace --exclude omega-tests --locked --no-verify --allow-dirty --target-dir "$work/packages") || return 1
  for one in "$work"/packages/package/*.crate; do
    tar -tzf "$one" | grep '/README.md$' >/dev/null || { echo "${one##*/} has no README.md"; return 1; }
  done
  du -ch "$work"/packages/package/*.crate | tail -n 1 | sed "s|total|in $(ls "$work"/packages/package/*.crate | wc -l) crates|"
}

crates_deny() {
  tool_of cargo-deny || return 77
  cargo deny --offline --locked check bans licenses sources
}

crates_advisories() {
  tool_of cargo-deny || return 77
  # Its database of known faults comes from the network.
  cargo deny --locked fetch db >/dev/null 2>&1 || not_here 'the database of advisories could not be fetched' || return
  cargo deny --locked check advisories
}

# Against the last version that was tagged: before that there is no promise to keep.
crates_semver() {
  tool_of cargo-semver-checks || return 77
  local tag; tag=$(git describe --tags --match 'v[0-9]*' --abbrev=0 2>/dev/null) || not_here 'no version is tagged yet' || return
  cargo semver-checks --workspace --exclude omega-cli --exclude omega-tests --baseline-rev "$tag"
}

crates_oldest_compiler() {
  local oldest; oldest=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
  rustup toolchain list | grep "^$oldest" >/dev/null || rustup toolchain install "$oldest" --profile minimal ||
    not_here "Rust $oldest could not be installed" || return
  env -u SOURCE_DATE_EPOCH cargo "+$oldest" check --locked --workspace --all-features --target-dir "${CARGO_TARGET_DIR:-target}/oldest" || return 1
  echo "Rust $oldest compiles it; its dependencies need $(dependencies_need)"
}

# The newest compiler that a dependency asks for.
dependencies_need() {
  cargo metadata --locked --format-version 1 | python3 -c '
import json, sys
every = json.load(sys.stdin)["packages"]
print(max((tuple(int(n) for n in (p["rust_version"] or "0").split(".")[:2]), p["name"]) for p in every if p["source"]))'
}
