//! HTTP out to applications: lanes, scheduling, signing, egress.
