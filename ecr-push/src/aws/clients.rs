//! The SDK clients: one for each endpoint, configured for pushes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::Region;
use aws_types::SdkConfig;

use crate::aws::bounded::bounded;
use crate::aws::retries::QuotasAreFinal;
use crate::names::host::Endpoint;
use crate::names::repository::Repository;

/// The clients of one configuration, created on first use.
#[derive(Debug)]
pub(crate) struct Clients {
    config: SdkConfig,
    made: Mutex<HashMap<Endpoint, Client>>,
}

impl Clients {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self { config: bounded(config), made: Mutex::default() }
    }

    pub(crate) fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// Returns the client for the repository's registry: its region and its type of endpoint.
    pub(crate) fn client(&self, repository: &Repository) -> Client {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let make = |endpoint: &Endpoint| {
            let Endpoint { region, fips, dual_stack } = endpoint;
            let mut config = aws_sdk_ecr::config::Builder::from(&self.config)
                .region(Region::new(region.clone()))
                .retry_classifier(QuotasAreFinal);
            // A standard host doesn't override the configuration: if the configuration asks for
            // FIPS or dual stack, that stays.
            if *fips {
                config = config.use_fips(true);
            }
            if *dual_stack {
                config = config.use_dual_stack(true);
            }
            Client::from_conf(config.build())
        };
        made.entry(repository.endpoint()).or_insert_with_key(make).clone()
    }
}
