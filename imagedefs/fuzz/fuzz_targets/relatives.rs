//! Any text as an event, an image detail, a container map and a template.

#![no_main]

use imagedefs::containers::ContainerMap;
use imagedefs::detail::{DetailDiagnosis, ImageDetail};
use imagedefs::event::EcrImageEvent;
use imagedefs::rule::{Decision, DeployRule};
use imagedefs::templates::BlueGreenTemplates;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(event) = text.parse::<EcrImageEvent>() {
        let rule = DeployRule::new(["*".parse().unwrap()], ["v*".parse().unwrap()]).unwrap();
        match rule.decide(&event) {
            Decision::Deploy => assert!(event.tag().is_some_and(|tag| tag.starts_with('v'))),
            decision => check(&decision.to_string()),
        }
        if let Ok(image) = event.image_uri() {
            assert!(image.digest().is_some());
        }
    }
    let diagnosis = DetailDiagnosis::new(text);
    check(&diagnosis.report().to_string());
    if let Err(error) = diagnosis.into_detail() {
        check(&error.to_string());
    }
    if let Ok(detail) = text.parse::<ImageDetail>() {
        assert_eq!(detail.to_string().parse::<ImageDetail>().unwrap(), detail);
        if let Ok(image) = detail.image_uri() {
            assert!(image.digest().is_some());
        }
    }
    if let Ok(map) = text.parse::<ContainerMap>() {
        assert_eq!(map.to_string().parse::<ContainerMap>().unwrap(), map);
    }
    let _ = ContainerMap::from_toml(text);
    if let Err(error) = BlueGreenTemplates::new(text, text, ["IMAGE1_NAME"]) {
        check(&error.to_string());
    }
});

/// Nothing of the text has an effect on a terminal or a CI runner.
fn check(shown: &str) {
    assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
    assert!(!shown.contains("##[") && !shown.contains("##vso["), "{shown:?}");
    assert!(!shown.lines().any(|line| line.trim_start().starts_with("::")), "{shown:?}");
}
