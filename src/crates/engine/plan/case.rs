//! What is sent: a case is a recipe that gives each ticket its body.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use memchr::memmem;
use serde_json::Value;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::prompt::conversation::Conversations;
use super::prompt::length::Length;
use super::prompt::synthetic::Synthetic;
use super::prompt::table::Table;
use super::schedule::think::Think;
use super::target::Target;
use crate::exchange::nonce::{self, PLACEHOLDER};
use crate::exchange::policies::POLICIES;
use crate::exchange::{Asked, Lengths, Policies, Ticket, Wanted};
use crate::wire::Contract;
use crate::wire::api::request::ChatRequest;

/// A kind of request.
#[derive(Debug)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// Its share of the requests, relative to the other cases.
    pub weight: u32,
    /// How its prompts are made, where they are not written.
    synthetic: Option<Synthetic>,
    /// How long its answers are to be, where that differs by request.
    output: Option<Length>,
    /// Prompts from files, where there are any.
    prompts: Option<Prompts>,
    /// How long a user thinks between the turns of a session.
    think: Think,
    /// Variables, where there are any.
    variables: Option<Arc<Table>>,
    /// Its bodies; never empty.
    templates: Vec<Template>,
    /// Root of its tags and made prompts.
    text: u64,
}

/// Prompts that are drawn.
#[derive(Debug)]
struct Prompts {
    conversations: Arc<Conversations>,
    /// Turns of the longest.
    longest: u64,
    /// Whether every one of them has a tag in its first turn.
    tagged: bool,
}

/// What a case is made from.
#[derive(Debug)]
pub struct Recipe<'r> {
    /// Its name.
    pub name: &'r str,
    /// Its share of the requests.
    pub weight: u32,
    /// Its bodies; never empty. [`PROMPT`] stands where a made prompt goes, [`OUTPUT`] for a number of tokens,
    /// [`MESSAGES`] for messages from a file, and what [`cell`] gives for a variable.
    pub bodies: &'r [Value],
    /// Conversations, one of which is drawn for each session.
    pub conversations: Option<Arc<Conversations>>,
    /// How long a user thinks between the turns of a session.
    pub think: Think,
    /// Variables, whose rows are taken in turn: text as it stands between the quotes of a JSON string.
    pub variables: Option<Arc<Table>>,
    /// How its prompts are made.
    pub synthetic: Option<Synthetic>,
    /// How long its answers are to be.
    pub output: Option<Length>,
}

/// Stands in a text where a made prompt goes. No one writes characters that are for private use.
pub const PROMPT: &str = "\u{f8ff}prompt";
/// Stands, as a string, for the number of tokens that an answer is to have.
pub const OUTPUT: &str = "\u{f8ff}output";

/// Stands, as a message, for all that is said in a conversation so far.
pub const MESSAGES: &str = "\u{f8ff}messages";

/// Stands in a text for the variable of that column.
pub fn cell(column: usize) -> String {
    format!("\u{f8ff}cell {column};")
}

/// A body, serialised once, with gaps.
#[derive(Debug)]
struct Template {
    wanted: Arc<Wanted>,
    pieces: Vec<Piece>,
    prompt_hash: u64,
    tagged_prompt: bool,
    cap: Option<u64>,
}

/// A part of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(Vec<u8>),
    /// Where the ticket's tag goes.
    Tag,
    /// Where its prompt goes.
    Prompt,
    /// Where the length of its answer goes.
    Output,
    /// Where messages from a file go.
    Messages,
    /// Where the variable of a column goes.
    Cell(usize),
}

/// What fills the gaps of one request.
#[derive(Default)]
struct Filling<'f> {
    tag: &'f str,
    prompt: &'f str,
    output: &'f str,
    messages: &'f [u8],
    /// The variables, and the row whose turn it is.
    variables: Option<(&'f Table, usize)>,
}

