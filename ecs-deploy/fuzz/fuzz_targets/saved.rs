//! Plans, handles and outcomes from any text: what is read is printed without its effects, and is
//! saved and read again without loss.

#![no_main]

use std::fmt::Display;

use ecs_deploy::plan::Plan;
use ecs_deploy::task::TaskRun;
use ecs_deploy::{Deployed, Handle};
use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;

fuzz_target!(|text: &str| {
    check::<Deployed>(text);
    check::<Handle>(text);
    check::<Plan>(text);
    check::<TaskRun>(text);
});

fn check<T: DeserializeOwned + Display + Serialize>(text: &str) {
    let printed = match serde_json::from_str::<T>(text) {
        Ok(read) => {
            let saved = serde_json::to_string(&read).expect("what is read can be saved");
            let again: T = serde_json::from_str(&saved).expect("what is saved can be read");
            assert_eq!(again.to_string(), read.to_string());
            read.to_string()
        }
        // serde_json's own messages have parts of the text.
        Err(_) => return,
    };
    for line in printed.lines() {
        assert!(!line.contains(char::is_control), "{line:?}");
        assert!(!line.contains("##["), "{line:?}");
        assert!(!line.trim_start().starts_with("::"), "{line:?}");
    }
}
