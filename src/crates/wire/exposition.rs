//! A page of metrics as Prometheus reads it (text exposition format 0.0.4, and what `OpenMetrics` shares with it).

/// A sample of a page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample<'p> {
    /// Name of the metric, without its labels.
    pub name: &'p str,
    /// Its value.
    pub value: f64,
    /// Whether the page calls it a counter.
    pub counter: bool,
}

/// The samples of a page in order. Lines that are none, and values that are no finite number, are left out.
pub fn samples(page: &str) -> Vec<Sample<'_>> {
    let mut counter = "";
    let mut samples = Vec::new();
    for line in page.lines().map(str::trim) {
        if let Some(comment) = line.strip_prefix('#') {
            let mut words = comment.split_whitespace();
            if words.next() == Some("TYPE")
                && let Some(name) = words.next()
            {
                counter = if words.next() == Some("counter") { name } else { "" };
            }
            continue;
        }
        let Some((name, value)) = split(line) else { continue };
        // OpenMetrics names the family without the suffix.
        let counter = !counter.is_empty() && (name == counter || name.strip_suffix("_total") == Some(counter));
        samples.push(Sample { name, value, counter });
    }
    samples
}

/// Name and value of a line, as `name{label="text"} 1.5 1700000000`.
fn split(line: &str) -> Option<(&str, f64)> {
    let end = line.find(|c: char| c == '{' || c.is_whitespace())?;
    let (name, rest) = line.split_at(end);
    let rest = if rest.starts_with('{') { &rest[labels(rest)?..] } else { rest };
    let value = rest.split_whitespace().next()?.parse::<f64>().ok().filter(|value| value.is_finite())?;
    (!name.is_empty()).then_some((name, value))
}

/// Length of the labels, braces included; a brace in a quoted text ends nothing.
fn labels(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '}' if !quoted => return Some(at + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_page_is_read() {
        let page = "# HELP vllm:num_requests_running Number of requests.\n\
                    # TYPE vllm:num_requests_running gauge\n\
                    vllm:num_requests_running{engine=\"0\",model_name=\"a } \\\" b\"} 3.0\n\
                    # TYPE vllm:num_preemptions counter\n\
                    vllm:num_preemptions_total{engine=\"0\"} 1.2e+01 1700000000\n\
                    vllm:num_preemptions_created{engine=\"0\"} 1.7e9\n\
                    plain 7\n\
                    not_a_number NaN\n\
                    endless +Inf\n\
                    cut{off=\"\n\
                    nothing\n";
        let read: Vec<(&str, f64, bool)> = samples(page).iter().map(|s| (s.name, s.value, s.counter)).collect();
        assert_eq!(
            read,
            [
                ("vllm:num_requests_running", 3.0, false),
                ("vllm:num_preemptions_total", 12.0, true),
                ("vllm:num_preemptions_created", 1.7e9, false),
                ("plain", 7.0, false),
            ]
        );
    }

    proptest! {
        #[test]
        fn no_page_is_too_broken(page in "[ -~\n\"{}#é]*") {
            let _ = samples(&page);
        }
    }
}
