//! How many requests come, hour by hour: a number, a curve of a day, or a trace.

/// A demand.
#[derive(Debug, Clone, PartialEq)]
pub struct Demand {
    /// Its hours, which come again and again; never empty.
    pub hours: Vec<Hour>,
    pub(super) source: Source,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Number,
    Curve,
    Trace(usize),
}

/// An hour. The last one of a trace may be shorter.
#[derive(Debug, Clone, PartialEq)]
pub struct Hour {
    /// Its name, as `08:00`.
    pub name: String,
    /// How long it lasts, in hours.
    pub lasts_h: f64,
    /// Requests per second on average.
    pub mean: f64,
    /// Requests per second at its peak; of a trace in the busiest minute that ends in it.
    pub peak: f64,
}

/// Seconds over which a trace's peak is taken. A rest of a trace that is shorter is part of the hour before.
const PEAK_S: f64 = 60.0;
const HOUR_S: f64 = 3600.0;
/// Hours that a trace may last.
const LONGEST: usize = 24 * 366;

impl Demand {
    /// The same rate at all times.
    pub fn constant(rate: f64) -> Demand {
        let hour = Hour { name: "always".to_owned(), lasts_h: 1.0, mean: rate, peak: rate };
        Demand { hours: vec![hour], source: Source::Number }
    }

    /// Reads a file: a curve has lines of a time of day and a rate, a trace a time in seconds a line.
    ///
    /// # Errors
    /// The line that is neither, and what is expected.
    pub fn read(text: &str) -> Result<Demand, String> {
        let lines = text.lines().enumerate().map(|(number, line)| (number + 1, line.trim()));
        let rows: Vec<(usize, Vec<&str>)> = lines
            .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
            .map(|(number, line)| (number, line.split([',', ';', '\t']).map(str::trim).collect()))
            .collect();
        // A first line without any number is a heading.
        let heading = rows.first().is_some_and(|(_, cells)| cells.iter().all(|cell| number(cell).is_none()));
        let rows = &rows[usize::from(heading && rows.first().is_some_and(|(_, cells)| clock(cells[0]).is_none()))..];
        match rows.first() {
            None => Err("it holds no line".to_owned()),
            Some((_, cells)) if cells.len() == 1 => trace(rows),
            Some(_) => curve(rows),
        }
    }

    /// The highest rate.
    pub fn peak(&self) -> f64 {
        self.hours.iter().map(|hour| hour.peak).fold(0.0, f64::max)
    }

    /// The rate on average: each hour weighs what it lasts.
    pub fn mean(&self) -> f64 {
        self.hours.iter().map(|hour| hour.mean * hour.lasts_h).sum::<f64>() / self.lasts_h()
    }

    /// How long it lasts before it comes again, in hours.
    pub fn lasts_h(&self) -> f64 {
        self.hours.iter().map(|hour| hour.lasts_h).sum()
    }

    /// In words, for the assumptions.
    pub fn words(&self) -> String {
        match self.source {
            Source::Number => format!("the demand is {:.2} requests/s at all times", self.peak()),
            Source::Curve => format!(
                "the demand is the curve that was given, day after day: {:.2} requests/s on average, {:.2} at its peak",
                self.mean(),
                self.peak()
            ),
            Source::Trace(count) => format!(
                "the demand is a trace of {count} requests over {:.2} hours, again and again: {:.2} requests/s on average, {:.2} in its busiest minute",
                self.lasts_h(),
                self.mean(),
                self.peak()
            ),
        }
    }
}

fn number(text: &str) -> Option<f64> {
    text.strip_suffix("/s").unwrap_or(text).parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0)
}

/// Hours of a time of day: `8`, `08:30`, `08:30:00`.
fn clock(text: &str) -> Option<f64> {
    let mut parts = text.splitn(3, ':');
    let hours = parts.next()?.parse::<u32>().ok().filter(|hours| *hours < 24)?;
    let minutes = parts.next().map_or(Some(0), |minutes| minutes.parse::<u32>().ok().filter(|m| *m < 60))?;
    Some(f64::from(hours) + f64::from(minutes) / 60.0)
}

/// A curve: the rate of a line holds until the time of the next one. Hours that no line begins in go on as before.
fn curve(rows: &[(usize, Vec<&str>)]) -> Result<Demand, String> {
    let mut points: Vec<(f64, f64)> = Vec::new();
    for (line, cells) in rows {
        let wrong = || format!("line {line}: {:?} is not a time of day and a rate, as in 08:30,120", cells.join(","));
        let [time, rate, ..] = cells.as_slice() else { return Err(wrong()) };
        let (time, rate) = clock(time).zip(number(rate)).ok_or_else(wrong)?;
        if points.last().is_some_and(|(before, _)| *before >= time) {
            return Err(format!("line {line}: the times of a day must go up"));
        }
        points.push((time, rate));
    }
    let at = |time: f64| {
        let place = points.partition_point(|(begins, _)| *begins <= time);
        // Before the first line it is still what the last one of the day before said.
        points[place.checked_sub(1).unwrap_or(points.len() - 1)].1
    };
    let minutes = |hour: u32| (0..60).map(move |minute| f64::from(hour) + f64::from(minute) / 60.0 + 1e-9);
    let hour = |hour: u32| Hour {
        name: format!("{hour:02}:00"),
        lasts_h: 1.0,
        mean: minutes(hour).map(at).sum::<f64>() / 60.0,
        peak: minutes(hour).map(at).fold(0.0, f64::max),
    };
    let demand = Demand { hours: (0..24).map(hour).collect(), source: Source::Curve };
    if demand.peak() > 0.0 { Ok(demand) } else { Err("no rate is above 0".to_owned()) }
}

/// A trace: a time in seconds a line, from wherever it counts.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a trace of bounded length")]
fn trace(rows: &[(usize, Vec<&str>)]) -> Result<Demand, String> {
    let mut times: Vec<f64> = Vec::with_capacity(rows.len());
    for (line, cells) in rows {
        let wrong = || format!("line {line}: {:?} is neither a time in seconds nor TIME,RATE", cells.join(","));
        times.push(number(cells[0]).filter(|_| cells.len() == 1).ok_or_else(wrong)?);
    }
    times.sort_by(f64::total_cmp);
    let length = (times[times.len() - 1] - times[0]).max(1.0);
    let hours = ((length - PEAK_S) / HOUR_S).ceil().max(1.0) as usize;
    if hours > LONGEST {
        return Err(format!("the trace lasts {hours} hours; times are in seconds"));
    }
    let of_hour = |time: f64| (((time - times[0]) / HOUR_S) as usize).min(hours - 1);
    let mut counts = vec![0_u64; hours];
    let mut peaks = vec![0.0_f64; hours];
    let mut begins = 0;
    for (place, time) in times.iter().enumerate() {
        // The minute that ends here; a trace that is shorter is its own busiest minute.
        begins += times[begins..=place].partition_point(|early| *early <= time - PEAK_S);
        let rate = (place - begins + 1) as f64 / PEAK_S.min(length);
        let hour = of_hour(*time);
        counts[hour] += 1;
        peaks[hour] = peaks[hour].max(rate);
    }
    let hour = |number: usize| {
        let lasts_s = if number + 1 < hours { HOUR_S } else { length - number as f64 * HOUR_S };
        let mean = counts[number] as f64 / lasts_s;
        Hour { name: format!("hour {}", number + 1), lasts_h: lasts_s / HOUR_S, mean, peak: peaks[number].max(mean) }
    };
    Ok(Demand { hours: (0..hours).map(hour).collect(), source: Source::Trace(times.len()) })
}
