//! Whole numbers of the command line.

use std::{num::NonZeroUsize, str::FromStr};

/// Parses a whole number.
pub(crate) fn count(text: &str) -> Result<u32, String> {
    parsed(text, "write a whole number: 0, 1, 2, …")
}

/// Parses a whole number that is not 0.
pub(crate) fn at_least_one(text: &str) -> Result<NonZeroUsize, String> {
    parsed(text, "write a whole number: 1, 2, 3, …")
}

fn parsed<T: FromStr>(text: &str, otherwise: &str) -> Result<T, String> {
    text.parse().map_err(|_| otherwise.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_answered_in_words() {
        assert_eq!((count("3"), count("0")), (Ok(3), Ok(0)));
        assert_eq!(count("x"), Err("write a whole number: 0, 1, 2, …".to_owned()));
        for bad in ["0", "-1", "two", "99999999999999999999"] {
            let said = at_least_one(bad).unwrap_err();
            assert_eq!(said, "write a whole number: 1, 2, 3, …", "{bad}");
        }
    }
}
