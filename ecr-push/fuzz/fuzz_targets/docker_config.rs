//! Fuzzes Docker's configuration: with any bytes in the file, a login is added, or the file stays
//! unchanged.

#![no_main]

use std::fs;
use std::sync::LazyLock;

use ecr_push::Repository;
use ecr_push::login::{DockerConfig, Token, TokenProvider};
use libfuzzer_sys::fuzz_target;
use local_aws::LocalAws;
use tokio::runtime::{Builder, Runtime};

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_all().build().unwrap());

static TOKEN: LazyLock<Token> = LazyLock::new(|| {
    let repository: Repository =
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/web".parse().unwrap();
    RUNTIME.block_on(async {
        let local = LocalAws::new();
        TokenProvider::new(&local.sdk_config()).token(&repository).await.unwrap()
    })
});

fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("config.json");
    fs::write(&path, bytes).unwrap();
    let config = DockerConfig::from_path(&path);
    match RUNTIME.block_on(config.log_in(&TOKEN)) {
        Ok(()) => {
            let once = fs::read_to_string(&path).unwrap();
            assert!(once.contains(TOKEN.registry()));
            RUNTIME.block_on(config.log_in(&TOKEN)).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), once);
        }
        Err(error) => {
            assert!(!error.to_string().contains(TOKEN.password()));
            assert_eq!(fs::read(&path).unwrap(), bytes);
        }
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
});
