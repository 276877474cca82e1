//! `GET /v1/deliveries/{id}`: the delivery with its attempts, the oldest first.

use actix_web::web::{Data, Path};

use crate::{State, error::ApiResult, json, query::NoQuery, views::delivery::DeliveryReport};

pub(crate) async fn get(state: Data<State>, id: Path<String>, _: NoQuery) -> ApiResult {
    let (delivery, attempts) = super::find(&state, &id).await?;
    Ok(json::ok(&DeliveryReport { delivery: (&delivery).into(), attempts: &attempts }))
}
