//! Access tokens as JSON Web Tokens (RFC 7519), signed with HS256. The algorithm is fixed here and never taken from
//! the token, so a token that names another one (`none`, HS512, RS256) is refused.

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
    identity::{AccessToken, Principal, Scope, Subject, TokenError, Tokens, Unauthorized},
    kernel::{
        clock::{Clock, Timestamp},
        ids::{CustomerXid, SessionId, WalletId},
    },
};

/// The issuer of the tokens (`iss`).
const ISSUER: &str = "wallet";
/// Their audience (`aud`).
const AUDIENCE: &str = "wallet-api";
/// The prefix of a back end's name in `sub`.
const SERVICE_PREFIX: &str = "service:";
/// The prefix of a back office user's name in `sub`.
const ADMIN_PREFIX: &str = "admin:";
/// Maximum number of verified tokens that are cached.
const VERIFIED_TOKENS_MAX: u64 = 100_000;

/// The claims of a token. Times are seconds since 1970.
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
    /// The session (OpenID Connect Front-Channel Logout 1.0, section 3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<Uuid>,
    iat: i64,
    /// The token is not valid before this time (RFC 7519, section 4.1.5). Tokens of this service have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    exp: i64,
    jti: Uuid,
}

/// The keys, the lifetime of new tokens, and the tokens that were verified before.
pub struct JwtKeys {
    sign: EncodingKey,
    check: DecodingKey,
    rules: Validation,
    ttl_seconds: i64,
    /// The lifetime of a session's tokens.
    access_ttl_seconds: i64,
    /// Holds only tokens whose signature is right, so forgeries cannot fill it, and a fast hash is safe. A token's expiry
    /// is checked at every use.
    verified: Cache<String, Principal, RandomState>,
}

impl JwtKeys {
    /// Keys from a shared secret; a new token is valid for `ttl_seconds`, one of a session for `access_ttl_seconds`.
    #[must_use]
    pub fn new(secret: &Secret, ttl_seconds: u64, access_ttl_seconds: u64) -> Self {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_issuer(&[ISSUER]);
        rules.set_audience(&[AUDIENCE]);
        rules.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        // Both are compared with the port's clock below, `exp` to the second and for cached tokens too.
        rules.validate_exp = false;
        rules.validate_nbf = false;
        Self {
            sign: EncodingKey::from_secret(secret.expose().as_bytes()),
            check: DecodingKey::from_secret(secret.expose().as_bytes()),
            rules,
            ttl_seconds: i64::try_from(ttl_seconds).unwrap_or(i64::MAX),
            access_ttl_seconds: i64::try_from(access_ttl_seconds).unwrap_or(i64::MAX),
            verified: Cache::builder()
                .max_capacity(VERIFIED_TOKENS_MAX)
                .build_with_hasher(RandomState::default()),
        }
    }

    /// Checks signature, algorithm, issuer, audience, the presence of every claim and `nbf`, but not `exp`.
    fn read(&self, token: &str, now: Timestamp) -> Result<Principal, Unauthorized> {
        let read = jsonwebtoken::decode(token, &self.check, &self.rules).map_err(|_| Unauthorized)?;
        // A header with extensions must be refused by a reader that does not know them (RFC 7515, section 4.1.11).
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
            issued_at: issued_at(&claims).ok_or(Unauthorized)?,
            expires_at: Timestamp::from_timestamp(claims.exp, 0).ok_or(Unauthorized)?,
            token: claims.jti,
            session: claims.sid.map(SessionId),
        })
    }
}

/// An id that says when it was made.
fn token_id(now: Timestamp) -> Uuid {
    let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
    Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, now.timestamp_subsec_nanos()))
}

