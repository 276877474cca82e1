//! The table of routes. One operation per file.

mod compatibility_rules;
mod consumers;
mod deliveries;
mod directories;
mod document;
mod endpoints;
mod events;
mod groups;
mod organizations;
mod replays;
mod users;

use actix_web::{
    HttpRequest, HttpResponse, Resource, Route,
    http::Method,
    web::{self, ServiceConfig, to},
};

use crate::error::{ApiError, ApiResult};

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;

pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .service(at(
            "/organizations",
            [(GET, to(organizations::list::list)), (POST, to(organizations::create::create))],
        ))
        .service(at("/organizations/{id}", [(GET, to(organizations::get::get))]))
        .service(at(
            "/directories",
            [(GET, to(directories::list::list)), (POST, to(directories::create::create))],
        ))
        .service(at(
            "/directories/{id}",
            [
                (GET, to(directories::get::get)),
                (PATCH, to(directories::update::update)),
                (DELETE, to(directories::delete::delete)),
            ],
        ))
        .service(at("/compatibility-rules", [(GET, to(compatibility_rules::list))]))
        .service(at("/directories/{id}/enable", [(POST, to(directories::enable::enable))]))
        .service(at("/directories/{id}/disable", [(POST, to(directories::disable::disable))]))
        .service(at(
            "/directories/{id}/tokens",
            [
                (GET, to(directories::list_tokens::list_tokens)),
                (POST, to(directories::create_token::create_token)),
            ],
        ))
        .service(at(
            "/directories/{id}/tokens/{token_id}",
            [(DELETE, to(directories::delete_token::delete_token))],
        ))
        .service(at("/directories/{id}/requests", [(GET, to(directories::list_requests::list_requests))]))
        .service(at(
            "/directories/{id}/requests/{request_id}",
            [(GET, to(directories::get_request::get_request))],
        ))
        .service(at(
            "/directories/{id}/requests/{request_id}/dry-run",
            [(POST, to(directories::dry_run::dry_run))],
        ))
        .service(at("/endpoints", [(GET, to(endpoints::list::list)), (POST, to(endpoints::create::create))]))
        .service(at(
            "/endpoints/{id}",
            [
                (GET, to(endpoints::get::get)),
                (PATCH, to(endpoints::update::update)),
                (DELETE, to(endpoints::delete::delete)),
            ],
        ))
        .service(at("/endpoints/{id}/lanes", [(GET, to(endpoints::lanes::lanes))]))
        .service(at("/endpoints/{id}/pause", [(POST, to(endpoints::pause::pause))]))
        .service(at("/endpoints/{id}/resume", [(POST, to(endpoints::resume::resume))]))
        .service(at("/endpoints/{id}/test", [(POST, to(endpoints::test::send_test))]))
        .service(at("/endpoints/{id}/recover", [(POST, to(endpoints::recover::recover))]))
        .service(at("/endpoints/{id}/secrets/rotate", [(POST, to(endpoints::rotate_secret::rotate_secret))]))
        .service(at("/events", [(GET, to(events::list::list))]))
        // Before `/events/{id}`, which would take it for an id.
        .service(at("/events/stream", [(GET, to(events::stream::stream))]))
        .service(at("/events/{id}", [(GET, to(events::get::get))]))
        .service(at("/events/{id}/trace", [(GET, to(events::trace::trace))]))
        .service(at("/deliveries", [(GET, to(deliveries::list::list))]))
        .service(at("/deliveries/{id}", [(GET, to(deliveries::get::get))]))
        .service(at("/deliveries/{id}/resend", [(POST, to(deliveries::resend::resend))]))
        .service(at("/consumers", [(GET, to(consumers::list::list))]))
        .service(at(
            "/consumers/{name}",
            [
                (GET, to(consumers::get::get)),
                (PUT, to(consumers::put::put)),
                (DELETE, to(consumers::delete::delete)),
            ],
        ))
        .service(at("/replays", [(GET, to(replays::list::list)), (POST, to(replays::create::create))]))
        .service(at("/replays/{id}", [(GET, to(replays::get::get))]))
        .service(at("/replays/{id}/cancel", [(POST, to(replays::cancel::cancel))]))
        .service(at("/users", [(GET, to(users::list::list))]))
        .service(at("/users/{id}", [(GET, to(users::get::get))]))
        .service(at("/groups", [(GET, to(groups::list::list))]))
        .service(at("/groups/{id}", [(GET, to(groups::get::get))]))
        .service(at("/groups/{id}/members", [(GET, to(groups::members::members))]))
        .service(at("/openapi.json", [(GET, to(document::document))]));
}

/// A path with its methods; any other method is refused with those in `Allow`.
fn at<const N: usize>(path: &str, routes: [(Method, Route); N]) -> Resource {
    let allow = routes.iter().map(|(method, _)| method.as_str()).collect::<Vec<_>>().join(", ");
    let mut resource = web::resource(path);
    for (method, route) in routes {
        resource = resource.route(route.method(method));
    }
    resource.default_service(to(move |request: HttpRequest| {
        let allow = allow.clone();
        async move {
            ApiResult::<HttpResponse>::Err(ApiError::method_not_allowed(request.method().as_str(), &allow))
        }
    }))
}

/// Below `/v1`, and nothing is there.
pub(crate) async fn unknown_route() -> ApiResult {
    Err(ApiError::not_found("route"))
}
