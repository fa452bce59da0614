//! Authentication, before the body is read. Every failure is the same 401, which reveals nothing.

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use poem::{
    Request, RequestBody,
    http::{HeaderValue, header},
};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions, registry::Registry};

use super::{
    api_error::{ApiError, Detail},
    caller::Caller,
    catalogue::Code,
    client_source::source,
    headers::API_KEY,
    security::SecurityEvent,
    security_schemes,
};
use crate::{
    identity::{Identity, IdentityError, Principal, Scope, Subject, Unauthorized},
    kernel::{
        actor::Actor,
        ids::{CustomerXid, WalletId},
    },
    limits::{Class, Limits, TrustedProxies},
};

/// The key that `POST /init` needs in `X-Api-Key`. No log line shows it.
#[derive(Clone)]
pub struct ServiceKey(Arc<str>);

impl ServiceKey {
    /// Takes the key.
    #[must_use]
    pub fn new(key: &str) -> Self {
        Self(key.into())
    }
}

impl std::fmt::Debug for ServiceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServiceKey(…)")
    }
}

/// The state of the extractors below, in the data of every request.
#[derive(Clone)]
pub struct AuthState(Arc<AuthStateInner>);

struct AuthStateInner {
    identity: Arc<dyn Identity>,
    service_key: Option<ServiceKey>,
    limits: Arc<Limits>,
    proxies: Arc<TrustedProxies>,
}

impl AuthState {
    /// State with an optional service key; `proxies` determine the source of a failure.
    #[must_use]
    pub fn new(
        identity: Arc<dyn Identity>,
        service_key: Option<ServiceKey>,
        limits: Arc<Limits>,
        proxies: Arc<TrustedProxies>,
    ) -> Self {
        Self(Arc::new(AuthStateInner { identity, service_key, limits, proxies }))
    }

    fn of(request: &Request) -> Result<&AuthStateInner, ApiError> {
        request
            .data::<AuthState>()
            .map(|state| &*state.0)
            .ok_or_else(|| ApiError::internal("a route without authentication state"))
    }
}

impl AuthStateInner {
    /// Counts a failed credential for the source of the request. While the source has failed too often, the answer is 429
    /// instead of `refused`.
    fn failed(&self, request: &Request, refused: ApiError) -> ApiError {
        let admitted = self.limits.admit(Class::Failures, source(request, &self.proxies));
        admitted.map_or_else(ApiError::from, |()| refused)
    }
}

/// A request with credentials other than a token, or for some.
pub struct Attempt<'a> {
    state: &'a AuthStateInner,
    request: &'a Request,
}

impl<'a> Attempt<'a> {
    /// A request whose credentials cannot be guessed: they are accepted however often its source has failed.
    pub fn of(request: &'a Request) -> Result<Self, ApiError> {
        Ok(Self { state: AuthState::of(request)?, request })
    }

    /// A request with a password. While its source has failed too often, nothing is compared.
    pub fn to_sign_in(request: &'a Request) -> Result<Self, ApiError> {
        let attempt = Self::of(request)?;
        attempt.state.limits.check(Class::Failures, source(request, &attempt.state.proxies))?;
        Ok(attempt)
    }

    /// A request that signs up: it opens a wallet.
    pub fn to_sign_up(request: &'a Request) -> Result<Self, ApiError> {
        let attempt = Self::of(request)?;
        attempt.state.limits.admit(Class::Inits, source(request, &attempt.state.proxies))?;
        Ok(attempt)
    }

    /// The client's own name.
    pub fn user_agent(&self) -> String {
        self.request.header(header::USER_AGENT).unwrap_or_default().to_owned()
    }

    /// What came of it; wrong credentials count for the source.
    pub fn settle<T>(&self, outcome: Result<T, IdentityError>) -> Result<T, ApiError> {
        outcome.map_err(|error| match error {
            IdentityError::WrongCredentials => self.state.failed(
                self.request,
                ApiError::from(Code::Unauthorized).recorded_as(SecurityEvent::Password),
            ),
            error => error.into(),
        })
    }
}

/// A customer, by a token for one wallet.
pub struct Customer {
    pub xid: CustomerXid,
    pub wallet: WalletId,
    pub principal: Principal,
    limits: Arc<Limits>,
}

impl Customer {
    fn read(request: &Request) -> Result<Self, ApiError> {
        let principal = allowed(request, Scope::Wallet)?;
        match principal.subject {
            Subject::Customer { xid, wallet } => {
                Ok(Self { xid, wallet, principal, limits: Arc::clone(&AuthState::of(request)?.limits) })
            }
            _ => Err(insufficient(Scope::Wallet)),
        }
    }

    /// The customer, as the caller of a command about the own wallet.
    pub fn caller(&self) -> Caller {
        Caller::limited(Actor::Customer(self.xid), self.wallet, Arc::clone(&self.limits))
    }
}

/// A service, by a token with the scope `service`.
pub struct ServiceClient {
    name: String,
}

impl ServiceClient {
    fn read(request: &Request) -> Result<Self, ApiError> {
        match allowed(request, Scope::Service)?.subject {
            Subject::Service { name } => Ok(Self { name }),
            _ => Err(insufficient(Scope::Service)),
        }
    }

    /// The service, as the caller of a command about a wallet.
    pub fn caller(&self, wallet: WalletId) -> Caller {
        Caller::unlimited(Actor::Service(self.name.clone()), wallet)
    }
}

