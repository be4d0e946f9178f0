//! The outcome of sending layers.

/// The outcome of one layer.
#[derive(Debug)]
pub(crate) struct LayerReceipt {
    /// The outcome in each repository, by its number within the push.
    pub(crate) outcomes: Vec<(usize, UploadOutcome)>,
    /// How many bytes were read.
    pub(crate) bytes_read: u64,
}

/// The outcome of one layer in one repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UploadOutcome {
    /// The registry mounted the layer from another repository.
    Mounted,
    /// The push sent this many bytes of content.
    Sent(u64),
}

/// The outcome of all layers.
#[derive(Debug)]
pub(crate) struct LayersReceipt {
    /// The outcome in each repository of the push.
    pub(crate) repositories: Vec<RepositoryReceipt>,
    /// How many bytes were read.
    pub(crate) bytes_read: u64,
}

/// The outcome of all layers in one repository.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct RepositoryReceipt {
    pub(crate) bytes: u64,
    /// How many layers were mounted from another repository instead.
    pub(crate) mounted: usize,
}

impl LayersReceipt {
    /// Creates an empty receipt for a push to this many repositories.
    pub(crate) fn new(repositories: usize) -> Self {
        Self { repositories: vec![RepositoryReceipt::default(); repositories], bytes_read: 0 }
    }

    pub(crate) fn add(&mut self, layer: LayerReceipt) {
        self.bytes_read += layer.bytes_read;
        for (at, outcome) in layer.outcomes {
            match outcome {
                UploadOutcome::Mounted => self.repositories[at].mounted += 1,
                UploadOutcome::Sent(bytes) => self.repositories[at].bytes += bytes,
            }
        }
    }
}
