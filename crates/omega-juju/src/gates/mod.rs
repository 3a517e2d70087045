//! What must hold on a unit, before a change or after it.
