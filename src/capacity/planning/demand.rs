//! How many requests come, hour by hour: a number, a curve of a day, or a trace.

/// A demand.
#[derive(Debug, Clone, PartialEq)]
pub struct Demand {
    /// Its hours, which come again and again; never empty.
    pub hours: Vec<Hour>,
    source: Source,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Number,
    Curve,
    Trace(usize),
}

/// An hour.
#[derive(Debug, Clone, PartialEq)]
pub struct Hour {
    /// Its name, as `08:00`.
    pub name: String,
    /// Requests per second on average.
    pub mean: f64,
    /// Requests per second at its peak.
    pub peak: f64,
}

/// Seconds over which a trace's peak is taken.
const PEAK_S: f64 = 60.0;
const HOUR_S: f64 = 3600.0;
/// Hours that a trace may last.
const LONGEST: usize = 24 * 366;

impl Demand {
    /// The same rate at all times.
    pub fn constant(rate: f64) -> Demand {
        let hour = Hour { name: "always".to_owned(), mean: rate, peak: rate };
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

    /// The rate on average.
    pub fn mean(&self) -> f64 {
        self.hours.iter().map(|hour| hour.mean).sum::<f64>() / self.hours.len() as f64
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
                "the demand is a trace of {count} requests over {} hours, again and again: {:.2} requests/s on average, {:.2} in its busiest minute",
                self.hours.len(),
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
        let (time, rate) = clock(cells[0]).zip(number(cells[1])).ok_or_else(wrong)?;
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
    let first = times.iter().copied().fold(f64::INFINITY, f64::min);
    let last = times.iter().copied().fold(0.0, f64::max);
    let length = (last - first).max(1.0);
    let hours = (length / HOUR_S).ceil() as usize;
    if hours > LONGEST {
        return Err(format!("the trace lasts {hours} hours; times are in seconds"));
    }
    let minutes = (length / PEAK_S) as usize + 1;
    let mut counts = vec![0_u64; minutes];
    for time in &times {
        counts[((time - first) / PEAK_S) as usize] += 1;
    }
    let hour = |number: usize| {
        let own = &counts[(number * 60).min(minutes)..((number + 1) * 60).min(minutes)];
        // The last hour may be a part of one, and its rate is that of the part.
        let lasts = (length - number as f64 * HOUR_S).min(HOUR_S);
        let count = own.iter().sum::<u64>() as f64;
        let mean = count / lasts;
        let peak = own.iter().map(|count| *count as f64 / PEAK_S.min(lasts)).fold(0.0, f64::max);
        Hour { name: format!("hour {}", number + 1), mean, peak: peak.max(mean) }
    };
    Ok(Demand { hours: (0..hours).map(hour).collect(), source: Source::Trace(times.len()) })
}
