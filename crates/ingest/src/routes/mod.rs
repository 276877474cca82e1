//! The table of what each endpoint answers to: RFC 7644 §3.2.

mod bulk;
mod command;
mod discovery;
mod groups;
mod list;
mod users;

pub(crate) use list::CursorKey;

use rollcall_domain::ids::DirectoryId;
use rollcall_scim::ResourceKind::{Group, User};

use crate::{State, answer::Answer, call::Call, failure::Failure, target::Route};

const NO_ME: &str = "A directory's token stands for no person, so there is no /Me.";

/// Carries out a request that has opened its directory.
pub(crate) async fn dispatch(call: &mut Call<'_>, route: &Route) -> Result<Answer, Failure> {
    match (route, call.method) {
        (Route::Collection(kind), "GET") => list::list(call, *kind).await,
        (Route::Search(kind), "POST") => list::search(call, *kind).await,
        (Route::Root, "GET") => list::list_all(call).await,
        (Route::RootSearch, "POST") => list::search_all(call).await,

        (Route::Collection(User), "POST") => users::create::create(call).await,
        (Route::Resource(User, id), "GET") => users::get::get(call, id).await,
        (Route::Resource(User, id), "PUT") => users::replace::replace(call, id).await,
        (Route::Resource(User, id), "PATCH") => users::patch::patch(call, id).await,
        (Route::Resource(User, id), "DELETE") => users::delete::delete(call, id).await,

        (Route::Collection(Group), "POST") => groups::create::create(call).await,
        (Route::Resource(Group, id), "GET") => groups::get::get(call, id).await,
        (Route::Resource(Group, id), "PUT") => groups::replace::replace(call, id).await,
        (Route::Resource(Group, id), "PATCH") => groups::patch::patch(call, id).await,
        (Route::Resource(Group, id), "DELETE") => groups::delete::delete(call, id).await,

        (Route::Bulk, "POST") => bulk::carry_out(call).await,

        (Route::Me, _) => Err(Failure::NotImplemented(NO_ME)),
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
        Route::Search(_) | Route::RootSearch | Route::Bulk => "POST, OPTIONS",
        Route::Resource(..) => "GET, HEAD, PUT, PATCH, DELETE, OPTIONS",
        _ => "GET, HEAD, OPTIONS",
    };
    if method == "OPTIONS" { Ok(Answer::options(allowed)) } else { Err(Failure::MethodNotAllowed(allowed)) }
}
