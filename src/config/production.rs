//! The settings that only production refuses: weak secrets, long-lived tokens, passwords and balances in the clear on a
//! network.

use std::collections::BTreeSet;

use super::{
    defaults::{
        DEVELOPMENT_BANK_TOKEN, DEVELOPMENT_BANK_WEBHOOK_SECRET, DEVELOPMENT_JWT_SECRET,
        JWT_TTL_MAX_SECONDS_IN_PRODUCTION, PASSWORD_MEMORY_MIN_KIB_IN_PRODUCTION,
    },
    settings::{Config, Secret},
    urls,
};

/// Public secrets: those of development and of the tests, and those of well-known examples.
const KNOWN_SECRETS: [&str; 7] = [
    DEVELOPMENT_JWT_SECRET,
    DEVELOPMENT_BANK_TOKEN,
    DEVELOPMENT_BANK_WEBHOOK_SECRET,
    // The example of jwt.io.
    "a-string-secret-at-least-256-bits-long",
    "a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",
    "0123456789abcdef0123456789abcdef",
    "abcdefghijklmnopqrstuvwxyz0123456789",
];

/// The length of an HMAC-SHA256 key in bytes (RFC 7518, section 3.2).
const SECRET_MIN_CHARACTERS: usize = 32;
/// A random key of 32 hexadecimal digits has 14 of the 16 on average; a repeated word has fewer than this.
const SECRET_MIN_DIFFERENT_CHARACTERS: usize = 12;

/// The settings to check.
pub(super) struct Production<'c> {
    pub(super) config: &'c Config,
    /// None: not set, or not valid, which is another problem.
    pub(super) given_secret: Option<&'c Secret>,
    /// Where the driver finds a Postgres whose URL names no host; none: on this machine.
    pub(super) default_host: Option<&'c str>,
}

impl Production<'_> {
    /// A sentence for each thing that production refuses.
    pub(super) fn problems(&self, trusts_the_network: bool) -> Vec<String> {
        let mut problems = self.weak_secrets();
        if self.config.jwt_ttl_seconds > JWT_TTL_MAX_SECONDS_IN_PRODUCTION {
            problems.push("JWT_TTL must be at most 30d in production.".to_owned());
        }
        if self.config.password_memory_kib < PASSWORD_MEMORY_MIN_KIB_IN_PRODUCTION {
            problems.push("PASSWORD_MEMORY_KIB must be at least 19456 in production.".to_owned());
        }
        if !trusts_the_network {
            problems.extend(self.exposed());
        }
        problems
    }

    fn weak_secrets(&self) -> Vec<String> {
        let (secret, key) = (self.given_secret, self.config.service_api_key.as_ref());
        let mut problems: Vec<String> = [("JWT_SECRET", secret), ("SERVICE_API_KEY", key)]
            .into_iter()
            .filter_map(|(name, secret)| Some((name, weakness(secret?)?)))
            .map(|(name, weakness)| format!("{name} {weakness} (openssl rand -base64 48 makes a good one)."))
            .collect();
        if secret.zip(key).is_some_and(|(secret, key)| bare(secret.expose()) == bare(key.expose())) {
            problems.push(
                "JWT_SECRET and SERVICE_API_KEY must be two secrets: what calls POST /init must not sign tokens."
                    .to_owned(),
            );
        }
        problems
    }

    fn exposed(&self) -> Vec<String> {
        let Config { database_url, redis_url, kafka_brokers, kafka_security, bank, .. } = self.config;
        let exposes_kafka =
            !kafka_security.is_encrypted && kafka_brokers.as_deref().is_some_and(urls::are_remote);
        [
            (
                urls::exposes_database(database_url, self.default_host),
                "DATABASE_URL",
                "sslmode=verify-full in it (or verify-ca, or require)",
            ),
            (redis_url.as_deref().is_some_and(urls::exposes_redis), "REDIS_URL", "rediss://"),
            (bank.as_ref().is_some_and(|bank| urls::exposes_bank(&bank.url)), "BANK_URL", "https://"),
            (exposes_kafka, "KAFKA_BROKERS", "KAFKA_SECURITY_PROTOCOL=SASL_SSL (or SSL)"),
        ]
        .into_iter()
        .filter(|(is_exposed, ..)| *is_exposed)
        .map(|(_, name, need)| {
            format!(
                "{name} leads over a network without TLS: production needs {need}, or TRUSTED_NETWORK=true where \
                 no other machine can read or change what passes there."
            )
        })
        .collect()
    }
}

/// The weakness of a secret, as the end of a sentence.
fn weakness(secret: &Secret) -> Option<String> {
    let text = secret.expose();
    let different = text.chars().collect::<BTreeSet<_>>().len();
    if is_known(secret) {
        Some("is one that everybody knows".to_owned())
    } else if text.chars().count() < SECRET_MIN_CHARACTERS {
        Some(format!("must have at least {SECRET_MIN_CHARACTERS} characters in production"))
    } else if different < SECRET_MIN_DIFFERENT_CHARACTERS {
        Some(format!(
            "must have at least {SECRET_MIN_DIFFERENT_CHARACTERS} different characters in production"
        ))
    } else {
        None
    }
}

/// Whether a secret is public.
pub(super) fn is_known(secret: &Secret) -> bool {
    KNOWN_SECRETS.iter().any(|known| bare(known) == bare(secret.expose()))
}

/// A secret without blanks and in lower case, which are easily changed by mistake.
fn bare(secret: &str) -> String {
    secret.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}
