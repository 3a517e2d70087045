//! Files that a flag names for what a command writes: an earlier one of its kind is replaced, and nothing else.

use std::path::Path;

use omega::core::{Failure, FailureClass, read_regular};

/// The largest earlier one that is read, in bytes.
const LARGEST: u64 = 64 << 20;

/// A kind of file.
pub(crate) struct OutputFile {
    /// What it is: `a picture of a plan`.
    pub(crate) what: &'static str,
    /// How each begins.
    pub(crate) begins: &'static str,
    /// Something that each holds.
    pub(crate) holds: &'static str,
    /// How another one is named: `--svg FILE`.
    pub(crate) flag: &'static str,
}

impl OutputFile {
    /// Refuses a path with something else, before anything is done: the site file, say. An empty file may be
    /// replaced.
    pub(crate) fn may_be_written(&self, path: &Path) -> Result<(), Failure> {
        if path.symlink_metadata().is_err() {
            return Ok(());
        }
        let is_earlier = |bytes: Vec<u8>| {
            let text = String::from_utf8_lossy(&bytes);
            text.is_empty() || (text.starts_with(self.begins) && text.contains(self.holds))
        };
        if read_regular(path, LARGEST).is_ok_and(is_earlier) {
            return Ok(());
        }
        let what = format!("{} exists and is not {}", path.display(), self.what);
        let next = format!("name another file: {}", self.flag);
        Err(Failure::new(FailureClass::Usage, what).because("it would be lost").next(next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: OutputFile =
        OutputFile { what: "a page", begins: "# Page", holds: "of omega", flag: "--out FILE" };

    #[test]
    fn only_an_earlier_one_is_replaced() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("page");
        PAGE.may_be_written(&path).unwrap();
        for (text, is_earlier) in [
            ("", true),
            ("# Page 1\n\nof omega\n", true),
            ("# Page 1\n", false),
            ("[cloud]\nof omega\n", false),
        ] {
            std::fs::write(&path, text).unwrap();
            let answer = PAGE.may_be_written(&path);
            assert_eq!(answer.is_ok(), is_earlier, "{text}: {answer:?}");
        }
        let failure = PAGE.may_be_written(home.path()).unwrap_err();
        assert!(failure.to_string().contains("is not a page"), "{failure}");
    }
}
