//! Access tokens as JSON Web Tokens (RFC 7519), signed with HS256. The algorithm is fixed here and never taken from
//! the token, so that a token that names another one (`none`, HS512, RS256) is no token.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use foldhash::fast::RandomState;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use moka::sync::Cache;
use serde::{Deserialize, Serialize};
use shaku::Component;
use uuid::Uuid;

use crate::{
    config::Secret,
    identity::{Principal, Scope, Subject, TokenError, Tokens, Unauthorized},
    kernel::{
        clock::{Clock, Timestamp},
        ids::{WalletId, Xid},
    },
};

/// Who makes the tokens (`iss`).
const ISSUER: &str = "wallet";
/// Whom they are for (`aud`).
const AUDIENCE: &str = "wallet-api";
/// What stands before a back end's name in `sub`.
const SERVICE: &str = "service:";
/// What the subject of a token of the back office begins with.
const ADMIN: &str = "admin:";
/// How many verified tokens are remembered at most.
const REMEMBERED: u64 = 100_000;

/// What a token says. Times are seconds since 1970.
#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    /// The customer, as in `xid`, under the name that other software looks for; or `service:` and a back end's name.
    sub: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    xid: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wallet: Option<Uuid>,
    /// Words with a space between them (RFC 8693, section 4.2).
    scope: String,
    iat: i64,
    /// Before this moment the token does not hold yet (RFC 7519, section 4.1.5). Ours hold at once and have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    exp: i64,
    jti: Uuid,
}

/// The keys, how long tokens hold, and the tokens that were verified before.
pub struct JwtKeys {
    sign: EncodingKey,
    check: DecodingKey,
    rules: Validation,
    ttl_seconds: i64,
    /// Only tokens whose signature was right are in here, so nobody can fill it with forgeries, and a quick hash will
    /// do. A token's own end is looked at each time it is used.
    remembered: Cache<String, Principal, RandomState>,
}

impl JwtKeys {
    /// Keys from a shared secret; a token holds for `ttl_seconds`.
    #[must_use]
    pub fn new(secret: &Secret, ttl_seconds: u64) -> Self {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_issuer(&[ISSUER]);
        rules.set_audience(&[AUDIENCE]);
        rules.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        // The beginning and the end are compared with our own clock below, the end to the second and for remembered tokens too.
        rules.validate_exp = false;
        rules.validate_nbf = false;
        Self {
            sign: EncodingKey::from_secret(secret.expose().as_bytes()),
            check: DecodingKey::from_secret(secret.expose().as_bytes()),
            rules,
            ttl_seconds: i64::try_from(ttl_seconds).unwrap_or(i64::MAX),
            remembered: Cache::builder().max_capacity(REMEMBERED).build_with_hasher(RandomState::default()),
        }
    }

    /// Checks signature, algorithm, issuer, audience and the presence of every claim, and that the token holds already; not
    /// the token's end.
    fn read(&self, token: &str, now: Timestamp) -> Result<Principal, Unauthorized> {
        let read = jsonwebtoken::decode(token, &self.check, &self.rules).map_err(|_| Unauthorized)?;
        // A header that names extensions must not be accepted by those who do not know them (RFC 7515, section 4.1.11).
        if read.header.crit.is_some() {
            return Err(Unauthorized);
        }
        let claims: Claims = read.claims;
        if claims.nbf.is_some_and(|from| from > now.timestamp()) {
            return Err(Unauthorized);
        }
        let subject = subject(&claims).ok_or(Unauthorized)?;
        Ok(Principal {
            scopes: scopes(&claims.scope, &subject),
            subject,
            expires_at: Timestamp::from_timestamp(claims.exp, 0).ok_or(Unauthorized)?,
        })
    }
}

/// Whose token it is: every claim of a customer, or none of them and a back end's name.
fn subject(claims: &Claims) -> Option<Subject> {
    let named = |prefix| claims.sub.strip_prefix(prefix).filter(|name: &&str| !name.is_empty());
    match (claims.xid, claims.wallet) {
        (Some(xid), Some(wallet)) if Uuid::try_parse(&claims.sub) == Ok(xid) => {
            Some(Subject::Customer { xid: Xid(xid), wallet: WalletId(wallet) })
        }
        (None, None) => {
            let service = named(SERVICE).map(|name| Subject::Service { name: name.to_owned() });
            service.or_else(|| Some(Subject::Admin { name: named(ADMIN)?.to_owned() }))
        }
        _ => None,
    }
}

/// The scopes that these words name. A word that is not known, or not for such a subject, allows nothing.
fn scopes(words: &str, subject: &Subject) -> Vec<Scope> {
    let fitting = |scope: &Scope| match subject {
        Subject::Customer { .. } => *scope == Scope::Wallet,
        Subject::Service { .. } => *scope == Scope::Service,
        Subject::Admin { .. } => *scope == Scope::Admin,
    };
    let is_named = |scope: &Scope| words.split(' ').any(|word| word == scope.word());
    Scope::ALL.into_iter().filter(|scope| fitting(scope) && is_named(scope)).collect()
}

/// Tokens as a component.
#[derive(Component)]
#[shaku(interface = Tokens)]
pub struct JwtTokens {
    #[shaku(inject)]
    clock: Arc<dyn Clock>,
    keys: JwtKeys,
}

impl JwtTokens {
    fn sign(&self, sub: String, of: Option<(Xid, WalletId)>, scope: Scope) -> Result<String, TokenError> {
        let iat = self.clock.now().timestamp();
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub,
            xid: of.map(|(xid, _)| xid.0),
            wallet: of.map(|(_, wallet)| wallet.0),
            scope: scope.word().to_owned(),
            iat,
            nbf: None,
            exp: iat.saturating_add(self.keys.ttl_seconds),
            jti: Uuid::now_v7(),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.keys.sign)
            .map_err(|error| TokenError(error.to_string()))
    }
}

impl Tokens for JwtTokens {
    fn issue(&self, xid: Xid, wallet: WalletId) -> Result<String, TokenError> {
        self.sign(xid.to_string(), Some((xid, wallet)), Scope::Wallet)
    }

    fn issue_service(&self, name: &str) -> Result<String, TokenError> {
        self.sign(format!("{SERVICE}{name}"), None, Scope::Service)
    }

    fn issue_admin(&self, name: &str) -> Result<String, TokenError> {
        self.sign(format!("{ADMIN}{name}"), None, Scope::Admin)
    }

    fn verify(&self, token: &str) -> Result<Principal, Unauthorized> {
        let now = self.clock.now();
        if let Some(principal) = self.keys.remembered.get(token) {
            if principal.expires_at > now {
                return Ok(principal);
            }
            self.keys.remembered.invalidate(token);
            return Err(Unauthorized);
        }
        let principal = self.keys.read(token, now)?;
        if principal.expires_at <= now {
            return Err(Unauthorized);
        }
        self.keys.remembered.insert(token.to_owned(), principal.clone());
        Ok(principal)
    }
}
