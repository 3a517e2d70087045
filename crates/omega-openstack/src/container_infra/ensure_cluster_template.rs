//! Ensures that a cluster template exists with these values.

use omega_core::{
    ChangeKind, Conflict, Context, Delta, Describe, Desired, Diff, EnsureError, Finding, Outcome,
    Subject, ensure,
};
use omega_driver::DriverRelease;
use serde::{Deserialize, Serialize};

use super::{
    Cluster, ContainerInfra, RestoreTemplate, Template, TemplateName, TemplateObserved,
    TemplateSpec,
    restore_template::several,
    template_references::Reference,
    template_spec::FieldDifference,
    template_update::{TemplateUpdate, in_use},
};
use crate::Error;

#[cfg(any(test, feature = "sim"))]
pub(crate) mod contract;
#[cfg(test)]
mod tests;

/// Ensures that the project has one cluster template of the name, with exactly the values of its
/// specification. A field that Magnum has and [`TemplateSpec`] has not is left as it is.
///
/// ```no_run
/// # use omega_core::{Context, EnsureError};
/// # use omega_openstack::{Error, container_infra::*};
/// # async fn f(ctx: &Context, magnum: &ContainerInfra) -> Result<(), EnsureError<Error>> {
/// # let name: TemplateName = "capi-k8s-v1-34".parse().unwrap();
/// let spec = TemplateSpec::new("ubuntu-jammy-kube-v1.34.8", "provider-ext", "capi.node", "gp.mid");
/// let done = ensure_cluster_template(ctx, magnum, &ClusterTemplate::new(name, spec)).await?;
/// println!("changed: {}", done.changed());
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Refuses if several templates of the project have the name, if the template has another image, and if
/// clusters use it and Magnum does not permit the change.
pub async fn ensure_cluster_template(
    ctx: &Context,
    magnum: &ContainerInfra,
    template: &ClusterTemplate,
) -> Result<Outcome<ClusterTemplateObserved>, EnsureError<Error>> {
    ensure(ctx, magnum, template).await
}

/// A cluster template, by its name in the project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClusterTemplate {
    /// Its name.
    pub name: TemplateName,
    /// Its values.
    pub spec: TemplateSpec,
}

/// The templates of the name, and what is needed to compare them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClusterTemplateObserved {
    /// The project's templates of the name, and the clusters that use them.
    pub seen: TemplateObserved,
    /// What the texts name in which the template differs.
    pub references: Vec<Reference>,
}

impl ClusterTemplate {
    /// Returns a template.
    pub fn new(name: TemplateName, spec: TemplateSpec) -> Self {
        Self { name, spec }
    }

    /// Returns what is worth knowing about it, whatever Magnum has: labels and fields without effect,
    /// and labels that depart from a decision. `chart`: the version of the site's chart, if it is known.
    pub fn findings(&self, driver: &DriverRelease, chart: Option<&str>) -> Vec<Finding> {
        let fields: Vec<_> = self.spec.set_fields().map(|(field, _)| field).collect();
        let name = self.name.as_ref();
        omega_driver::template::findings(driver, chart, name, &self.spec.labels, &fields)
    }

    /// Returns the fields in which `one` differs. Names and ids of one object do not.
    fn differences(&self, one: &Template, references: &[Reference]) -> Vec<FieldDifference> {
        let mut all = self.spec.differences(one);
        all.retain(|difference| !Reference::is_same(references, difference));
        all
    }

