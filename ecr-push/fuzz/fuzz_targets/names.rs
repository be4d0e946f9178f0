//! Fuzzes the parsing of names: a name prints the text that it parsed.

#![no_main]

use std::fmt::Display;
use std::str::FromStr;

use ecr_push::image::Platform;
use ecr_push::names::InvalidName;
use ecr_push::{Digest, Repository, Tag};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    round_trip::<Digest>(text);
    round_trip::<Repository>(text);
    round_trip::<Tag>(text);
    if let Ok(platform) = text.parse::<Platform>() {
        assert_eq!(platform.to_string().parse::<Platform>().ok(), Some(platform));
    }
});

fn round_trip<T: FromStr<Err = InvalidName> + Display>(text: &str) {
    match text.parse::<T>() {
        Ok(name) => assert_eq!(name.to_string(), text),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
