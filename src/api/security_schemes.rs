//! The security schemes of the document.

use poem_openapi::registry::{MetaSecurityScheme, Registry};

/// Those of a customer's token.
pub fn customer(registry: &mut Registry) {
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
        description: Some("The same token with the scheme `Token`: `Token <jwt>`."),
        name: Some("Authorization"),
        key_in: Some("header"),
        ..scheme()
    };
    registry.create_security_scheme("Token", token);
}

/// That of a service's token.
pub fn service(registry: &mut Registry) {
    let service = MetaSecurityScheme {
        ty: "http",
        description: Some("A service's token, as `wallet token --scope service` prints it."),
        scheme: Some("bearer"),
        bearer_format: Some("JWT"),
        ..scheme()
    };
    registry.create_security_scheme("Service", service);
}

/// That of an administrator's token.
pub fn admin(registry: &mut Registry) {
    let admin = MetaSecurityScheme {
        ty: "http",
        description: Some("An administrator's token, as `wallet token --scope admin --name NAME` prints it."),
        scheme: Some("bearer"),
        bearer_format: Some("JWT"),
        ..scheme()
    };
    registry.create_security_scheme("Admin", admin);
}

/// That of the service key.
pub fn service_key(registry: &mut Registry) {
    let key = MetaSecurityScheme {
        ty: "apiKey",
        description: Some("The service key; only where the service is run with one, as in production."),
        name: Some("X-Api-Key"),
        key_in: Some("header"),
        ..scheme()
    };
    registry.create_security_scheme("ServiceKey", key);
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
