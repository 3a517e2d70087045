//! What the fuzz targets were given before, again; and the same with random mistakes. Without coverage to guide it, that
//! finds less than `tests/fuzz/run`, but it runs with every change.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

use std::{fs, panic::catch_unwind, path::Path};

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
            let read = catch_unwind(|| target(&bytes));
            assert!(read.is_ok(), "{}", input.display());
        }
    }
}

/// How many inputs each target is given.
const MISTAKEN: usize = 1000;
/// What means something to one reader or another.
const WORDS: [&[u8]; 16] = [
    b"\n",
    b"\0",
    b"\x1b[2J",
    b"\"",
    b"'",
    b"{",
    b"]",
    b": ",
    b"- ",
    b"&a",
    b"*a",
    b"\xff\xfe",
    b"-1",
    b"1e999",
    b"99999999999999999999",
    b"\xe2\x80\xae",
];

/// Numbers that follow from a seed (splitmix64), so that a failure comes again.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 16).unwrap() % end.max(1)
    }
}

/// One of the inputs, with one to four mistakes.
fn mistaken(inputs: &[Vec<u8>], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = inputs[numbers.below(inputs.len())].clone();
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(bytes.len() + 1);
        let end = at + numbers.below((bytes.len() - at).min(64) + 1);
        match numbers.below(6) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => drop(bytes.splice(at..at, bytes[at..end].to_vec())),
            3 => drop(bytes.splice(at..end, WORDS[numbers.below(WORDS.len())].iter().copied())),
            4 => bytes[at..end].iter_mut().take(1).for_each(|byte| *byte ^= 1 << numbers.below(8)),
            _ => {
                let other = &inputs[numbers.below(inputs.len())];
                let from = numbers.below(other.len() + 1);
                drop(bytes.splice(at.., other[from..].iter().copied()));
            }
        }
    }
    bytes
}

#[test]
fn no_promise_is_broken_by_an_input_with_mistakes() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, target) in TARGETS {
        let mut paths: Vec<_> =
            fs::read_dir(corpus.join(name)).unwrap().map(|one| one.unwrap().path()).collect();
        paths.sort();
        let inputs: Vec<_> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
        let mut numbers = Numbers(7);
        for nth in 0..MISTAKEN {
            let bytes = mistaken(&inputs, &mut numbers);
            let read = catch_unwind(|| target(&bytes));
            assert!(read.is_ok(), "{name}, {nth}: {}", bytes.escape_ascii());
        }
    }
}