/// What every body of a case shares beside its JSON.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Whose contract the reply is held to.
    pub contract: Arc<Contract>,
    /// Scheme, host and port that requests go to.
    pub origin: String,
    /// Pulze's policies, as sent or by default.
    pub policies: Policies,
    /// Root of the text: of tags and of made prompts.
    pub seed: u64,
}

/// The root of a run's text. With a salt, two runs of one seed have equal lengths, order and times and no text in
/// common; without one, the text comes from the seed alone.
pub fn text_seed(seed: u64, salt: Option<u64>) -> u64 {
    salt.map_or(seed, |salt| draw(seed, salt, "text"))
}

impl Setting {
    /// The setting of requests to a target, whose text has this root ([`text_seed`]).
    pub fn of(target: &Target, seed: u64) -> Setting {
        let header = target.headers.iter().find(|header| header.name.eq_ignore_ascii_case(POLICIES));
        Setting {
            contract: Arc::clone(&target.contract),
            origin: target.origin(),
            policies: header.map_or_else(Policies::default, |header| Policies::in_header(header.value.expose())),
            seed,
        }
    }
}

impl Case {
    /// The case of a recipe.
    ///
    /// # Panics
    /// If there is no body.
    pub fn new(recipe: Recipe<'_>, setting: &Setting) -> Case {
        assert!(!recipe.bodies.is_empty(), "a case has at least one body");
        let Recipe { name, weight, bodies, conversations, think, variables, synthetic, output } = recipe;
        let prompts = conversations.map(Prompts::new);
        let template = |body| Template::new(name, body, prompts.as_ref(), variables.as_deref(), setting);
        let templates = bodies.iter().map(template).collect();
        let text = setting.seed;
        Case { name: name.to_owned(), weight, synthetic, output, prompts, think, variables, templates, text }
    }

    /// A case that sends this body as it is.
    pub fn plain(name: &str, body: &Value, setting: &Setting) -> Case {
        let bodies = std::slice::from_ref(body);
        Case::new(Recipe::plain(name, bodies), setting)
    }

    /// Whether the prompts of all its tickets differ.
    pub fn is_unique(&self) -> bool {
        self.synthetic.is_some() || self.templates.iter().all(|template| template.tagged_prompt)
    }

    /// Whether its prompts are made as they are sent, and not put together from what is there.
    pub fn makes_prompts(&self) -> bool {
        self.synthetic.is_some()
    }

    /// Turns of its longest session; 1 where its requests stand alone.
    pub fn longest(&self) -> u64 {
        self.prompts.as_ref().map_or(1, |prompts| prompts.longest)
    }

    /// Turns of the session of a ticket.
    pub fn turns(&self, ticket: &Ticket, seed: u64) -> u64 {
        let drawn = self.drawn(ticket, seed);
        self.prompts.as_ref().map_or(1, |prompts| prompts.conversations.turns(drawn).max(1) as u64)
    }

    /// How long the user thinks before the turn behind this ticket's.
    pub fn think(&self, ticket: &Ticket, seed: u64) -> Duration {
        self.think.draw(seed, ticket.seq, "turn")
    }

    /// Whether prompts share a beginning that is declared.
    pub fn shares_prefixes(&self) -> bool {
        self.synthetic.as_ref().is_some_and(|synthetic| synthetic.prefix.is_some())
    }

    /// Tokens of a prompt and of an answer on average, where the plan says; of an answer at most.
    pub fn expected_lengths(&self) -> (Option<f64>, Option<f64>) {
        let input = self.synthetic.as_ref().map(|synthetic| synthetic.length.mean());
        let caps = self.templates.iter().map(|template| template.cap.map(|cap| cap as f64));
        let caps: Option<Vec<f64>> = caps.collect();
        let most = caps.map(|caps| caps.iter().sum::<f64>() / caps.len() as f64);
        (input, self.output.as_ref().map(Length::mean).or(most))
    }

    /// The request of a ticket that begins a session: a pure function of seed, root of the text, and ticket.
    pub fn render(&self, ticket: &Ticket, seed: u64) -> Asked {
        self.render_turn(ticket, seed, &self.say(ticket, seed, None))
    }

