use omega::core::{Failure, FailureClass, Touched};

use super::{Screen, layout::wrap};

const LABEL: usize = 10;

/// Returns an error as text: what failed, expected, found, changed, next.
pub(crate) fn failure(failure: &Failure, run: Option<&str>, screen: &Screen) -> String {
    text(failure, run, screen.width, &|next| screen.pasted(next))
}

fn text(
    failure: &Failure,
    run: Option<&str>,
    width: usize,
    pasted: &dyn Fn(&str) -> String,
) -> String {
    let Failure { class, message, expected, found, touched, next, causes, .. } = failure;
    let mut text = format!("error: {message}");
    let width = if width == usize::MAX { 100 } else { width };
    let mut row = |label: &str, value: &str| {
        for (nth, line) in wrap(value, width.saturating_sub(LABEL + 2).max(20)).iter().enumerate() {
            let label = if nth == 0 { label } else { "" };
            for part in ["\n  ", &format!("{label:<LABEL$}"), line] {
                text.push_str(part);
            }
        }
    };
    let causes: Vec<_> = causes.iter().filter(|cause| !message.contains(cause.as_str())).collect();
    for cause in causes {
        row("because", cause);
    }
    if let Some(expected) = expected {
        row("expected", expected);
    }
    if let Some(found) = found {
        row("found", found);
    }
    row(
        "changed",
        match touched {
            Touched::Nothing => "nothing",
            Touched::Maybe if *class == FailureClass::Interrupted => {
                "the steps marked done, and possibly the one under way"
            }
            Touched::Maybe => "possibly: not every write was confirmed",
        },
    );
    if let Some(next) = next {
        row("next", &pasted(next));
    }
    if let Some(run) = run {
        row("run", run);
    }
    text
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn an_error_says_what_wanted_found_changed_and_next() {
        let error = Failure {
            expected: Some("/etc/magnum/kubeconfig, magnum:magnum 0600, sha256 9f2c4100".into()),
            found: Some("no space left on device (/etc: 0 bytes free)".into()),
            ..Failure::new(FailureClass::Error, "could not place the kubeconfig on magnum/1")
        }
        .next("free space on magnum/1 and run the same command: magnum/0 is done and will not be touched");
        insta::assert_snapshot!(text(&error, Some("2026-11-21T07-44-11Z-4c1f"), 80, &str::to_owned), @r"
        error: could not place the kubeconfig on magnum/1
          expected  /etc/magnum/kubeconfig, magnum:magnum 0600, sha256 9f2c4100
          found     no space left on device (/etc: 0 bytes free)
          changed   nothing
          next      free space on magnum/1 and run the same command: magnum/0 is done
                    and will not be touched
          run       2026-11-21T07-44-11Z-4c1f
        ");
    }
}
