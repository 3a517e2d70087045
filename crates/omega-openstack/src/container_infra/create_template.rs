//! Ensures that there is a cluster template.

use jiff::Timestamp;
use omega_core::{ChangeKind, Conflict, Context, Delta, Describe, Desired, Diff, Subject};
use serde::{Deserialize, Serialize};

use super::{Cluster, ContainerInfra, DeleteTemplate, Template, TemplateSpec};
use crate::Error;

/// The project has one cluster template of this name, with this content.
///
/// Names are not unique in Magnum. A template of this name with other content is not changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateTemplate {
    /// Its name.
    pub name: String,
    /// Its content.
    pub spec: TemplateSpec,
}

/// The templates of one name, the clusters that use them, and the time of the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TemplateObserved {
    /// The templates of the name in the project.
    pub templates: Vec<Template>,
    /// The clusters of these templates.
    pub users: Vec<Cluster>,
    /// Magnum's time of the answer.
    pub at: Timestamp,
}

impl TemplateObserved {
    /// Returns the clusters that use the template.
    pub(super) fn users_of(&self, template: &Template) -> Vec<&Cluster> {
        self.users.iter().filter(|user| user.cluster_template_id == template.uuid).collect()
    }
}

/// `POST /v1/clustertemplates`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateCreation(CreateTemplate);

impl Desired for CreateTemplate {
    const KIND: &'static str = "openstack.cluster-template.v1";
    type Target = ContainerInfra;
    type Observed = TemplateObserved;
    type Change = TemplateCreation;
    type Undo = DeleteTemplate;
    type Error = Error;

    fn subject(&self) -> Subject {
        Subject::new("cluster template", &self.name)
    }

    fn key(&self) -> String {
        self.name.clone()
    }

    async fn observe(&self, magnum: &ContainerInfra) -> Result<TemplateObserved, Error> {
        magnum.templates_named(&self.name).await
    }

    fn diff(&self, seen: &TemplateObserved) -> Result<Delta<TemplateCreation>, Conflict> {
        let refuse = |why: String| {
            Conflict::new(why, "choose another name (openstack coe cluster template list)")
        };
        match seen.templates.as_slice() {
            [] => Ok(Delta::Changes(vec![TemplateCreation(self.clone())])),
            [one] => match self.spec.difference(one) {
                None => Ok(Delta::Satisfied),
                Some(why) => Err(refuse(why)),
            },
            many => Err(refuse(format!("{} templates have the name {:?}", many.len(), self.name))),
        }
    }

    async fn apply(
        &self,
        _: &Context,
        magnum: &ContainerInfra,
        TemplateCreation(template): &TemplateCreation,
    ) -> Result<(), Error> {
        magnum.create_template(template.spec.body(&template.name)).await.map(drop)
    }

    fn undo(&self, before: &TemplateObserved) -> Option<DeleteTemplate> {
        before.templates.is_empty().then(|| DeleteTemplate::asked_for(&self.name, before.at))
    }

    fn removal(&self, made: &TemplateObserved) -> Option<DeleteTemplate> {
        made.templates.first().map(|template| DeleteTemplate::known(&self.name, &template.uuid))
    }
}

impl Describe for TemplateCreation {
    fn describe(&self) -> Diff {
        let CreateTemplate { name, spec } = &self.0;
        let effect = format!("new, image {}", spec.image);
        Diff::new(ChangeKind::Create, Subject::new("cluster template", name), effect)
    }
}