    /// All that is said in the session of a ticket, up to its turn: `before` is what was said before, the answer included.
    pub fn say(&self, ticket: &Ticket, seed: u64, before: Option<Vec<u8>>) -> Vec<u8> {
        let Some(Prompts { conversations, .. }) = &self.prompts else { return Vec::new() };
        let turn = usize::try_from(ticket.turn).unwrap_or(usize::MAX);
        let text = String::from_utf8_lossy(conversations.turn(self.drawn(ticket, seed), turn));
        let tag = nonce::tag(nonce::key(self.text), ticket.session);
        let filling = Filling { tag: &tag, variables: self.row(ticket), ..Filling::default() };
        let mut said = before.unwrap_or_default();
        if !said.is_empty() {
            said.push(b',');
        }
        let pieces = pieces(&text, self.variables.as_deref().map_or(0, Table::columns));
        for piece in &pieces {
            said.extend_from_slice(piece.filled(&filling));
        }
        said
    }

    /// The request of a ticket, with all that is said in its session up to its turn.
    pub fn render_turn(&self, ticket: &Ticket, seed: u64, said: &[u8]) -> Asked {
        let template = self.template(self.drawn(ticket, seed));
        let tag = nonce::tag(nonce::key(self.text), ticket.session);
        let made = self.synthetic.as_ref().map(|synthetic| synthetic.prompt([seed, self.text], ticket.seq, ticket.nth));
        let output = self.output.as_ref().map(|length| length.draw(seed, ticket.seq, ticket.nth, "output"));
        let (prompt, input) = made.unzip();
        let prompt = prompt.unwrap_or_default();
        let mut prompt_hash = template.prompt_hash;
        for (part, differs) in [(&tag, template.tagged_prompt), (&prompt, input.is_some())] {
            if differs {
                prompt_hash = xxh3_64_with_seed(part.as_bytes(), prompt_hash);
            }
        }
        let output_text = output.map(|tokens| tokens.to_string()).unwrap_or_default();
        let filling =
            Filling { tag: &tag, prompt: &prompt, output: &output_text, messages: said, variables: self.row(ticket) };
        for piece in template.pieces.iter().filter(|piece| matches!(piece, Piece::Messages | Piece::Cell(_))) {
            prompt_hash = xxh3_64_with_seed(piece.filled(&filling), prompt_hash);
        }
        Asked {
            wanted: Arc::clone(&template.wanted),
            body: template.body(&filling),
            prompt_hash,
            cap: output.or(template.cap),
            lengths: Lengths { input, output },
        }
    }
}

impl Case {
    /// The place of what is drawn for a session, among conversations and, behind them, bodies that stand for themselves:
    /// the body that takes conversations stands for as many as there are.
    fn drawn(&self, ticket: &Ticket, seed: u64) -> usize {
        let conversations = self.prompts.as_ref().map_or(1, |prompts| prompts.conversations.len());
        place(draw(seed, ticket.session, "prompt"), conversations - 1 + self.templates.len())
    }

    fn template(&self, drawn: usize) -> &Template {
        let conversations = self.prompts.as_ref().map_or(1, |prompts| prompts.conversations.len());
        &self.templates[drawn.saturating_sub(conversations - 1)]
    }

    /// The variables, and the row whose turn it is.
    fn row(&self, ticket: &Ticket) -> Option<(&Table, usize)> {
        self.variables.as_deref().map(|table| (table, place(ticket.nth, table.rows())))
    }
}

impl Prompts {
    fn new(conversations: Arc<Conversations>) -> Prompts {
        let tagged = conversations.openings().all(|turn| memmem::find(turn, PLACEHOLDER.as_bytes()).is_some());
        Prompts { longest: conversations.longest().max(1) as u64, conversations, tagged }
    }
}

