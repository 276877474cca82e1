//! What a client may discover: RFC 7644 §4, RFC 7643 §5 to §7.
//!
//! The schema documents are printed from the attribute table, so they cannot promise what is not there. No
//! document holds a null: Entra's schema reader refuses them.

use serde_json::{Map, Value, json};

use crate::{
    kind::ResourceKind,
    list::list_response,
    schema::{self, Attribute, SCHEMAS, Schema},
};

const SERVICE_PROVIDER_CONFIG: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
const RESOURCE_TYPE: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";

/// What the documents depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiscoverySettings {
    /// The SCIM base URL without a trailing slash.
    pub base_url: String,
    /// The largest page of a list.
    pub max_results: u64,
    /// The page of a list that names no size.
    pub default_page_size: u64,
    /// How long after a page the next one may be asked for by its cursor.
    pub cursor_timeout_seconds: u64,
    /// The most operations in a bulk request.
    pub bulk_operations: usize,
    /// The largest bulk request, in bytes.
    pub bulk_body_bytes: usize,
    /// Where people read on, if there is such a page.
    pub documentation_uri: Option<String>,
}

/// The ServiceProviderConfig (RFC 7643 §5).
#[must_use]
pub fn service_provider_config(settings: &DiscoverySettings) -> Value {
    let mut config = json!({
        "schemas": [SERVICE_PROVIDER_CONFIG],
        "patch": {"supported": true},
        "bulk": {
            "supported": true,
            "maxOperations": settings.bulk_operations,
            "maxPayloadSize": settings.bulk_body_bytes,
        },
        "filter": {"supported": true, "maxResults": settings.max_results},
        "changePassword": {"supported": false},
        "sort": {"supported": true},
        "etag": {"supported": true},
        // RFC 9865 §4.
        "pagination": {
            "cursor": true,
            "index": true,
            "defaultPaginationMethod": "index",
            "defaultPageSize": settings.default_page_size,
            "maxPageSize": settings.max_results,
            "cursorTimeout": settings.cursor_timeout_seconds,
        },
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "OAuth Bearer Token",
            "description": "The directory's token in the Authorization header.",
            "specUri": "https://www.rfc-editor.org/rfc/rfc6750",
            "primary": true,
        }],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": format!("{}/ServiceProviderConfig", settings.base_url),
        },
    });
    if let Some(uri) = &settings.documentation_uri {
        config["documentationUri"] = uri.as_str().into();
    }
    config
}

/// All resource types, as a ListResponse.
#[must_use]
pub fn resource_types(base_url: &str) -> Value {
    let all: Vec<Value> = ResourceKind::ALL.iter().map(|kind| type_document(base_url, *kind)).collect();
    list_all(all)
}

/// One resource type by its name, in any case (RFC 7643 §6).
#[must_use]
pub fn resource_type(base_url: &str, name: &str) -> Option<Value> {
    let kind = ResourceKind::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))?;
    Some(type_document(base_url, kind))
}

fn type_document(base_url: &str, kind: ResourceKind) -> Value {
    let extensions: Vec<Value> = schema::extension(kind)
        .into_iter()
        .map(|extension| json!({"schema": extension.urn, "required": false}))
        .collect();
    let mut document = json!({
        "schemas": [RESOURCE_TYPE],
        "id": kind.name(),
        "name": kind.name(),
        "description": schema::core(kind).description,
        "endpoint": kind.endpoint(),
        "schema": kind.schema(),
        "meta": {
            "resourceType": "ResourceType",
            "location": format!("{base_url}/ResourceTypes/{}", kind.name()),
        },
    });
    if !extensions.is_empty() {
        document["schemaExtensions"] = extensions.into();
    }
    document
}

/// All schemas, as a ListResponse.
#[must_use]
pub fn schemas(base_url: &str) -> Value {
    list_all(SCHEMAS.iter().map(|schema| schema_document(base_url, schema)).collect())
}

/// One schema by its URN, in any case (RFC 7643 §7).
#[must_use]
pub fn schema(base_url: &str, urn: &str) -> Option<Value> {
    schema::by_urn(urn).map(|schema| schema_document(base_url, schema))
}

fn list_all(all: Vec<Value>) -> Value {
    let total = all.len() as u64;
    list_response(all, total, 1)
}

