//! Authentication: tokens and their scopes.

mod service;
mod tokens;

pub use service::{Identity, IdentityError, IdentityService};
pub use tokens::{Principal, Scope, Subject, TokenError, Tokens, Unauthorized};