/// An administrator, by a token with the scope `admin`.
pub struct Admin {
    name: String,
}

impl Admin {
    fn read(request: &Request) -> Result<Self, ApiError> {
        match allowed(request, Scope::Admin)?.subject {
            Subject::Admin { name } => Ok(Self { name }),
            _ => Err(insufficient(Scope::Admin)),
        }
    }

    /// The administrator, as the caller of a command about a wallet.
    pub fn caller(&self, wallet: WalletId) -> Caller {
        Caller::unlimited(Actor::Admin(self.name.clone()), wallet)
    }
}

/// What the token says, if it has this scope. A valid token is accepted however often its source has failed: many clients
/// may share an address.
fn allowed(request: &Request, scope: Scope) -> Result<Principal, ApiError> {
    let state = AuthState::of(request)?;
    let token = token(request).ok_or(Code::Unauthorized)?;
    let authenticated = token.and_then(|token| state.identity.authenticate(token));
    let principal = authenticated.map_err(|Unauthorized| state.failed(request, invalid_token()))?;
    if principal.scopes.contains(&scope) { Ok(principal) } else { Err(insufficient(scope)) }
}

/// The one token in `Authorization: Bearer …` or `Authorization: Token …`; none: the request has no token.
fn token(request: &Request) -> Option<Result<&str, Unauthorized>> {
    let mut values = request.headers().get_all(header::AUTHORIZATION).iter();
    let value = values.next()?;
    let Some(value) = value.to_str().ok().filter(|_| values.next().is_none()) else {
        return Some(Err(Unauthorized));
    };
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("bearer") && !scheme.eq_ignore_ascii_case("token") {
        return None;
    }
    Some(Some(token.trim_matches(' ')).filter(|token| !token.is_empty()).ok_or(Unauthorized))
}

/// The token is not valid now (RFC 6750, section 3.1). The reason is not revealed.
fn invalid_token() -> ApiError {
    let challenge = "Bearer realm=\"wallet\", error=\"invalid_token\"";
    ApiError::new(Code::Unauthorized, Detail::Challenge(HeaderValue::from_static(challenge)))
        .recorded_as(SecurityEvent::Token)
}

/// The token is valid, and does not have this scope (RFC 6750, section 3.1).
fn insufficient(scope: Scope) -> ApiError {
    let challenge = match scope {
        Scope::Wallet => "Bearer realm=\"wallet\", error=\"insufficient_scope\", scope=\"wallet\"",
        Scope::Service => "Bearer realm=\"wallet\", error=\"insufficient_scope\", scope=\"service\"",
        Scope::Admin => "Bearer realm=\"wallet\", error=\"insufficient_scope\", scope=\"admin\"",
    };
    ApiError::new(Code::InsufficientScope, Detail::Challenge(HeaderValue::from_static(challenge)))
        .recorded_as(SecurityEvent::Scope)
}

/// The service key is missing or wrong. No scheme is registered for keys in a header of their own.
fn key_required() -> ApiError {
    let challenge = "ApiKey realm=\"wallet\", header=\"X-Api-Key\"";
    ApiError::new(Code::Unauthorized, Detail::Challenge(HeaderValue::from_static(challenge)))
}

/// Implements the extractor of a token and its security schemes in the document.
macro_rules! by_token {
    ($who:ident, $register:path, $schemes:expr) => {
        impl<'a> ApiExtractor<'a> for $who {
            const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
            type ParamType = ();
            type ParamRawType = ();

            fn register(registry: &mut Registry) {
                $register(registry);
            }

            /// One of them is enough.
            fn security_schemes() -> Vec<&'static str> {
                $schemes.to_vec()
            }

            async fn from_request(
                request: &'a Request,
                _: &mut RequestBody,
                _: ExtractParamOptions<()>,
            ) -> poem::Result<Self> {
                Ok(Self::read(request)?)
            }
        }
    };
}

by_token!(Customer, security_schemes::customer, ["Bearer", "Token"]);
by_token!(ServiceClient, security_schemes::service, ["Service"]);
by_token!(Admin, security_schemes::admin, ["Admin"]);

/// A caller that may open wallets: any caller, or, where there is a service key, one that sends it.
pub struct ServiceKeyAuth;

impl ServiceKeyAuth {
    fn read(request: &Request) -> Result<Self, ApiError> {
        let state = AuthState::of(request)?;
        let Some(ServiceKey(key)) = &state.service_key else {
            state.limits.admit(Class::Inits, source(request, &state.proxies))?;
            return Ok(Self);
        };
        let given = request.headers().get(API_KEY).ok_or_else(key_required)?;
        // Guesses of a source that has failed too often are not compared.
        state.limits.check(Class::Failures, source(request, &state.proxies))?;
        verify_slices_are_equal(given.as_bytes(), key.as_bytes())
            .map_err(|_| state.failed(request, key_required().recorded_as(SecurityEvent::Key)))?;
        Ok(Self)
    }
}

impl<'a> ApiExtractor<'a> for ServiceKeyAuth {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        security_schemes::service_key(registry);
    }

    fn security_schemes() -> Vec<&'static str> {
        vec!["ServiceKey"]
    }

    /// Without a service key the operation is open.
    fn has_security_fallback() -> bool {
        true
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        Ok(Self::read(request)?)
    }
}
