//! Provider personas that drive a real SCIM endpoint over HTTP.
