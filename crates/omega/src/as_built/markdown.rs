//! The document as Markdown.

use std::fmt::Write as _;

use super::{AsBuilt, Look, Part, Row, Unread};

impl AsBuilt {
    /// Returns the document as Markdown. Two documents of an unchanged site differ in the first table only.
    pub fn markdown(&self) -> String {
        let mut page = head(&self.look);
        table(&mut page, "Applications", &self.applications);
        table(&mut page, "Units", &self.units);
        table(&mut page, "Machines", &self.machines);
        table(&mut page, "Endpoints", &self.endpoints);
        table(&mut page, "Networks", &self.networks);
        table(&mut page, "Subnets", &self.subnets);
        table(&mut page, "Images", &self.images);
        each(&mut page, "Cluster templates", &self.templates);
        each(&mut page, "Clusters", &self.clusters);
        each(&mut page, "Load balancers", &self.balancers);
        each(&mut page, "Conductor", &self.conductor);
        table(&mut page, "Files of the graft", &self.files);
        table(&mut page, "Management cluster", &self.management);
        each(&mut page, "Controllers", &self.controllers);
        table(&mut page, "Helm releases", &self.releases);
        table(&mut page, "Served versions", &self.kinds);
        page
    }
}

fn head(look: &Look) -> String {
    let mut page = format!("# As built: {}\n\n| | |\n|---|---|\n", cell(&look.site));
    let digest = look.site_sha256.as_ref();
    let rows = [
        ("looked at", Some(look.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())),
        ("omega", Some(look.omega.clone())),
        ("site file, sha256", digest.cloned()),
        ("user", look.user.clone()),
        ("project", look.project.clone()),
        ("model", look.model.clone()),
    ];
    for (name, value) in rows {
        if let Some(value) = value {
            // Writing to a string can't fail.
            let _ = writeln!(page, "| {name} | {} |", cell(&value));
        }
    }
    for (name, value) in &look.endpoints {
        let _ = writeln!(page, "| {} | {} |", cell(name), cell(value));
    }
    page
}

/// One table with a line for each row.
fn table<T: Row>(page: &mut String, title: &str, part: &Part<T>) {
    let _ = write!(page, "\n## {title}\n\n");
    if !part.rows.is_empty() {
        let rule = "---|".repeat(T::COLUMNS.len());
        let _ = writeln!(page, "| {} |\n|{rule}", T::COLUMNS.join(" | "));
        for row in &part.rows {
            let cells: Vec<_> = row.cells().iter().map(|one| cell(one)).collect();
            let _ = writeln!(page, "| {} |", cells.join(" | "));
        }
    }
    rest(page, part);
}

/// One table for each row, with a line for each value: where values are long.
fn each<T: Row>(page: &mut String, title: &str, part: &Part<T>) {
    let _ = write!(page, "\n## {title}\n\n");
    for (nth, row) in part.rows.iter().enumerate() {
        if nth > 0 {
            page.push('\n');
        }
        let cells = row.cells();
        for (line, (column, value)) in T::COLUMNS.iter().zip(&cells).enumerate() {
            let _ = writeln!(page, "| {column} | {} |", cell(value));
            if line == 0 {
                page.push_str("|---|---|\n");
            }
        }
    }
    rest(page, part);
}

/// What is not there, and why.
fn rest<T>(page: &mut String, part: &Part<T>) {
    if let Some(why) = &part.not_named {
        let _ = writeln!(page, "Not looked at: {}.", line(why));
    } else if part.rows.is_empty() && part.unread.is_empty() {
        page.push_str("None.\n");
    }
    if !part.rows.is_empty() && !part.unread.is_empty() {
        page.push('\n');
    }
    for Unread { what, why, next } in &part.unread {
        let next = next.as_ref().map(|next| format!(" Next: {}.", line(next))).unwrap_or_default();
        let _ = writeln!(page, "* **Not read**: {}: {}.{next}", line(what), line(why));
    }
}

/// A value in a table: on one line, and with nothing that Markdown would read.
fn cell(value: &str) -> String {
    line(value).replace('|', "\\|")
}

/// Text on one line. A control character would be obeyed by a terminal.
fn line(text: &str) -> String {
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    let text: String = text.chars().map(shown).collect();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.replace('<', "&lt;").replace('`', "'")
}
