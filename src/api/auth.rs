//! Who asks. Checked before the body is looked at; every failure is the same 401, so that it tells nothing.

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use poem::{
    Request, RequestBody,
    http::{HeaderValue, header},
};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaSecurityScheme, Registry},
};

use super::{
    caller::Caller,
    catalogue::Code,
    failure::{ApiError, Detail},
    headers::API_KEY,
    origin::source,
    security::SecurityEvent,
};
use crate::{
    identity::{Identity, Principal, Scope, Subject, Unauthorized},
    kernel::{
        actor::Actor,
        ids::{WalletId, Xid},
    },
    limits::{Class, Limits, TrustedProxies},
};

/// What `POST /init` needs in `X-Api-Key`. No log line shows it.
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

/// What the extractors below need; every request carries it.
#[derive(Clone)]
pub struct Gate(Arc<GateParts>);

struct GateParts {
    identity: Arc<dyn Identity>,
    service_key: Option<ServiceKey>,
    limits: Arc<Limits>,
    proxies: Arc<TrustedProxies>,
}

impl Gate {
    /// A gate that asks `identity`, and for the service key if there is one; `proxies` say where failures come from.
    #[must_use]
    pub fn new(
        identity: Arc<dyn Identity>,
        service_key: Option<ServiceKey>,
        limits: Arc<Limits>,
        proxies: Arc<TrustedProxies>,
    ) -> Self {
        Self(Arc::new(GateParts { identity, service_key, limits, proxies }))
    }

    fn of(request: &Request) -> Result<&GateParts, ApiError> {
        request
            .data::<Gate>()
            .map(|gate| &*gate.0)
            .ok_or_else(|| ApiError::internal("a route without its gate"))
    }
}

impl GateParts {
    /// Counts a credential that failed for the source of the request. While that has failed too often, the answer is 429 in
    /// place of `refused`.
    fn failed(&self, request: &Request, refused: ApiError) -> ApiError {
        let admitted = self.limits.admit(Class::Failures, source(request, &self.proxies));
        admitted.map_or_else(ApiError::from, |()| refused)
    }
}

/// A customer, by a token for one wallet.
pub struct Customer {
    pub xid: Xid,
    pub wallet: WalletId,
    limits: Arc<Limits>,
}

impl Customer {
    fn read(request: &Request) -> Result<Self, ApiError> {
        match allowed(request, Scope::Wallet)? {
            Subject::Customer { xid, wallet } => {
                Ok(Self { xid, wallet, limits: Arc::clone(&Gate::of(request)?.limits) })
            }
            _ => Err(insufficient(Scope::Wallet)),
        }
    }

    /// The customer, as the caller of a command about the own wallet.
    pub fn caller(&self) -> Caller {
        Caller::limited(Actor::Customer(self.xid), self.wallet, Arc::clone(&self.limits))
    }
}

/// A back end, by a token with the scope `service`.
pub struct BackEnd {
    name: String,
}

impl BackEnd {
    fn read(request: &Request) -> Result<Self, ApiError> {
        match allowed(request, Scope::Service)? {
            Subject::Service { name } => Ok(Self { name }),
            _ => Err(insufficient(Scope::Service)),
        }
    }

    /// The service, as the caller of a command about a wallet.
    pub fn caller(&self, wallet: WalletId) -> Caller {
        Caller::unlimited(Actor::Service(self.name.clone()), wallet)
    }
}

/// A person of the back office, by a token with the scope `admin`.
pub struct Admin {
    name: String,
}

impl Admin {
    fn read(request: &Request) -> Result<Self, ApiError> {
        match allowed(request, Scope::Admin)? {
            Subject::Admin { name } => Ok(Self { name }),
            _ => Err(insufficient(Scope::Admin)),
        }
    }

    /// The administrator, as the caller of a command about a wallet.
    pub fn caller(&self, wallet: WalletId) -> Caller {
        Caller::unlimited(Actor::Admin(self.name.clone()), wallet)
    }
}

/// Whose token it is, if it has this scope. A right token is let through however often its source has failed: many may be
/// behind one address.
fn allowed(request: &Request, scope: Scope) -> Result<Subject, ApiError> {
    let gate = Gate::of(request)?;
    let token = token(request).ok_or(Code::Unauthorized)?;
    let authenticated = token.and_then(|token| gate.identity.authenticate(token));
    let Principal { subject, scopes, .. } =
        authenticated.map_err(|Unauthorized| gate.failed(request, invalid_token()))?;
    if scopes.contains(&scope) { Ok(subject) } else { Err(insufficient(scope)) }
}

/// The one token in `Authorization: Bearer …` or `Authorization: Token …`; none: the request does not show any.
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

