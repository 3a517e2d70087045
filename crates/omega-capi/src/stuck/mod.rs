//! A cluster whose delete does not end: what holds it, and how its finalizers are released.

mod deletion;
mod finalizers;
mod has_namespace;
mod object_ref;
mod read_deletion;
mod release_finalizers;
mod replace_credentials;

pub use deletion::{DeleteProgress, Deletion, HeldObject};
pub use finalizers::finalizer_owner;
pub use has_namespace::has_namespace;
pub use object_ref::ObjectRef;
pub use read_deletion::read_deletion;
pub use release_finalizers::{
    FinalizerRelease, ReleaseFinalizers, ReleaseObserved, release_finalizers,
};
pub use replace_credentials::{
    CredentialChange, CredentialObserved, CredentialSource, ReplaceCredentials, replace_credentials,
};
