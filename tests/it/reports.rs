//! Reports: what people read is a snapshot, what scripts read has a schema, and a summary survives its file.

use proofload::summary::{digest, schema};

use crate::profiles::committed;

#[test]
fn the_committed_schemas_are_the_generated_ones() {
    committed("digest.json", &digest::schema());
    committed("summary.json", &schema());
}
