//! Numbers within bounds.

use rand::RngExt as _;
use serde_json::{Map, Number, Value};

use super::Builder;

/// How far from a bound a number is drawn where the other side is open.
const REACH: f64 = 100.0;

impl Builder<'_> {
    /// An integer between the bounds, and a multiple of what it must be.
    pub(super) fn integer(&mut self, schema: &Map<String, Value>) -> Option<Value> {
        let step = bound(schema, "multipleOf").unwrap_or(1.0);
        let step = if step.fract() == 0.0 { step } else { step * factor(step)? };
        let low = bound(schema, "minimum").map(|low| (low / step).ceil());
        let above = bound(schema, "exclusiveMinimum").map(|low| (low / step).floor() + 1.0);
        let high = bound(schema, "maximum").map(|high| (high / step).floor());
        let below = bound(schema, "exclusiveMaximum").map(|high| (high / step).ceil() - 1.0);
        let (low, high) = range(most(low, above), least(high, below), 1.0)?;
        let steps = (low + self.random.random_range(0.0..=1.0) * (high - low)).round().clamp(low, high);
        integral(steps * step)
    }

    /// A number between the bounds, with two decimals where that fits.
    pub(super) fn number(&mut self, schema: &Map<String, Value>) -> Option<Value> {
        if schema.contains_key("multipleOf") {
            return self.multiple(schema);
        }
        let (above, below) = (bound(schema, "exclusiveMinimum"), bound(schema, "exclusiveMaximum"));
        let (low, high) = (most(bound(schema, "minimum"), above), least(bound(schema, "maximum"), below));
        let (low, high) = range(low, high, 0.0)?;
        let inside = |number: &f64| (low..=high).contains(number) && Some(*number) != above && Some(*number) != below;
        let drawn = low + self.random.random_range(0.0..=1.0) * (high - low);
        let rounded = (drawn * 100.0).round() / 100.0;
        [rounded, drawn, low.midpoint(high), low, high].into_iter().find(inside).and_then(float)
    }

    fn multiple(&mut self, schema: &Map<String, Value>) -> Option<Value> {
        let step = bound(schema, "multipleOf").filter(|step| *step > 0.0)?;
        let low = most(bound(schema, "minimum"), bound(schema, "exclusiveMinimum").map(|low| low + step / 2.0));
        let high = least(bound(schema, "maximum"), bound(schema, "exclusiveMaximum").map(|high| high - step / 2.0));
        let (low, high) = range(low.map(|low| (low / step).ceil()), high.map(|high| (high / step).floor()), 1.0)?;
        let steps = (low + self.random.random_range(0.0..=1.0) * (high - low)).round().clamp(low, high);
        // Dividing by the inverse keeps 0.3 from becoming 0.30000000000000004.
        let inverse = (1.0 / step).round();
        let number = if (inverse * step - 1.0).abs() < 1e-12 { steps / inverse } else { steps * step };
        float(number)
    }
}

fn bound(schema: &Map<String, Value>, keyword: &str) -> Option<f64> {
    schema.get(keyword)?.as_f64()
}

fn most(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    a.into_iter().chain(b).reduce(f64::max)
}

fn least(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    a.into_iter().chain(b).reduce(f64::min)
}

/// The bounds to draw from; a side that is open ends within reach of the other one.
fn range(low: Option<f64>, high: Option<f64>, first: f64) -> Option<(f64, f64)> {
    let (low, high) = match (low, high) {
        (Some(low), Some(high)) => (low, high),
        (Some(low), None) => (low, low + REACH),
        (None, Some(high)) if high >= first => (first, high),
        (None, Some(high)) => (high - REACH, high),
        (None, None) => (first, first + REACH),
    };
    (low <= high).then_some((low, high))
}

/// The smallest factor that makes a fraction whole.
fn factor(step: f64) -> Option<f64> {
    (1..=1000).map(f64::from).find(|factor| (step * factor).fract().abs() < 1e-12)
}

fn float(number: f64) -> Option<Value> {
    Number::from_f64(number).map(Value::Number)
}

/// An integer written as one where it fits into 64 bits.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
fn integral(number: f64) -> Option<Value> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.abs() <= EXACT { Some(Value::from(number as i64)) } else { float(number) }
}
