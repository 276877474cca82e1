//! From SCIM resources to the normalized projections.
