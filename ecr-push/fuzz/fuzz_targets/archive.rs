//! Fuzzes the opening of an image file: any bytes yield an image or an error.

#![no_main]

use std::io::Write as _;

use ecr_push::Image;
use ecr_push::image::Compression;
use libfuzzer_sys::fuzz_target;
use tokio::runtime::Builder;

fuzz_target!(|bytes: &[u8]| {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let runtime = Builder::new_current_thread().build().unwrap();
    for compression in [Compression::Keep, Compression::Gzip] {
        let opened = runtime.block_on(async {
            Image::open(file.path()).compression(compression).await?.compress().await
        });
        match opened {
            Ok(image) => assert!(image.layers().len() > 0 || image.platforms().is_empty()),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
});
