//! How well replicas add up: measured behind one address, or assumed.

/// What `n` replicas carry, over `n` times what one does.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Efficiency {
    /// Replicas and the rate that they held together, by replicas; the first is one replica.
    measured: Vec<(u64, f64)>,
}

impl Efficiency {
    /// Replicas add up in full, which is the first assumption of a plan.
    pub fn assumed() -> Efficiency {
        Efficiency::default()
    }

    /// From rates that were measured with so many replicas.
    ///
    /// # Errors
    /// If one replica alone was not measured, or a number comes twice.
    pub fn measured(mut rates: Vec<(u64, f64)>) -> Result<Efficiency, String> {
        rates.sort_by_key(|(replicas, _)| *replicas);
        if rates.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err("a number of replicas was given twice".to_owned());
        }
        match rates.first() {
            Some((1, rate)) if *rate > 0.0 => Ok(Efficiency { measured: rates }),
            _ => Err("what one replica does alone is missing, as in 1=runs/a,2=runs/b".to_owned()),
        }
    }

    /// The efficiency of so many: measured, on the line between two that were, or that of the largest.
    pub fn of(&self, replicas: u64) -> f64 {
        let Some((_, one)) = self.measured.first() else { return 1.0 };
        let at = |(replicas, rate): (u64, f64)| rate / (replicas as f64 * one);
        let place = self.measured.partition_point(|(number, _)| *number <= replicas);
        let Some(below) = place.checked_sub(1).map(|place| self.measured[place]) else { return 1.0 };
        let Some(above) = self.measured.get(place).copied() else { return at(below) };
        let share = (replicas - below.0) as f64 / (above.0 - below.0) as f64;
        at(below) + share * (at(above) - at(below))
    }

    /// The fewest replicas that carry a demand, where one alone carries `each`; none above `most`.
    pub fn replicas_for(&self, demand: f64, each: f64, most: u64) -> Option<u64> {
        (1..=most).find(|replicas| *replicas as f64 * each * self.of(*replicas) >= demand)
    }

    /// In words, for the assumptions.
    pub fn words(&self) -> String {
        match self.measured.last() {
            None => "replicas add up in full (efficiency 1.0): this was not measured".to_owned(),
            Some((largest, _)) => {
                let each = self.measured.iter().map(|(number, _)| format!("{number}: {:.2}", self.of(*number)));
                let each = each.collect::<Vec<_>>().join(", ");
                format!("replicas add up as measured (efficiency of {each}); beyond {largest} as {largest} do")
            }
        }
    }
}
