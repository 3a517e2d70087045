//! Corrects, in the text, the findings that have exactly one right value. Nothing else is changed.

use super::{LintFinding, SourceFile};

/// A line that a fix changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The line, from 1.
    pub line: usize,
    /// The line as it is.
    pub old: String,
    /// The line as it should be.
    pub new: String,
}

/// Returns the text of a file after the fixes of these findings, and the lines that they change. A fix
/// whose old text does not stand at its place (in a block or with escapes, say) is left out.
pub fn fixed(file: &SourceFile, findings: &[LintFinding]) -> (String, Vec<Edit>) {
    let mut lines: Vec<String> = file.text.split_inclusive('\n').map(ToOwned::to_owned).collect();
    let before = lines.clone();
    let placed =
        findings.iter().filter_map(|one| Some((one.position.as_ref()?, one.fix.as_ref()?)));
    let mut of_file: Vec<_> = placed
        .filter(|(position, _)| position.file == file.name)
        .map(|(position, fix)| (position.line, position.column, fix))
        .collect();
    // From the end of a line: the columns before stay right. An anchor is changed once.
    of_file.sort_by_key(|(line, column, _)| std::cmp::Reverse((*line, *column)));
    of_file.dedup_by_key(|(line, column, _)| (*line, *column));
    for (line, column, fix) in of_file {
        if let Some(line) = line.checked_sub(1).and_then(|nth| lines.get_mut(nth)) {
            replace(line, column, &fix.old, &fix.new);
        }
    }
    let edits = before.iter().zip(&lines).enumerate().filter(|(_, (old, new))| old != new);
    let edits = edits.map(|(nth, (old, new))| Edit {
        line: nth + 1,
        old: old.trim_end().to_owned(),
        new: new.trim_end().to_owned(),
    });
    (lines.concat(), edits.collect())
}

/// Replaces a scalar that begins in this column, in quotes or without.
fn replace(line: &mut String, column: usize, old: &str, new: &str) {
    let Some(start) = line.char_indices().nth(column.saturating_sub(1)).map(|(at, _)| at) else {
        return;
    };
    let rest = line.get(start..).unwrap_or_default();
    let quote = rest.chars().next().filter(|first| matches!(first, '"' | '\''));
    let quote = quote.map(String::from).unwrap_or_default();
    let written = format!("{quote}{old}{quote}");
    let after = rest.strip_prefix(&written);
    let ends = |after: &str| {
        !quote.is_empty()
            || after
                .chars()
                .next()
                .is_none_or(|next| matches!(next, ' ' | '\n' | '\r' | ',' | ']' | '}' | ':'))
    };
    if after.is_some_and(ends) {
        line.replace_range(start..start + written.len(), &format!("{quote}{new}{quote}"));
    }
}

#[cfg(test)]
mod tests {
    use omega_core::{Finding, Subject};

    use super::{LintFinding, SourceFile, fixed};
    use crate::lint::{Fix, Position};

    fn finding(line: usize, column: usize, old: &str, new: &str) -> LintFinding {
        let position = Position { file: "b.yaml".to_owned(), line, column };
        let finding = Finding::broken("rule", Subject::new("application", "a"), "wrong");
        LintFinding {
            position: Some(position),
            finding,
            fix: Some(Fix { old: old.to_owned(), new: new.to_owned() }),
        }
    }

    #[test]
    fn only_the_scalar_changes() {
        let text = "a: one # one\nb: [\"one\", 'one', one]\nc: &x one\nd: onerous\ne: ü one\n";
        let file = SourceFile { name: "b.yaml".to_owned(), text: text.to_owned() };
        let findings = [
            finding(1, 4, "one", "two"),
            finding(2, 5, "one", "two"),
            finding(2, 12, "one", "two"),
            finding(2, 19, "one", "three"),
            finding(2, 19, "one", "three"),
            finding(3, 7, "one", "two"),
            finding(4, 4, "one", "two"),
            finding(5, 6, "one", "two"),
            finding(9, 1, "one", "two"),
        ];
        let (after, edits) = fixed(&file, &findings);
        assert_eq!(
            after,
            "a: two # one\nb: [\"two\", 'two', three]\nc: &x two\nd: onerous\ne: ü two\n"
        );
        assert_eq!(edits.iter().map(|edit| edit.line).collect::<Vec<_>>(), [1, 2, 3, 5]);
    }
}