fn schema_document(base_url: &str, schema: &Schema) -> Value {
    let attributes: Vec<Value> = schema.attributes.iter().map(attribute_document).collect();
    json!({
        "schemas": [SCHEMA],
        "id": schema.urn,
        "name": schema.name,
        "description": schema.description,
        "attributes": attributes,
        "meta": {
            "resourceType": "Schema",
            "location": format!("{base_url}/Schemas/{}", schema.urn),
        },
    })
}

fn attribute_document(attribute: &Attribute) -> Value {
    let mut document = Map::new();
    let mut put = |name: &str, value: Value| document.insert(name.to_owned(), value);
    put("name", attribute.name.into());
    put("type", attribute.data_type.as_str().into());
    put("multiValued", attribute.multi_valued.into());
    put("description", attribute.description.into());
    put("required", attribute.required.into());
    if !attribute.canonical_values.is_empty() {
        put("canonicalValues", attribute.canonical_values.into());
    }
    // Also where case means nothing: some readers want every characteristic of every attribute.
    put("caseExact", attribute.case_exact.into());
    put("mutability", attribute.mutability.as_str().into());
    put("returned", attribute.returned.as_str().into());
    put("uniqueness", attribute.uniqueness.as_str().into());
    if !attribute.reference_types.is_empty() {
        put("referenceTypes", attribute.reference_types.into());
    }
    if attribute.is_complex() {
        put("subAttributes", attribute.sub_attributes.iter().map(attribute_document).collect());
    }
    document.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{CORE_USER, ENTERPRISE_USER};

    fn has_null(value: &Value) -> bool {
        match value {
            Value::Null => true,
            Value::Array(items) => items.iter().any(has_null),
            Value::Object(map) => map.values().any(has_null),
            _ => false,
        }
    }

    #[test]
    fn no_document_has_a_null() {
        let settings = DiscoverySettings {
            base_url: "https://x/scim".to_owned(),
            max_results: 200,
            default_page_size: 100,
            cursor_timeout_seconds: 60,
            bulk_operations: 10,
            bulk_body_bytes: 1000,
            documentation_uri: None,
        };
        for document in [service_provider_config(&settings), resource_types("b"), schemas("b")] {
            assert!(!has_null(&document));
            assert_eq!(document.get("documentationUri"), None);
        }
        assert_eq!(
            service_provider_config(&settings)["filter"],
            json!({"supported": true, "maxResults": 200})
        );
    }

    #[test]
    fn lookups_ignore_case() {
        assert_eq!(resource_type("b", "user").unwrap()["id"], "User");
        assert_eq!(
            resource_type("b", "User").unwrap()["schemaExtensions"],
            json!([{"schema": ENTERPRISE_USER, "required": false}])
        );
        assert_eq!(resource_type("b", "Group").unwrap().get("schemaExtensions"), None);
        assert_eq!(resource_type("b", "Device"), None);
        assert_eq!(schema("b", &CORE_USER.to_lowercase()).unwrap()["id"], CORE_USER);
        assert_eq!(schema("b", "urn:x"), None);
    }

    #[test]
    fn an_attribute_is_described() {
        let document = schema("https://x", CORE_USER).unwrap();
        insta::assert_json_snapshot!(document["attributes"][0], @r#"
        {
          "name": "userName",
          "type": "string",
          "multiValued": false,
          "description": "The name by which the person signs in.",
          "required": true,
          "caseExact": false,
          "mutability": "readWrite",
          "returned": "default",
          "uniqueness": "server"
        }
        "#);
        assert_eq!(schemas("b")["totalResults"], 3);
    }

    #[test]
    fn every_attribute_has_every_characteristic() {
        fn check(attribute: &Value) {
            for name in [
                "type",
                "multiValued",
                "description",
                "required",
                "caseExact",
                "mutability",
                "returned",
                "uniqueness",
            ] {
                assert!(attribute.get(name).is_some(), "{name} of {attribute}");
            }
            attribute.get("subAttributes").and_then(Value::as_array).into_iter().flatten().for_each(check);
        }
        for schema in SCHEMAS {
            schema_document("b", schema)["attributes"].as_array().unwrap().iter().for_each(check);
        }
    }
}
