//! Google Workspace's automatic provisioning: users only, `application/json` throughout, addresses
//! without a type.

use super::{JSON, RETRY, headers};
use crate::{
    schema::USER,
    style::{Change, Field, Leave, Probe, Source, Style, Urls, UserStyle},
};

/// Google's automatic provisioning.
pub(crate) const GOOGLE: Style = Style {
    name: "Google",
    headers: headers("Google-Auto-Provisioning", JSON),
    group_headers: headers("Google-Auto-Provisioning", JSON),
    urls: Urls::PLAIN,
    retry: RETRY,
    connect: &[Probe::List("/Users?startIndex=1&count=1")],
    user: UserStyle {
        find_suffix: "",
        schemas: &[USER],
        fields: &[Field::UserName, Field::Name, Field::EmailsUntyped, Field::Active],
        profile: Change::Put(Source::Own),
        active: Change::Put(Source::Own),
        asks_manager: false,
        looks_before_enabling: false,
        leave: Leave::DeactivateThenDelete,
        recreates: false,
    },
    group: None,
};
