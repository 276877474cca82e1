//! The table of what each endpoint answers to: RFC 7644 §3.2.

mod discovery;
mod groups;
mod search_all;
mod users;

use rollcall_domain::ids::DirectoryId;
use rollcall_scim::ResourceKind::{Group, User};

use crate::{State, answer::Answer, call::Call, failure::Failure, target::Route};

const NO_LIST_OF_ALL: &str = "Users and groups are listed together by POST to /.search only.";
const NO_ME: &str = "A directory's token stands for no person, so there is no /Me.";
const NO_BULK: &str = "Bulk requests are not supported.";

/// Carries out a request that has opened its directory.
pub(crate) async fn dispatch(call: &mut Call<'_>, route: &Route) -> Result<Answer, Failure> {
    match (route, call.method) {
        (Route::Collection(User), "GET") => users::list::list(call).await,
        (Route::Collection(User), "POST") => users::create::create(call).await,
        (Route::Search(User), "POST") => users::search::search(call).await,
        (Route::Resource(User, id), "GET") => users::get::get(call, id).await,
        (Route::Resource(User, id), "PUT") => users::replace::replace(call, id).await,
        (Route::Resource(User, id), "PATCH") => users::patch::patch(call, id).await,
        (Route::Resource(User, id), "DELETE") => users::delete::delete(call, id).await,

        (Route::Collection(Group), "GET") => groups::list::list(call).await,
        (Route::Collection(Group), "POST") => groups::create::create(call).await,
        (Route::Search(Group), "POST") => groups::search::search(call).await,
        (Route::Resource(Group, id), "GET") => groups::get::get(call, id).await,
        (Route::Resource(Group, id), "PUT") => groups::replace::replace(call, id).await,
        (Route::Resource(Group, id), "PATCH") => groups::patch::patch(call, id).await,
        (Route::Resource(Group, id), "DELETE") => groups::delete::delete(call, id).await,

        (Route::RootSearch, "POST") => search_all::search(call).await,

        (Route::Me, _) => Err(Failure::NotImplemented(NO_ME)),
        (Route::Bulk, _) => Err(Failure::NotImplemented(NO_BULK)),
        (Route::Root, _) => Err(Failure::NotImplemented(NO_LIST_OF_ALL)),
        (Route::Unknown | Route::OtherVersion, _) => Err(Failure::NoSuchEndpoint),
        _ => other_method(route, call.method),
    }
}

/// Answers a question about the service itself, which needs no token.
pub(crate) fn discovery(
    state: &State,
    directory: &DirectoryId,
    route: &Route,
    method: &str,
    query: &str,
) -> Result<Answer, Failure> {
    if method != "GET" {
        return other_method(route, method);
    }
    discovery::answer(state, directory, route, query)
}

fn other_method(route: &Route, method: &str) -> Result<Answer, Failure> {
    let allowed = match route {
        Route::Collection(_) => "GET, HEAD, POST, OPTIONS",
        Route::Search(_) | Route::RootSearch => "POST, OPTIONS",
        Route::Resource(..) => "GET, HEAD, PUT, PATCH, DELETE, OPTIONS",
        _ => "GET, HEAD, OPTIONS",
    };
    if method == "OPTIONS" { Ok(Answer::options(allowed)) } else { Err(Failure::MethodNotAllowed(allowed)) }
}
