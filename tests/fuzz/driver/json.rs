//! Changes of a JSON document, or of one of several lines of JSON, that leave it JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::bytes::{self, Words};
use super::random::Random;

/// A document made from one by a few changes; none where there is no JSON in it.
pub(crate) fn changed(input: &[u8], other: &[u8], words: Words, random: &mut Random) -> Option<Vec<u8>> {
    if let Ok(document) = serde_json::from_slice(input) {
        let other = serde_json::from_slice(other).unwrap_or(Value::Null);
        return Some(change(document, &other, words, random).into_bytes());
    }
    let text = std::str::from_utf8(input).ok()?;
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let at = random.below(lines.len());
    let document = serde_json::from_str(lines.get(at)?).ok()?;
    let theirs: Vec<&str> = std::str::from_utf8(other).unwrap_or_default().lines().collect();
    let other = theirs.get(random.below(theirs.len())).and_then(|line| serde_json::from_str(line).ok());
    lines[at] = change(document, &other.unwrap_or(Value::Null), words, random);
    let to = random.below(lines.len());
    match random.below(16) {
        0 => drop(lines.remove(at)),
        1 => lines.insert(at, lines[to].clone()),
        2 => lines.swap(at, to),
        _ => {}
    }
    Some((lines.join("\n") + "\n").into_bytes())
}

fn change(mut document: Value, other: &Value, words: Words, random: &mut Random) -> String {
    for _ in 0..=random.below(3) {
        let part = any(if random.once_in(4) { other } else { &document }, random).clone();
        let count = size(&document);
        let node = nth(&mut document, &mut random.below(count));
        if let Some(node) = node {
            change_node(node, part, words, random);
        }
    }
    document.to_string()
}

fn size(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(members) => members.values().map(size).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// The value of that number, counted from the outside in.
fn nth<'v>(value: &'v mut Value, left: &mut usize) -> Option<&'v mut Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| nth(item, left)),
        Value::Object(members) => members.values_mut().find_map(|member| nth(member, left)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// Any value of a document.
fn any<'v>(value: &'v Value, random: &mut Random) -> &'v Value {
    let children: Vec<&Value> = match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(members) => members.values().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    if children.is_empty() || random.once_in(4) {
        return value;
    }
    let child = children[random.below(children.len())];
    any(child, random)
}

fn change_node(node: &mut Value, part: Value, words: Words, random: &mut Random) {
    if random.once_in(8) {
        *node = telling(words, random);
        return;
    }
    if random.once_in(12) {
        *node = part;
        return;
    }
    match node {
        Value::Object(members) if !members.is_empty() => {
            let names: Vec<String> = members.keys().cloned().collect();
            let name = random.one_of(&names).clone();
            match random.below(4) {
                0 => drop(members.remove(&name)),
                1 => {
                    let value = members.remove(&name).unwrap_or_default();
                    members.insert(text(&name, words, random), value);
                }
                2 => drop(members.insert(name, part)),
                _ => drop(members.insert(text(&name, words, random), part)),
            }
        }
        Value::Array(items) if !items.is_empty() => {
            let (a, b) = (random.below(items.len()), random.below(items.len()));
            match random.below(5) {
                0 => drop(items.remove(a)),
                1 => items.insert(b, items[a].clone()),
                2 => items.swap(a, b),
                3 => items[a] = part,
                _ => items.extend(std::iter::repeat_n(part, random.length(64))),
            }
        }
        Value::String(own) => *node = Value::String(text(own, words, random)),
        Value::Number(number) => *node = near(number, random),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => *node = telling(words, random),
    }
}

/// A number beside another.
fn near(number: &serde_json::Number, random: &mut Random) -> Value {
    let Some(whole) = number.as_u64() else {
        let number = number.as_f64().unwrap_or_default();
        return json!([number * 2.0, -number, number + 1.0, number / 1e9, number.floor()][random.below(5)]);
    };
    match random.below(6) {
        0 => json!(whole.wrapping_add(1)),
        1 => json!(whole.saturating_sub(1)),
        2 => json!(whole ^ (1 << random.below(53))),
        3 => json!(whole.saturating_mul(1000)),
        4 => json!(whole / 2),
        _ => json!(whole as f64 + 0.5),
    }
}

fn telling(words: Words, random: &mut Random) -> Value {
    match random.below(18) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(false),
        3 => json!(0),
        4 => json!(1),
        5 => json!(-1),
        6 => json!(1_u64 << 53),
        7 => json!(u64::MAX),
        8 => json!(i64::MIN),
        9 => json!(0.5),
        10 => json!(1e308),
        11 => json!(-0.0),
        12 => json!(""),
        13 => json!([]),
        14 => json!({}),
        15 => json!("x\n::error::y\u{1b}[31m\u{202e}##[error]z"),
        16 => json!([[{"a": [null]}]]),
        _ if words.is_empty() => json!("x"),
        _ => json!(random.one_of(words)),
    }
}

/// A text beside another; where it is base64, one whose bytes are beside its bytes.
fn text(own: &str, words: Words, random: &mut Random) -> String {
    if own.len() >= 8
        && let Ok(bytes) = BASE64.decode(own)
        && !random.once_in(8)
    {
        let changed = changed(&bytes, b"null", words, random).filter(|_| random.once_in(2));
        return BASE64.encode(changed.unwrap_or_else(|| bytes::changed(&bytes, &bytes, words, random)));
    }
    if !words.is_empty() && random.once_in(3) {
        return (*random.one_of(words)).to_owned();
    }
    String::from_utf8_lossy(&bytes::changed(own.as_bytes(), b"", words, random)).into_owned()
}
