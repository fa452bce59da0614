//! Configuration: the only room that reads the environment. `.env.example` explains every variable.

mod bank;
mod defaults;
mod load;
mod misspelled;
mod production;
mod read;
mod reader;
mod settings;
#[cfg(test)]
mod tests;
mod urls;
mod values;

pub use defaults::{
    DEVELOPMENT_BANK_TOKEN, DEVELOPMENT_BANK_WEBHOOK_SECRET, DEVELOPMENT_JWT_SECRET, VARIABLES,
};
pub use settings::{
    AppEnv, BankAccess, Compression, Config, ConfigError, KafkaLogin, KafkaSecurity, LogFormat,
    SaslMechanism, Secret, Topics,
};
