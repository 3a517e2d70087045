//! A cluster whose delete is stuck: which finalizers block it, and how to remove them.

mod deletion;
mod finalizers;
mod read_deletion;
mod release_finalizers;
mod replace_credentials;

pub use deletion::{DeleteProgress, Deletion, HeldObject, ObjectRef};
pub use finalizers::finalizer_owner;
pub use read_deletion::{has_namespace, read_deletion};
pub use release_finalizers::{
    FinalizerRelease, ReleaseFinalizers, ReleaseObserved, release_finalizers,
};
pub use replace_credentials::{
    CredentialChange, CredentialObserved, CredentialSource, ReplaceCredentials, replace_credentials,
};
