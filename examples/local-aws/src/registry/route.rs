//! What a request asks for: read from its host, its method, its path and its query.

use http::{Method, Uri};

use crate::caller::{ACCOUNT, Partition};
use crate::ecr::constraints;
use crate::local::LocalAws;

/// The registry of one account in one region, by its host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Registry {
    pub(crate) account: String,
    pub(crate) region: String,
}

/// An operation on a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    /// Empty for what is on none.
    pub(super) repository: String,
    pub(super) operation: Operation,
}

/// The operations of the OCI distribution specification, and the requests that are none of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operation {
    DeleteManifest {
        reference: String,
    },
    GetBlob {
        digest: String,
    },
    GetManifest {
        reference: String,
    },
    HeadBlob {
        digest: String,
    },
    HeadManifest {
        reference: String,
    },
    ListTags {
        most: Option<String>,
        last: Option<String>,
    },
    MountBlob {
        digest: String,
        from: String,
    },
    PatchUpload {
        id: String,
    },
    Ping,
    PutManifest {
        reference: String,
    },
    PutUpload {
        id: String,
        digest: Option<String>,
    },
    StartUpload,
    /// No path of the protocol.
    Unknown,
    /// What the protocol has and ECR doesn't, by the name that it would have here.
    Unsupported(&'static str),
}

impl Registry {
    /// The emulator's own, for requests by an address that says nothing.
    pub(crate) fn local() -> Self {
        Self { account: ACCOUNT.to_owned(), region: LocalAws::REGION.to_owned() }
    }

    /// The registry of a host with or without a port. ECR's user guide and its endpoint rules have
    /// `ACCOUNT.dkr.ecr.REGION.SUFFIX`, with `ecr-fips` for FIPS, and for dual stack
    /// `ACCOUNT.dkr-ecr.REGION.on.aws`.
    pub(crate) fn of_host(host: &str) -> Option<Self> {
        let host = host.split_once(':').map_or(host, |(host, _)| host);
        let (account, rest) = host.split_once('.')?;
        constraints::check_registry(account).ok()?;
        let (dual_stack, rest) = ["dkr.ecr.", "dkr.ecr-fips."]
            .iter()
            .find_map(|prefix| Some((false, rest.strip_prefix(prefix)?)))
            .or_else(|| {
                let prefixes = ["dkr-ecr.", "dkr-ecr-fips."];
                prefixes.iter().find_map(|prefix| Some((true, rest.strip_prefix(prefix)?)))
            })?;
        let (region, suffix) = rest.split_once('.')?;
        let partition = Partition::of_region(region);
        let expected = match (dual_stack, partition.name) {
            (false, _) => partition.dns_suffix,
            (true, "aws-cn") => "on.amazonwebservices.com.cn",
            (true, _) => "on.aws",
        };
        let registry = Self { account: account.to_owned(), region: region.to_owned() };
        (suffix == expected).then_some(registry)
    }
}

impl Route {
    pub(super) fn of(method: &Method, uri: &Uri) -> Self {
        let on =
            |repository: &str, operation| Self { repository: repository.to_owned(), operation };
        let Some(path) = uri.path().strip_prefix("/v2") else {
            return on("", Operation::Unknown);
        };
        if matches!(path, "" | "/") {
            return match *method {
                Method::GET | Method::HEAD => on("", Operation::Ping),
                _ => on("", Operation::Unsupported("Ping")),
            };
        }
        // A repository's name has slashes of its own: what follows it is found from the end.
        let path = path.trim_start_matches('/');
        if let Some(repository) = path.strip_suffix("/tags/list") {
            return match *method {
                Method::GET => {
                    let (most, last) = (parameter(uri, "n"), parameter(uri, "last"));
                    on(repository, Operation::ListTags { most, last })
                }
                _ => on(repository, Operation::Unsupported("ListTags")),
            };
        }
        let uploads = path.strip_suffix('/').unwrap_or(path);
        if let Some(repository) = uploads.strip_suffix("/blobs/uploads") {
            return on(repository, Operation::on_uploads(method, uri));
        }
        let Some((rest, last)) = path.rsplit_once('/') else {
            return on("", Operation::Unknown);
        };
        if let Some(repository) = rest.strip_suffix("/blobs/uploads") {
            on(repository, Operation::on_upload(method, uri, last))
        } else if let Some(repository) = rest.strip_suffix("/blobs") {
            on(repository, Operation::on_blob(method, last))
        } else if let Some(repository) = rest.strip_suffix("/manifests") {
            on(repository, Operation::on_manifest(method, last))
        } else {
            on("", Operation::Unknown)
        }
    }
}

