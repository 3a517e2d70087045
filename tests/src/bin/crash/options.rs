//! What the command line says.

use crate::{
    Result,
    runbooks::{ALL, Entry},
    shadow::Loss,
    tracer::{Point, Side},
};

/// Printed with `--help`.
pub(crate) const HELP: &str = "\
Kills omega-cli with SIGKILL at each of its system calls that writes, syncs, renames, removes or sends
something, right before and right after the call, and checks what is left: `runs` explains it, the same
command converges, nothing is lost or there twice, the runs can be rolled back, no secret is exposed.

  tests/crash/run [RUNBOOK...]      all of them by default; --list names them
    --power-loss[=everything|content|fuse]
                      with the unsynced data discarded: entries of directories and content of files
                      (everything), or only the content of files (content); both by default.
                      fuse: everything, by a file system of its own, which must leave what the traced
                      calls say is durable; needs /dev/fuse
    --every K         each K-th point only, beginning with a random one, which is printed
    --offset O        ... beginning with this one
    --resume          leave out the points that passed before with the same program; they are kept below
                      $OMEGA_CRASH [default: /var/tmp/omega-crash]
    --point N:SIDE    only this point: before or after the N-th call
    --calls           print the calls of an undisturbed run, and end
    --list            print the runbooks, and end
    --serve DIR       serve the simulators to a home below DIR until standard input ends (tests/soak)
    --ci              a selection of points of some runbooks
";

/// What CI runs: an entry, each how many points of it, and how the power goes too.
const CI: &[(&str, usize, &[Option<Loss>])] = &[
    ("graft", 130, KILLED),
    ("graft-leftovers", 290, TRACED),
    ("graft-prove", 170, KILLED),
    ("rollback", 120, KILLED),
    ("ensure-sg-rule", 40, TRACED),
    ("release-stuck-delete", 220, KILLED),
    ("stage-image", 80, KILLED),
    ("ensure-sg-rule", 25, FUSE),
    ("rollback", 80, FUSE),
];
const KILLED: &[Option<Loss>] = &[None];
const TRACED: &[Option<Loss>] = &[Some(Loss::Everything), Some(Loss::Content)];
const FUSE: &[Option<Loss>] = &[Some(Loss::Fuse)];

/// The points of one entry.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) entry: Entry,
    /// What is lost at each point: nothing, or the unsynced data in these ways.
    pub(crate) losses: Vec<Option<Loss>>,
    pub(crate) every: usize,
}

impl Series {
    /// Whether its home is on a file system of its own.
    pub(crate) fn mounts(&self) -> bool {
        self.losses.contains(&Some(Loss::Fuse))
    }
}

/// What is to be done.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) series: Vec<Series>,
    pub(crate) offset: Option<usize>,
    pub(crate) resume: bool,
    pub(crate) point: Option<Point>,
    pub(crate) only_calls: bool,
}

impl Options {
    /// Reads them.
    pub(crate) fn read(words: &[String]) -> Result<Self> {
        let (mut entries, mut losses, mut every) = (Vec::new(), vec![None], 1);
        let mut new = Self {
            series: Vec::new(),
            offset: None,
            resume: false,
            point: None,
            only_calls: false,
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word}: no value"));
            match word.as_str() {
                "--power-loss" => losses = Loss::TRACED.map(Some).to_vec(),
                "--every" => every = value()?.parse::<usize>()?.max(1),
                "--offset" => new.offset = Some(value()?.parse()?),
                "--resume" => new.resume = true,
                "--point" => new.point = Some(point(value()?)?),
                "--calls" => new.only_calls = true,
                "--ci" => new.series = ci()?,
                other => match other.strip_prefix("--power-loss=") {
                    Some(name) => losses = vec![Some(loss(name)?)],
                    None => entries.push(entry(other)?),
                },
            }
        }
        if new.series.is_empty() {
            let entries = if entries.is_empty() { ALL.to_vec() } else { entries };
            let one = |entry| Series { entry, losses: losses.clone(), every };
            new.series = entries.into_iter().map(one).collect();
        }
        Ok(new)
    }
}

fn ci() -> Result<Vec<Series>> {
    let one = |(name, every, losses): &(&str, usize, &[Option<Loss>])| -> Result<Series> {
        Ok(Series { entry: entry(name)?, losses: losses.to_vec(), every: *every })
    };
    CI.iter().map(one).collect()
}

fn entry(name: &str) -> Result<Entry> {
    let names: Vec<_> = ALL.iter().map(|entry| entry.name).collect();
    let unknown = || format!("there is no runbook {name:?}; there are {}", names.join(", "));
    Ok(Entry::named(name).ok_or_else(unknown)?)
}

fn loss(name: &str) -> Result<Loss> {
    let found = Loss::ALL.into_iter().find(|loss| loss.name() == name);
    Ok(found.ok_or_else(|| format!("--power-loss={name}: everything, content or fuse"))?)
}

fn point(text: &str) -> Result<Point> {
    let (nth, side) = text.split_once(':').ok_or("--point N:before or N:after")?;
    let side = match side {
        "before" => Side::Before,
        "after" => Side::After,
        other => return Err(format!("{other:?} is neither before nor after").into()),
    };
    Ok(Point { nth: nth.parse()?, side })
}

impl Side {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_read_as_it_is_printed() {
        for side in [Side::Before, Side::After] {
            let read = point(&format!("17:{}", side.name())).unwrap();
            assert_eq!(read, Point { nth: 17, side });
        }
        for bad in ["17", "x:before", "17:during"] {
            assert!(point(bad).is_err(), "{bad}");
        }
    }
}
