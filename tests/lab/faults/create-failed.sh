# A cluster was asked for while the block-storage endpoint was missing. The endpoint is back; the cluster stays CREATE_FAILED.
layer=magnum cause=create-failed
evidence='block-storage|CREATE_FAILED'
odd=(old-warning orchestration-without-endpoint)
put() { # Magnum goes by the catalog of the token that it is asked with
  enable_endpoint volumev3 false; rm -f "$TOKENS/Default.admin"
  form FAILED
  enable_endpoint volumev3 true; rm -f "$TOKENS/Default.admin"
}
heal() { enable_endpoint volumev3 true; unform; }
shown() { [[ $(cluster "$(cat young.uuid)" .status) = CREATE_FAILED ]]; }
