//! The errors of the room.

use thiserror::Error;

use super::{password::Unfit, tokens::TokenError};
use crate::{accounts::AccountError, db::DbError};

/// Why a sign-in, a sign-up or a change was refused.
#[derive(Debug, Error)]
pub enum IdentityError {
    /// Another user has the address.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// The new password may not be chosen.
    #[error("the password is not fit")]
    Unfit(Unfit),
    /// Address and password do not belong together, the old password is wrong, or the refresh token is not accepted. It is not said which.
    #[error("the credentials are wrong")]
    WrongCredentials,
    /// The caller is no user, or has no such session.
    #[error("not found")]
    NotFound,
    /// The session has got too many tokens lately.
    #[error("too many tokens")]
    TooManyTokens,
    /// Something was written before Postgres could not be reached: the user, or another password.
    #[error("the outcome is not known: {0}")]
    OutcomeUnknown(DbError),
    /// Too many passwords are being hashed.
    #[error("too many passwords at once")]
    Busy,
    #[error(transparent)]
    Account(#[from] AccountError),
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error(transparent)]
    Db(#[from] DbError),
    /// A defect; the text is for the log.
    #[error("{0}")]
    Defect(String),
}
