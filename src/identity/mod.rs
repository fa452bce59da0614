//! Authentication: tokens and their scopes, users with their passwords, sessions, and what was revoked.

mod error;
mod password;
mod password_hasher;
mod profile;
mod refresh_token;
mod revocation_worker;
mod revocations;
mod rotation;
mod service;
pub mod session_expiry;
mod sessions;
pub mod store;
mod tokens;
mod users;

pub use error::IdentityError;
pub use password::{PASSWORD_LENGTH, Password, Unfit};
pub use password_hasher::{HashCost, PasswordHasher};
pub use profile::{DisplayName, LANGUAGE_LENGTH, Language, NAME_LENGTH};
pub use refresh_token::RefreshToken;
pub use revocation_worker::RevocationWorker;
pub use revocations::Revocations;
pub use service::{Identity, IdentityService, IdentityServiceParameters};
pub use sessions::{CheckedUser, Sessions, SessionsService, SessionsServiceParameters, SignIn, SignedIn};
pub use store::{Lifetime, OpenSession, RevocationTtl};
pub use tokens::{AccessToken, Principal, Scope, Subject, TokenError, Tokens, Unauthorized};
pub use users::{Profile, ProfileChange, SignUp, UserProfile, Users, UsersService, UsersServiceParameters};
