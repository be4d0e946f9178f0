//! What became of the layers that were sent.

/// What became of one layer.
#[derive(Debug)]
pub(crate) struct LayerReceipt {
    /// The outcome in each repository, by its number within the push.
    pub(crate) outcomes: Vec<(usize, UploadOutcome)>,
    /// How many bytes were read for that.
    pub(crate) bytes_read: u64,
}

/// What became of a layer in one repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UploadOutcome {
    /// It came from another repository.
    Mounted,
    /// How many bytes of content were sent.
    Sent(u64),
}

/// What became of all layers that were sent.
#[derive(Debug)]
pub(crate) struct LayersReceipt {
    /// For each repository of the push.
    pub(crate) repositories: Vec<RepositoryReceipt>,
    /// How many bytes were read for that.
    pub(crate) bytes_read: u64,
}

/// What was sent to one repository.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct RepositoryReceipt {
    pub(crate) bytes: u64,
    /// How many layers were mounted from another repository instead.
    pub(crate) mounted: usize,
}

impl LayersReceipt {
    /// Nothing so far, in a push to so many repositories.
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
