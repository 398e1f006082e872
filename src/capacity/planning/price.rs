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

/// What a million prompt tokens and a million completion tokens cost, as in `0.5,1.5`.
///
/// # Errors
/// If it is not that.
pub fn tokens(text: &str) -> Result<TokenPrice, String> {
    let pair = text.split_once(',').and_then(|(input, output)| money(input).zip(money(output)));
    pair.map(|(input, output)| TokenPrice { input, output })
        .ok_or_else(|| format!("{text:?} is not what a million prompt and completion tokens cost, as in 0.5,1.5"))
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
