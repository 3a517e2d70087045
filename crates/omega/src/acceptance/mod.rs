//! The acceptance of a cloud: the bar of D-011, item by item, and its report.
//!
//! [`Acceptance::connect`] prepares the items of a site; [`Acceptance::run`] checks them one after
//! another, and returns an [`AcceptanceReport`]. [`Files`] writes it as JSON, `JUnit` and HTML, and
//! [`sign`] signs the JSON.
//!
//! Every [`Item`] has a file in `items`: what it reads, and a pure function from that to findings.
//! D-011.4 writes, and so does a run that is to create a cluster for it and for D-011.5
//! ([`ThrowAwayCluster`]): [`Acceptance::plan`] says what.
//!
//! ```no_run
//! # async fn example(site: &omega::site::Site, machine: &omega::Machine) -> Result<(), omega::core::Failure> {
//! # use std::path::Path;
//! use omega::{acceptance::{Acceptance, Files, Selection}, clients::Connect, core::Context, run::{Job, Runs}};
//!
//! let ctx = Context::default();
//! let acceptance = Acceptance::connect(&Connect::new(site, machine), "omega.toml").await;
//! let runs = Runs::new(Path::new("/var/lib/my-tool"));
//! let run = runs.begin(&Job::new("accept", "omega.toml", Vec::new()), ctx.now())?;
//! let report = acceptance.run(&Selection::default(), &run, &ctx).await?;
//! let files = Files::write(&run, &report)?;
//! println!("{:?}: {}", report.verdict, files.html.display());
//! # Ok(())
//! # }
//! ```

mod chart;
mod connect;
mod files;
mod item;
pub mod items;
mod progress;
#[cfg(feature = "sim")]
mod rehearsal;
pub mod render;
mod report;
mod run;
mod throw_away;
mod transfer;

pub use chart::{Chart, Sample, Stage};
pub(crate) use connect::{vault_certificates, vault_web, within};
pub use files::{Files, NAMESPACE, ReportDirectory, read, sign};
pub use item::{Answer, Item, ItemId, Outcome, UnknownItem};
#[cfg(feature = "sim")]
pub use rehearsal::{Scenario, rehearse};
pub use report::{AcceptanceReport, ItemReport, SCHEMA_VERSION, Tool, Verdict};
pub(crate) use run::LIMIT;
pub use run::{Acceptance, KEPT_FOR, PlannedItem, Selection};
pub use throw_away::ThrowAwayCluster;
pub use transfer::{ImageTransfer, TransferMeter};
