//! TLS of the endpoint: a certificate and its key, HTTP/2 and HTTP/1.1 by negotiation.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ServerConfig;

/// Why a certificate and a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificates are no PEM.
    #[error("the certificate file: {0}")]
    Certificate(rustls::pki_types::pem::Error),
    /// There is no certificate.
    #[error("the certificate file has no certificate")]
    NoCertificate,
    /// The key is no PEM.
    #[error("the key file: {0}")]
    Key(rustls::pki_types::pem::Error),
    /// They do not go together, or are of a kind that is not supported.
    #[error("the certificate and the key cannot be used: {0}")]
    Pair(#[from] rustls::Error),
}

/// The configuration of a server with this certificate, its chain behind it, and its key, both in PEM.
///
/// # Errors
/// If they cannot be used.
pub fn config(certificate: &[u8], key: &[u8]) -> Result<Arc<ServerConfig>, TlsError> {
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(certificate).collect::<Result<_, _>>().map_err(TlsError::Certificate)?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate);
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(TlsError::Key)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
