# The template of a living cluster says flannel, for which the chart has no CNI: the next upgrade takes Calico away.
layer=magnum cause=template-network-driver
evidence='flannel'
odd=(flannel-template)
put() { db "UPDATE magnum.cluster_template SET network_driver = 'flannel' WHERE uuid = '$TEMPLATE'"; }
heal() { db "UPDATE magnum.cluster_template SET network_driver = 'calico' WHERE uuid = '$TEMPLATE'"; }
shown() { [[ $(api GET "$COE/clustertemplates/$TEMPLATE" | jq -r .network_driver) = flannel ]]; }
