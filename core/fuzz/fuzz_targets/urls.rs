//! Any text as a URL: what was read is what a request can be made of, and, written out, reads the
//! same again.
#![no_main]

use bluewire::Url;
use bluewire_core::ClientRequest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(url) = text.parse::<Url>() else { return };
    assert_ne!(url.port(), 0);
    assert!(!url.host().is_empty() && !url.host().contains(|char: char| char.is_uppercase()));
    let request = ClientRequest::new(url.host(), url.resource_name());
    assert!(request.is_ok(), "{url} cannot be asked for: {request:?}");
    // Written out with everything, it is the same URL again.
    let written = url.with_secrets().to_string();
    let again: Url = written.parse().expect("it was one");
    assert_eq!(again.with_secrets().to_string(), written);
    assert_eq!(again, url);
});