/// There is a token, and it is none of ours that holds now (RFC 6750, section 3.1). It is not said why.
fn invalid_token() -> ApiError {
    let challenge = "Bearer realm=\"wallet\", error=\"invalid_token\"";
    ApiError::new(Code::Unauthorized, Detail::Challenge(HeaderValue::from_static(challenge)))
        .noted_as(SecurityEvent::Token)
}

/// The token is right, and does not have this scope (RFC 6750, section 3.1).
fn insufficient(scope: Scope) -> ApiError {
    let challenge = match scope {
        Scope::Wallet => "Bearer realm=\"wallet\", error=\"insufficient_scope\", scope=\"wallet\"",
        Scope::Service => "Bearer realm=\"wallet\", error=\"insufficient_scope\", scope=\"service\"",
        Scope::Admin => "Bearer realm=\"wallet\", error=\"insufficient_scope\", scope=\"admin\"",
    };
    ApiError::new(Code::InsufficientScope, Detail::Challenge(HeaderValue::from_static(challenge)))
        .noted_as(SecurityEvent::Scope)
}

/// The service key is missing or wrong. No scheme is registered for keys in a header of their own.
fn key_wanted() -> ApiError {
    let challenge = "ApiKey realm=\"wallet\", header=\"X-Api-Key\"";
    ApiError::new(Code::Unauthorized, Detail::Challenge(HeaderValue::from_static(challenge)))
}

/// Tells the document how a token is shown, and reads it.
macro_rules! by_token {
    ($who:ident, $register:ident, $schemes:expr) => {
        impl<'a> ApiExtractor<'a> for $who {
            const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
            type ParamType = ();
            type ParamRawType = ();

            fn register(registry: &mut Registry) {
                $register(registry);
            }

            /// Any one of them.
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

by_token!(Customer, customers_schemes, ["Bearer", "Token"]);
by_token!(BackEnd, services_scheme, ["Service"]);
by_token!(Admin, admins_scheme, ["Admin"]);

fn customers_schemes(registry: &mut Registry) {
    let bearer = MetaSecurityScheme {
        ty: "http",
        description: Some("The token that `POST /api/v1/init` answers with."),
        scheme: Some("bearer"),
        bearer_format: Some("JWT"),
        ..scheme()
    };
    registry.create_security_scheme("Bearer", bearer);
    let token = MetaSecurityScheme {
        ty: "apiKey",
        description: Some("The same token with the word `Token` in front: `Token <jwt>`."),
        name: Some("Authorization"),
        key_in: Some("header"),
        ..scheme()
    };
    registry.create_security_scheme("Token", token);
}

fn services_scheme(registry: &mut Registry) {
    let service = MetaSecurityScheme {
        ty: "http",
        description: Some("A back end's token, as `wallet token --scope service` prints it."),
        scheme: Some("bearer"),
        bearer_format: Some("JWT"),
        ..scheme()
    };
    registry.create_security_scheme("Service", service);
}

fn admins_scheme(registry: &mut Registry) {
    let admin = MetaSecurityScheme {
        ty: "http",
        description: Some("A person's token, as `wallet token --scope admin --name NAME` prints it."),
        scheme: Some("bearer"),
        bearer_format: Some("JWT"),
        ..scheme()
    };
    registry.create_security_scheme("Admin", admin);
}

/// A caller that may open wallets: anybody, or, where there is a service key, one that knows it.
pub struct Opener;

impl Opener {
    fn read(request: &Request) -> Result<Self, ApiError> {
        let gate = Gate::of(request)?;
        let Some(ServiceKey(key)) = &gate.service_key else {
            gate.limits.admit(Class::Inits, source(request, &gate.proxies))?;
            return Ok(Self);
        };
        let given = request.headers().get(API_KEY).ok_or_else(key_wanted)?;
        // A source that has failed too often learns nothing more of the key.
        gate.limits.check(Class::Failures, source(request, &gate.proxies))?;
        verify_slices_are_equal(given.as_bytes(), key.as_bytes())
            .map_err(|_| gate.failed(request, key_wanted().noted_as(SecurityEvent::Key)))?;
        Ok(Self)
    }
}

impl<'a> ApiExtractor<'a> for Opener {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        let key = MetaSecurityScheme {
            ty: "apiKey",
            description: Some("The service key; only where the service is run with one, as in production."),
            name: Some("X-Api-Key"),
            key_in: Some("header"),
            ..scheme()
        };
        registry.create_security_scheme("ServiceKey", key);
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

/// A scheme in which nothing is set.
fn scheme() -> MetaSecurityScheme {
    MetaSecurityScheme {
        ty: "",
        description: None,
        name: None,
        key_in: None,
        scheme: None,
        bearer_format: None,
        flows: None,
        openid_connect_url: None,
    }
}
