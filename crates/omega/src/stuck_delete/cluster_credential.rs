//! A cluster's own credential: whether it authenticates, and how to replace it.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use omega_capi::credentials::ClusterCredentials;
use omega_core::{ClientMode, Failure, FailureClass, values::Secret};
use omega_driver::naming::CLOUD;
use omega_openstack::{
    ApplicationCredentialRef, CloudConfig, Credential, Error, Limits, Session, SessionOptions,
    Transport,
    identity::{CredentialStatus, check_application_credential},
};
use serde_json::json;

use crate::clients::limited;

/// How long Keystone may take to answer, at most.
const LOGIN: Duration = Duration::from_secs(30);

/// Connects to the cloud of a configuration.
pub type Login =
    Arc<dyn Fn(CloudConfig) -> BoxFuture<'static, Result<Arc<dyn Transport>, Error>> + Send + Sync>;

/// Opens sessions that store no token, and send what `mode` allows. A site may allow Keystone less time
/// than it gets otherwise: `limits`.
pub fn logins(mode: ClientMode, limits: Limits) -> Login {
    let limits = Limits { ask: limits.ask.min(LOGIN), ..limits };
    let options = SessionOptions::default().limits(limits);
    Arc::new(move |config| {
        let options = options.clone();
        Box::pin(async move {
            let session = Session::new(config, &options).await?;
            Ok(limited(Arc::new(session), mode))
        })
    })
}

/// Checks with Keystone whether a cluster's clouds.yaml authenticates, over a separate connection.
pub(crate) async fn own_credential(
    login: &Login,
    clouds: &Secret,
    cacert: Option<&Secret>,
    source: &str,
) -> Result<(CredentialStatus, Arc<dyn Transport>), Failure> {
    let config = read(clouds, cacert, source)?;
    let id = application_credential(&config).map(|(id, _)| id.to_owned());
    let unasked =
        |error| Failure::from_error(format!("could not check {source} with Keystone"), &error);
    let cloud = login(config).await.map_err(unasked)?;
    let answer = check_application_credential(&*cloud, id.as_deref()).await.map_err(unasked)?;
    Ok((answer, cloud))
}

/// Returns the cluster's clouds.yaml with the application credential of another one, as the driver
/// writes it: Keystone's address, region and interface stay those of the cluster.
///
/// Nothing else is copied from `given`, because whoever may read the cluster's secrets can read the
/// result.
///
/// # Errors
///
/// Fails if `given` has no application credential: a personal password must not be stored there.
pub(super) fn with_credential(
    own: Option<&ClusterCredentials>,
    given: &Secret,
    source: &str,
) -> Result<Secret, Failure> {
    let given = read(given, None, source)?;
    let Some((id, secret)) = application_credential(&given) else {
        let what = format!("{source} has no application credential with an id");
        return Err(Failure::new(FailureClass::Usage, what).next(
            "create one (openstack application credential create), and give its id and secret \
             under `openstack`: a password does not go into a cluster's secret",
        ));
    };
    let secret = str::from_utf8(secret.expose()).map_err(|_| {
        Failure::new(
            FailureClass::Usage,
            format!("the secret of the credential in {source} is not text"),
        )
    })?;
    let own = own.and_then(|own| {
        CloudConfig::from_clouds(&own.clouds, CLOUD, own.cacert.as_ref(), "its own").ok()
    });
    let base = own.as_ref().unwrap_or(&given);
    let clouds = json!({ "clouds": { CLOUD: {
        "identity_api_version": 3,
        "region_name": base.region,
        "interface": base.interfaces.first().copied().unwrap_or_default().as_str(),
        "verify": base.verify,
        "auth_type": "v3applicationcredential",
        "auth": {
            "auth_url": base.auth_url.as_str(),
            "application_credential_id": id,
            "application_credential_secret": secret,
        },
    } } });
    Ok(Secret::from(clouds.to_string()))
}

/// Returns the CA that a clouds.yaml names, in PEM.
pub(super) fn given_ca(given: &Secret, source: &str) -> Result<Option<Secret>, Failure> {
    let pem = read(given, None, source)?.ca_pem();
    let pem =
        pem.map_err(|error| Failure::from_error(format!("{source} can't be used"), &error))?;
    Ok(pem.map(Secret::from))
}

fn read(clouds: &Secret, cacert: Option<&Secret>, source: &str) -> Result<CloudConfig, Failure> {
    CloudConfig::from_clouds(clouds, CLOUD, cacert, source)
        .map_err(|error| Failure::from_error(format!("{source} can't be used"), &error))
}

fn application_credential(config: &CloudConfig) -> Option<(&str, &Secret)> {
    match &config.credential {
        Credential::ApplicationCredential { which: ApplicationCredentialRef::Id(id), secret } => {
            Some((id, secret))
        }
        Credential::ApplicationCredential { .. }
        | Credential::Password { .. }
        | Credential::Token(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(secret: &Secret) -> String {
        String::from_utf8(secret.expose().to_vec()).unwrap()
    }

    #[test]
    fn only_the_credential_is_taken_over() {
        let own = r#"{"clouds": {"openstack": {"region_name": "own", "interface": "internal",
            "auth_type": "v3applicationcredential", "auth": {"auth_url": "https://own:5000/v3",
            "application_credential_id": "old", "application_credential_secret": "o"}}}}"#;
        let given = r#"{"clouds": {"other": {"auth": {"password": "hunter2"}},
            "openstack": {"region_name": "typo", "cacert": "/home/me/ca.pem",
            "auth_type": "v3applicationcredential", "auth": {"auth_url": "https://typo:5000/v3",
            "application_credential_id": "new", "application_credential_secret": "n"}}}}"#;
        let own = ClusterCredentials {
            clouds: own.to_owned().into(),
            cacert: None,
            resource_version: "1".into(),
        };
        let given: Secret = given.to_owned().into();
        let made = with_credential(Some(&own), &given, "f").unwrap();
        // A run that goes on finds what it wrote.
        let written = ClusterCredentials { clouds: made.clone(), ..own };
        let again = with_credential(Some(&written), &given, "f").unwrap();
        assert_eq!(again.digest(), made.digest());
        let made = text(&made);
        for (word, there) in [
            ("\"new\"", true),
            ("https://own:5000/v3", true),
            ("\"internal\"", true),
            ("typo", false),
            ("hunter2", false),
            ("ca.pem", false),
        ] {
            assert_eq!(made.contains(word), there, "{word} in {made}");
        }
    }

    #[test]
    fn a_password_is_refused() {
        let given = r#"{"clouds": {"openstack": {"auth": {"auth_url": "https://k:5000/v3",
            "username": "admin", "user_domain_name": "Default", "password": "hunter2",
            "project_name": "p", "project_domain_name": "Default"}}}}"#;
        let refused = with_credential(None, &given.to_owned().into(), "f").unwrap_err();
        assert_eq!(refused.class, FailureClass::Usage);
        assert!(!format!("{refused:?}").contains("hunter2"));
    }
}
