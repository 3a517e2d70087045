# What packaging/check checks in seconds. Each function: 0 passed, 77 could not be checked, otherwise it failed; its last
# line is shown.

MOST_EXPOSED=2.0 # of systemd-analyze security, which calls 2.0 and less OK; 9.6 is a unit without any of it

bill_of_materials() {
  python3 packaging/sbom.py "$triple" "$(version)" "$work/sbom.json" || return 1
  python3 - "$work/sbom.json" <<'PY'
import json, sys, tomllib
bill = json.load(open(sys.argv[1]))
locked = {(p["name"], p["version"]): p.get("checksum") for p in tomllib.load(open("Cargo.lock", "rb"))["package"]}
every = [bill["metadata"]["component"], *bill["components"]]
references = [of["bom-ref"] for of in every]
assert len(set(references)) == len(references), "a crate is there twice"
for of in bill["components"]:
    digest = [hash["content"] for hash in of.get("hashes", [])]
    assert digest == [d for d in [locked[of["name"], of["version"]]] if d], of["name"]
    assert of["licenses"][0]["expression"] != "NOASSERTION", of["name"]
assert {of["ref"] for of in bill["dependencies"]} == set(references)
assert {need for of in bill["dependencies"] for need in of["dependsOn"]} <= set(references)
names = {of["name"] for of in bill["components"] if of["scope"] == "required"}
assert {"omega", "omega-core", "ring", "rustls", "tokio"} <= names, "what is surely in the program is not in the list"
assert not {"proptest", "insta", "openssl-sys", "aws-lc-rs", "serde_derive"} & names, names
print(f"{len(every)} crates, {len(names)} of them in the program")
PY
}

licences() {
  python3 packaging/licences.py "$triple" "$work/licences.txt" && grep -q '^ring 0' "$work/licences.txt" && grep -q 'Permission is hereby granted' "$work/licences.txt"
}

make_package() { # make_package FILE
  OMEGA_COMPRESSION=none packaging/make-deb "$(uname -m)" "$work/omega-cli" "$(version)" "$1" "$work/sbom.json" "$work/licences.txt"
}

package_is_made() {
  make_package "$work/omega.deb" && dpkg-deb --raw-extract "$work/omega.deb" "$work/deb" && dpkg-deb --field "$work/omega.deb" Version
}

# The files that are expected and a manual page for each subcommand, all of root, none that others can write.
package_layout() {
  (cd "$work/deb" && find . -path ./DEBIAN -prune -o -type f -print | sed 's|^\./||' | grep -v '^usr/share/man/man1/omega-cli.*\.1\.gz$' | sort) >"$work/files"
  diff packaging/expected-files "$work/files" || return 1
  (cd "$work/deb" && md5sum --quiet -c DEBIAN/md5sums) || return 1
  dpkg-deb --contents "$work/omega.deb" | awk '
    $2 != "root/root" { print "not of root: " $0; bad = 1 }
    $1 !~ /^(drwxr-xr-x|-rw-r--r--)$/ && !($1 == "-rwxr-xr-x" && $6 == "./usr/bin/omega-cli") { print "mode: " $0; bad = 1 }
    END { exit bad }' || return 1
  find "$work/deb/etc" -type f -printf '/etc/%P\n' | diff "$work/deb/DEBIAN/conffiles" - || return 1
  echo "$(wc -l <"$work/files") files and $(ls "$work/deb/usr/share/man/man1" | wc -l) manual pages"
}

# They are valid for sh, end quietly where there is neither systemd nor AppArmor, and enable nothing.
package_scripts() {
  local script
  for script in postinst prerm postrm; do
    sh -n "$work/deb/DEBIAN/$script" || return 1
    ! grep -qE 'systemctl.*(enable|start|restart)|deb-systemd-helper' "$work/deb/DEBIAN/$script" || { echo "$script starts or enables something"; return 1; }
  done
  ! find "$work/deb" -path '*.wants/*' | grep . || return 1
  echo 'nothing is enabled or started'
}

