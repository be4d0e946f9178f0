//! Who is calling, and what Docker's protocol wants for a login.

mod cache;
mod caller;
pub(crate) mod docker_config;
mod secret;
pub(crate) mod token;
