//! Any bytes as a file of image definitions.

#![no_main]

use imagedefs::ImageDefinitions;
use imagedefs::diagnosis::Diagnosis;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let diagnosis = Diagnosis::new(bytes);
    let report = diagnosis.report().to_string();
    assert!(!report.chars().any(|c| c.is_control() && c != '\n'));
    assert!(!report.contains("##[") && !report.contains("##vso["));
    assert!(!report.lines().any(|line| line.trim_start().starts_with("::")));
    match diagnosis.fix() {
        Ok(correction) => {
            let fixed = correction.text();
            let definitions = fixed.parse::<ImageDefinitions>().unwrap();
            assert_eq!(&definitions, correction.definitions());
            assert_eq!(Diagnosis::new(fixed).fix().unwrap().text(), fixed);
            let printed = definitions.to_string();
            assert_eq!(printed.parse::<ImageDefinitions>().unwrap(), definitions);
        }
        Err(error) => assert!(!error.problems().is_empty()),
    }
    match diagnosis.into_definitions() {
        // serde_json accepts everything that this crate's reader accepts.
        Ok(definitions) => {
            let text = std::str::from_utf8(bytes).unwrap();
            assert_eq!(text.parse::<ImageDefinitions>().unwrap(), definitions);
            assert_eq!(serde_json::from_str::<ImageDefinitions>(text).unwrap(), definitions);
        }
        Err(error) => assert!(!error.problems().is_empty()),
    }
});
