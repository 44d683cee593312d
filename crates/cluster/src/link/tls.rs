//! Whom to trust, and as whom to introduce ourselves.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use crate::config::{ClusterConfig, Pem};
use crate::config_error::ConfigError;

pub(crate) fn connector(config: &ClusterConfig) -> Result<TlsConnector, ConfigError> {
    let wrong = |setting| move |error: rustls::Error| ConfigError::Tls { setting, what: error.to_string() };
    let roots = match &config.ca {
        Some(pem) => named(pem)?,
        None => system()?,
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(wrong("tls"))?
        .with_root_certificates(roots);
    let client = match &config.client_certificate {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = certificates("client_certificate", certificate)?;
            let what = || "no private key in PEM".to_owned();
            let key = PrivateKeyDer::from_pem_slice(&bytes(key)?)
                .map_err(|_| ConfigError::Tls { setting: "client_key", what: what() })?;
            builder.with_client_auth_cert(chain, key).map_err(wrong("client_certificate"))?
        }
    };
    Ok(TlsConnector::from(Arc::new(client)))
}

fn named(pem: &Pem) -> Result<RootCertStore, ConfigError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates("ca", pem)? {
        roots.add(certificate).map_err(|error| ConfigError::Tls { setting: "ca", what: error.to_string() })?;
    }
    Ok(roots)
}

fn system() -> Result<RootCertStore, ConfigError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() { Err(ConfigError::NoRoots) } else { Ok(roots) }
}

fn certificates(setting: &'static str, pem: &Pem) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes(pem)?).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(ConfigError::Tls { setting, what: "no certificate in PEM".to_owned() }),
    }
}

fn bytes(pem: &Pem) -> Result<Vec<u8>, ConfigError> {
    match pem {
        Pem::Text(text) => Ok(text.clone()),
        Pem::File(path) => std::fs::read(path).map_err(|error| ConfigError::File { path: path.clone(), error }),
    }
}
