//! Any bytes as an artifact.

#![no_main]

use imagedefs::ImageDefinitions;

use imagedefs::artifact::ArtifactReader;
use libfuzzer_sys::fuzz_target;

const LIMIT: usize = 10_000;

fuzz_target!(|bytes: &[u8]| {
    let mut reader = match ArtifactReader::from_bytes(bytes.to_vec()) {
        Ok(reader) => reader,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let names: Vec<String> = reader.names().map(str::to_owned).collect();
    for name in &names {
        assert!(!name.starts_with('/') && name.split('/').all(|part| part != ".."));
        if let Ok(content) = reader.read(name, LIMIT) {
            assert!(content.len() <= LIMIT);
        }
    }
    if let Ok(diagnosis) = reader.diagnosis(ImageDefinitions::FILE_NAME) {
        let is_valid = reader.definitions(ImageDefinitions::FILE_NAME).is_ok();
        assert_eq!(diagnosis.into_definitions().is_ok(), is_valid);
    }
    let _ = reader.detail_diagnosis();
    let _ = reader.image_detail();
});
