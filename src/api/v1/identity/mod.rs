//! For people: signing up and in, and what they say of themselves.

mod me;
mod session_tokens;
mod sessions;
mod users;

use std::sync::Arc;

use self::{me::MeApi, sessions::SessionsApi, users::UsersApi};
use crate::{
    api::document::OperationDoc,
    identity::{Sessions, Users},
};

/// The operations.
pub type Apis = (UsersApi, SessionsApi, MeApi);

/// The operations over these services.
pub fn apis(users: &Arc<dyn Users>, sessions: Arc<dyn Sessions>) -> Apis {
    (UsersApi { users: Arc::clone(users) }, SessionsApi { sessions }, MeApi { users: Arc::clone(users) })
}

/// The documentation of the operations, in addition to their types.
pub fn operation_docs() -> Vec<OperationDoc> {
    [users::operation_docs(), sessions::operation_docs(), me::operation_docs()]
        .into_iter()
        .flatten()
        .collect()
}
