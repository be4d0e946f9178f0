//! Any text as an event, an image detail, a container map and a template.

#![no_main]

use imagedefs::containers::ContainerMap;

use imagedefs::detail::ImageDetail;

use imagedefs::event::EcrImageEvent;

use imagedefs::rule::{Decision, DeployRule};

use imagedefs::templates::BlueGreenTemplates;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(event) = text.parse::<EcrImageEvent>() {
        match DeployRule::new().decide(&event) {
            Decision::Deploy => {}
            decision => assert!(!format!("{decision:?}").is_empty()),
        }
        if let Ok(image) = event.image_uri() {
            assert!(image.digest().is_some());
        }
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
    let _ = BlueGreenTemplates::new(text, text, ["IMAGE1_NAME"]);
});
