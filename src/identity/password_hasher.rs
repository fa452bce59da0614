//! Hashing passwords: slow on purpose, so off the threads of requests, and no more at once than there are cores.

use std::{sync::Arc, thread, time::Duration};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use tokio::{
    sync::{OnceCell, Semaphore},
    task::spawn_blocking,
    time::timeout,
};

use super::{error::IdentityError, password::Password};

/// Timeout of a password's turn.
const TURN_TIMEOUT: Duration = Duration::from_secs(1);

/// What a hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashCost {
    /// In KiB.
    pub memory: u32,
    pub passes: u32,
}

/// Hashes and verifies passwords by Argon2id (RFC 9106) with one lane.
pub struct PasswordHasher {
    argon2: Argon2<'static>,
    turns: Arc<Semaphore>,
    /// The hash of no password, for users who do not exist.
    of_none: OnceCell<String>,
}

/// What comes of a password and a stored hash.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Verified {
    Wrong,
    /// Right; with another hash to store, if the stored one has not the cost of today.
    Right {
        rehashed: Option<String>,
    },
}

impl PasswordHasher {
    /// A hasher of this cost.
    pub fn new(cost: HashCost) -> Result<Self, IdentityError> {
        let params = Params::new(cost.memory, cost.passes, 1, None).map_err(defect)?;
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            turns: Arc::new(Semaphore::new(cores)),
            of_none: OnceCell::new(),
        })
    }

    /// The hash of a new password that fits somebody of whom these words are known, as a PHC string.
    pub async fn hash_new(&self, password: Password, known: Vec<String>) -> Result<String, IdentityError> {
        let argon2 = self.argon2.clone();
        self.in_turn(move || {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            password.fits(&known).map_err(IdentityError::Unfit)?;
            hash(&argon2, &password)
        })
        .await
    }

    /// Compares a password with a stored hash. Without one it takes the same time, and is wrong.
    pub async fn verify(
        &self,
        password: Password,
        stored: Option<String>,
    ) -> Result<Verified, IdentityError> {
        let of_none = self.of_none.get_or_try_init(|| self.hash_of_none()).await?.clone();
        let argon2 = self.argon2.clone();
        self.in_turn(move || {
            let is_known = stored.is_some();
            let stored = stored.unwrap_or(of_none);
            let hash_of = PasswordHash::new(&stored).map_err(defect)?;
            let is_right = argon2.verify_password(password.as_bytes(), &hash_of).is_ok() && is_known;
            if !is_right {
                return Ok(Verified::Wrong);
            }
            let is_of_today =
                Params::try_from(&hash_of).is_ok_and(|params| cost(&params) == cost(argon2.params()));
            let rehashed = (!is_of_today).then(|| hash(&argon2, &password)).transpose()?;
            Ok(Verified::Right { rehashed })
        })
        .await
    }

    async fn hash_of_none(&self) -> Result<String, IdentityError> {
        let argon2 = self.argon2.clone();
        let no_password =
            Password::typed("").ok_or_else(|| IdentityError::Defect("no password".to_owned()))?;
        self.in_turn(move || hash(&argon2, &no_password)).await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, IdentityError> + Send + 'static,
    ) -> Result<T, IdentityError> {
        let turn = timeout(TURN_TIMEOUT, Arc::clone(&self.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Err(IdentityError::Busy) };
        let done = spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        done.await.map_err(defect)?
    }
}

fn hash(argon2: &Argon2<'_>, password: &Password) -> Result<String, IdentityError> {
    argon2.hash_password(password.as_bytes()).map(|hash| hash.to_string()).map_err(defect)
}

fn cost(params: &Params) -> (u32, u32, u32) {
    (params.m_cost(), params.t_cost(), params.p_cost())
}

fn defect(error: impl std::fmt::Display) -> IdentityError {
    IdentityError::Defect(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher(memory: u32) -> PasswordHasher {
        PasswordHasher::new(HashCost { memory, passes: 1 }).unwrap()
    }

    fn password(text: &str) -> Password {
        Password::typed(text).unwrap()
    }

    #[tokio::test]
    async fn a_password_is_verified_by_its_hash_and_hashed_again_at_another_cost() {
        let (before, now) = (hasher(64), hasher(128));
        let stored = before.hash_new(password("correct horse battery"), vec![]).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{stored}");
        let verify = async |hasher: &PasswordHasher, text: &str, stored: Option<&String>| {
            hasher.verify(password(text), stored.cloned()).await.unwrap()
        };
        let right = Verified::Right { rehashed: None };
        assert_eq!(verify(&before, "correct horse battery", Some(&stored)).await, right);
        assert_eq!(verify(&before, "correct horse batterz", Some(&stored)).await, Verified::Wrong);
        for text in ["", "correct horse battery"] {
            assert_eq!(verify(&before, text, None).await, Verified::Wrong);
        }
        let Verified::Right { rehashed: Some(again) } =
            verify(&now, "correct horse battery", Some(&stored)).await
        else {
            panic!("the cost has changed")
        };
        assert!(again.starts_with("$argon2id$v=19$m=128,t=1,p=1$"), "{again}");
        assert_eq!(verify(&now, "correct horse battery", Some(&again)).await, right);
    }

    #[tokio::test]
    async fn a_password_that_waits_for_too_long_is_refused() {
        let hasher = hasher(64);
        let all = hasher.turns.available_permits();
        let _taken = Arc::clone(&hasher.turns).acquire_many_owned(u32::try_from(all).unwrap()).await.unwrap();
        let hashed = hasher.hash_new(password("correct horse battery"), vec![]).await;
        assert!(matches!(hashed, Err(IdentityError::Busy)), "{hashed:?}");
    }
}
