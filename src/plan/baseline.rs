//! Violations that are known: counted and shown, but no failure.

/// A known violation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Id of the check.
    pub check: &'static str,
    /// Why it is accepted.
    pub reason: String,
    /// Last day on which it is, as `2027-01-31`.
    pub expires: Option<String>,
}
