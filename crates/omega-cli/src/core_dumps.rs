//! No core dump of this process: its memory has passwords, tokens and keys.

use rustix::{
    io,
    process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit},
};

/// Disables core dumps of this process, and of the programs that it starts.
///
/// A kernel that passes dumps to a program (a `|` in `core_pattern`) ignores the limit. There the process itself
/// must not be dumpable; that also keeps other processes of the same user from reading its memory. The programs
/// that it starts are dumpable again, and have the limit only.
///
/// # Errors
///
/// Fails if the kernel refuses either. Both are tried.
pub(crate) fn disable() -> io::Result<()> {
    let limit = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    set_dumpable_behavior(DumpableBehavior::NotDumpable).and(limit)
}

#[cfg(test)]
mod tests {
    use rustix::process::{dumpable_behavior, getrlimit};

    use super::*;

    #[test]
    fn a_process_without_core_dumps_can_not_be_dumped() {
        disable().unwrap();
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
        let Rlimit { current, maximum } = getrlimit(Resource::Core);
        assert_eq!((current, maximum), (Some(0), Some(0)));
    }
}
