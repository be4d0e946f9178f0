//! Tests of arguments with a password: it is nowhere repeated.

use crate::program::Program;

const HOST: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";

#[tokio::test]
async fn a_password_in_an_argument_is_not_repeated() {
    for login in ["AWS:se/c=ret", "user:secret", "user:se'cr\"et", "a:secret@secret"] {
        let uri = format!("{login}@{HOST}/demo/web");
        let with_scheme = format!("https://{uri}");
        for uri in [uri.as_str(), &with_scheme] {
            for program in [
                Program::login().with(&[uri]),
                Program::plan().with(&["image", uri]),
                Program::policy().with(&[uri]),
                Program::push().with(&["image", uri]),
                Program::push().with(&[&format!("--mount-from={uri}"), "image", HOST]),
                Program::push().with(&["--registry-endpoint", uri, "image", HOST]),
                Program::push_events().with(&["image", uri]),
                Program::multi_region().with(&["image", uri]),
                Program::multi_arch().with(&["--image", uri, uri]),
                Program::pipeline().with(&["--repository", uri]),
                Program::deploy().with(&[uri]),
            ] {
                let ended = program.run().await;
                assert_eq!(ended.code, 2, "{}", ended.stderr);
                for part in ["secret", "se/c=ret", "cr\"et", "cr\\\"et"] {
                    assert!(!ended.stderr.contains(part), "{}", ended.stderr);
                }
                assert_eq!(ended.stdout, "");
            }
        }
    }
}

#[tokio::test]
async fn the_rest_of_the_argument_is_shown() {
    let uri = format!("user:secret@{HOST}/demo/web");
    let ended = Program::push().with(&["image", &uri]).run().await;
    let expected = format!("error: invalid value '…@{HOST}/demo/web' for '<REPOSITORY>': ");
    assert!(ended.stderr.starts_with(&expected), "{}", ended.stderr);
}
