//! Magnum's clusters. A cluster progresses each time it is read.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    magnum_certificates::Authority,
    recorded::recorded,
    state::{State, Who},
};
use crate::{Method, Request, Response};

/// How often a cluster is read before it progresses.
const LOOKS: u32 = 2;

/// Where the API of a complete cluster is.
pub(super) const API_ADDRESS: &str = "https://203.0.113.10:6443";

/// A cluster as Magnum lists it, and its fate.
#[derive(Clone, Debug)]
pub(super) struct SimCluster {
    pub(super) shown: Value,
    pub(super) looks: u32,
    pub(super) fate: Fate,
    /// When Magnum stores it.
    pub(super) shown_from: Instant,
    /// Its certificate authority, from when it is first asked for.
    pub(super) authority: Option<Authority>,
    /// The number of its changes.
    changes: u32,
}

/// The fate of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fate {
    /// Complete, then healthy, until it is deleted.
    Healthy,
    /// `CREATE_FAILED` before the driver has begun, for this reason.
    FailsBeforeDriver(String),
    /// `CREATE_FAILED` from the driver, for this reason.
    FailsInDriver(String),
    /// `CREATE_IN_PROGRESS` forever, without a reason.
    Stalls,
    /// Complete, but unhealthy for this reason.
    Unhealthy(String),
    /// Healthy, but `DELETE_FAILED` on the first delete.
    DeleteFailsOnce,
    /// Healthy, but `DELETE_FAILED` on every delete.
    DeleteFails,
    /// It does not change.
    Still,
}

/// The newest minor version: that of Yoga, which has everything that omega needs.
const MINOR: u32 = 10;

/// Magnum's answer to a version that it lacks (magnum 15.0, `api/controllers/versions.py`).
fn too_new(version: &str) -> Response {
    let detail = format!(
        "Version {version} was requested but the minor version is not supported by this service. The \
         supported version range is: [1.1, 1.{MINOR}]."
    );
    let (min, max) = ("1.1", format!("1.{MINOR}"));
    let error = json!({
        "status": 406, "title": "Not Acceptable", "detail": detail, "min_version": min, "max_version": max,
    });
    Response::new(406, json!({ "errors": [error] }))
}

impl State {
    pub(super) fn magnum(&mut self, who: &Who, request: &Request) -> Option<Response> {
        let path: Vec<_> = request.path.iter().map(String::as_str).collect();
        let version = request.microversion.unwrap_or("1.1");
        let minor: u32 = version.strip_prefix("1.").and_then(|minor| minor.parse().ok())?;
        if minor > MINOR {
            return Some(too_new(version));
        }
        Some(match (request.method, path.as_slice()) {
            // `api/versioned_method.py`: a call that its version does not have is not found.
            (_, ["clusters", _, "nodegroups"]) if minor < 9 => return None,
            (Method::Post, ["clusters"])
                if minor < 10 && request.json()?["node_count"].as_u64() == Some(0) =>
            {
                let why = "Setting a node count of zero is not supported by this version";
                Response::new(400, json!({ "errors": [{ "status": 400, "detail": why }] }))
            }
            (Method::Get, ["clusters"] | ["clusters", "detail"]) => {
                self.list_clusters(who, request)
            }
            (Method::Get, ["clusters", id]) => self.show_cluster(who, id),
            (Method::Get, ["clusters", id, "nodegroups"]) => self.node_groups(who, id),
            (Method::Post, ["clusters"]) => self.create_cluster(who, request.json()?),
            (Method::Delete, ["clusters", id]) => self.delete_cluster(who, id),
            (Method::Get, ["quotas", project, "Cluster"]) => self.cluster_quota(who, project),
            (_, ["certificates", ..]) => return self.magnum_certificates(who, request),
            (_, ["clustertemplates", ..]) => return self.magnum_templates(who, request),
            _ => return None,
        })
    }

    fn list_clusters(&mut self, who: &Who, request: &Request) -> Response {
        for cluster in &mut self.clusters {
            if cluster.shown["status"] == "DELETE_IN_PROGRESS" {
                cluster.look();
            }
        }
        self.clusters.retain(|cluster| cluster.shown["status"] != "GONE");
        let marker = request.query.iter().find(|(key, _)| key == "marker");
        let mut clusters: Vec<_> =
            self.clusters.iter().filter(|c| c.is_shown()).map(|c| &c.shown).collect();
        clusters.retain(|cluster| theirs(who, cluster));
        let after = marker.and_then(|(_, id)| clusters.iter().position(|c| c["uuid"] == **id));
        let rest = clusters.split_off(after.map_or(0, |index| index + 1));
        let mut answer = recorded!("magnum-clusters-none-200").unchanged();
        answer.body["clusters"] = json!(rest.iter().take(self.page).collect::<Vec<_>>());
        if let (true, Some(last)) = (rest.len() >= self.page, rest.get(self.page.saturating_sub(1)))
        {
            let id = last["uuid"].as_str().unwrap_or_default();
            let page = self.page;
            let next =
                format!("http://magnum.internal:9511/v1/clusters/detail?limit={page}&marker={id}");
            answer.body["next"] = json!(next);
        }
        answer
    }

