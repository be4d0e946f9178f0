//! [`Pusher`]: the clients, tokens and memory that all pushes of one configuration share.

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
use crate::wire::registry::renewals::Renewals;
use crate::wire::transport::{RegistryEndpoint, Transport};

/// A pusher of images with one configuration: credentials, HTTP client, retries.
///
/// A push goes to the region of its repository, even if the configuration has another one. If the
/// repository's host is a FIPS or dual-stack host, the push uses that kind of endpoint. A pusher is
/// cheap to clone: clones share their clients and one memory limit, see
/// [`memory_limit`](Self::memory_limit).
///
/// Without a timeout in the configuration, the SDK's clients wait forever for a response.
#[derive(Debug, Clone)]
pub struct Pusher {
    account: Account,
    /// The accounts with a configuration of their own, by account id.
    accounts: HashMap<String, Account>,
    pub(super) registry: Option<RegistryEndpoint>,
    pub(super) memory: Arc<Memory>,
    pace: Arc<Pace>,
}

/// The clients and tokens for one set of credentials.
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
    /// Creates a pusher with the credentials and the HTTP client of `config`, as returned by
    /// `aws_config::load_…`.
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            account: Account::new(config),
            accounts: HashMap::new(),
            registry: None,
            memory: Arc::new(Memory::new(DEFAULT_LIMIT)),
            pace: Arc::default(),
        }
    }

    /// Uses another configuration for the account of `repository`, in every region. Usually its
    /// credentials are those of a role in that account, from `aws_config::sts::AssumeRoleProvider`.
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

    /// Sends the requests of [`Transport::Registry`] to this address instead of the host of each
    /// repository's URI. This doesn't affect [`Transport::Api`], whose endpoint comes from the
    /// configuration.
    ///
    /// ECR's token is sent to this address as well, unless the endpoint is
    /// [anonymous](RegistryEndpoint::anonymous) or has [another login](RegistryEndpoint::login).
    /// Over `http://`, everyone on the network path can read the token.
    #[must_use]
    pub fn registry_endpoint(mut self, endpoint: RegistryEndpoint) -> Self {
        self.registry = Some(endpoint);
        self
    }

    /// Limits the memory for parts in flight, in bytes. The limit covers all pushes of this pusher
    /// and of the clones made from it after this call. The default is 82 MiB.
    ///
    /// While a part is sent to a repository, it takes 4/3 of its size, which usually is 10 MiB and
    /// at most 20 MiB. Up to two further parts of the layer are read ahead if memory allows, and
    /// take as much each. So 82 MiB hold six parts: one each of six layers, or three each of two
    /// layers with read-ahead. If one part, for all its repositories, is larger than the limit, the
    /// push sends it while no other part is in flight. At most 16 layers are in flight at once.
    ///
    /// In addition, a push holds its image's manifests, up to 384 KiB for each layer in flight, and
    /// the buffers of the SDK's HTTP client.
    ///
    /// [`Transport::Registry`] has no parts, and the limit doesn't apply to it. It sends four
    /// layers of 10 MiB or more at once, or 16 smaller ones. At most 16 layers are in flight; each
    /// has up to three pieces of 512 KiB and the buffers of the HTTP client.
    #[must_use]
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.memory = Arc::new(Memory::new(bytes));
        self
    }

    /// Returns the destination for `repository`.
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
            renewals: Renewals::default(),
        };
        Destination::Registry(Arc::new(Registry::new(api, http, source, self.pace.clone())))
    }
}

/// Returns whether layers of one repository can be mounted in the other.
pub(super) fn shares_registry(one: &Repository, other: &Repository) -> bool {
    one.account() == other.account() && one.region() == other.region()
}
