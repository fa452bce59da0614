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

use super::{ApiError, catalogue::Code, failure::Detail, headers::API_KEY};
use crate::{
    identity::{Identity, Principal, Scope, Subject},
    kernel::ids::{WalletId, Xid},
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
}

impl Gate {
    /// A gate that asks `identity`, and for the service key if there is one.
    #[must_use]
    pub fn new(identity: Arc<dyn Identity>, service_key: Option<ServiceKey>) -> Self {
        Self(Arc::new(GateParts { identity, service_key }))
    }

    fn of(request: &Request) -> Result<&GateParts, ApiError> {
        request
            .data::<Gate>()
            .map(|gate| &*gate.0)
            .ok_or_else(|| ApiError::internal("a route without its gate"))
    }
}

/// A customer, by a token for one wallet.
pub struct Customer {
    pub xid: Xid,
    pub wallet: WalletId,
}

impl Customer {
    fn read(request: &Request) -> Result<Self, ApiError> {
        match allowed(request, Scope::Wallet)? {
            Subject::Customer { xid, wallet } => Ok(Self { xid, wallet }),
            Subject::Service { .. } => Err(insufficient(Scope::Wallet)),
        }
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
            Subject::Customer { .. } => Err(insufficient(Scope::Service)),
        }
    }

    /// Who asks, as the ledger remembers it.
    pub fn actor(&self) -> String {
        format!("service:{}", self.name)
    }
}

/// Whose token it is, if it has this scope.
fn allowed(request: &Request, scope: Scope) -> Result<Subject, ApiError> {
    let token = token(request)?;
    let Principal { subject, scopes, .. } = Gate::of(request)?.identity.authenticate(token)?;
    if scopes.contains(&scope) { Ok(subject) } else { Err(insufficient(scope)) }
}

/// The one token in `Authorization: Bearer …` or `Authorization: Token …`.
fn token(request: &Request) -> Result<&str, ApiError> {
    let mut values = request.headers().get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or(Code::Unauthorized)?;
    let value = value.to_str().ok().filter(|_| values.next().is_none()).ok_or_else(invalid_token)?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("bearer") && !scheme.eq_ignore_ascii_case("token") {
        return Err(Code::Unauthorized.into());
    }
    Some(token.trim_matches(' ')).filter(|token| !token.is_empty()).ok_or_else(invalid_token)
}

/// There is a token, and it is none of ours that holds now (RFC 6750, section 3.1). It is not said why.
pub fn invalid_token() -> ApiError {
    let challenge = "Bearer realm=\"wallet\", error=\"invalid_token\"";
    ApiError::new(Code::Unauthorized, Detail::Challenge(HeaderValue::from_static(challenge)))
}

/// The token is right, and does not have this scope (RFC 6750, section 3.1).
fn insufficient(scope: Scope) -> ApiError {
    let challenge = match scope {
        Scope::Wallet => "Bearer realm=\"wallet\", error=\"insufficient_scope\", scope=\"wallet\"",
        Scope::Service => "Bearer realm=\"wallet\", error=\"insufficient_scope\", scope=\"service\"",
    };
    ApiError::new(Code::InsufficientScope, Detail::Challenge(HeaderValue::from_static(challenge)))
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

/// Whoever may open wallets: anybody, or who knows the service key, if there is one.
pub struct Opener;

impl Opener {
    fn read(request: &Request) -> Result<Self, ApiError> {
        let Some(ServiceKey(key)) = &Gate::of(request)?.service_key else { return Ok(Self) };
        let given = request.headers().get(API_KEY).ok_or_else(key_wanted)?;
        verify_slices_are_equal(given.as_bytes(), key.as_bytes()).map_err(|_| key_wanted())?;
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
