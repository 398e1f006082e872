//! What the endpoint serves as an `OpenAPI` 3.1 document, around the same schema files that it validates with.

use jsonschema::json::Json;
use serde_json::{Map, Value, json};

use crate::wire::Contract;
use crate::wire::contract::facts::{ErrorEnvelope, ModelsPage};
use crate::wire::schema::Schema;

/// The document of a dialect.
pub(super) fn document(contract: &Contract) -> Value {
    let mut paths = Map::new();
    paths.insert("/v1/chat/completions".to_owned(), json!({"post": completions(contract)}));
    match contract.facts.models_page {
        ModelsPage::Active => {
            paths.insert(
                "/v1/models/active".to_owned(),
                json!({"get": guarded("The models.", &json!({"type": "array"}))}),
            );
        }
        ModelsPage::List => {
            paths.insert("/v1/models".to_owned(), json!({"get": guarded("The models.", &json!({"type": "object"}))}));
            let mut model = guarded("A model.", &json!({"type": "object"}));
            model["parameters"] = json!([path_parameter("model")]);
            model["responses"]["404"] = json!({"$ref": "#/components/responses/error"});
            paths.insert("/v1/models/{model}".to_owned(), json!({"get": model}));
        }
    }
    if contract.facts.stored_logs {
        let mut log = guarded("A stored request and its response.", &json!({"type": "object"}));
        log["parameters"] = json!([path_parameter("id")]);
        log["responses"]["404"] = json!({"$ref": "#/components/responses/error"});
        paths.insert("/v1/logs/{id}".to_owned(), json!({"get": log}));
    }
    paths.insert("/health".to_owned(), json!({"get": open("Whether it is up.", "application/json")}));
    paths.insert("/metrics".to_owned(), json!({"get": open("Figures for Prometheus.", "text/plain")}));
    let schemas = json!({"request": embedded(contract.request()), "response": embedded(contract.response()),
        "chunk": embedded(contract.chunk()), "error": embedded(contract.error())});
    json!({
        "openapi": "3.1.0",
        "info": {"title": format!("proofload reference endpoint, {contract} dialect"), "version": env!("CARGO_PKG_VERSION")},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "responses": {"error": {"description": "The request is not served.",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/error"}}}}},
            "schemas": schemas,
        },
    })
}

fn completions(contract: &Contract) -> Value {
    let events = json!({"type": "string", "description": "Server-sent events; each data payload but [DONE] is a #/components/schemas/chunk."});
    let mut responses = json!({"200": {"description": "The completion, or its chunks where stream is true.", "content": {
        "application/json": {"schema": {"$ref": "#/components/schemas/response"}}, "text/event-stream": {"schema": events}}}});
    let invalid: &[&str] = match contract.facts.error_envelope {
        ErrorEnvelope::Detail => &["422"],
        ErrorEnvelope::Error => &[],
    };
    for status in ["400", "401", "403", "404", "413", "415", "429"].iter().chain(invalid) {
        responses[status] = json!({"$ref": "#/components/responses/error"});
    }
    json!({"summary": "Chat completion.", "security": [{"bearer": []}], "responses": responses,
        "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/request"}}}}})
}

/// A page that needs a key.
fn guarded(about: &str, schema: &Value) -> Value {
    json!({"summary": about, "security": [{"bearer": []}], "responses": {
        "200": {"description": about, "content": {"application/json": {"schema": schema}}},
        "401": {"$ref": "#/components/responses/error"}}})
}

/// A page that needs none.
fn open(about: &str, media_type: &str) -> Value {
    json!({"summary": about, "responses": {"200": {"description": about, "content": {media_type: {}}}}})
}

fn path_parameter(name: &str) -> Value {
    json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}})
}

/// A schema file inside another document: references within it start at its own root there.
fn embedded<F: Json>(schema: &Schema<F>) -> Value {
    let mut documents: Vec<Value> = schema.documents().cloned().collect();
    for members in documents.iter_mut().filter_map(Value::as_object_mut) {
        members.shift_remove("$schema");
    }
    if documents.len() == 1 { documents.remove(0) } else { json!({"allOf": documents}) }
}
