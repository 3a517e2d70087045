//! What to do about a cluster: commands with its names.

use omega_capi::definition_of;

use super::ClusterFacts;

/// For missing objects.
pub(super) fn missing(facts: &ClusterFacts) -> String {
    format!(
        "find out who deleted it: kubectl -n {} get clusters,openstackclusters; helm makes it \
         again with the next openstack coe cluster upgrade or resize",
        facts.namespace()
    )
}

/// For machines that are missing or unhealthy. `which`: `control-plane` or `worker`.
pub(super) fn machines(facts: &ClusterFacts, which: &str) -> String {
    format!(
        "kubectl -n {} describe machines,openstackmachines,openstackservers -l cluster.x-k8s.io/cluster-name={} \
         (the {which} ones)",
        facts.namespace(),
        facts.stack
    )
}

/// For a cluster that is paused by its `spec`, or by an annotation of one of its objects.
pub(super) fn unpause(facts: &ClusterFacts) -> String {
    let namespace = facts.namespace();
    let annotated = facts.objects().filter(|(_, object)| object.paused_by_annotation);
    let commands: Vec<String> = annotated
        .map(|(path, object)| {
            let kind = definition_of(path).unwrap_or_default();
            format!(
                "kubectl -n {namespace} annotate {kind} {} cluster.x-k8s.io/paused-",
                object.name
            )
        })
        .collect();
    let patch = format!(
        "kubectl -n {namespace} patch cluster {} --type merge -p '{{\"spec\":{{\"paused\":false}}}}'",
        facts.stack
    );
    // A Cluster is read in two versions at most.
    let mut commands = if commands.is_empty() { vec![patch] } else { commands };
    commands.dedup();
    format!("find out who paused it and why; then {}", commands.join("; "))
}

/// For a delete that takes too long.
pub(super) fn stuck_delete(facts: &ClusterFacts) -> String {
    format!(
        "find out what its controller waits for: kubectl -n {} describe \
         cluster,openstackcluster,machines. If it never finishes: {}",
        facts.namespace(),
        release(facts)
    )
}

fn release(facts: &ClusterFacts) -> String {
    format!("omega-cli release-stuck-delete --cluster {} --plan", facts.stack)
}

/// For a failed operation of Magnum.
pub(super) fn after_failure(facts: &ClusterFacts) -> String {
    match facts.status() {
        "CREATE_FAILED" => "do what the reason says; if there is none, fix the layers below; then \
                            delete the cluster and create it again"
            .to_owned(),
        "DELETE_FAILED" => {
            format!("do what the reason says, and delete it again; if it hangs: {}", release(facts))
        }
        _ => "do what the reason says, and run the failed command again; the cluster itself may \
              be well"
            .to_owned(),
    }
}
