//! `GET /v1/openapi.json`: the OpenAPI document of this API.

use bytes::Bytes;

use crate::{OPENAPI, error::ApiResult, json, query::NoQuery};

pub(crate) async fn document(_: NoQuery) -> ApiResult {
    Ok(json::verbatim(Bytes::from_static(OPENAPI.as_bytes())))
}
