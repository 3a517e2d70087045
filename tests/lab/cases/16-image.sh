# Images: the real Glance, with conversion to raw, from a file and from a server that breaks off.
define image 300 image_case

GLANCE=http://$CLOUD:9292/v2

glance_images() { # of omega's: name, status, format, the version of Kubernetes, the source's digest
  in_capi_mgmt api GET "$GLANCE/images?limit=1000" |
    jq -r '.images[] | select(.name | startswith("omega-")) | "\(.name) \(.status) \(.disk_format) \(.kube_version) \(.omega_source_sha512)"' | sort
}
staged_files() { at cloud sh -c 'ls /var/lib/glance/staging | wc -l'; }
serve_image() { # BEHAVIOUR...: on 127.77.0.9; the pid in $server
  python3 -u "$HERE/files.py" 127.77.0.9 8090 image.qcow2 "$@" >>server.log 2>&1 &
  server=$!
  until_true 10 'the file server' sh -c 'ss -ltn | grep -q 127.77.0.9:8090'
}
put_image() { # NAME ARGS...
  local name=$1; shift
  omega stage-image --yes --name "$name" --kubernetes-version v1.34.8 --sha512 "$digest" "$@"
}

image_case() {
  local digest point server pid
  site_for . ssh cloud
  sed -i 's/^name = "lab"/name = "plain"/' omega.toml      # the region with TLS has no Glance
  # 24 MiB that can't be compressed, as a qcow2
  at cloud sh -c 'cd /tmp && head -c 25165824 /dev/urandom >omega.raw && qemu-img convert -O qcow2 omega.raw omega.qcow2 && cat omega.qcow2' >image.qcow2
  at cloud rm -f /tmp/omega.raw /tmp/omega.qcow2
  digest=$(sha512sum image.qcow2 | cut -d' ' -f1)
  same 'images before' '' "$(glance_images)"
  same 'staged files before' 0 "$(staged_files)"

  exits 2 put_image omega-a --file image.qcow2 --plan
  same 'images after a plan' '' "$(glance_images)"
  exits 0 put_image omega-a --file image.qcow2
  same image "omega-a active raw v1.34.8 $digest" "$(glance_images)"
  exits 0 put_image omega-a --file image.qcow2
  grep -q 'Nothing to do' out || fail 'it was staged again'
  digest=${digest//a/b} exits 4 put_image omega-a --file image.qcow2      # other bytes under the name
  same 'the image' "omega-a active raw v1.34.8 $digest" "$(glance_images)"

  # wrong bytes, and bytes that only look like a qcow2: nothing is left
  digest=${digest//a/b} exits 1 put_image omega-b --file image.qcow2
  { head -c 104 image.qcow2; head -c 100000 /dev/urandom; } >broken.qcow2
  digest=$(sha512sum broken.qcow2 | cut -d' ' -f1) exits 4 put_image omega-b --file broken.qcow2
  grep -q 'could not import' err || fail 'the failed import is not named'
  printf '<html>' >page.html
  exits 4 put_image omega-b --file page.html
  same 'images after failures' "omega-a active raw v1.34.8 $digest" "$(glance_images)"
  same 'staged files after failures' 0 "$(staged_files)"

  # a server that breaks off, one that changes, one that refuses; it is looked at twice before anything is made
  serve_image cut:2000 cut:2000 cut:5000000 cut:9000000 good
  exits 0 put_image omega-c --url http://127.77.0.9:8090/image.qcow2 --keep copy.qcow2
  kill $server; wait $server || true
  cmp image.qcow2 copy.qcow2
  same 'breaks that are told' 2 "$(grep -c 'broke off' err)"
  serve_image cut:2000 cut:2000 cut:5000000 etag:two cut:2000 good
  exits 0 put_image omega-d --url http://127.77.0.9:8090/image.qcow2
  kill $server; wait $server || true
  grep -q 'starting over' err || fail 'it did not start over'
  serve_image status:404
  exits 1 put_image omega-e --url http://127.77.0.9:8090/image.qcow2
  kill $server; wait $server || true
  same 'images by URL' "$(printf 'omega-%s active raw v1.34.8 %s\n' a "$digest" c "$digest" d "$digest")" "$(glance_images)"

  # killed while it is sent, and while it is imported: the next run removes or keeps, and makes one
  for point in uploading importing; do
    background stage-image --yes --name "omega-$point" --kubernetes-version v1.34.8 --sha512 "$digest" --file image.qcow2
    until_true 30 "$point" image_is "omega-$point" "$point"
    kill -KILL $omega_pid; wait $omega_pid || true
    exits 0 put_image "omega-$point" --file image.qcow2
    same "images, killed when $point" "omega-$point active raw v1.34.8 $digest" "$(glance_images | grep "omega-$point ")"
    same "staged files, killed when $point" 0 "$(staged_files)"
  done

  # undone
  omega runs --output json >/dev/null
  exits 0 omega rollback --yes --run "$(jq -r '[.runs[] | select(.runbook == "stage-image")][0].id' out)"
  same 'images after a rollback' '' "$(glance_images | grep omega-importing || true)"
  exits 0 omega runs sweep --plan
  for point in $(in_capi_mgmt api GET "$GLANCE/images?limit=1000" | jq -r '.images[] | select(.name | startswith("omega-")) | .id'); do in_capi_mgmt api DELETE "$GLANCE/images/$point"; done
}
image_is() { glance_images | grep -q "^$1 $2 "; }

# Glance as other clouds have it: without conversion, with two stores, with a limit on sizes, without the right to upload;
# a full disk on this machine; and ten kills.
define image-glance 600 image_glance_case

GLANCE_CONF=/etc/glance/glance-api.conf
glance_with() { # SED EXPRESSION...: Glance with its configuration changed so; without one, as it was
  local expression args=()
  for expression; do args+=(-e "$expression"); done
  at cloud sh -c '[ -e "$0.lab" ] || cp -p "$0" "$0.lab"; cat "$0.lab" >"$0"' $GLANCE_CONF
  [[ -z ${args[*]} ]] || at cloud sed -i "${args[@]}" $GLANCE_CONF
  at cloud systemctl restart glance-api
  until_true 60 Glance in_capi_mgmt api GET "$GLANCE/images?limit=1"
}
remove_images() {
  local id
  for id in $(in_capi_mgmt api GET "$GLANCE/images?limit=1000" | jq -r '.images[] | select(.name | startswith("omega-")) | .id'); do
    in_capi_mgmt api DELETE "$GLANCE/images/$id"
  done
}
standard_client() { # ARGS...: python-openstackclient, in the project of the images
  OS_CLIENT_CONFIG_FILE=$PWD/clouds.yaml "$LAB/osc/bin/openstack" --os-cloud plain \
    --os-project-name capi-mgmt --os-project-domain-name capi "$@"
}
nothing_left() { # WHAT
  same "images after $1" '' "$(glance_images)"
  same "staged files after $1" 0 "$(staged_files)"
}

image_glance_case() {
  local digest at status killed=''
  site_for . ssh cloud
  sed -i 's/^name = "lab"/name = "plain"/' omega.toml
  trap 'umount small 2>/dev/null || true; at cloud systemctl stop glance-second 2>/dev/null || true; glance_with || true' EXIT
  at cloud sh -c 'cd /tmp && head -c 25165824 /dev/urandom >omega.raw && qemu-img convert -O qcow2 omega.raw omega.qcow2 && cat omega.qcow2' >image.qcow2
  at cloud rm -f /tmp/omega.raw /tmp/omega.qcow2
  digest=$(sha512sum image.qcow2 | cut -d' ' -f1)
  nothing_left 'other cases'

  glance_with 's/^image_import_plugins = .*/image_import_plugins = []/'
  exits 0 put_image omega-plain --file image.qcow2
  same 'an image without conversion' "omega-plain active qcow2 v1.34.8 $digest" "$(glance_images)"
  grep -q 'image-conversion=true' out err || fail 'that it is not raw is not told'
  exits 0 put_image omega-plain --file image.qcow2
  # the same bytes by the standard client: they are known by Glance's own digest
  remove_images
  standard_client image create omega-plain --file image.qcow2 --disk-format qcow2 --container-format bare >/dev/null
  exits 0 put_image omega-plain --file image.qcow2
  same 'an image of the standard client' "omega-plain active qcow2 v1.34.8 $digest" "$(glance_images)"
  remove_images

  at cloud install -d -o glance -g glance /var/lib/glance/second
  glance_with 's/^enabled_backends = .*/enabled_backends = local:file,second:file/' \
    '/^\[os_glance_staging_store\]/i [second]\nfilesystem_store_datadir = /var/lib/glance/second'
  exits 0 put_image omega-stores --file image.qcow2
  same 'an image with two stores' "omega-stores active raw v1.34.8 $digest" "$(glance_images)"
  remove_images

  glance_with 's/^\[DEFAULT\]/[DEFAULT]\nimage_size_cap = 10000000/'
  exits 1 put_image omega-large --file image.qcow2
  grep -q 413 err || fail 'the status is not told'
  nothing_left 'an image that is too large'
  glance_with 's/^\[DEFAULT\]/[DEFAULT]\nuser_storage_quota = 10MB/'
  fails put_image omega-large --file image.qcow2
  nothing_left 'a quota'
  glance_with 's/^enabled_import_methods = .*/enabled_import_methods = [web-download]/'
  exits 4 put_image omega-method --file image.qcow2
  grep -q enabled_import_methods err || fail 'the option is not named'
  nothing_left 'a cloud without glance-direct'
  at cloud sh -c 'mkdir -p /etc/glance/policy.d; printf "\"modify_image\": \"!\"\n" >/etc/glance/policy.d/omega.yaml'
  glance_with
  fails put_image omega-forbidden --file image.qcow2
  grep -q 403 err || fail 'the status is not told'
  at cloud rm /etc/glance/policy.d/omega.yaml
  glance_with
  nothing_left 'a policy'

  exits 0 put_image omega-endpoint --file image.qcow2 --endpoint http://$CLOUD:9292
  fails put_image omega-nowhere --file image.qcow2 --endpoint http://$CLOUD:9
  same 'an image by a unit of its own' "omega-endpoint active raw v1.34.8 $digest" "$(glance_images)"
  remove_images

  # two units behind a virtual IP, which do not share what is staged: the import asks the one that does not have it
  at cloud sh -c 'install -d -o glance -g glance /var/lib/glance/staging2 &&
    sed -e "s/^bind_port = .*/bind_port = 9393/" -e "s|/var/lib/glance/staging$|/var/lib/glance/staging2|" \
      -e "s|^log_file = .*|log_file = /var/log/glance/second.log|" -e "s|^flavor = .*|&\nconfig_file = /etc/glance/glance-api-paste.ini|" '$GLANCE_CONF' >/etc/glance/second.conf &&
    systemd-run --quiet --unit=glance-second --uid=glance --gid=glance glance-api --config-file=/etc/glance/second.conf'
  until_true 60 'the second unit' in_capi_mgmt api GET "http://$CLOUD:9393/v2/images?limit=1"
  python3 "$HERE/two_units.py" $CLOUD 9492 9292 9393 >>server.log 2>&1 &
  server=$!
  until_true 10 'the virtual IP' sh -c "ss -ltn | grep -q $CLOUD:9492"
  fails put_image omega-units --file image.qcow2 --endpoint http://$CLOUD:9492
  grep -q -e --endpoint out err || fail 'the way around is not named'
  nothing_left 'an import that found nothing'
  same 'files staged on the second unit' 0 "$(at cloud sh -c 'ls /var/lib/glance/staging2 | wc -l')"
  exits 0 put_image omega-units --file image.qcow2 --endpoint http://$CLOUD:9393
  same 'an image by one unit' "omega-units active raw v1.34.8 $digest" "$(glance_images)"
  kill $server; wait $server || true
  at cloud systemctl stop glance-second
  remove_images

  mkdir -p small; mount -t tmpfs -o size=8M tmpfs small
  serve_image good
  fails put_image omega-disk --url http://127.77.0.9:8090/image.qcow2 --keep small/copy.qcow2
  kill $server; wait $server || true
  grep -qi 'no space left' err || fail 'the full disk is not named'
  same 'files on the full disk' '' "$(ls small)"
  nothing_left 'a full disk'
  umount small

  # ten kills: after so many ms (it polls each 2 s, and has not ended before), or once Glance shows this state
  for at in 100 200 uploading 300 uploading 500 importing 800 importing 1700; do
    background stage-image --yes --name omega-killed --kubernetes-version v1.34.8 --sha512 "$digest" --file image.qcow2
    case $at in
      *ing) until_true 30 "$at" image_is omega-killed "$at"; status=$at ;;
      *) sleep "$(printf '%d.%03d' $((at / 1000)) $((at % 1000)))"; status=$(glance_images | cut -d' ' -f2) ;;
    esac
    kill -KILL $omega_pid; wait $omega_pid || true
    echo "killed at $at: ${status:-no image}, then $(glance_images)"
    killed+=" ${status:-none}"
    exits 0 put_image omega-killed --file image.qcow2
    same "images, killed at $at" "omega-killed active raw v1.34.8 $digest" "$(glance_images)"
    same "staged files, killed at $at" 0 "$(staged_files)"
    remove_images
  done
  same 'kills' 10 "$(wc -w <<<"$killed")"
  for at in uploading importing; do
    [[ " $killed " = *" $at "* ]] || fail "no kill hit an image that was $at:$killed"
  done
  exits 0 omega runs sweep --plan
}
fails() { # COMMAND...: with 1 or 4
  local rc=0
  "$@" || rc=$?
  [[ $rc = 1 || $rc = 4 ]] || fail "exit $rc: $*"
}
