//! [`Pusher`]: what all pushes of one configuration share.

use std::collections::HashMap;
use std::sync::Arc;

use aws_types::SdkConfig;

use crate::aws::clients::Clients;
use crate::aws::pace::Pace;
use crate::login::token::TokenProvider;
use crate::names::repository::Repository;
use crate::report::Reporter;
use crate::upload::memory::{DEFAULT_LIMIT, Memory};
use crate::wire::api::Calls;
use crate::wire::destination::Destination;
use crate::wire::registry::Registry;
use crate::wire::registry::http::Http;
use crate::wire::transport::{RegistryEndpoint, Transport};

/// Pushes images with one configuration: credentials, HTTP client, retries.
///
/// A push goes to the region of its repository, whatever region the configuration has, and to the
/// FIPS or dual-stack endpoint where its host is of that kind. Cheap to clone: clones share their
/// clients and one bound on what is in flight, see [`memory_limit`](Self::memory_limit).
///
/// The SDK's clients wait for an answer for ever unless the configuration has a time-out.
#[derive(Debug, Clone)]
pub struct Pusher {
    account: Account,
    /// By account, where it has a configuration of its own.
    accounts: HashMap<String, Account>,
    pub(super) registry: Option<RegistryEndpoint>,
    pub(super) memory: Arc<Memory>,
    pace: Arc<Pace>,
}

/// What there is for each set of credentials.
#[derive(Debug, Clone)]
struct Account {
    clients: Arc<Clients>,
    tokens: TokenProvider,
}

impl Account {
    fn new(config: &SdkConfig) -> Self {
        let clients = Arc::new(Clients::new(config));
        Self { tokens: TokenProvider::from_clients(clients.clone()), clients }
    }
}

impl Pusher {
    /// A pusher with the credentials and the HTTP client of `config`, as `aws_config::load_…`
    /// returns it.
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            account: Account::new(config),
            accounts: HashMap::new(),
            registry: None,
            memory: Arc::new(Memory::new(DEFAULT_LIMIT)),
            pace: Arc::default(),
        }
    }

    /// Pushes to the account of `repository`, in every region, with another configuration: as a rule
    /// one whose credentials are those of a role in that account, from
    /// `aws_config::sts::AssumeRoleProvider`.
    ///
    /// ```
    /// use ecr_push::{Pusher, Repository};
    ///
    /// # type Config = aws_types::SdkConfig;
    /// # fn pusher(config: &Config, theirs: &Repository, of_a_role: &Config) {
    /// let pusher = Pusher::new(config).for_account_of(theirs, of_a_role);
    /// # let _ = pusher;
    /// # }
    /// ```
    #[must_use]
    pub fn for_account_of(mut self, repository: &Repository, config: &SdkConfig) -> Self {
        let account = repository.account().to_owned();
        self.accounts.insert(account, Account::new(config));
        self
    }

    /// Sends what goes by [`Transport::Registry`] to this address, in place of the host of each
    /// repository's URI. [`Transport::Api`] isn't concerned: its endpoint is the configuration's.
    ///
    /// The token of ECR goes to this address, then, unless it [takes no
    /// login](RegistryEndpoint::anonymous) or [another one](RegistryEndpoint::login): by `http://`,
    /// whoever is on the way can read it.
    #[must_use]
    pub fn registry_endpoint(mut self, endpoint: RegistryEndpoint) -> Self {
        self.registry = Some(endpoint);
        self
    }

    /// Bounds the memory for parts on their way, in bytes, for all pushes of this pusher and of
    /// the clones that are made of it from now on, together. 82 MiB unless set.
    ///
    /// A part of a layer takes 4/3 of its size, which is 10 MiB as a rule and at most 20 MiB, while
    /// it is sent to a repository, and as much for each of the next two, which are read ahead as far
    /// as there is room. So 82 MiB are six parts: six layers at once, or two that are read ahead.
    /// A part that takes more than the limit goes alone, and one that goes to so many repositories
    /// at once that all of its copies do. At most 16 layers are on their way at once.
    ///
    /// Beside that, a push holds its image's manifests, up to 384 KiB for each layer on its way, and
    /// what the SDK's HTTP client buffers.
    ///
    /// By [`Transport::Registry`] there are no parts. Four layers of 10 MiB and more are sent at once,
    /// or 16 smaller ones; each of the 16 at most that are on their way has up to three pieces of
    /// 512 KiB, and what the HTTP client buffers, whatever the limit is.
    #[must_use]
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.memory = Arc::new(Memory::new(bytes));
        self
    }

    /// How a push reaches `repository`.
    pub(super) fn destination(
        &self,
        repository: Repository,
        transport: Transport,
        mount_from: Option<&Repository>,
        reporter: &Reporter,
    ) -> Destination {
        let account = self.accounts.get(repository.account()).unwrap_or(&self.account);
        let calls = || {
            let client = account.clients.client(&repository);
            Calls::new(client, repository.clone(), self.pace.clone(), reporter.clone())
        };
        if transport == Transport::Api {
            return Destination::Api(Arc::new(calls()));
        }
        let of_host = || RegistryEndpoint::from_host(repository.host());
        let endpoint = self.registry.clone().unwrap_or_else(of_host);
        let api = endpoint.is_ecr().then(calls);
        let source = mount_from.filter(|source| shares_registry(source, &repository));
        let source = source.map(|source| source.name().to_owned());
        let http = Http {
            config: account.clients.config().clone(),
            endpoint,
            tokens: account.tokens.clone(),
            repository,
            reporter: reporter.clone(),
        };
        Destination::Registry(Arc::new(Registry::new(api, http, source, self.pace.clone())))
    }
}

/// Whether layers can be mounted from one in the other.
pub(super) fn shares_registry(one: &Repository, other: &Repository) -> bool {
    one.account() == other.account() && one.region() == other.region()
}
