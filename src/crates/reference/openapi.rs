//! What the endpoint serves as an `OpenAPI` 3.1 document, around the same schema files that it validates with.

use serde_json::{Map, Value, json};

use crate::wire::Dialect;

/// The document of a dialect.
pub(super) fn document(dialect: Dialect) -> Value {
    let mut paths = Map::new();
    paths.insert("/v1/chat/completions".to_owned(), json!({"post": completions(dialect)}));
    match dialect {
        Dialect::Pulze => {
            paths.insert(
                "/v1/models/active".to_owned(),
                json!({"get": guarded("The models.", &json!({"type": "array"}))}),
            );
            let mut log = guarded("A stored request and its response.", &json!({"type": "object"}));
            log["parameters"] = json!([path_parameter("id")]);
            log["responses"]["404"] = json!({"$ref": "#/components/responses/error"});
            paths.insert("/v1/logs/{id}".to_owned(), json!({"get": log}));
        }
        Dialect::OpenAi | Dialect::OpenAiStrict => {
            paths.insert("/v1/models".to_owned(), json!({"get": guarded("The models.", &json!({"type": "object"}))}));
            let mut model = guarded("A model.", &json!({"type": "object"}));
            model["parameters"] = json!([path_parameter("model")]);
            model["responses"]["404"] = json!({"$ref": "#/components/responses/error"});
            paths.insert("/v1/models/{model}".to_owned(), json!({"get": model}));
        }
    }
    paths.insert("/health".to_owned(), json!({"get": open("Whether it is up.", "application/json")}));
    paths.insert("/metrics".to_owned(), json!({"get": open("Figures for Prometheus.", "text/plain")}));
    let schemas = json!({"request": embedded(dialect.request().document()), "response": embedded(dialect.response().document()),
        "chunk": embedded(dialect.chunk().document()), "error": embedded(dialect.error().document())});
    json!({
        "openapi": "3.1.0",
        "info": {"title": format!("proofload reference endpoint, {dialect} dialect"), "version": env!("CARGO_PKG_VERSION")},
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

fn completions(dialect: Dialect) -> Value {
    let events = json!({"type": "string", "description": "Server-sent events; each data payload but [DONE] is a #/components/schemas/chunk."});
    let mut responses = json!({"200": {"description": "The completion, or its chunks where stream is true.", "content": {
        "application/json": {"schema": {"$ref": "#/components/schemas/response"}}, "text/event-stream": {"schema": events}}}});
    let invalid: &[&str] = if dialect.is_openai() { &[] } else { &["422"] };
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
fn embedded(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(members) = schema.as_object_mut() {
        members.shift_remove("$schema");
    }
    schema
}
