use miette::{GraphicalReportHandler, GraphicalTheme};
use omega::{core::Failure, site::SiteError};

/// Returns a mistake in the site file as a failure whose message shows the lines around it.
///
/// ASCII, without colours: it is the message of the JSON output too.
pub(crate) fn site_error(error: SiteError) -> Failure {
    match drawn(&error).filter(|_| error.line_and_column().is_some()) {
        Some(message) => Failure { message, next: None, ..error.into() },
        None => error.into(),
    }
}

/// Returns a mistake with the lines around it.
pub(crate) fn mistake(error: &SiteError) -> String {
    match (drawn(error).filter(|_| error.line_and_column().is_some()), error.next()) {
        (Some(drawn), _) => drawn,
        (None, Some(next)) => format!("{error}\n  next: {next}"),
        (None, None) => error.to_string(),
    }
}

fn drawn(error: &SiteError) -> Option<String> {
    let mut theme = GraphicalTheme::none();
    theme.characters.error.clear();
    let handler = GraphicalReportHandler::new_themed(theme).with_wrap_lines(false);
    let mut shown = String::new();
    handler.render_report(&mut shown, error).ok().map(|()| shown.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use omega::site::Site;

    use super::*;

    fn shown(text: &str) -> String {
        let error = Site::parse(Path::new("omega.toml"), text).unwrap_err();
        site_error(error).message
    }

    #[test]
    fn a_mistake_is_shown_with_the_lines_around_it() {
        let unknown = "[management]\nkubeconfg = \"capi.kubeconfig\"\nsources = [\"10.20.0.0/16\"]";
        insta::assert_snapshot!(shown(unknown), @r#"
        omega.toml, line 2: unknown key `kubeconfg`
           ,-[omega.toml:2:1]
         1 | [management]
         2 | kubeconfg = "capi.kubeconfig"
           : ^^^^|^^^^
           :     `-- did you mean `kubeconfig`?
         3 | sources = ["10.20.0.0/16"]
           `----
        "#);
        insta::assert_snapshot!(shown("\n[drver]\nversion = \"1.4.0\""), @r#"
        omega.toml, line 2: unknown key `drver`
           ,-[omega.toml:2:2]
         1 | 
         2 | [drver]
           :  ^^|^^
           :    `-- did you mean `driver`?
         3 | version = "1.4.0"
           `----
        "#);
        insta::assert_snapshot!(shown("\n[driver]\n\n[helm]"), @r"
        omega.toml, line 2: the key `version` is missing
           ,-[omega.toml:2:1]
         1 | 
         2 | [driver]
           : ^^^^|^^^
           :     `-- add it; see [driver] in docs/site-file.md
         3 | 
           `----
        ");
        insta::assert_snapshot!(shown("[management]\nsources = \"10.20.0.0/16\""), @r#"
        omega.toml, line 2: management.sources: expected an array, found the text "10.20.0.0/16"
           ,-[omega.toml:2:11]
         1 | [management]
         2 | sources = "10.20.0.0/16"
           :           ^^^^^^^|^^^^^^
           :                  `-- write it in brackets: ["10.20.0.0/16"]
           `----
        "#);
        insta::assert_snapshot!(shown("[management]\nproject = { name = \"capi-mgmt\" }"), @r#"
        omega.toml, line 2: management.project needs an `id`, or a `name` with its `domain`
           ,-[omega.toml:2:11]
         1 | [management]
         2 | project = { name = "capi-mgmt" }
           :           ^^^^^^^^^^^|^^^^^^^^^^
           :                      `-- add the name of its `domain`
           `----
        "#);
        insta::assert_snapshot!(shown("[cloud"), @r"
        omega.toml, line 1: unclosed table, expected `]`
           ,-[omega.toml:1:6]
         1 | [cloud
           :      |
           :      `-- write KEY = VALUE, texts in quotes; a table begins with [NAME]
           `----
        ");
        insta::assert_snapshot!(shown("[cloud]\nname = \"\u{fc}\" x = 1"), @r#"
        omega.toml, line 2: unexpected key or value, expected newline, `#`
           ,-[omega.toml:2:13]
         1 | [cloud]
         2 | name = "ü" x = 1
           :            |
           :            `-- write KEY = VALUE, texts in quotes; a table begins with [NAME]
           `----
        "#);
    }

    #[test]
    fn what_may_be_a_secret_is_not_shown() {
        let driver = "[driver]\nversion = \"1.4.0\"\nindx = \"https://me:hunter2@i.example\"";
        insta::assert_snapshot!(shown(driver), @r#"
        omega.toml, line 3: unknown key `indx`
           ,-[omega.toml:3:1]
         2 | version = "1.4.0"
         3 | indx = "https://…@i.example"
           : ^^|^
           :   `-- did you mean `index`?
           `----
        "#);
        insta::assert_snapshot!(shown("password = \"hunter2\" # in clear"), @r"
        omega.toml, line 1: unknown key `password`
           ,-[omega.toml:1:1]
         1 | password = …
           : ^^^^|^^^
           :     `-- the keys here are cloud, management, conductor, driver, helm, chart, capi_helm, capi_helm_cluster_labels, ssh, juju, compute, health, trust, network, prove, template, acceptance, lint, timeouts
           `----
        ");
    }
}
