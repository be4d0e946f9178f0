//! What a push may be asked to do differently.

use crate::wire::new_repository::NewRepository;

/// Whether a push looks up what is in the repository, with `ecr:BatchGetImage`; see
/// [`Push::look_up`](crate::Push::look_up).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LookUp {
    /// Never: a policy of the five actions that a push can't do without is enough, and nothing is
    /// refused. Manifests are put whether they are there or not.
    Never,
    /// Yes; where the policy doesn't allow it, the push goes on as with [`Never`](Self::Never).
    #[default]
    WhereAllowed,
}

/// What becomes of a push into a repository that doesn't exist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum MissingRepository {
    Create(NewRepository),
    #[default]
    Fail,
}
