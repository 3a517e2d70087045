//! Information about a token.

use serde::{Deserialize, Serialize};
use url::Url;

use crate::{Error, Interface, Service};

/// What Keystone returned with the token: user, project, roles and catalog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenInfo {
    /// The token's user.
    pub user: Name,
    /// The project that it is scoped to, if any.
    pub project: Option<Name>,
    /// The roles on that scope.
    pub roles: Vec<String>,
    /// The services and their endpoints.
    pub catalog: Catalog,
    /// How the user logged in.
    #[serde(default)]
    pub login: LoginMethod,
}

/// How the user logged in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LoginMethod {
    /// Not known: the token was kept by an older release, or comes from another program.
    #[default]
    Unknown,
    /// With an application credential.
    ApplicationCredential {
        /// Its name.
        name: String,
        /// Whether Keystone refuses its tokens what could lead around the credential: making other
        /// credentials and trusts.
        restricted: bool,
    },
    /// With these methods (`password`, `totp`, `token`).
    Other(Vec<String>),
}

impl TokenInfo {
    /// Returns the facts, without how the user logged in.
    pub fn new(user: Name, project: Option<Name>, roles: Vec<String>, catalog: Catalog) -> Self {
        Self { user, project, roles, catalog, login: LoginMethod::Unknown }
    }
}

/// An id with its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
}

/// The services and their endpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Catalog(pub Vec<CatalogEntry>);

/// One service of a catalog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogEntry {
    /// Its type (`network`).
    #[serde(rename = "type")]
    pub service_type: String,
    /// Its endpoints.
    pub endpoints: Vec<Endpoint>,
}

/// One endpoint of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// `public`, `internal` or `admin`.
    pub interface: String,
    /// The region's id.
    #[serde(default)]
    pub region_id: Option<String>,
    /// The URL.
    pub url: String,
}

impl Catalog {
    /// Returns the endpoint of `service` for `interface` in `region`, or in any region if it is none.
    ///
    /// # Errors
    ///
    /// Fails, with what the catalog has, if there is no such endpoint or its URL is invalid.
    pub fn endpoint(
        &self,
        cloud: &str,
        service: Service,
        interface: Interface,
        region: Option<&str>,
    ) -> Result<Url, Error> {
        // The official type first: a catalog may list one service under several names.
        let mut types = service.types().iter();
        types.find_map(|name| self.find(name, interface.as_str(), region)).ok_or_else(|| {
            Error::NoEndpoint {
                cloud: cloud.to_owned(),
                service: service.to_string(),
                interface: interface.to_string(),
                region: region.map(|region| format!(" in region {region}")).unwrap_or_default(),
                have: service
                    .types()
                    .iter()
                    .flat_map(|name| self.of_type(name))
                    .map(show)
                    .collect(),
            }
        })
    }

    /// Returns the first endpoint of the type, the interface and the region.
    pub(crate) fn find(
        &self,
        service_type: &str,
        interface: &str,
        region: Option<&str>,
    ) -> Option<Url> {
        let found = self.of_type(service_type).find(|endpoint| {
            endpoint.interface == interface
                && region.is_none_or(|region| endpoint.region_id.as_deref() == Some(region))
        });
        found.and_then(|endpoint| endpoint.url.parse().ok())
    }

    fn of_type(&self, service_type: &str) -> impl Iterator<Item = &Endpoint> {
        let same = move |entry: &&CatalogEntry| entry.service_type == service_type;
        self.0.iter().filter(same).flat_map(|entry| &entry.endpoints)
    }
}

fn show(Endpoint { interface, region_id, url }: &Endpoint) -> String {
    format!("{interface} in {}: {url}", region_id.as_deref().unwrap_or("no region"))
}

