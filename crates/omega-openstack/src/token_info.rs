//! Information about a token.

use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use serde_json::Value;
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
pub struct Catalog(#[serde(deserialize_with = "readable_ones")] pub Vec<CatalogEntry>);

/// One service of a catalog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogEntry {
    /// Its type (`network`).
    #[serde(rename = "type", default, deserialize_with = "or_nothing")]
    pub service_type: String,
    /// Its endpoints.
    #[serde(default, deserialize_with = "readable_ones")]
    pub endpoints: Vec<Endpoint>,
}

/// Reads the entries of a list that have a shape that is known, and none of what is no list: one odd entry
/// of a catalog must not make the others unusable.
fn readable_ones<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    from: D,
) -> Result<Vec<T>, D::Error> {
    let Value::Array(all) = Value::deserialize(from)? else { return Ok(Vec::new()) };
    Ok(all.into_iter().filter_map(|one| serde_json::from_value(one).ok()).collect())
}

/// Reads null as nothing.
fn or_nothing<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    from: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// One endpoint of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "WireEndpoint")]
pub struct Endpoint {
    /// `public`, `internal` or `admin`.
    pub interface: String,
    /// The region's id, or its name where it has none (keystoneauth1 5.18,
    /// `access/service_catalog.py`, `_get_endpoint_region`).
    pub region_id: Option<String>,
    /// The URL; empty if the catalog has none.
    pub url: String,
}

#[derive(Deserialize)]
struct WireEndpoint {
    #[serde(default, deserialize_with = "or_nothing")]
    interface: String,
    #[serde(default)]
    region_id: Option<String>,
    #[serde(default)]
    region: Option<String>,
    #[serde(default, deserialize_with = "or_nothing")]
    url: String,
}

impl From<WireEndpoint> for Endpoint {
    fn from(WireEndpoint { interface, region_id, region, url }: WireEndpoint) -> Self {
        let named = |region: &String| !region.is_empty();
        Self { interface, region_id: region_id.filter(named).or(region.filter(named)), url }
    }
}

impl Catalog {
    /// Returns the endpoint of `service` for the first of `interfaces` that it has, in `region`, or in any
    /// region if it is none.
    ///
    /// # Errors
    ///
    /// Fails, with what the catalog has, if there is no such endpoint or its URL is invalid.
    pub fn endpoint(
        &self,
        cloud: &str,
        service: Service,
        interfaces: &[Interface],
        region: Option<&str>,
    ) -> Result<Url, Error> {
        let found = interfaces.iter().find_map(|interface| {
            // The official type first: a catalog may list one service under several names.
            let mut types = service.types().iter();
            types.find_map(|name| self.find(name, interface.as_str(), region))
        });
        found.ok_or_else(|| Error::NoEndpoint {
            cloud: cloud.to_owned(),
            service: service.to_string(),
            interface: interfaces.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or "),
            region: region.map(|region| format!(" in region {region}")).unwrap_or_default(),
            have: service.types().iter().flat_map(|name| self.of_type(name)).map(show).collect(),
        })
    }

    /// Returns the first endpoint of the type, the interface and the region.
    pub(crate) fn find(
        &self,
        service_type: &str,
        interface: &str,
        region: Option<&str>,
    ) -> Option<Url> {
        let mut meant = self.of_type(service_type).filter(|endpoint| {
            endpoint.interface == interface
                && region.is_none_or(|region| endpoint.region_id.as_deref() == Some(region))
        });
        meant.find_map(|endpoint| endpoint.url.parse().ok())
    }

    fn of_type(&self, service_type: &str) -> impl Iterator<Item = &Endpoint> {
        let same = move |entry: &&CatalogEntry| entry.service_type == service_type;
        self.0.iter().filter(same).flat_map(|entry| &entry.endpoints)
    }
}

fn show(Endpoint { interface, region_id, url }: &Endpoint) -> String {
    let url = if url.is_empty() { "no address" } else { url };
    format!("{interface} in {}: {url}", region_id.as_deref().unwrap_or("no region"))
}

/// Returns `endpoint` with the API version of `service`, exactly once.
///
/// Catalogs list `http://host:9696`, `http://host:9696/`, `http://host/network/v2.0`, and with the
/// project of the token `http://host:8776/v3/PROJECT` and `http://host/compute/v2.1/PROJECT`, which
/// stays. `v2.0` is `v2` to a service of version 2.
pub(crate) fn versioned(mut endpoint: Url, service: Service, project: Option<&str>) -> Url {
    let segments = endpoint.path_segments().into_iter().flatten().filter(|part| !part.is_empty());
    let mut segments: Vec<String> = segments.map(str::to_owned).collect();
    let is_project = |segment: &str| {
        project == Some(segment) || service == Service::BlockStorage || is_id(segment)
    };
    let tail = match segments.as_slice() {
        [.., version, last] if is_version(version) && !is_version(last) && is_project(last) => {
            segments.pop()
        }
        _ => None,
    };
    let wanted = service.version();
    let listed = segments.pop_if(|segment| is_version(segment));
    let kept = listed.filter(|listed| listed.strip_suffix(".0") == Some(wanted));
    if !wanted.is_empty() {
        segments.push(kept.unwrap_or_else(|| wanted.to_owned()));
    }
    segments.extend(tail);
    if let Ok(mut path) = endpoint.path_segments_mut() {
        path.clear().extend(segments);
    }
    endpoint
}

