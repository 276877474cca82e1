//! HTTP in from directory providers: SCIM 2.0.