    fn show_cluster(&mut self, who: &Who, id: &str) -> Response {
        for cluster in &mut self.clusters {
            if cluster.shown["uuid"] == *id {
                cluster.look();
            }
        }
        self.clusters.retain(|cluster| cluster.shown["status"] != "GONE");
        match self.clusters.iter().find(|c| c.is(id, who)) {
            Some(cluster) => ok(cluster.shown.clone()),
            None => recorded!("magnum-cluster-404").at(id),
        }
    }

    /// Magnum writes the name of the release into the node groups once the driver has made it, and not if
    /// that failed.
    fn node_groups(&mut self, who: &Who, id: &str) -> Response {
        let Some(cluster) = self.clusters.iter_mut().find(|c| c.is(id, who)) else {
            return recorded!("magnum-cluster-404").at(id);
        };
        cluster.look();
        let failed = cluster.shown["status"] == "CREATE_FAILED";
        let stack = if failed { Value::Null } else { cluster.shown["stack_id"].clone() };
        let mut answer = recorded!("magnum-nodegroups-200").unchanged();
        for group in answer.body["nodegroups"].as_array_mut().into_iter().flatten() {
            group["stack_id"] = stack.clone();
        }
        answer
    }

    fn create_cluster(&mut self, who: &Who, body: &Value) -> Response {
        let template = body["cluster_template_id"].as_str().unwrap_or_default();
        let known = self.templates.iter().any(|t| t["uuid"] == *template || t["name"] == *template);
        if !known {
            return recorded!("magnum-cluster-absent-template").about("absent", template);
        }
        let fate = if self.fates.is_empty() { Fate::Healthy } else { self.fates.remove(0) };
        let uuid = self.new_cluster(&who.project, body, fate);
        let mut answer = recorded!("magnum-cluster-202").unchanged();
        answer.body["uuid"] = json!(uuid);
        answer
    }

    pub(super) fn new_cluster(&mut self, project: &str, body: &Value, fate: Fate) -> String {
        let mut shown = recorded!("magnum-cluster-at-once-200").body.clone();
        for key in ["name", "cluster_template_id", "keypair", "master_count", "node_count"] {
            shown[key] = body[key].clone();
        }
        self.set_labels(&mut shown, body);
        let uuid = self.id();
        shown["uuid"] = json!(uuid);
        shown["project_id"] = json!(project);
        let shown_from = Instant::now() + self.appear_after;
        self.clusters.push(SimCluster {
            shown,
            looks: 0,
            fate,
            shown_from,
            authority: None,
            changes: 0,
        });
        uuid
    }

    /// Magnum merges the template's labels if it is asked to, or if the cluster has none of its own, and
    /// says how they differ (18.0.1, `api/controllers/v1/cluster.py`, `api/utils.py`, `get_labels_diff`).
    fn set_labels(&self, shown: &mut Value, body: &Value) {
        let template = &body["cluster_template_id"];
        let is = |one: &&Value| one["uuid"] == *template || one["name"] == *template;
        let empty = serde_json::Map::new();
        let found = self.templates.iter().find(is).and_then(|one| one["labels"].as_object());
        let (template, own) = (found.unwrap_or(&empty), body["labels"].as_object());
        let merged = own.is_none() || body["merge_labels"] == true;
        let mut labels = if merged { template.clone() } else { empty.clone() };
        labels.extend(own.into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())));
        let pick = |all: &serde_json::Map<String, Value>, wanted: &dyn Fn(&str) -> bool| {
            let kept = all.iter().filter(|(key, _)| wanted(key));
            json!(kept.map(|(key, value)| (key.clone(), value.clone())).collect::<BTreeMap<_, _>>())
        };
        shown["labels_added"] = pick(&labels, &|key| !template.contains_key(key));
        shown["labels_overridden"] =
            pick(template, &|key| labels.get(key).is_some_and(|value| template[key] != *value));
        shown["labels"] = json!(labels);
    }

    fn delete_cluster(&mut self, who: &Who, id: &str) -> Response {
        let mut clusters = self.clusters.iter_mut();
        match clusters.find(|c| c.is(id, who)) {
            Some(cluster) => {
                cluster.looks = 0;
                if cluster.shown["status"] == "CREATE_IN_PROGRESS" && cluster.is_in_hand_over() {
                    let name = cluster.shown["name"].as_str().unwrap_or_default();
                    self.overtaken.push(format!("{name} in Cluster API"));
                }
                cluster.shown["status"] = json!("DELETE_IN_PROGRESS");
                recorded!("magnum-cluster-delete-204").unchanged()
            }
            None => recorded!("magnum-cluster-404").at(id),
        }
    }

    pub(super) fn magnum_objects(&self) -> Vec<String> {
        let passing = ["uuid", "links", "user_id", "created_at", "updated_at"];
        let rest = |template: &Value| {
            let all = template.as_object().into_iter().flatten();
            let all = all.filter(|(key, _)| !passing.contains(&key.as_str()));
            json!(all.collect::<BTreeMap<_, _>>()).to_string()
        };
        let show = |noun: &str, thing: &Value, keys: &[&str]| {
            let values: Vec<_> = keys.iter().map(|key| thing[*key].to_string()).collect();
            format!("{noun} {}", values.join(" "))
        };
        let cluster = [
            "project_id",
            "name",
            "cluster_template_id",
            "keypair",
            "master_count",
            "node_count",
            "labels",
        ];
        let template =
            |one| format!("{} {}", show("template", one, &["project_id", "name"]), rest(one));
        let templates = self.templates.iter().map(template);
        let clusters = self.clusters.iter().map(|one| show("cluster", &one.shown, &cluster));
        templates.chain(clusters).collect()
    }
}

