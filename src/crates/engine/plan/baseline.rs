//! What is known of an endpoint: violations that are accepted for a time, and rules that held when that was written.

/// A baseline: what a team has agreed on about its endpoints.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baseline {
    /// Violations that are counted and shown, but no failure.
    pub known: Vec<Known>,
    /// Rules that held, so that one which no longer says anything is missed.
    pub passed: Vec<Passed>,
}

/// A known violation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Id of the check.
    pub check: &'static str,
    /// Why it is accepted.
    pub reason: String,
    /// Where work on it is tracked.
    pub ticket: Option<String>,
    /// Which fault of the rule is known; any of them without it. A load run counts by rule and does not tell them apart.
    pub signature: Option<String>,
    /// The name of the endpoint it is known of; every endpoint without it.
    pub target: Option<String>,
    /// Last day on which it is, as `2027-01-31`.
    pub expires: Option<String>,
}

/// The rules that held for one endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// The name of the endpoint, where it was given one.
    pub target: Option<String>,
    /// The version of this program that judged it.
    pub version: String,
    /// Ids of the checks.
    pub checks: Vec<&'static str>,
}

impl Known {
    /// Whether its signature is of the form that earlier versions wrote, eight hexadecimal digits: of the place and the
    /// status alone, so that it covers every kind of fault there.
    pub fn is_coarse(&self) -> bool {
        let is_old = |text: &String| text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        self.signature.as_ref().is_some_and(is_old)
    }

    /// Whether it speaks of the endpoint of that name.
    pub fn is_of(&self, target: Option<&str>) -> bool {
        self.target.is_none() || self.target.as_deref() == target
    }
}

impl Baseline {
    /// What held for the endpoint of that name.
    pub fn passed(&self, target: Option<&str>) -> Option<&Passed> {
        self.passed.iter().find(|passed| passed.target.as_deref() == target)
    }
}
