//! Which workload clusters are examined.

use omega_core::{Failure, FailureClass};
use omega_openstack::container_infra::{Cluster, OddCluster};

/// Returns those of `all` that `only` names, by name, id or `stack_id`; all if it is empty.
///
/// # Errors
///
/// Fails if one of `only` does not exist, or is one of `odd`, which could not be understood.
pub(super) fn choose(
    all: &[Cluster],
    odd: &[OddCluster],
    only: &[String],
) -> Result<Vec<Cluster>, Failure> {
    if only.is_empty() {
        return Ok(all.to_vec());
    }
    let mut chosen: Vec<Cluster> = Vec::new();
    for name in only {
        let is = |one: &&Cluster| {
            one.name == *name || one.uuid == *name || one.stack_id.as_deref() == Some(name)
        };
        let meant: Vec<&Cluster> = all.iter().filter(is).collect();
        if let (true, Some(odd)) =
            (meant.is_empty(), odd.iter().find(|odd| odd.names.contains(name)))
        {
            let what = format!("Magnum lists the cluster `{name}`, which could not be understood");
            let failure = Failure::new(FailureClass::Error, what).because(&odd.why);
            return Err(failure.next(format!("look at it: openstack coe cluster show {name}")));
        }
        if meant.is_empty() {
            let names: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
            let what = format!("Magnum has no cluster `{name}`");
            let next = match names.as_slice() {
                [] => "Magnum lists no cluster in this project: log in to another one, or leave --cluster out"
                    .to_owned(),
                names => format!("one of: {}", names.join(", ")),
            };
            return Err(Failure::new(FailureClass::Usage, what).next(next));
        }
        for one in meant {
            if !chosen.contains(one) {
                chosen.push(one.clone());
            }
        }
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_there_is_no_cluster_none_is_offered() {
        let failure = choose(&[], &[], &["nope".to_owned()]).unwrap_err();
        assert_eq!(failure.class, FailureClass::Usage);
        assert!(failure.next.unwrap().starts_with("Magnum lists no cluster"));
    }
}