impl<'r> Recipe<'r> {
    /// The recipe of a case that sends these bodies as they are.
    pub fn plain(name: &'r str, bodies: &'r [Value]) -> Recipe<'r> {
        Recipe {
            name,
            weight: 1,
            bodies,
            conversations: None,
            think: Think::None,
            variables: None,
            synthetic: None,
            output: None,
        }
    }
}

/// The place of a number among so many, counted round.
fn place(number: u64, of: usize) -> usize {
    usize::try_from(number % of.max(1) as u64).unwrap_or(0)
}

/// A number that depends on nothing but the seed, the ticket and what it is drawn for.
pub fn draw(seed: u64, seq: u64, purpose: &str) -> u64 {
    let mut bytes = seq.to_le_bytes().to_vec();
    bytes.extend_from_slice(purpose.as_bytes());
    xxh3_64_with_seed(&bytes, seed)
}

impl Template {
    fn new(
        case: &str,
        body: &Value,
        prompts: Option<&Prompts>,
        variables: Option<&Table>,
        setting: &Setting,
    ) -> Template {
        let request = ChatRequest::of(body);
        let prompt = request.texts.join("\n");
        let pieces = pieces(&body.to_string(), variables.map_or(0, Table::columns));
        let prompts = prompts.filter(|_| pieces.contains(&Piece::Messages));
        let tagged_prompt = prompt.contains(PLACEHOLDER) || prompts.is_some_and(|prompts| prompts.tagged);
        let messages = request.input.map(Value::to_string).unwrap_or_default();
        let wanted = Wanted {
            case: case.to_owned(),
            origin: setting.origin.clone(),
            policies: setting.policies,
            tag_key: tagged_prompt.then(|| nonce::key(setting.seed)),
            prompt: prompt.replace(PROMPT, ""),
            ..Wanted::of(&setting.contract, body)
        };
        Template {
            wanted: Arc::new(wanted),
            pieces,
            prompt_hash: xxh3_64(messages.as_bytes()),
            tagged_prompt,
            cap: request.cap,
        }
    }

    fn body(&self, filling: &Filling<'_>) -> Bytes {
        let parts: Vec<&[u8]> = self.pieces.iter().map(|piece| piece.filled(filling)).collect();
        Bytes::from(parts.concat())
    }
}

impl Piece {
    fn filled<'p>(&'p self, filling: &Filling<'p>) -> &'p [u8] {
        match self {
            Piece::Text(text) => text,
            Piece::Tag => filling.tag.as_bytes(),
            Piece::Prompt => filling.prompt.as_bytes(),
            Piece::Output => filling.output.as_bytes(),
            Piece::Messages => filling.messages,
            Piece::Cell(column) => filling.variables.map_or(b"", |(table, row)| table.cell(row, *column)),
        }
    }
}

