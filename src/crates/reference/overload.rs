//! What a server says to a request that it has no room for, in the dialect's own envelope
//! (`schemas/README.md#errors`).

use super::batch::Refusal as Full;
use super::refuse::Refusal;
use super::reply::Reply;
use crate::wire::Contract;

/// The reply to request `number`, which was turned away.
pub(super) fn reply(refusal: Full, contract: &Contract, number: u64) -> Reply {
    let refusal = match refusal {
        Full::Full { retry_after } => {
            let message = "the server has no room for more requests";
            // Whole seconds, rounded up (RFC 9110, section 10.2.3).
            let seconds = retry_after.as_secs_f64().ceil().max(1.0).to_string();
            Refusal::new(contract, 429, "rate_limit_exceeded", message, None).with_header("retry-after", &seconds)
        }
        Full::TooWide => {
            let message = "the server makes fewer choices at once than were asked for";
            Refusal::new(contract, 400, "invalid_value", message, Some("n"))
        }
        Full::TooLong => {
            let message = "the request is longer than the memory";
            Refusal::new(contract, 400, "context_length_exceeded", message, Some("messages"))
        }
    };
    refusal.reply(number)
}
