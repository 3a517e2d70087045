//! What to do about a cluster: commands with its names.

use omega_capi::definition_of;

use super::ClusterFacts;

/// Returns whether the create has not come to helm yet: there is neither a release nor a Cluster.
fn before_helm(facts: &ClusterFacts) -> bool {
    facts.status() == "CREATE_IN_PROGRESS" && matches!(facts.release, Ok(None))
}

/// For missing objects.
pub(super) fn missing(facts: &ClusterFacts) -> String {
    if before_helm(facts) {
        return format!(
            "helm has not run for it: find out from magnum-conductor's log on each unit what became of the \
             create ({}); one that was restarted meanwhile forgets it. Then delete the cluster and create \
             it again",
            facts.cluster.uuid
        );
    }
    format!(
        "find out who deleted it: kubectl -n {} get clusters,openstackclusters; helm makes it \
         again with the next openstack coe cluster upgrade or resize",
        facts.namespace()
    )
}

/// For a Magnum that does not notice what is done.
pub(super) fn conductor(facts: &ClusterFacts) -> String {
    let then = match facts.status() {
        "UPDATE_IN_PROGRESS" => "a resize or an upgrade that was lost is repeated once it ended",
        _ => "what it noticed is shown within a minute",
    };
    format!(
        "look at the conductor: it asks the driver every 10 s. On each unit: systemctl status \
         magnum-conductor, and in its log `ClusterUpdateJob.update_status' failed`, `Ignore error` and {} (a 403 \
         there is a right that its kubeconfig lacks, as list helmchartproxies.addons.cluster.x-k8s.io). \
         Without a line there, restart magnum-conductor; {then}",
        facts.cluster.uuid
    )
}

/// For a Cluster whose own conditions say what is missing.
pub(super) fn describe(facts: &ClusterFacts) -> String {
    format!(
        "find out what it waits for: kubectl -n {} describe cluster,openstackcluster {}",
        facts.namespace(),
        facts.stack
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

/// For a delete that has not come to Cluster API.
pub(super) fn not_deleted(facts: &ClusterFacts) -> String {
    let (namespace, stack) = (facts.namespace(), &facts.stack);
    format!(
        "find out why helm has not uninstalled it: magnum-conductor's log on each unit, and helm -n \
         {namespace} status {stack}. A conductor that was restarted meanwhile forgets the delete: \
         helm -n {namespace} uninstall {stack} does it"
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