/// A body in parts, split where something goes in.
fn pieces(text: &str, columns: usize) -> Vec<Piece> {
    let (output, messages) = (format!("\"{OUTPUT}\""), format!("\"{MESSAGES}\""));
    let cells: Vec<String> = (0..columns).map(cell).collect();
    let mut gaps = vec![
        (PLACEHOLDER, Piece::Tag),
        (PROMPT, Piece::Prompt),
        (output.as_str(), Piece::Output),
        (messages.as_str(), Piece::Messages),
    ];
    gaps.extend(cells.iter().enumerate().map(|(column, mark)| (mark.as_str(), Piece::Cell(column))));
    let mut pieces = Vec::new();
    let mut rest = text;
    loop {
        let next = gaps.iter().filter_map(|(mark, gap)| Some((rest.find(mark)?, mark.len(), gap)));
        let Some((at, length, gap)) = next.min_by_key(|(at, ..)| *at) else { break };
        pieces.extend([Piece::Text(rest.as_bytes()[..at].to_vec()), gap.clone()]);
        rest = &rest[at + length..];
    }
    pieces.push(Piece::Text(rest.as_bytes().to_vec()));
    pieces
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::plan::prompt::synthetic::Manner;

    fn case(content: &str) -> Case {
        let body = json!({"model": "m", "messages": [{"role": "user", "content": content}], "stream": true});
        let setting = Setting {
            contract: crate::samples::openai(),
            origin: "http://h".into(),
            policies: Policies::default(),
            seed: 7,
        };
        Case::plain("c", &body, &setting)
    }

    fn render(case: &Case, seq: u64) -> Asked {
        case.render(&Ticket::alone(seq, 0, Duration::ZERO), 7)
    }

    #[test]
    fn a_tag_makes_every_prompt_differ_and_the_same_seed_makes_it_the_same() {
        let case = case("{{unique}} hello");
        let (a, b) = (render(&case, 1), render(&case, 2));
        assert_ne!(a.prompt_hash, b.prompt_hash);
        assert_ne!(a.body, b.body);
        assert_eq!(a.body, render(&case, 1).body);
        let text = String::from_utf8(a.body.to_vec()).expect("UTF-8");
        assert_eq!(nonce::found(nonce::key(7), &text), [1]);
        assert!(a.wanted.stream && case.is_unique());
    }

    #[test]
    fn a_made_prompt_and_its_lengths_stand_in_the_body() {
        let body = json!({"model": "m", "max_tokens": OUTPUT, "messages": [{"role": "user", "content": PROMPT}]});
        let setting = Setting {
            contract: crate::samples::openai(),
            origin: "http://h".into(),
            policies: Policies::default(),
            seed: 7,
        };
        let synthetic = Synthetic { length: Length::Constant(40), prefix: None, manner: Manner::default() };
        let output = Some(Length::Uniform(5, 9));
        let bodies = [body];
        let case = Case::new(Recipe { synthetic: Some(synthetic), output, ..Recipe::plain("c", &bodies) }, &setting);
        let (a, b) = (render(&case, 1), render(&case, 2));
        let sent: Value = serde_json::from_slice(&a.body).expect("JSON");
        let text = sent.pointer("/messages/0/content").and_then(Value::as_str).expect("a text");
        assert_eq!((text.split(' ').count(), a.lengths.input), (40, Some(40)));
        assert_eq!((sent["max_tokens"].as_u64(), a.lengths.output), (a.cap, a.cap));
        assert!((5..=9).contains(&a.cap.expect("a cap")) && case.is_unique() && a.prompt_hash != b.prompt_hash);
        assert_eq!(a.body, render(&case, 1).body);
    }

    #[test]
    fn a_seed_repeats_the_plan_and_a_salt_the_text() {
        let body = json!({"model": "m", "max_tokens": OUTPUT, "messages": [
            {"role": "system", "content": "{{unique}}"}, {"role": "user", "content": PROMPT}]});
        let rendered = |salt: Option<u64>| -> Vec<Asked> {
            let setting = Setting {
                contract: crate::samples::openai(),
                origin: "http://h".into(),
                policies: Policies::default(),
                seed: text_seed(7, salt),
            };
            let synthetic = Synthetic { length: Length::Uniform(20, 90), prefix: None, manner: Manner::default() };
            let output = Some(Length::Uniform(5, 9));
            let bodies = [body.clone()];
            let recipe = Recipe { synthetic: Some(synthetic), output, ..Recipe::plain("c", &bodies) };
            let case = Case::new(recipe, &setting);
            (0..200).map(|seq| render(&case, seq)).collect()
        };
        let (one, two, again) = (rendered(Some(1)), rendered(Some(2)), rendered(Some(1)));
        let lengths = |asked: &[Asked]| asked.iter().map(|asked| asked.lengths).collect::<Vec<_>>();
        let hashes =
            |asked: &[Asked]| asked.iter().map(|asked| asked.prompt_hash).collect::<std::collections::BTreeSet<u64>>();
        assert_eq!(lengths(&one), lengths(&two));
        assert!(hashes(&one).is_disjoint(&hashes(&two)));
        assert!(one.iter().zip(&again).all(|(one, again)| one.body == again.body));
        // A prefix cache finds nothing: the texts differ from their first words on.
        let beginning = |asked: &Asked| String::from_utf8_lossy(&asked.body)[..90].to_owned();
        assert!(one.iter().zip(&two).all(|(one, two)| beginning(one) != beginning(two)));
        assert!(one.iter().zip(rendered(None)).all(|(one, fixed)| one.body != fixed.body));
    }

    #[test]
    fn messages_from_files_and_whole_bodies_are_drawn_alike() {
        let message = |text: &str| json!({"role": "user", "content": text});
        let with = |messages: Value| json!({"model": "m", "messages": messages});
        let bodies = [with(json!([message("own"), MESSAGES])), with(json!([message("batch")]))];
        let mut conversations = Conversations::default();
        for text in ["{{unique}} one", "two", "three"] {
            conversations.push([message(text).to_string().as_bytes()]);
        }
        let setting = Setting {
            contract: crate::samples::openai(),
            origin: "http://h".into(),
            policies: Policies::default(),
            seed: 7,
        };
        let conversations = Some(Arc::new(conversations));
        let case = Case::new(Recipe { conversations, ..Recipe::plain("c", &bodies) }, &setting);
        let mut counts = std::collections::BTreeMap::<String, u32>::new();
        for seq in 0..4000 {
            let sent: Value = serde_json::from_slice(&render(&case, seq).body).expect("JSON");
            let last = sent["messages"].as_array().and_then(|all| all.last()?["content"].as_str()).expect("a text");
            *counts.entry(last.rsplit(' ').next().unwrap_or_default().to_owned()).or_default() += 1;
        }
        assert_eq!(counts.keys().map(String::as_str).collect::<Vec<_>>(), ["batch", "one", "three", "two"]);
        assert!(counts.values().all(|count| (850..1150).contains(count)), "{counts:?}");
        assert!(!case.is_unique());
    }

    #[test]
    fn a_session_says_again_what_was_said() {
        let body = json!({"model": "m", "messages": [{"role": "system", "content": "be brief"}, MESSAGES]});
        let setting = Setting {
            contract: crate::samples::openai(),
            origin: "http://h".into(),
            policies: Policies::default(),
            seed: 7,
        };
        let turn = |text: &str| json!({"role": "user", "content": text}).to_string().into_bytes();
        let mut conversations = Conversations::default();
        conversations.push([turn("{{unique}} hi").as_slice(), &turn("and then?")]);
        let (bodies, conversations) = ([body], Some(Arc::new(conversations)));
        let case = Case::new(Recipe { conversations, ..Recipe::plain("c", &bodies) }, &setting);
        let first = Ticket::alone(3, 0, Duration::ZERO);
        let mut said = case.say(&first, 7, None);
        said.extend_from_slice(br#",{"role":"assistant","content":"hello"}"#);
        let second = Ticket { seq: 4, turn: 1, ..first };
        let asked = case.render_turn(&second, 7, &case.say(&second, 7, Some(said)));
        let sent: Value = serde_json::from_slice(&asked.body).expect("JSON");
        let texts: Vec<&str> =
            sent["messages"].as_array().into_iter().flatten().filter_map(|m| m["content"].as_str()).collect();
        let tag = nonce::tag(nonce::key(7), 3);
        assert_eq!(texts, ["be brief", format!("{tag} hi").as_str(), "hello", "and then?"]);
        assert_eq!((case.longest(), case.turns(&first, 7)), (2, 2));
        assert_ne!(asked.prompt_hash, render(&case, 3).prompt_hash);
    }

    #[test]
    fn a_users_own_text_is_not_altered() {
        let case = case("hello");
        let asked = render(&case, 1);
        assert_eq!(asked.body, render(&case, 2).body);
        assert_eq!(asked.prompt_hash, render(&case, 2).prompt_hash);
        assert!(asked.wanted.tag_key.is_none() && !case.is_unique());
    }
}