/// Returns whether a part of a path is a version: `v3`, `v2.1`.
fn is_version(segment: &str) -> bool {
    segment.strip_prefix('v').is_some_and(|rest| {
        rest.starts_with(|c: char| c.is_ascii_digit())
            && rest.chars().all(|c| c.is_ascii_digit() || c == '.')
    })
}

/// Returns whether a part of a path is an id as Keystone makes them.
fn is_id(segment: &str) -> bool {
    let hex = segment.replace('-', "");
    hex.len() == 32 && hex.chars().all(|c| c.is_ascii_hexdigit())
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
            catalog.endpoint("demo", service, &[interface], region).map(String::from)
        };
        assert_eq!(find(Service::Network, Public, Some("One")).unwrap(), "http://one/");
        assert_eq!(find(Service::Network, Public, None).unwrap(), "http://two/", "the first");
        assert_eq!(find(Service::BlockStorage, Public, None).unwrap(), "http://cinder/v3/p");
        let none = find(Service::Network, Internal, Some("One")).unwrap_err();
        insta::assert_snapshot!(none, @"the catalog of demo has no internal endpoint for network in region One");
        insta::assert_snapshot!(omega_core::Diagnostic::found(&none).unwrap(), @"admin in One: http://admin, public in Two: http://two, public in One: http://one");
    }

    /// keystoneauth1 skips what it can't use, and goes by `region` where there is no `region_id`.
    #[test]
    fn an_odd_entry_is_skipped_and_the_rest_of_the_catalog_is_read() {
        let catalog: Catalog = serde_json::from_value(serde_json::json!([
            null,
            "x",
            {"type": 5, "endpoints": []},
            {"name": "no type"},
            {"type": "image", "endpoints": null},
            {"type": "compute", "endpoints": {"public": "http://old"}},
            {"type": "network", "endpoints": [
                null, 5, {"interface": 5}, {"interface": "public", "region_id": "One", "url": null},
                {"interface": "public", "region": "Two", "url": "http://two"},
                {"interface": "public", "region": "Two", "region_id": "One", "url": "http://one"},
            ]},
        ]))
        .unwrap();
        let find = |region| {
            let found = catalog.endpoint("demo", Service::Network, &[Public], Some(region));
            found.map(String::from)
        };
        assert_eq!(find("Two").unwrap(), "http://two/");
        assert_eq!(find("One").unwrap(), "http://one/");
        for service in [Service::Image, Service::Compute] {
            let error = catalog.endpoint("demo", service, &[Public], None).unwrap_err();
            assert!(matches!(error, Error::NoEndpoint { .. }), "{error:?}");
        }
        for none in ["null", "{}", "5"] {
            assert_eq!(serde_json::from_str::<Catalog>(none).unwrap(), Catalog::default());
        }
        let again = serde_json::to_value(&catalog).unwrap();
        assert_eq!(serde_json::from_value::<Catalog>(again).unwrap(), catalog, "as it is cached");
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
            // dtantsur/rust-osauth#18, vexxhost/atmosphere#503.
            ("http://h/nova/v2.1/PID", Service::Compute, "http://h/nova/v2.1/PID"),
            ("http://h:8774/v2/PID/", Service::Compute, "http://h:8774/v2.1/PID"),
            (
                "http://h/v2.1/0123456789abcdef0123456789abcdef",
                Service::Compute,
                "http://h/v2.1/0123456789abcdef0123456789abcdef",
            ),
            ("http://h/v1/PID", Service::ContainerInfra, "http://h/v1/PID"),
            ("http://h/v1/magnum", Service::ContainerInfra, "http://h/v1/magnum/v1"),
            ("http://h/lb/v2.0", Service::LoadBalancer, "http://h/lb/v2.0"),
            ("http://h:9876/", Service::LoadBalancer, "http://h:9876/v2"),
            ("http://h/glance/v2/", Service::Image, "http://h/glance/v2"),
            ("http://h/v2.0/PID", Service::Network, "http://h/v2.0/PID"),
            ("http://h:9311/v1/PID", Service::KeyManager, "http://h:9311/v1/PID"),
            ("http://h:8778", Service::Placement, "http://h:8778/"),
            ("http://h/placement/", Service::Placement, "http://h/placement"),
        ] {
            let found = versioned(listed.parse().unwrap(), service, Some("PID"));
            assert_eq!(found.as_str(), wanted, "{listed}");
        }
    }
}
