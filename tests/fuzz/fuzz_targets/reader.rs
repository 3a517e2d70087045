//! The reader that `OMEGA_FUZZ_TARGET` names, with any bytes.
#![no_main]

use std::sync::OnceLock;

use omega_tests::fuzz::{TARGETS, Target};

static TARGET: OnceLock<Target> = OnceLock::new();

libfuzzer_sys::fuzz_target!(
    init: {
        let name = std::env::var("OMEGA_FUZZ_TARGET").expect("OMEGA_FUZZ_TARGET names a target");
        let target = TARGETS.into_iter().find(|(one, _)| *one == name);
        let _ = TARGET.set(target.expect("a target of tests/src/fuzz.rs"));
    },
    |bytes: &[u8]| {
        if let Some((_, target)) = TARGET.get() {
            target(bytes);
        }
    }
);
