//! What Pulze's policies, those sent or the published defaults, say about a right reply
//! (`schemas/README.md#policies`).

use crate::wire::json::{Members, Value};

/// Name of the header that carries them.
pub const POLICIES: &str = "pulze-policies";

/// The policies that decide which reply is right.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Policies {
    /// Whether no log is kept (`privacy_level` 3), so that the reply may have no id.
    pub private: bool,
    /// How many calls of a provider may fail behind one request.
    pub retries: u64,
    /// The most dollars that a request is to cost.
    pub max_cost: f64,
}

impl Default for Policies {
    fn default() -> Policies {
        Policies::of(&Value::Null)
    }
}

impl Policies {
    /// Reads the object in the header; what it does not name has the published default.
    pub fn of(header: &Value) -> Policies {
        let count = |name: &str| header.get(name).and_then(Value::as_u64);
        let tries = |name: &str| count(name).unwrap_or(1).saturating_add(1);
        Policies {
            private: count("privacy_level") == Some(3),
            retries: tries("max_same_model_retries").saturating_mul(tries("max_switch_model_retries")) - 1,
            max_cost: header.member("max_cost").and_then(Value::as_f64).unwrap_or(0.02),
        }
    }

    /// Reads the text of the header; one that is no JSON has the defaults.
    pub fn in_header(text: &str) -> Policies {
        serde_json::from_str(text).map_or_else(|_| Policies::default(), |header| Policies::of(&header))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_sent_has_the_published_default() {
        assert_eq!(Policies::default(), Policies { private: false, retries: 3, max_cost: 0.02 });
        let sent =
            r#"{"max_same_model_retries": 0, "max_switch_model_retries": 2, "privacy_level": 3, "max_cost": 1.5}"#;
        assert_eq!(Policies::in_header(sent), Policies { private: true, retries: 2, max_cost: 1.5 });
        assert_eq!(Policies::in_header("{oops"), Policies::default());
    }
}
