//! The certificate authorities of Magnum's clusters.
//!
//! Written from the source of Magnum 18.0.1 (`api/controllers/v1/certificate.py`,
//! `common/x509/operations.py`): the subject is that of the request, and of its extensions those are
//! kept that `conf/x509.py` allows.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName,
    DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use serde_json::{Value, json};

use super::{
    magnum::ok,
    recorded::recorded,
    state::{State, Who},
};
use crate::{Method, Request, Response};

/// A certificate authority, in PEM.
#[derive(Clone, Debug)]
pub(super) struct Authority {
    certificate: String,
    key: String,
}

impl Authority {
    /// Makes one that is named as Magnum names it.
    fn new(cluster: &str) -> Option<Self> {
        let key = KeyPair::generate().ok()?;
        let mut params = CertificateParams::new(Vec::<String>::new()).ok()?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, cluster);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let certificate = params.self_signed(&key).ok()?.pem();
        Some(Self { certificate, key: key.serialize_pem() })
    }

    fn sign(&self, csr: &str) -> Option<String> {
        let request = CertificateSigningRequestParams::from_pem(csr).ok()?;
        let issuer =
            Issuer::from_ca_cert_pem(&self.certificate, KeyPair::from_pem(&self.key).ok()?);
        Some(request.signed_by(&issuer.ok()?).ok()?.pem())
    }
}

impl State {
    pub(super) fn magnum_certificates(&mut self, who: &Who, request: &Request) -> Option<Response> {
        let path: Vec<_> = request.path.iter().map(String::as_str).collect();
        match (request.method, path.as_slice()) {
            (Method::Get, [_, id]) => Some(match self.authority(who, id) {
                Some(authority) => ok(json!({
                    "cluster_uuid": id, "pem": authority.certificate, "links": [],
                })),
                None => recorded!("magnum-cluster-404").at(id),
            }),
            (Method::Post, [_]) => {
                let asked = request.json()?;
                let (id, csr) = (asked["cluster_uuid"].as_str()?, asked["csr"].as_str()?);
                // For a POST Magnum makes 400 of it.
                let Some(authority) = self.authority(who, id) else {
                    return Some(invalid(&format!("Cluster {id} could not be found.")));
                };
                Some(match authority.sign(csr) {
                    Some(pem) => Response::new(
                        201,
                        json!({ "cluster_uuid": id, "csr": csr, "pem": pem, "links": [] }),
                    ),
                    None => invalid("The certificate signing request is not valid."),
                })
            }
            _ => None,
        }
    }

    fn authority(&mut self, who: &Who, id: &str) -> Option<&Authority> {
        let cluster = self.clusters.iter_mut().find(|cluster| cluster.is(id, who))?;
        if cluster.authority.is_none() {
            let name = cluster.shown.get("name").and_then(Value::as_str).unwrap_or_default();
            cluster.authority = Authority::new(name);
        }
        cluster.authority.as_ref()
    }
}

fn invalid(detail: &str) -> Response {
    let error = json!({ "status": 400, "code": "client", "title": "Invalid", "detail": detail });
    Response::new(400, json!({ "errors": [error] }))
}
