//! The address of Redis, and the certificates that are trusted for it.

use redis::{Client, RedisResult, TlsCertificates};
use rustls::crypto::aws_lc_rs;

/// A URL, `redis://` or, for TLS, `rediss://`. May hold a password.
#[derive(Clone)]
pub struct RedisAddress {
    url: String,
    /// PEM.
    certificates: Option<Vec<u8>>,
}

impl From<&str> for RedisAddress {
    fn from(url: &str) -> Self {
        Self { url: url.to_owned(), certificates: None }
    }
}

impl RedisAddress {
    /// Trusts a server only if its certificate is issued by one of these (PEM), instead of those that the system trusts.
    #[must_use]
    pub fn certified_by(self, certificates: Vec<u8>) -> Self {
        Self { certificates: Some(certificates), ..self }
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.url.starts_with("rediss://")
    }

    /// Touches no network.
    pub(super) fn client(&self) -> RedisResult<Client> {
        if !self.is_encrypted() {
            return Client::open(self.url.as_str());
        }
        // The Redis client takes the process's default provider. One that is set already was set here.
        let _ = aws_lc_rs::default_provider().install_default();
        let root_cert = self.certificates.clone();
        Client::build_with_tls(self.url.as_str(), TlsCertificates { client_tls: None, root_cert })
    }
}
