//! What the fuzz targets were given before, again.

use std::{fs, path::Path};

use omega_tests::fuzz::TARGETS;

/// The inputs of `tests/fuzz/corpus`: for each target at least one, and no directory without a target.
#[test]
fn every_kept_input_is_read_without_a_fault() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let mut kept: Vec<_> =
        fs::read_dir(&corpus).unwrap().map(|one| one.unwrap().file_name()).collect();
    kept.sort();
    assert_eq!(kept, TARGETS.map(|(name, _)| name));
    for (name, target) in TARGETS {
        let inputs: Vec<_> = fs::read_dir(corpus.join(name)).unwrap().collect();
        assert!(!inputs.is_empty(), "{name}");
        for input in inputs {
            let input = input.unwrap().path();
            let bytes = fs::read(&input).unwrap();
            let read = std::panic::catch_unwind(|| target(&bytes));
            assert!(read.is_ok(), "{}", input.display());
        }
    }
}