/// When it was issued, to the millisecond where the token's id says it (RFC 9562, section 5.7); `iat` has whole seconds, and a token that
/// is issued right after others were revoked must be valid.
fn issued_at(claims: &Claims) -> Option<Timestamp> {
    let by_id = claims.jti.get_timestamp().filter(|_| claims.jti.get_version_num() == 7);
    match by_id.map(|time| time.to_unix()) {
        Some((seconds, nanos)) => Timestamp::from_timestamp(i64::try_from(seconds).ok()?, nanos),
        None => Timestamp::from_timestamp(claims.iat, 0),
    }
}

/// The token's subject: a customer has both claims, any other subject has a name and neither.
fn subject(claims: &Claims) -> Option<Subject> {
    let named = |prefix| claims.sub.strip_prefix(prefix).filter(|name: &&str| !name.is_empty());
    match (claims.xid, claims.wallet) {
        (Some(xid), Some(wallet)) if Uuid::try_parse(&claims.sub) == Ok(xid) => {
            Some(Subject::Customer { xid: CustomerXid(xid), wallet: WalletId(wallet) })
        }
        (None, None) => {
            let service = named(SERVICE_PREFIX).map(|name| Subject::Service { name: name.to_owned() });
            service.or_else(|| Some(Subject::Admin { name: named(ADMIN_PREFIX)?.to_owned() }))
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
    let is_named = |scope: &Scope| words.split(' ').any(|word| word == scope.as_str());
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
    /// Tokens by these keys, outside the wiring.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, keys: JwtKeys) -> Self {
        Self { clock, keys }
    }

    fn sign(
        &self,
        sub: String,
        of: Option<(CustomerXid, WalletId)>,
        scope: Scope,
        session: Option<SessionId>,
    ) -> Result<AccessToken, TokenError> {
        let now = self.clock.now();
        let iat = now.timestamp();
        let ttl = if session.is_some() { self.keys.access_ttl_seconds } else { self.keys.ttl_seconds };
        let exp = iat.saturating_add(ttl);
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub,
            xid: of.map(|(xid, _)| xid.0),
            wallet: of.map(|(_, wallet)| wallet.0),
            scope: scope.as_str().to_owned(),
            sid: session.map(|session| session.0),
            iat,
            nbf: None,
            exp,
            jti: token_id(now),
        };
        let text = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.keys.sign)
            .map_err(|error| TokenError(error.to_string()))?;
        let expires_at = Timestamp::from_timestamp(exp, 0)
            .ok_or_else(|| TokenError("the lifetime of tokens is too long".to_owned()))?;
        Ok(AccessToken { text, expires_at })
    }
}

impl Tokens for JwtTokens {
    fn issue(&self, xid: CustomerXid, wallet: WalletId) -> Result<String, TokenError> {
        Ok(self.sign(xid.to_string(), Some((xid, wallet)), Scope::Wallet, None)?.text)
    }

    fn issue_session(
        &self,
        xid: CustomerXid,
        wallet: WalletId,
        session: SessionId,
    ) -> Result<AccessToken, TokenError> {
        self.sign(xid.to_string(), Some((xid, wallet)), Scope::Wallet, Some(session))
    }

    fn issue_service(&self, name: &str) -> Result<String, TokenError> {
        Ok(self.sign(format!("{SERVICE_PREFIX}{name}"), None, Scope::Service, None)?.text)
    }

    fn issue_admin(&self, name: &str) -> Result<String, TokenError> {
        Ok(self.sign(format!("{ADMIN_PREFIX}{name}"), None, Scope::Admin, None)?.text)
    }

    fn verify(&self, token: &str) -> Result<Principal, Unauthorized> {
        let now = self.clock.now();
        if let Some(principal) = self.keys.verified.get(token) {
            if principal.expires_at > now {
                return Ok(principal);
            }
            self.keys.verified.invalidate(token);
            return Err(Unauthorized);
        }
        let principal = self.keys.read(token, now)?;
        if principal.expires_at <= now {
            return Err(Unauthorized);
        }
        self.keys.verified.insert(token.to_owned(), principal.clone());
        Ok(principal)
    }
}