impl SimCluster {
    fn is_shown(&self) -> bool {
        Instant::now() >= self.shown_from
    }

    pub(super) fn is(&self, id: &str, who: &Who) -> bool {
        self.shown["uuid"] == *id && self.is_shown() && theirs(who, &self.shown)
    }

    /// Whether the conductor will still give it to the driver.
    fn is_in_hand_over(&self) -> bool {
        let fails = matches!(self.fate, Fate::FailsBeforeDriver(_) | Fate::Still);
        self.shown["stack_id"].is_null() && !fails
    }

    /// Lets the cluster live on a little.
    fn look(&mut self) {
        if self.fate == Fate::Still && self.shown["status"] != "DELETE_IN_PROGRESS" {
            return;
        }
        self.looks += 1;
        if self.looks < LOOKS {
            return;
        }
        self.looks = 0;
        let status = self.shown["status"].as_str().unwrap_or_default().to_owned();
        match (status.as_str(), self.fate.clone()) {
            ("DELETE_IN_PROGRESS", fate @ (Fate::DeleteFailsOnce | Fate::DeleteFails)) => {
                if fate == Fate::DeleteFailsOnce {
                    self.fate = Fate::Healthy;
                }
                self.set("DELETE_FAILED", Some("publicURL endpoint for block-storage not found"));
            }
            ("DELETE_IN_PROGRESS", _) => self.set("GONE", None),
            ("CREATE_IN_PROGRESS", Fate::FailsBeforeDriver(why)) => {
                self.set("CREATE_FAILED", Some(&why));
            }
            ("CREATE_IN_PROGRESS", Fate::FailsInDriver(why)) => {
                self.begin();
                self.set("CREATE_FAILED", Some(&why));
            }
            ("CREATE_IN_PROGRESS", Fate::Stalls) => self.begin(),
            ("CREATE_IN_PROGRESS", _) => {
                self.begin();
                self.shown["api_address"] = json!(API_ADDRESS);
                self.set("CREATE_COMPLETE", None);
            }
            ("CREATE_COMPLETE", Fate::Unhealthy(why)) => self.health("UNHEALTHY", &why),
            ("CREATE_COMPLETE", _) => self.health("HEALTHY", "Ready"),
            _ => {}
        }
    }

    /// The driver gives the cluster the name of a helm release.
    fn begin(&mut self) {
        let name = self.shown["name"].as_str().unwrap_or_default();
        self.shown["stack_id"] = json!(format!("{name}-cyusd2b67a45"));
        self.shown["api_address"] = json!("https://:0");
    }

    fn set(&mut self, status: &str, reason: Option<&str>) {
        self.changes += 1;
        self.shown["status"] = json!(status);
        self.shown["status_reason"] = json!(reason);
        self.shown["updated_at"] = json!(format!("2026-11-21T10:00:{:02}+00:00", self.changes));
    }

    pub(super) fn health(&mut self, health: &str, infrastructure: &str) {
        self.shown["health_status"] = json!(health);
        self.shown["health_status_reason"] = json!({
            "cluster": "Ready",
            "infrastructure": infrastructure,
            "controlplane": "Ready",
            "nodegroup": "Ready",
        });
    }
}

pub(super) fn theirs(who: &Who, thing: &Value) -> bool {
    who.admin || thing["project_id"] == *who.project || thing["public"] == true
}

pub(super) fn ok(body: Value) -> Response {
    Response::new(200, body)
}
