//! [`Ecs`]: the client that makes all calls to ECS.

use std::sync::Arc;

use aws_sdk_ecs::Client;

use crate::ecs::body_limit::BodyLimit;
use crate::ecs::snapshots::Snapshots;
use crate::ecs::turns::Turns;

/// The client for ECS in one region and account. Clones share one SDK client.
#[derive(Debug, Clone)]
pub(crate) struct Ecs {
    connection: Arc<Connection>,
}

#[derive(Debug)]
struct Connection {
    client: Client,
    snapshots: Snapshots,
    turns: Turns,
}

impl Ecs {
    /// Creates a client with the configuration of `client` and a limit for responses.
    pub(crate) fn new(client: Client) -> Self {
        let config = client.config().to_builder().interceptor(BodyLimit).build();
        let client = Client::from_conf(config);
        let (snapshots, turns) = (Snapshots::default(), Turns::default());
        Self { connection: Arc::new(Connection { client, snapshots, turns }) }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.connection.client
    }

    /// Returns the recent descriptions of services from which revisions were copied.
    pub(crate) fn snapshots(&self) -> &Snapshots {
        &self.connection.snapshots
    }

    /// Returns the budget of the calls that begin rollouts.
    pub(crate) fn turns(&self) -> &Turns {
        &self.connection.turns
    }

    /// Returns the configuration's region, for error messages.
    pub(crate) fn region(&self) -> String {
        let region = self.client().config().region();
        region.map_or_else(|| "no region".to_owned(), |region| region.to_string())
    }

    /// Returns whether `other` is a clone of this client.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.connection, &other.connection)
    }
}