/// Returns `endpoint` with the API version of `service` at the end, exactly once.
///
/// Catalogs list `http://host:9696`, `http://host:9696/` and `http://host/network/v2.0`, and for
/// Cinder `http://host:8776/v3/PROJECT`, which stays as it is.
pub(crate) fn versioned(mut endpoint: Url, service: Service) -> Url {
    let is_version = |segment: &str| {
        segment.strip_prefix('v').is_some_and(|rest| {
            rest.starts_with(|c: char| c.is_ascii_digit())
                && rest.chars().all(|c| c.is_ascii_digit() || c == '.')
        })
    };
    let segments = endpoint.path_segments().into_iter().flatten().filter(|part| !part.is_empty());
    let segments: Vec<&str> = segments.collect();
    if let (Service::BlockStorage, [.., version, _project]) = (service, segments.as_slice())
        && is_version(version)
    {
        return endpoint;
    }
    let has = segments.last().is_some_and(|segment| is_version(segment));
    if let Ok(mut path) = endpoint.path_segments_mut() {
        path.pop_if_empty();
        if has {
            path.pop();
        }
        if !service.version().is_empty() {
            path.push(service.version());
        }
    }
    endpoint
}

#[cfg(test)]
mod tests {
    use super::*;
    use Interface::{Internal, Public};

    fn entry(service_type: &str, endpoints: &[(&str, &str, &str)]) -> CatalogEntry {
        let endpoints = endpoints
            .iter()
            .map(|&(interface, region, url)| Endpoint {
                interface: interface.into(),
                region_id: Some(region.into()),
                url: url.into(),
            })
            .collect();
        CatalogEntry { service_type: service_type.into(), endpoints }
    }

    #[test]
    fn an_endpoint_is_found_by_type_interface_and_region() {
        let catalog = Catalog(vec![
            entry("network-ng", &[("public", "One", "http://decoy")]),
            entry("volumev3", &[("public", "One", "http://cinder/v3/p")]),
            entry(
                "network",
                &[
                    ("admin", "One", "http://admin"),
                    ("public", "Two", "http://two"),
                    ("public", "One", "http://one"),
                ],
            ),
        ]);
        let find = |service, interface, region| {
            catalog.endpoint("demo", service, interface, region).map(String::from)
        };
        assert_eq!(find(Service::Network, Public, Some("One")).unwrap(), "http://one/");
        assert_eq!(find(Service::Network, Public, None).unwrap(), "http://two/", "the first");
        assert_eq!(find(Service::BlockStorage, Public, None).unwrap(), "http://cinder/v3/p");
        let none = find(Service::Network, Internal, Some("One")).unwrap_err();
        insta::assert_snapshot!(none, @"the catalog of demo has no internal endpoint for network in region One");
        insta::assert_snapshot!(omega_core::Diagnostic::found(&none).unwrap(), @"admin in One: http://admin, public in Two: http://two, public in One: http://one");
    }

    #[test]
    fn the_version_is_there_once() {
        for (listed, service, wanted) in [
            ("http://h:9696", Service::Network, "http://h:9696/v2.0"),
            ("http://h:9696/", Service::Network, "http://h:9696/v2.0"),
            ("http://h/network/v2.0/", Service::Network, "http://h/network/v2.0"),
            ("http://h:5000/v2.0", Service::Identity, "http://h:5000/v3"),
            ("http://h/identity", Service::Identity, "http://h/identity/v3"),
            ("http://h/vault", Service::Identity, "http://h/vault/v3"),
            ("http://h:9511/v1", Service::ContainerInfra, "http://h:9511/v1"),
            ("http://h:8776/v3/47f9", Service::BlockStorage, "http://h:8776/v3/47f9"),
            ("http://h:8776/v2", Service::BlockStorage, "http://h:8776/v3"),
            ("http://h/volume", Service::BlockStorage, "http://h/volume/v3"),
            ("http://h:8778", Service::Placement, "http://h:8778/"),
            ("http://h/placement/", Service::Placement, "http://h/placement"),
        ] {
            assert_eq!(versioned(listed.parse().unwrap(), service).as_str(), wanted, "{listed}");
        }
    }
}
