//! A unit made of memory.
