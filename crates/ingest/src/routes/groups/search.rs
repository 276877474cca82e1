//! `POST /Groups/.search`: RFC 7644 §3.4.3.

use rollcall_scim::ResourceKind;

use super::list::page;
use crate::{answer::Answer, call::Call, failure::Failure};

pub(crate) async fn search(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let query = call.search_query(ResourceKind::Group).await?;
    page(call, query).await
}
