//! `POST /.search`: RFC 7644 §3.4.2.1, §3.4.3. One list of both kinds: the users that match, then the groups.

use actix_web::http::StatusCode;
use rollcall_scim::list_response;

use super::{groups, users};
use crate::{answer::Answer, call::Call, failure::Failure};

pub(super) async fn search(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let query = call.search_all_query().await?;
    let start_index = query.start_index;
    let mut left = query.count.unwrap_or_else(|| call.default_count());
    let (mut resources, mut total) = (Vec::new(), 0);
    if let Some(mut of_users) = query.users {
        of_users.count = Some(left);
        (resources, total) = users::list::find(call, of_users).await?;
        left = left.saturating_sub(resources.len() as u64);
    }
    if let Some(mut of_groups) = query.groups {
        // Where the page begins among the groups, which follow the last user.
        of_groups.start_index = start_index.saturating_sub(total).max(1);
        of_groups.count = Some(left);
        let (groups, more) = groups::list::find(call, of_groups).await?;
        resources.extend(groups);
        total += more;
    }
    Ok(Answer::json(StatusCode::OK, &list_response(resources, total, start_index)))
}
