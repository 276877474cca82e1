//! Deliveries: one event on its way to one endpoint, and the attempts at it.
//!
//! A delivery is not a row that waits in a queue. It is a view: what an endpoint's lane says of
//! the event's position, the attempts that were made, and the dead letter if there is one.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::{AttemptId, EndpointId, EventId};

/// Names a delivery: the endpoint and the event's place in the log, so that it needs no row.
/// Text form `dlv_` + 32 hex digits of the endpoint + 4 of the shard + 16 of the position.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DeliveryId {
    /// To whom.
    pub endpoint_id: EndpointId,
    /// The event's shard.
    pub shard: u16,
    /// The event's position.
    pub position: u64,
}

impl DeliveryId {
    /// The id that `text` spells.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.strip_prefix("dlv_")?;
        if hex.len() != 52 || !hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        Some(Self {
            endpoint_id: EndpointId::from_uuid(Uuid::try_parse(&hex[..32]).ok()?),
            shard: u16::from_str_radix(&hex[32..36], 16).ok()?,
            position: u64::from_str_radix(&hex[36..], 16).ok()?,
        })
    }
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dlv_{}{:04x}{:016x}", self.endpoint_id.uuid().simple(), self.shard, self.position)
    }
}

impl Serialize for DeliveryId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// No attempt yet.
    Pending,
    /// An attempt is under way.
    Delivering,
    /// An attempt was answered 2xx.
    Delivered,
    /// The last attempt failed and another one is scheduled.
    Retrying,
    /// It waits: behind an earlier event of its subject that is being retried, or for the owner.
    Parked,
    /// The last attempt of the schedule failed: a dead letter.
    Dead,
    /// It was not sent: a later event of its subject stands for it.
    Discarded,
}

impl DeliveryStatus {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivering => "delivering",
            Self::Delivered => "delivered",
            Self::Retrying => "retrying",
            Self::Parked => "parked",
            Self::Dead => "dead",
            Self::Discarded => "discarded",
        }
    }

    /// Whether nothing more is done about it by itself.
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Delivered | Self::Dead | Self::Discarded)
    }

    /// The status of this name.
    pub fn parse(name: &str) -> Option<Self> {
        use DeliveryStatus as S;
        [S::Pending, S::Delivering, S::Delivered, S::Retrying, S::Parked, S::Dead, S::Discarded]
            .into_iter()
            .find(|s| s.as_str() == name)
    }
}

/// Why an attempt failed, as far as the next step depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// The name does not resolve.
    Dns,
    /// Nobody accepts the connection, or it broke.
    Connect,
    /// No trust or no handshake.
    Tls,
    /// The deadline over all phases passed.
    Timeout,
    /// The answer was not HTTP, or broke off.
    Protocol,
    /// The address is forbidden by the egress policy.
    BlockedAddress,
    /// An answer outside 2xx.
    Status,
}

impl ErrorClass {
    /// The name on the wire, in the store and in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Protocol => "protocol",
            Self::BlockedAddress => "blocked_address",
            Self::Status => "status",
        }
    }

    /// The class of this name.
    pub fn parse(name: &str) -> Option<Self> {
        use ErrorClass as C;
        [C::Dns, C::Connect, C::Tls, C::Timeout, C::Protocol, C::BlockedAddress, C::Status]
            .into_iter()
            .find(|c| c.as_str() == name)
    }
}

/// What made an attempt happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// The lane's own turn, first try or retry.
    Schedule,
    /// The owner asked for it to be sent again.
    Resend,
    /// The owner sent a test event.
    Test,
    /// A replay's turn, first try or retry.
    Replay,
}

impl Trigger {
    /// The name on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::Resend => "resend",
            Self::Test => "test",
            Self::Replay => "replay",
        }
    }
}

/// One HTTP request and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// `att_…`
    pub id: AttemptId,
    /// To whom.
    pub endpoint_id: EndpointId,
    /// The event that was sent.
    pub event_id: EventId,
    /// The event's shard.
    #[serde(skip)]
    pub shard: u16,
    /// The event's position; 0 for a test event, which is not in the log.
    #[serde(skip)]
    pub position: u64,
    /// The number of this attempt at this delivery, from 1.
    pub number: u32,
    /// Why it was made.
    pub trigger: Trigger,
    /// When it began.
    #[serde(serialize_with = "crate::timestamp::serialize")]
    pub started_at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u32,
    /// The answer's status, if there was an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_status: Option<u16>,
    /// Why it failed; absent when it succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorClass>,
    /// The failure in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_detail: Option<String>,
    /// The first 1 KiB of the answer's body, lossily as UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_body: Option<String>,
}

impl Attempt {
    /// Whether it was answered 2xx.
    pub fn succeeded(&self) -> bool {
        self.error.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_id_reads_back() {
        let id =
            DeliveryId { endpoint_id: EndpointId::from_uuid(Uuid::from_u128(9)), shard: 3, position: 77 };
        assert_eq!(DeliveryId::parse(&id.to_string()), Some(id));
        assert_eq!(DeliveryId::parse("dlv_zz"), None);
    }
}
