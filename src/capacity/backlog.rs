//! Whether more requests come in than go out, seen in the number of requests in flight while a stage goes on.
//!
//! Above what an endpoint can take, the requests in flight grow by the difference of the rates, whatever their response
//! times are. Below it they wander: over a time in which `n` requests come, by about the square root of `n`. So growth is
//! believed once it is several times that, and a fair share of the rate.

/// Growth below this share of the rate is none: the goals decide.
const SHARE: f64 = 0.05;
/// So many standard deviations end a stage early.
const CUT: f64 = 4.0;
/// So many make a stage that was carried out whole one whose backlog grew.
const GREW: f64 = 3.0;
/// The least that is looked at, in samples.
const LEAST: usize = 12;
/// And in requests: of a handful, twice as many as were due are soon there by chance.
const LEAST_CAME: f64 = 40.0;

/// The requests in flight over a stage.
#[derive(Debug, Clone)]
pub struct Backlog {
    rate: f64,
    settled_s: f64,
    samples: Vec<(f64, f64)>,
}

impl Backlog {
    /// Nothing seen yet, of an open load with this rate, whose first so many seconds are not looked at: in them the
    /// endpoint fills up.
    pub fn new(rate: f64, settled_s: f64) -> Backlog {
        Backlog { rate, settled_s, samples: Vec::new() }
    }

    /// So many requests were in flight then, in seconds from the start.
    pub fn see(&mut self, at_s: f64, in_flight: f64) {
        if at_s >= self.settled_s {
            self.samples.push((at_s, in_flight));
        }
    }

    /// Whether there is nothing more to learn: it grows, and beyond doubt.
    pub fn overflows(&self) -> bool {
        self.rises_by(CUT)
    }

    /// Whether it grew over the stage.
    pub fn grew(&self) -> bool {
        self.rises_by(GREW)
    }

    /// Requests in flight on average.
    pub fn mean(&self) -> Option<f64> {
        mean(&self.samples)
    }

    fn rises_by(&self, deviations: f64) -> bool {
        let third = self.samples.len() / 3;
        let (Some((from, _)), Some((until, _))) = (self.samples.first(), self.samples.last()) else { return false };
        let thirds = [&self.samples[..third], &self.samples[third..2 * third], &self.samples[2 * third..]].map(mean);
        let [Some(first), Some(middle), Some(last)] = thirds else { return false };
        // The middles of the outer thirds are two thirds of the time apart.
        let rise = (last - first) * 1.5;
        let came = self.rate * (until - from);
        self.samples.len() >= LEAST
            && came >= LEAST_CAME
            && first < middle
            && middle < last
            && rise > (SHARE * came).max(deviations * came.sqrt())
    }
}

fn mean(samples: &[(f64, f64)]) -> Option<f64> {
    (!samples.is_empty()).then(|| samples.iter().map(|(_, value)| value).sum::<f64>() / samples.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(rate: f64, in_flight: impl Fn(f64) -> f64) -> Backlog {
        let mut backlog = Backlog::new(rate, 1.0);
        (0..100).map(|tenth| f64::from(tenth) / 10.0).for_each(|at| backlog.see(at, in_flight(at)));
        backlog
    }

    #[test]
    fn growth_is_seen_and_wandering_is_not() {
        let double = seen(40.0, |at| 20.0 * at);
        assert!(double.overflows() && double.grew());
        assert!(!seen(40.0, |at| 20.0 + 6.0 * (at * 2.0).sin()).grew());
        // A quarter too much, over nine seconds: 90 requests of 360, of which 19 are chance.
        assert!(seen(40.0, |at| 10.0 * at).overflows());
        // What fills up before the stage has settled is no growth.
        assert!(!seen(40.0, |at| if at < 1.0 { 40.0 * at } else { 40.0 }).grew());
        assert!(!Backlog::new(40.0, 0.0).grew());
    }
}