impl Operation {
    /// What the journal and faults call it.
    pub(super) fn name(&self) -> String {
        let name = match self {
            Self::DeleteManifest { .. } => "DeleteManifest",
            Self::GetBlob { .. } => "GetBlob",
            Self::GetManifest { .. } => "GetManifest",
            Self::HeadBlob { .. } => "HeadBlob",
            Self::HeadManifest { .. } => "HeadManifest",
            Self::ListTags { .. } => "ListTags",
            Self::MountBlob { .. } => "MountBlob",
            Self::PatchUpload { .. } => "PatchUpload",
            Self::Ping => "Ping",
            Self::PutManifest { .. } => "PutManifest",
            Self::PutUpload { .. } => "PutUpload",
            Self::StartUpload => "StartUpload",
            Self::Unknown => "Unknown",
            Self::Unsupported(name) => name,
        };
        format!("V2.{name}")
    }

    /// The operation of ECR's API whose permission and quota it takes: the actions that ECR's user
    /// guide lists for pushing and for pulling an image. Which one takes which is inferred from
    /// the refusals that users report.
    pub(super) fn in_api(&self) -> Option<&'static str> {
        match self {
            Self::DeleteManifest { .. } => Some("BatchDeleteImage"),
            Self::GetBlob { .. } => Some("GetDownloadUrlForLayer"),
            Self::GetManifest { .. } | Self::HeadManifest { .. } => Some("BatchGetImage"),
            Self::HeadBlob { .. } => Some("BatchCheckLayerAvailability"),
            Self::ListTags { .. } => Some("ListImages"),
            Self::MountBlob { .. } | Self::StartUpload => Some("InitiateLayerUpload"),
            Self::PatchUpload { .. } => Some("UploadLayerPart"),
            Self::PutManifest { .. } => Some("PutImage"),
            Self::PutUpload { .. } => Some("CompleteLayerUpload"),
            Self::Ping | Self::Unknown | Self::Unsupported(_) => None,
        }
    }

    /// Whether it is a step of an upload.
    pub(super) fn uploads(&self) -> bool {
        matches!(
            self,
            Self::MountBlob { .. }
                | Self::PatchUpload { .. }
                | Self::PutUpload { .. }
                | Self::StartUpload
        )
    }

    fn on_uploads(method: &Method, uri: &Uri) -> Self {
        if method != Method::POST {
            return Self::Unsupported("StartUpload");
        }
        // Whether ECR takes a blob in one POST with `?digest=` is neither documented nor reported.
        // The specification lets a registry start an upload instead.
        match (parameter(uri, "mount"), parameter(uri, "from")) {
            (Some(digest), Some(from)) => Self::MountBlob { digest, from },
            _ => Self::StartUpload,
        }
    }

    /// ECR's API has nothing that tells how far an upload is, or ends one: that its registry has
    /// neither is inferred.
    fn on_upload(method: &Method, uri: &Uri, id: &str) -> Self {
        let id = id.to_owned();
        match *method {
            Method::DELETE => Self::Unsupported("DeleteUpload"),
            Method::GET => Self::Unsupported("GetUpload"),
            Method::PATCH => Self::PatchUpload { id },
            Method::PUT => Self::PutUpload { id, digest: parameter(uri, "digest") },
            _ => Self::Unsupported("PatchUpload"),
        }
    }

    /// ECR's API has nothing that deletes a layer: that its registry doesn't is inferred.
    fn on_blob(method: &Method, digest: &str) -> Self {
        let digest = digest.to_owned();
        match *method {
            Method::DELETE => Self::Unsupported("DeleteBlob"),
            Method::GET => Self::GetBlob { digest },
            Method::HEAD => Self::HeadBlob { digest },
            _ => Self::Unsupported("GetBlob"),
        }
    }

    fn on_manifest(method: &Method, reference: &str) -> Self {
        let reference = reference.to_owned();
        match *method {
            Method::DELETE => Self::DeleteManifest { reference },
            Method::GET => Self::GetManifest { reference },
            Method::HEAD => Self::HeadManifest { reference },
            Method::PUT => Self::PutManifest { reference },
            _ => Self::Unsupported("PutManifest"),
        }
    }
}

