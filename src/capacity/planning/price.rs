//! Prices, as they are typed.

use std::str::FromStr;

use crate::plan::capacity::TokenPrice;

/// What a replica costs in an hour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PricePerHour(pub f64);

impl FromStr for PricePerHour {
    type Err = String;

    fn from_str(text: &str) -> Result<PricePerHour, String> {
        let text = text.strip_suffix("/h").unwrap_or(text);
        money(text).map(PricePerHour).ok_or_else(|| "expected what a replica costs in an hour, as in 2.50".to_owned())
    }
}

fn money(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|money| money.is_finite() && *money >= 0.0)
}

/// What tokens cost on top of the replicas.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TokenCost {
    /// So much a million.
    Priced(TokenPrice),
    /// What the metadata of the replies said that a request costs, in dollars.
    Metadata,
}

/// What a million prompt tokens and a million completion tokens cost, as in `0.5,1.5`, or `metadata`.
///
/// # Errors
/// If it is not that.
pub fn tokens(text: &str) -> Result<TokenCost, String> {
    if text == "metadata" {
        return Ok(TokenCost::Metadata);
    }
    let pair = text.split_once(',').and_then(|(input, output)| money(input).zip(money(output)));
    pair.map(|(input, output)| TokenCost::Priced(TokenPrice { input, output })).ok_or_else(|| {
        format!("{text:?} is not what a million prompt and completion tokens cost, as in 0.5,1.5, nor metadata")
    })
}

/// A share that is kept free, as in `30%` or `0.3`.
///
/// # Errors
/// If it is none, or all.
pub fn headroom(text: &str) -> Result<f64, String> {
    let share = match text.strip_suffix('%') {
        Some(percent) => money(percent).map(|percent| percent / 100.0),
        None => money(text),
    };
    share
        .filter(|share| *share < 1.0)
        .ok_or_else(|| format!("{text:?} is not a share from 0% to below 100%, as in 30%"))
}