    fn of_one(
        &self,
        one: &Template,
        seen: &ClusterTemplateObserved,
    ) -> Result<Delta<ClusterTemplateChange>, Conflict> {
        let differences = self.differences(one, &seen.references);
        let users: Vec<&Cluster> = seen.seen.users_of(one);
        let is = |fields: &[&str]| {
            differences.iter().any(|difference| fields.contains(&difference.field.as_str()))
        };
        let why = if is(&["coe", "server_type"]) {
            "it is for clusters of another kind".to_owned()
        } else if is(&["image_id"]) {
            // 18.0.1, api/controllers/v1/cluster_template.py: only post() reads them of the image.
            "it has another image, and an update would leave cluster_distro and driver as they are \
             for that one"
                .to_owned()
        } else if let Some(updates) = TemplateUpdate::all(one, &differences, &users) {
            let updates = updates.into_iter().map(ClusterTemplateChange::Update);
            return Ok(Delta::of(updates.collect()));
        } else {
            in_use(&users)
        };
        let why = format!("cluster template {} ({}): {why}", self.name, one.uuid);
        let next = "make a template of another name; `openstack coe cluster upgrade` moves a cluster to it";
        Err(Reference::shown(&seen.references, &differences, Conflict::new(why, next)))
    }
}

/// One write to Magnum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ClusterTemplateChange {
    /// `POST /v1/clustertemplates`
    Create(Box<ClusterTemplate>),
    /// `PATCH /v1/clustertemplates/{id}`
    Update(TemplateUpdate),
}

impl Desired for ClusterTemplate {
    const KIND: &'static str = "openstack.cluster-template.v2";
    type Target = ContainerInfra;
    type Observed = ClusterTemplateObserved;
    type Change = ClusterTemplateChange;
    type Undo = RestoreTemplate;
    type Error = Error;

    fn subject(&self) -> Subject {
        Subject::new("cluster template", self.name.to_string())
    }

    fn key(&self) -> String {
        self.name.to_string()
    }

    async fn observe(&self, magnum: &ContainerInfra) -> Result<ClusterTemplateObserved, Error> {
        let seen = magnum.templates_named(self.name.as_ref()).await?;
        let references = match seen.templates.as_slice() {
            [one] => magnum.references(&self.spec.differences(one)).await?,
            _ => Vec::new(),
        };
        Ok(ClusterTemplateObserved { seen, references })
    }

    fn diff(
        &self,
        seen: &ClusterTemplateObserved,
    ) -> Result<Delta<ClusterTemplateChange>, Conflict> {
        match seen.seen.templates.as_slice() {
            [] => Ok(Delta::Changes(vec![ClusterTemplateChange::Create(Box::new(self.clone()))])),
            [one] => self.of_one(one, seen),
            many => Err(several(&self.name, many)),
        }
    }

    async fn apply(
        &self,
        _: &Context,
        magnum: &ContainerInfra,
        change: &ClusterTemplateChange,
    ) -> Result<(), Error> {
        match change {
            ClusterTemplateChange::Create(template) => {
                let body = template.spec.body(template.name.as_ref());
                magnum.create_template(body).await.map(drop)
            }
            ClusterTemplateChange::Update(update) => update.send(magnum).await,
        }
    }

    fn undo(&self, before: &ClusterTemplateObserved) -> Option<RestoreTemplate> {
        match before.seen.templates.as_slice() {
            [] => Some(RestoreTemplate::absent(&self.name, &self.spec)),
            [one] => {
                let changed = self.differences(one, &before.references);
                // Magnum does not take `public` back while a cluster uses the template.
                let published = changed.iter().any(|difference| difference.field == "public");
                let stays = published && !before.seen.users_of(one).is_empty();
                (!stays).then(|| RestoreTemplate::fields(&self.name, &one.uuid, changed))
            }
            _ => None,
        }
    }
}

impl Describe for ClusterTemplateChange {
    fn describe(&self) -> Diff {
        let template = match self {
            Self::Create(template) => template,
            Self::Update(update) => return update.describe(),
        };
        let subject = Subject::new("cluster template", template.name.to_string());
        let diff =
            Diff::new(ChangeKind::Create, subject, format!("new, image {}", template.spec.image));
        let fields =
            template.spec.set_fields().filter(|(field, _)| !["coe", "image_id"].contains(field));
        let values = fields.flat_map(|(field, value)| {
            FieldDifference::new(field, serde_json::Value::Null, value).values()
        });
        values.fold(diff, |diff, (name, _, value)| diff.with(format!("{name}: {value}")))
    }
}
