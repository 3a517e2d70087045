//! What a token is good for, as a type.

/// What a client's token is scoped to.
pub trait Scope: Send + Sync + 'static {}

/// Inside one project.
#[derive(Clone, Copy, Debug)]
pub struct Project;

/// The whole deployment: an administrator's token, whatever project it is in.
#[derive(Clone, Copy, Debug)]
pub struct Admin;

impl Scope for Project {}
impl Scope for Admin {}
