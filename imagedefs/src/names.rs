//! The names in image definitions: containers, image references, hosts of Amazon ECR.

pub(crate) mod container_name;
pub(crate) mod ecr;
pub(crate) mod image_uri;