package_changelog() {
  debian dpkg-parsechangelog dpkg-dev || not_here 'there is no dpkg-parsechangelog' || return
  zcat "$work/deb/usr/share/doc/omega-cli/changelog.gz" >"$work/changelog"
  [ "$(dpkg-parsechangelog -l "$work/changelog" -S Version)" = "$(version)" ] || return 1
  dpkg-parsechangelog -l "$work/changelog" 2>&1 >/dev/null | grep . && return 1
  zgrep -c '^  \* ' "$work/deb/usr/share/doc/omega-cli/changelog.gz" | sed 's/$/ entries/'
}

# Each page is one that man can show, without a warning.
package_manual() {
  debian man man-db || not_here 'there is no man' || return
  local page bad=0
  for page in "$work"/deb/usr/share/man/man1/{omega-cli,omega-cli-drift,omega-cli-plan}.1.gz; do
    LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null | grep . && bad=1
    LC_ALL=C.UTF-8 man -l "$page" | grep '^NAME' >/dev/null || { echo "$page has no NAME"; bad=1; }
  done
  return $bad
}

# The scripts complete what the program completes.
package_completions() {
  local share=$work/deb/usr/share answer
  bash -n "$share/bash-completion/completions/omega-cli" || return 1
  answer=$(cd "$work" && PATH=$work/deb/usr/bin:$PATH HOME=$work bash -c '
    . "$1"; COMP_WORDS=(omega-cli dri); COMP_CWORD=1; COMP_TYPE=9
    complete -p omega-cli >/dev/null && _clap_complete_omega_cli omega-cli dri omega-cli 2>/dev/null; echo "${COMPREPLY[*]}"' - \
    "$share/bash-completion/completions/omega-cli")
  [[ $answer == *drift* ]] || { echo "bash completes 'dri' to: $answer"; return 1; }
  [ "$(head -n 1 "$share/zsh/vendor-completions/_omega-cli")" = '#compdef omega-cli' ] || return 1
  ! command -v zsh >/dev/null || zsh -n "$share/zsh/vendor-completions/_omega-cli" || return 1
  if command -v fish >/dev/null; then
    PATH=$work/deb/usr/bin:$PATH HOME=$work fish -c 'source $argv[1]; complete -C "omega-cli dri"' "$share/fish/vendor_completions.d/omega-cli.fish" |
      grep -q '^drift' || { echo 'fish does not complete it'; return 1; }
  fi
  echo "bash completes 'dri' to $answer"
}

# In a root with the package and the units that they name.
units_are_valid() {
  debian systemd-analyze systemd || not_here 'there is no systemd-analyze' || return
  local root=$work/units unit
  cp -a "$work/deb" "$root" && mkdir -p "$root/usr/share/man"
  for unit in usr/lib lib; do
    [ ! -d "/$unit/systemd/system" ] || { mkdir -p "$root/$unit/systemd/system" && cp -an "/$unit/systemd/system/." "$root/$unit/systemd/system/"; }
  done
  for unit in omega-drift@prod.service omega-drift-accept@prod.service omega-drift@prod.timer; do
    SYSTEMD_LOG_LEVEL=warning systemd-analyze verify --man=no --recursive-errors=no --root="$root" "$unit" || return 1
  done 2>&1 | tee "$work/verify"
  ! grep -q . "$work/verify" || return 1
  grep -q 'drift --accept' "$work/deb/usr/lib/systemd/system/omega-drift-accept@.service" || return 1
  systemd-analyze calendar "$(sed -n 's/^OnCalendar=//p' packaging/systemd/omega-drift@.timer)" >/dev/null
}

units_exposure() {
  debian systemd-analyze systemd || not_here 'there is no systemd-analyze' || return
  local found; found=$(systemd-analyze security --no-pager --offline=yes "$work/deb/usr/lib/systemd/system/omega-drift@.service" 2>/dev/null | sed -n 's/.*exposure level for [^:]*: \([0-9.]*\).*/\1/p')
  [ -n "$found" ] || not_here 'this systemd-analyze can not rate a file' || return
  echo "systemd-analyze security rates it $found of 10; at most $MOST_EXPOSED is accepted"
  awk -v found="$found" -v most="$MOST_EXPOSED" 'BEGIN { exit !(found <= most) }'
}

# Only whether it can be compiled: no kernel here enforces it.
apparmor_profile() {
  debian apparmor_parser apparmor || not_here 'there is no apparmor_parser' || return
  apparmor_parser --skip-cache --skip-kernel-load --skip-read-cache --warn=all packaging/apparmor/omega-drift 2>&1 | grep -vE 'interface file missing|not enforced?' && return 1
  apparmor_parser -Q -K packaging/apparmor/omega-drift || return 1
  [ "$(sed -n 's/^AppArmorProfile=-//p' packaging/systemd/omega-drift@.service)" = "$(sed -n 's/^profile \([^ ]*\).*/\1/p' packaging/apparmor/omega-drift)" ] ||
    { echo 'the unit names another profile'; return 1; }
  echo 'it compiles; enforcement is not tested'
}

make_image() { # make_image FILE PROGRAM
  debian update-ca-certificates ca-certificates || return 1
  python3 packaging/image.py --program "$2" --arch "$(oci_of "$(uname -m)")" --version "$(version)" \
    --revision "$(git rev-parse HEAD)" --name omega-cli:check --level 1 --add "$work/licences.txt=usr/share/doc/omega-cli/third-party-licences" --out "$1"
}

# The program's own export says what its pods expect.
export_pods() {
  sed -n '/^```toml$/,/^```$/p' README.md | sed '/^```/d; s/^application = .*/[[conductor.unit]]\nname = "magnum\/0"\nssh = "ubuntu@192.0.2.1"/; s/^sha256 = ".*"/sha256 = "'"$(printf '%064d' 0)"'"/' >"$work/omega.toml"
  touch "$work/capi-mgmt.kubeconfig"
  (cd "$work" && env -i PATH=/usr/bin:/bin HOME="$work" ./omega-cli export kubernetes --image registry.example/omega-cli:check --output json) >"$work/export.json"
}

image_fits() {
  make_image "$work/image.tar" "$work/omega-cli" && export_pods && python3 packaging/check_image.py "$work/image.tar" "$work/export.json"
}

# The check of the image fails for another user, another program, and a blob with another byte.
image_faults_are_noticed() {
  local edit
  for edit in 's/"runAsUser": *65532/"runAsUser": 1000/' 's/"omega-cli"/"omega"/' 's|"/var/lib/omega"|"/usr/local/bin"|'; do
    sed "$edit" "$work/export.json" >"$work/other.json"
    ! cmp -s "$work/export.json" "$work/other.json" || { echo "$edit changes nothing"; return 1; }
    ! python3 packaging/check_image.py "$work/image.tar" "$work/other.json" || { echo "$edit is not noticed"; return 1; }
  done
  mkdir "$work/blobs" && tar -xf "$work/image.tar" -C "$work/blobs" || return 1
  local config; config=$(tar -xOf "$work/image.tar" manifest.json | sed 's/.*"Config":"\([^"]*\)".*/\1/p; d')
  sed -i 's/linux/Linux/' "$work/blobs/$config" && tar -cf "$work/wrong.tar" -C "$work/blobs" . --transform 's|^\./||' || return 1
  ! python3 packaging/check_image.py "$work/wrong.tar" "$work/export.json" || { echo 'another byte is not noticed'; return 1; }
  echo 'four are noticed'
}

# Whatever the umask and the times of the files. A small file stands for the program.
image_is_the_same_again() {
  local program=packaging/image.py
  make_image "$work/first.tar" "$program" && cp "$program" "$work/copy" && chmod 0400 "$work/copy" &&
    (umask 0077; make_image "$work/again.tar" "$work/copy") && cmp "$work/first.tar" "$work/again.tar"
}

# What a registry wants to know of a crate, that its package needs no file outside itself, and that the versions agree.
crates_metadata() {
  cargo metadata --locked --no-deps --format-version 1 >"$work/crates.json" || return 1
  python3 packaging/crates.py "$work/crates.json"
}

crates_policy() {
  cargo metadata --locked --all-features --format-version 1 | python3 packaging/policy.py
}
