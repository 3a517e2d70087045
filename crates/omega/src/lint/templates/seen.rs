//! What is read of a cloud to judge its templates.

use std::{collections::BTreeMap, sync::Arc};

use omega_core::{
    Diagnostic, Failure, Finding, Gate as _, Label as _, Retry, Severity, Subject, Touched,
    Verdict, nearest_name,
};
use omega_openstack::{
    container_infra::{Cluster, Template},
    image::{ClusterImage, Images},
};

use crate::clients::CloudClients;

/// Templates, the clusters of them, and what is wrong with their images.
#[derive(Clone, Debug, Default)]
pub struct SeenTemplates {
    /// The templates.
    pub templates: Vec<Template>,
    /// The clusters that the login sees.
    pub clusters: Vec<Cluster>,
    /// What is wrong with an image, by the text that names it in a template. An image without a finding is
    /// right.
    pub images: BTreeMap<String, Finding>,
}

/// No template has the name or id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Magnum has no cluster template {name:?}")]
pub struct NoTemplate {
    name: String,
    known: Vec<String>,
}

impl Diagnostic for NoTemplate {
    fn retry(&self) -> Retry {
        Retry::Final
    }

    fn touched(&self) -> Touched {
        Touched::Nothing
    }

    fn next(&self) -> Option<String> {
        let near = nearest_name(&self.name, self.known.iter().map(String::as_str));
        Some(match near {
            Some(near) => format!("did you mean {near}?"),
            None if self.known.is_empty() => "this login sees none".to_owned(),
            None => format!("it has {}", self.known.join(", ")),
        })
    }
}

/// Reads the templates that the login sees, or the one of a name or id.
///
/// # Errors
///
/// Fails if Magnum does not answer, or has no template of the name.
pub async fn read(cloud: &CloudClients, name: Option<&str>) -> Result<SeenTemplates, Failure> {
    let magnum = &cloud.magnum;
    let failed = |error| {
        let what = format!("could not list the cluster templates of {}", magnum.label());
        Failure::from_error(what, &error)
    };
    let (mut templates, clusters) =
        futures::try_join!(magnum.templates(), magnum.clusters()).map_err(failed)?;
    if let Some(name) = name {
        let known = templates.iter().map(|one| one.name.clone()).collect();
        templates.retain(|one| one.name == name || one.uuid == name);
        if templates.is_empty() {
            let error = NoTemplate { name: name.to_owned(), known };
            return Err(Failure::from_error("could not check the template", &error));
        }
    }
    let images = images(cloud, &templates).await;
    Ok(SeenTemplates { templates, clusters, images })
}

/// Asks once for each image. One that can't be asked for is not known to be right.
async fn images(cloud: &CloudClients, templates: &[Template]) -> BTreeMap<String, Finding> {
    let images = Images::new(Arc::clone(&cloud.narrowed));
    let mut found = BTreeMap::new();
    for template in templates {
        let Some(name) = template.fields.image_id.clone() else { continue };
        if found.contains_key(&name) {
            continue;
        }
        let gate = ClusterImage { images: images.clone(), name: name.clone() };
        let finding = match gate.check().await {
            Ok(Verdict::Fail(finding)) => Some(*finding),
            Ok(_) => None,
            Err(failure) => Some(unknown(&gate, &failure)),
        };
        found.insert(name, finding);
    }
    found.into_iter().filter_map(|(name, finding)| Some((name, finding?))).collect()
}

fn unknown(gate: &ClusterImage, failure: &Failure) -> Finding {
    let all = std::iter::once(&failure.message).chain(&failure.causes);
    let why = all.map(String::as_str).collect::<Vec<_>>().join(": ");
    let finding = Finding::broken(gate.rule(), Subject::new("image", &gate.name), why);
    finding.severity(Severity::Unknown).remedy(failure.next.clone().unwrap_or_default())
}
