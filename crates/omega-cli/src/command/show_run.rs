//! `runs show`

use std::path::{Path, PathBuf};

use omega::{
    core::{Entry, Failure, FailureClass, FileJournal, StepId},
    run::{Runs, Status},
};
use serde_json::{Value, json};

use crate::{app::App, render};

/// A run's report.
const REPORT: &str = "report.json";

/// What a run has recorded.
struct Record {
    /// Its journal.
    path: PathBuf,
    entries: Vec<Entry>,
    /// The journal's last line, if that is incomplete.
    cut: Option<usize>,
    /// The names of its documents.
    documents: Vec<String>,
    /// None also if somebody edited it.
    report: Option<Value>,
    is_edited: bool,
    /// What is not as the run wrote it.
    damaged: Vec<Failure>,
}

impl Record {
    fn read(runs: &Runs, id: &str) -> Result<Self, Failure> {
        let path = runs.directory(id)?.join("journal.jsonl");
        let entries = runs.entries(id).map_err(|failure| {
            let is_damaged = failure.class == FailureClass::Error && failure.next.is_none();
            if is_damaged { failure.next(read_it(&path)) } else { failure }
        })?;
        let cut = FileJournal::cut_line(&path).ok().flatten();
        let documents = runs.documents(id)?;
        let edited = |name: &String| runs.document(id, name).err();
        let mut damaged: Vec<Failure> = documents.iter().filter_map(edited).collect();
        let is_edited = documents.iter().any(|name| name == REPORT && edited(name).is_some());
        let report = runs.report(id).filter(|_| !is_edited);
        let at = path.with_file_name(REPORT);
        if report.is_none() && !is_edited && at.exists() {
            let what = format!("the report of run {id} can't be read");
            let next = format!("its journal has what the run did; look at {}", at.display());
            let why = "it is not JSON, of another user, or of a later version of omega";
            damaged.push(Failure::new(FailureClass::Error, what).because(why).next(next));
        }
        // Whatever a run has reported, its journal had before.
        let journal = report.as_ref().and_then(|report| damage(&entries, cut, report));
        damaged.extend(journal.map(|why| {
            let what = format!("the journal of run {id} is damaged");
            Failure::new(FailureClass::Error, what).because(why).next(read_it(&path))
        }));
        Ok(Self { path, entries, cut, documents, report, is_edited, damaged })
    }

    /// Returns the JSON document's own fields.
    fn document(&self, id: &str) -> Value {
        let Self { entries, report, damaged, .. } = self;
        let mut document =
            json!({ "run": id, "entries": entries, "report": report, "damaged": damaged });
        if let (Some(failure), Some(document)) = (damaged.first(), document.as_object_mut()) {
            document.insert("failure".to_owned(), json!(failure));
        }
        document
    }

    /// Returns how it ended, if its entries do not say so.
    fn end(&self, id: &str) -> Option<String> {
        match (&self.report, self.cut) {
            _ if self.is_edited => None,
            (None, None) if !self.damaged.is_empty() => None,
            (None, None) => {
                let killed = "The run has no report: it was killed, or its report could not be written or was removed.";
                let next = format!("{killed}\nNext:  omega-cli accept --resume {id}");
                Some(if self.documents.is_empty() { killed.to_owned() } else { next })
            }
            (None, Some(line)) => Some(format!(
                "The run has no report: it was killed. Line {line} of its journal is incomplete and is \
                 not shown: {}",
                self.path.display()
            )),
            (Some(_), _) if self.entries.is_empty() && self.damaged.is_empty() => {
                Some("The journal has no entries: the run changed nothing.".to_owned())
            }
            (Some(_), _) => None,
        }
    }
}

/// Returns what each step is about, as its changes were shown.
fn subjects(entries: &[Entry]) -> Vec<(StepId, String)> {
    let of = |entry: &Entry| {
        let Entry::Intent { step, changes, .. } = entry else { return None };
        let mut names: Vec<String> = changes.iter().map(|one| one.subject.to_string()).collect();
        names.dedup();
        (!names.is_empty()).then(|| (step.clone(), names.join(", ")))
    };
    entries.iter().filter_map(of).collect()
}

/// What to do about a journal that can't be read, or not all of it.
fn read_it(path: &Path) -> String {
    format!(
        "read what is left of it: {}. To see what the run changed, run its command again with --plan (of a \
         graft: omega-cli plan graft)",
        path.display()
    )
}

/// Returns why the journal of a run that has reported is damaged, if it is. `cut`: its last line, if that
/// is incomplete.
fn damage(entries: &[Entry], cut: Option<usize>, report: &Value) -> Option<String> {
    if let Some(line) = cut {
        return Some(format!("line {line} is cut off, and what followed it is lost"));
    }
    let changed = report.pointer("/recap/changed").and_then(Value::as_u64).unwrap_or_default();
    (entries.is_empty() && changed > 0)
        .then(|| format!("it ends after line 1, and the run has reported {changed} changed"))
}

impl App {
    pub(super) fn show_run(&self, name: &str) -> Result<Status, Failure> {
        let id = &self.runs.resolve(name)?;
        let record = Record::read(&self.runs, id)?;
        let exit = Status::first(record.damaged.iter().map(|failure| self.status(failure)));
        self.ends(exit, record.document(id));
        let listed = self.runs.all()?.0.into_iter().find(|run| run.id == *id);
        match &listed {
            Some(run) => {
                for line in render::run_head(run, &self.runs.outcome(run)) {
                    self.screen.text(&line);
                }
            }
            None => self.screen.text(&format!("Run {id}")),
        }
        let names = subjects(&record.entries);
        for line in record.entries.iter().flat_map(|entry| render::entry(entry, &names)) {
            self.screen.text(&line);
        }
        for line in record.end(id).iter().flat_map(|end| end.lines()) {
            self.screen.prose(line);
        }
        for failure in &record.damaged {
            self.console.fail(&render::failure(failure, None, &self.screen));
        }
        Ok(exit)
    }
}