fn parameter(uri: &Uri, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    pairs.find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_names_its_registry() {
        for (host, region) in [
            ("123456789012.dkr.ecr.us-east-1.amazonaws.com", "us-east-1"),
            ("123456789012.dkr.ecr.us-east-1.amazonaws.com:443", "us-east-1"),
            ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
            ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            ("123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
            ("123456789012.dkr-ecr.eu-west-1.on.aws", "eu-west-1"),
            ("123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn", "cn-north-1"),
        ] {
            let registry = Registry::of_host(host).unwrap();
            assert_eq!(
                (registry.account.as_str(), registry.region.as_str()),
                ("123456789012", region)
            );
        }
        for host in [
            "127.0.0.1:4566",
            "api.ecr.us-east-1.amazonaws.com",
            "12345678901.dkr.ecr.us-east-1.amazonaws.com",
            "123456789012.dkr.ecr.us-east-1.amazonaws.com.example.com",
            "123456789012.dkr.ecr.cn-north-1.amazonaws.com",
            "123456789012.dkr-ecr.eu-west-1.amazonaws.com",
        ] {
            assert_eq!(Registry::of_host(host), None, "{host}");
        }
    }

    #[test]
    fn each_method_and_path_is_one_operation() {
        let text = str::to_owned;
        let reference = text("1.0");
        let digest = text("sha256:00");
        let id = text("0-1");
        for (method, target, repository, operation) in [
            ("GET", "/v2/", "", Operation::Ping),
            ("GET", "/v2", "", Operation::Ping),
            (
                "HEAD",
                "/v2/a/b/blobs/sha256:00",
                "a/b",
                Operation::HeadBlob { digest: digest.clone() },
            ),
            (
                "GET",
                "/v2/app/blobs/sha256:00",
                "app",
                Operation::GetBlob { digest: digest.clone() },
            ),
            ("DELETE", "/v2/app/blobs/sha256:00", "app", Operation::Unsupported("DeleteBlob")),
            ("POST", "/v2/app/blobs/uploads/", "app", Operation::StartUpload),
            ("POST", "/v2/app/blobs/uploads", "app", Operation::StartUpload),
            ("POST", "/v2/app/blobs/uploads/?mount=sha256:00", "app", Operation::StartUpload),
            ("POST", "/v2/app/blobs/uploads/?digest=sha256:00", "app", Operation::StartUpload),
            (
                "POST",
                "/v2/app/blobs/uploads/?mount=sha256%3A00&from=a%2Fb",
                "app",
                Operation::MountBlob { digest: digest.clone(), from: text("a/b") },
            ),
            (
                "PATCH",
                "/v2/app/blobs/uploads/0-1",
                "app",
                Operation::PatchUpload { id: id.clone() },
            ),
            (
                "PUT",
                "/v2/app/blobs/uploads/0-1?digest=sha256%3A00",
                "app",
                Operation::PutUpload { id: id.clone(), digest: Some(digest) },
            ),
            ("PUT", "/v2/app/blobs/uploads/0-1", "app", Operation::PutUpload { id, digest: None }),
            ("GET", "/v2/app/blobs/uploads/0-1", "app", Operation::Unsupported("GetUpload")),
            ("DELETE", "/v2/app/blobs/uploads/0-1", "app", Operation::Unsupported("DeleteUpload")),
            (
                "HEAD",
                "/v2/tags/manifests/1.0",
                "tags",
                Operation::HeadManifest { reference: reference.clone() },
            ),
            (
                "GET",
                "/v2/app/manifests/1.0",
                "app",
                Operation::GetManifest { reference: reference.clone() },
            ),
            (
                "PUT",
                "/v2/app/manifests/1.0",
                "app",
                Operation::PutManifest { reference: reference.clone() },
            ),
            ("DELETE", "/v2/app/manifests/1.0", "app", Operation::DeleteManifest { reference }),
            (
                "GET",
                "/v2/a/b/tags/list?n=10&last=x",
                "a/b",
                Operation::ListTags { most: Some(text("10")), last: Some(text("x")) },
            ),
            ("GET", "/v2/_catalog", "", Operation::Unknown),
            ("GET", "/v1/", "", Operation::Unknown),
            ("POST", "/v2/app/manifests/1.0", "app", Operation::Unsupported("PutManifest")),
        ] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let route = Route::of(&method, &Uri::from_static(target));
            assert_eq!(
                route,
                Route { repository: text(repository), operation },
                "{method} {target}"
            );
        }
    }
}
