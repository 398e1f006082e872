//! The models that the endpoint plays: whose they are, what they cost, and how good and fast they are said to be.

/// A model.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Model {
    /// The name it was given on the command line.
    pub(super) name: String,
    /// Pulze's fully qualified name: `owner/model`.
    pub(super) namespace: String,
    pub(super) prices: Prices,
    /// How cheap, good and fast it is, each from 0 to 1: what the router weighs.
    pub(super) merits: [f64; 3],
}

/// Dollars per token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Prices {
    pub(super) prompt: f64,
    pub(super) completion: f64,
}

/// The model that savings are measured against: the first generation said GPT-4 (`schemas/README.md#metadata`).
pub(super) const BENCHMARK: Prices = Prices { prompt: 3e-5, completion: 6e-5 };

/// The name by which a request leaves the choice to the router.
pub(super) const ROUTER: &str = "pulze";

/// Name, prices, and merits (cheap, good, fast).
const KNOWN: [(&str, Prices, [f64; 3]); 5] = [
    ("gpt-4o", Prices { prompt: 2.5e-6, completion: 1e-5 }, [0.55, 0.95, 0.7]),
    ("gpt-4o-mini", Prices { prompt: 1.5e-7, completion: 6e-7 }, [0.9, 0.8, 0.85]),
    ("gpt-4", BENCHMARK, [0.1, 0.9, 0.3]),
    ("llama-3.1-8b", Prices { prompt: 5e-8, completion: 8e-8 }, [0.98, 0.6, 0.95]),
    ("llama-3.1-70b", Prices { prompt: 6e-7, completion: 8e-7 }, [0.85, 0.85, 0.6]),
];

/// What a model costs that is not in the table.
const UNKNOWN: (Prices, [f64; 3]) = (Prices { prompt: 1e-6, completion: 2e-6 }, [0.7, 0.7, 0.7]);

impl Model {
    /// The model of a name, namespaced or not.
    pub(super) fn named(name: &str) -> Model {
        let short = name.rsplit('/').next().unwrap_or(name);
        let known = KNOWN.iter().find(|(known, ..)| *known == short);
        let (prices, merits) = known.map_or(UNKNOWN, |(_, prices, merits)| (*prices, *merits));
        let namespace = if name.contains('/') { name.to_owned() } else { format!("{}/{name}", owner(name)) };
        Model { name: name.to_owned(), namespace, prices, merits }
    }

    pub(super) fn owner(&self) -> &str {
        self.namespace.split('/').next().unwrap_or_default()
    }

    /// The name without its owner.
    pub(super) fn short(&self) -> &str {
        self.namespace.rsplit('/').next().unwrap_or_default()
    }
}

fn owner(model: &str) -> &'static str {
    match model {
        _ if model.starts_with("gpt") => "openai",
        _ if model.starts_with("llama") => "meta",
        _ => "local",
    }
}
