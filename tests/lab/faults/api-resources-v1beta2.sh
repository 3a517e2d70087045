# api_resources reads Cluster at v1beta2, whose conditions have the other polarity: a healthy cluster is UNHEALTHY for ever
# (`Waiting on Deleting, Paused, ...`). Magnum's misreading is what is seen; the option is the cause.
layer=conductor cause=api-resources what=magnum/0
evidence='v1beta2'
odd=(comment-drop-in paused-neighbour)
put() { api_resources cloud '{"Cluster": {"api_version": "cluster.x-k8s.io/v1beta2"}}'; }
heal() { api_resources cloud; }
shown() { cluster "$UUID" '.health_status_reason.cluster' | grep -q Paused; }
