# The last upgrade of the cluster's own release was refused; an unrelated release failed too.
layer=helm-release cause=release-failed
evidence='failed'
odd=(failed-release)
put() { ! upgrade_release --set controlPlane.machineCount=-1; }
heal() { upgrade_release --set controlPlane.machineCount=1; }
shown() { [[ $(release_status) = failed ]]; }
