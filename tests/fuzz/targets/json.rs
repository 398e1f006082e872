//! Our own values of JSON against those of `serde_json`: the same verdict, the same value, and the same text again.

use proofload::wire::json::{At, Members, Value, non_finite, read};

use crate::driver::{Way, fuzz};

#[test]
fn json() {
    let words = &[
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\u0000",
        "\\ud83d\\ude00",
        "\\ud83d",
        "null",
        "true",
        "NaN",
        "-Infinity",
        "1e9",
        "-0",
        "\"a\":",
        "\u{feff}",
        "[[[[[[[[[[[[[[[[",
        "]]]]]]]]]]]]]]]]",
    ];
    fuzz("json", Way::Json(words), run);
}

pub(crate) fn run(input: &[u8]) -> bool {
    let (ours, theirs) = (read(input), serde_json::from_slice::<serde_json::Value>(input));
    let _ = non_finite(input);
    let (ours, theirs) = match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => (ours, theirs),
        (Err(ours), Err(theirs)) => {
            assert_eq!(ours.to_string(), theirs.to_string(), "the same fault");
            return false;
        }
        (ours, theirs) => panic!("we read {ours:?}, they {theirs:?}"),
    };
    assert_eq!(serde_json::Value::from(&ours.value), theirs);
    assert_eq!(ours.value, Value::from(theirs.clone()));
    assert_eq!(serde_json::from_slice::<Value>(input).expect("read before"), ours.value);
    assert_eq!(ours.value.to_string(), theirs.to_string());
    let again = read(ours.value.to_string().as_bytes()).expect("what we write");
    assert_eq!((&again.value, &again.duplicate), (&ours.value, &None));
    if let Some(pointer) = &ours.duplicate {
        assert!(theirs.pointer(pointer).is_some(), "{pointer} leads nowhere");
    }
    look_into(&ours.value, &theirs);
    true
}

/// Whatever is asked of a value is answered as they answer it.
fn look_into(ours: &Value, theirs: &serde_json::Value) {
    assert_eq!((ours.as_str(), ours.as_bool(), ours.as_f64()), (theirs.as_str(), theirs.as_bool(), theirs.as_f64()));
    assert_eq!((ours.is_null(), ours.as_i64()), (theirs.is_null(), theirs.as_i64()));
    assert!(theirs.as_u64().is_none() || ours.as_u64() == theirs.as_u64());
    let items = theirs.as_array().into_iter().flatten().enumerate();
    for (number, item) in items {
        let own = ours.as_array().and_then(|items| items.get(number));
        look_into(own.expect("as many items"), item);
    }
    for (name, value) in theirs.as_object().into_iter().flatten() {
        let own = ours.get(name).expect("the same members");
        assert_eq!(ours.member(name), Some(own));
        if !name.contains(['/', '~']) {
            assert_eq!(ours.at(&format!("/{name}")), Some(own));
        }
        look_into(own, value);
    }
}
