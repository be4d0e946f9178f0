//! Who is calling, and tokens for what speaks Docker's protocol.
//!
//! A push needs none of this. [`TokenProvider`] gets the token with which Docker and other clients log
//! in to a registry, and renews it before its end; [`DockerConfig`] writes it where they look for it.
//! [`Repository::from_caller`](crate::Repository::from_caller) names a repository in the registry of
//! the account that the credentials belong to.

pub(crate) mod cache;
mod caller;
mod docker_config;
mod secret;
pub(crate) mod token;

pub use self::docker_config::DockerConfig;
pub use self::token::{Token, TokenProvider};
