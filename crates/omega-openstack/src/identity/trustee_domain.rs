//! Whether Magnum can make trustees.

use async_trait::async_trait;
use omega_core::{Evidence, Failure, Finding, Gate, Label as _, Subject, Verdict};

use super::{client::Identity, wire::Assignment};
use crate::Error;

/// The domain in which Magnum makes a user for each cluster, with the administrator that may.
///
/// The charm's configuration names both whether they exist or not; only its action `domain-setup`
/// makes them, and it exits 0 when it has made nothing. So Keystone is asked.
///
/// It takes three requests. What was found is remembered as long as the session's token (an hour,
/// unless Keystone says otherwise), and then one request shows that the domain still has its name
/// and its administrator a role on it. Whether both are enabled is not asked in that hour, except
/// [`afresh`](Self::afresh).
#[derive(Clone, Debug)]
pub struct TrusteeDomain {
    /// Keystone, asked as an administrator.
    pub identity: Identity,
    /// The domain's name (`trustee-domain` of the charm; `magnum`).
    pub domain: String,
    /// The user's name (`trustee-admin` of the charm; `magnum_domain_admin`).
    pub admin: String,
    /// Whether nothing that was found before is believed.
    pub afresh: bool,
}

/// The charm's action that makes both.
const REMEDY: &str = "run the charm's action on the leader: juju run magnum/leader domain-setup";

/// What needs it.
const SOURCE: &str = "magnum common/keystone.py, KeystoneClientV3.domain_admin_auth";

impl TrusteeDomain {
    /// Returns the gate for the names that the charm uses unless it is told otherwise.
    pub fn new(identity: Identity) -> Self {
        let (domain, admin) = ("magnum".to_owned(), "magnum_domain_admin".to_owned());
        Self { identity, domain, admin, afresh: false }
    }

    /// Returns the same gate, which believes nothing that was found before.
    #[must_use]
    pub fn afresh(self) -> Self {
        Self { afresh: true, ..self }
    }

    async fn ask(&self) -> Result<Verdict, Error> {
        let known = || self.identity.transport.recall(&self.key());
        if let Some(id) = (!self.afresh).then(known).flatten() {
            let roles = self.roles(&id, &self.identity.assignments(&id).await?);
            if !roles.is_empty() {
                return Ok(self.pass(&id, &roles));
            }
        }
        self.ask_everything().await
    }

    async fn ask_everything(&self) -> Result<Verdict, Error> {
        let Self { identity, domain, admin, afresh: _ } = self;
        let fail = |why: String, remedy: &str| {
            let finding = Finding::broken(self.rule(), self.subject(), why);
            Ok(Verdict::fail(finding.remedy(remedy).source(SOURCE)))
        };
        let Some(found) = identity.domain(domain).await? else {
            return fail(format!("there is no domain {domain:?}"), REMEDY);
        };
        if !found.enabled {
            let next = format!("openstack domain set --enable {domain}");
            return fail(format!("the domain {domain:?} is disabled"), &next);
        }
        let Some(user) = identity.user(admin, &found.id).await? else {
            return fail(format!("the domain {domain:?} has no user {admin:?}"), REMEDY);
        };
        if !user.enabled {
            let next = format!("openstack user set --enable --domain {domain} {admin}");
            return fail(format!("the user {admin:?} of {domain:?} is disabled"), &next);
        }
        let roles = self.roles(&found.id, &identity.assignments(&found.id).await?);
        if roles.is_empty() {
            return fail(format!("{admin:?} has no role on the domain {domain:?}"), REMEDY);
        }
        identity.transport.remember(&self.key(), &found.id);
        Ok(self.pass(&found.id, &roles))
    }

    /// Returns the roles that this user, of this very domain, has on it.
    fn roles(&self, domain_id: &str, assignments: &[Assignment]) -> Vec<String> {
        let ours = |assignment: &&Assignment| {
            let domain = assignment.scope.domain.as_ref();
            let user = assignment.user.as_ref();
            domain.is_some_and(|scope| scope.id == domain_id && scope.name == self.domain)
                && user.is_some_and(|u| u.name == self.admin && u.domain.id == domain_id)
        };
        assignments.iter().filter(ours).map(|assignment| assignment.role.name.clone()).collect()
    }

    fn pass(&self, id: &str, roles: &[String]) -> Verdict {
        Verdict::shown([
            Evidence::text("domain", format!("{} ({id})", self.domain)),
            Evidence::text("user", &self.admin),
            Evidence::list("roles", roles),
        ])
    }

    fn key(&self) -> String {
        format!("domain {}", self.domain)
    }
}

#[async_trait]
impl Gate for TrusteeDomain {
    fn rule(&self) -> &'static str {
        "trustee-domain"
    }

    fn subject(&self) -> Subject {
        Subject::new("trustees", format!("domain {}, user {}", self.domain, self.admin))
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        self.ask().await.map_err(|error| {
            let what = format!(
                "could not ask for the domain {} on {}",
                self.domain,
                self.identity.label()
            );
            Failure::from_error(what, &error)
        })
    }
}
