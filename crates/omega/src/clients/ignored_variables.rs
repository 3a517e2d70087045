//! Variables that the openstack client follows, and omega does not.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use omega_openstack::CloudConfig;
use url::Url;

/// Says once for each address what is set and not followed.
pub(super) fn warn_ignored(config: &CloudConfig, variables: &BTreeMap<String, String>) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let has_ca = config.cacert.is_some() || config.ca.is_some() || !config.verify;
    for words in ignored(&config.auth_url, has_ca, variables) {
        let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
        if said.insert(words.clone()) {
            tracing::warn!(target: "omega_notice", "{words}");
        }
    }
}

/// Returns what the client would do at `keystone` by the variables. `has_ca`: whether the configuration
/// settles which CAs are trusted.
fn ignored(keystone: &Url, has_ca: bool, variables: &BTreeMap<String, String>) -> Vec<String> {
    let set =
        |name: &str| variables.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let first = |names: &[&'static str]| names.iter().copied().find(|name| set(name).is_some());
    let host = keystone.host_str().unwrap_or_default();
    let proxy = match keystone.scheme() {
        "https" => first(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
        _ => first(&["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]),
    };
    let exempt = ["no_proxy", "NO_PROXY"].into_iter().find_map(set).unwrap_or_default();
    let proxy = proxy.filter(|_| !is_exempt(host, exempt)).map(|name| {
        format!(
            "{name} is set, and omega speaks to the cloud directly: the openstack client would ask {keystone} \
             through the proxy; add {host} to no_proxy, or run omega where no proxy is needed"
        )
    });
    let bundle = first(&["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]).filter(|_| !has_ca).map(|name| {
        format!(
            "{name} is set, and omega does not read it: set OS_CACERT, or cacert in clouds.yaml"
        )
    });
    proxy.into_iter().chain(bundle).collect()
}

/// Whether `no_proxy` has the host: itself, a domain above it, or its network.
///
/// Source: requests 2.32, `utils.py`, `should_bypass_proxies`.
fn is_exempt(host: &str, no_proxy: &str) -> bool {
    let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    no_proxy.split(',').map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        let bare = entry.split_once(':').map_or(entry, |(bare, _port)| bare);
        let within = || match (address, entry.split_once('/')) {
            (Some(IpAddr::V4(address)), Some((network, bits))) => {
                let network: Option<std::net::Ipv4Addr> = network.parse().ok();
                let shift = bits.parse::<u32>().ok().and_then(|bits| 32_u32.checked_sub(bits));
                network.zip(shift).is_some_and(|(network, shift)| {
                    let prefix = |one: std::net::Ipv4Addr| u64::from(one.to_bits()) >> shift;
                    prefix(network) == prefix(address)
                })
            }
            _ => false,
        };
        entry == "*"
            || within()
            || match address {
                Some(_) => bare == host,
                None => {
                    host == bare || host.ends_with(&format!(".{}", bare.trim_start_matches('.')))
                }
            }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(keystone: &str, has_ca: bool, variables: &[(&str, &str)]) -> Vec<String> {
        let variables =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        ignored(&keystone.parse().unwrap(), has_ca, &variables.collect())
    }

    #[test]
    fn what_is_not_followed_is_said_with_what_to_do() {
        let proxy = [("https_proxy", "http://p:3128"), ("REQUESTS_CA_BUNDLE", "/ca.pem")];
        insta::assert_snapshot!(said("https://k.example:5000/v3", false, &proxy).join("\n"), @"
        https_proxy is set, and omega speaks to the cloud directly: the openstack client would ask https://k.example:5000/v3 through the proxy; add k.example to no_proxy, or run omega where no proxy is needed
        REQUESTS_CA_BUNDLE is set, and omega does not read it: set OS_CACERT, or cacert in clouds.yaml
        ");
        assert_eq!(said("https://k.example:5000", true, &proxy[1..]), [""; 0]);
        assert_eq!(said("http://k.example:5000", true, &proxy), [""; 0], "it is for https");
        assert_eq!(said("http://k", false, &[("http_proxy", "")]), [""; 0], "not set");
    }

    #[test]
    fn no_proxy_is_followed() {
        for (host, no_proxy, exempt) in [
            ("k.example", "example", true),
            ("k.example", ".example", true),
            ("k.example", "localhost, k.example:5000", true),
            ("k.example", "ample", false),
            ("k.example", "other", false),
            ("k", "*", true),
            ("10.0.0.5", "10.0.0.0/24", true),
            ("10.0.1.5", "10.0.0.0/24", false),
            ("10.0.0.5", "10.0.0.5", true),
            ("10.0.0.5", "5", false),
            ("10.0.0.5", "10.0.0.0/99", false),
            ("k.example", "", false),
        ] {
            assert_eq!(is_exempt(host, no_proxy), exempt, "{host} {no_proxy}");
        }
    }
}
