//! The ways to a unit's machine.
