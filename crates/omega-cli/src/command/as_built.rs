//! `as-built`

use std::path::{Path, PathBuf};

use clap::Args;
use omega::{
    as_built::{AsBuilt, Surveyor},
    core::{Failure, FailureClass, persist},
    run::Status,
};
use serde_json::json;

use crate::{app::App, cli::SiteFile, output_file::OutputFile};

/// An earlier page.
const PAGE: OutputFile = OutputFile {
    what: "a page of as-built",
    begins: "# As built: ",
    holds: "",
    flag: "--out FILE",
};

/// `as-built`
#[derive(Clone, Debug, Args)]
pub(crate) struct AsBuiltArgs {
    /// The site.
    #[command(flatten)]
    file: SiteFile,
    /// Write the Markdown to this file. An earlier page is replaced, and no other file.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl App {
    /// Looks at the site and prints or writes what exists. It only reads.
    pub(crate) async fn as_built(&self, args: &AsBuiltArgs) -> Result<Status, Failure> {
        args.out.iter().try_for_each(|path| PAGE.may_be_written(path))?;
        let site = Self::site(&args.file.site)?;
        let named = args.file.site.display().to_string();
        let surveyor = Surveyor::connect(&self.connect(&site), &named).await?;
        let look = surveyor.look(&self.ctx);
        let built = tokio::select! {
            built = Box::pin(look) => built,
            () = self.ctx.cancel().cancelled() => {
                let what = "stopped before everything was read; nothing was written";
                let failure = Failure::new(FailureClass::Interrupted, what);
                return Err(failure.next("run it again: it only reads"));
            }
        };
        let page = built.markdown();
        match &args.out {
            Some(path) => write(path, &page)?,
            None => self.screen.text(page.trim_end()),
        }
        if let Some(path) = &args.out {
            self.screen.text(&format!("Written to {}.", path.display()));
        }
        Ok(self.looked(&built, args.out.as_deref()))
    }

    fn looked(&self, built: &AsBuilt, out: Option<&Path>) -> Status {
        let unread = built.unread();
        let Some((part, first)) = unread.first() else {
            let document = json!({ "as_built": built, "file": out, "failure": null });
            return self.ends(Status::Done, document);
        };
        let what = format!("{} could not be read", parts(unread.len()));
        let why = format!("{part}: {}: {}", first.what, first.why);
        let mut failure = Failure::new(FailureClass::Error, what).because(why);
        failure.next.clone_from(&first.next);
        self.console.fail(&crate::render::failure(&failure, None, &self.screen));
        let document = json!({ "as_built": built, "file": out, "failure": failure });
        self.ends(Status::Error, document)
    }
}

fn parts(count: usize) -> String {
    if count == 1 { "one part".to_owned() } else { format!("{count} parts") }
}

/// Writes the page durably: who reads the file sees the old one or the new one.
fn write(path: &Path, page: &str) -> Result<(), Failure> {
    persist(path, page.as_bytes()).map_err(|error| {
        let what = format!("could not write {}", path.display());
        let failure = Failure::new(FailureClass::Error, what).because(error.to_string());
        failure.next("name another file: --out FILE")
    })
}
