//! HTTP in from the owner: the /v1 API.
