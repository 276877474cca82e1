//! The difference of two states.
