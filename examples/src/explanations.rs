//! Explanations of ECR's actions for newcomers, and answers to their usual questions.

/// Explains an action of ECR without its terms, or returns `None` for another action.
pub fn in_other_words(action: &str) -> Option<&'static str> {
    Some(match action {
        "ecr:BatchCheckLayerAvailability" => {
            "an image consists of layers, and a repository stores each layer once: this asks which \
             layers it already has, so that the push only sends the others"
        }
        "ecr:InitiateLayerUpload" => "opens an upload for one layer and returns its ID",
        "ecr:UploadLayerPart" => "sends one part of the layer into this upload",
        "ecr:CompleteLayerUpload" => {
            "closes the upload: ECR compares the digest and keeps the layer"
        }
        "ecr:PutImage" => {
            "stores the manifest, the list that makes an image of the layers, and points a tag at it"
        }
        "ecr:BatchGetImage" => {
            "reads manifests, so that the push can skip a manifest or a tag that already exists"
        }
        "ecr:GetAuthorizationToken" => {
            "exchanges AWS credentials for a password that every registry client understands"
        }
        _ => return None,
    })
}

/// The questions of a newcomer to ECR, each with its answer.
pub const QUESTIONS: [(&str, &str); 3] = [
    (
        "What is the token?",
        "A Docker client can't sign requests with AWS credentials. ecr:GetAuthorizationToken returns \
         a user name and a password for it. The password is valid for 12 hours and allows what its \
         caller is allowed. ECR's own API needs no token: `push` signs each request.",
    ),
    (
        "Why is the resource of ecr:GetAuthorizationToken `*`?",
        "The token belongs to the whole registry of a region, so IAM has no narrower resource for \
         this action. The other actions limit the repositories that the token opens.",
    ),
    (
        "Why does one push need five actions?",
        "A push asks which layers exist, opens, fills and closes an upload for each missing layer, \
         and stores the manifest. Each step is an action of its own, so that a role can read, for \
         example, but not publish.",
    ),
];
