//! kube's client, with this crate's own connections.

use std::sync::Arc;

use hyper_rustls::{FixedServerNameResolver, HttpsConnectorBuilder};
use hyper_timeout::TimeoutConnector;
use hyper_util::{
    client::legacy::{Builder, connect::HttpConnector},
    rt::TokioExecutor,
};
use kube::{Client, Config, client::ConfigExt as _};
use omega_core::{
    chain,
    tls::{TrustedCertificates, client_identity},
    values::Secret,
};
use rustls::pki_types::{CertificateDer, ServerName};
use tower::{BoxError, ServiceBuilder};

use crate::{Deadlines, connect_failure::tls_words};

/// Returns kube's client for `config`, with its own authentication and headers, which also accepts a
/// server certificate that is itself the CA of the kubeconfig.
pub(crate) fn client(
    config: &Config,
    identity: Option<(String, Secret)>,
    deadlines: Deadlines,
) -> Result<Client, String> {
    let wrong = |error: kube::Error| match tls_words(&error) {
        Some(words) => format!("its client certificate can't be used: {words}"),
        None => chain(&error).join(": "),
    };
    let mut tls = config.rustls_client_config().map_err(wrong)?;
    if let Some((certificate, key)) = identity {
        let identity = client_identity(certificate.as_bytes(), &key);
        tls.client_auth_cert_resolver = identity.map_err(|error| error.to_string())?;
    }
    if let (Some(trusted), false) = (&config.root_cert, config.accept_invalid_certs) {
        let trusted = trusted.iter().map(|der| CertificateDer::from(der.clone())).collect();
        let trusted = TrustedCertificates::new(trusted).map_err(|error| error.to_string())?;
        tls.dangerous().set_certificate_verifier(Arc::new(trusted));
    }
    let mut https = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
    if let Some(name) = &config.tls_server_name {
        let name = ServerName::try_from(name.clone());
        let name = name.map_err(|_| "tls-server-name is not a name".to_owned())?;
        https = https.with_server_name_resolver(FixedServerNameResolver::new(name));
    }
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_connect_timeout(Some(deadlines.connect));
    let mut connector = TimeoutConnector::new(https.enable_http1().wrap_connector(http));
    connector.set_connect_timeout(Some(deadlines.secured()));
    connector.set_read_timeout(Some(deadlines.read));
    connector.set_write_timeout(Some(deadlines.read));
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer().map_err(wrong)?)
        .layer(config.extra_headers_layer().map_err(wrong)?)
        .map_err(BoxError::from)
        .service(Builder::new(TokioExecutor::new()).build(connector));
    Ok(Client::new(service, config.default_namespace.clone()))
}
