//! IAM: who may do what. Without a policy, everything; with one, what it allows and no more.

mod access;
mod pattern;
mod policy;
mod principals;

pub use crate::iam::policy::InvalidPolicy;

pub(crate) use crate::iam::access::{Access, of_ecs, passed_roles};
pub(crate) use crate::iam::pattern::covers;
pub(crate) use crate::iam::policy::Policy;
pub(crate) use crate::iam::principals::{Principals, Role, Temporary};
