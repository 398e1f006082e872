//! Fields of a table for a spreadsheet (RFC 4180).

use crate::wire::plain;

/// A field as it stands between commas: it neither ends early nor is taken for a formula.
pub(super) fn field(text: &str) -> String {
    let text = plain::line(text);
    // A spreadsheet looks behind white space, too.
    let formula = text.trim_start().starts_with(['=', '+', '@', '-']) && text.parse::<f64>().is_err();
    let text = if formula { format!("'{text}") } else { text };
    if text.contains([',', '"']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

/// The fields of a row, without its end.
pub(super) fn row(fields: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    fields.into_iter().map(|text| field(text.as_ref())).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_one_field_and_no_formula() {
        let cases = [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("=1+1", "'=1+1"),
            ("\t=1+1", "' =1+1"),
            ("\u{200b}@SUM(A1)", "' @SUM(A1)"),
            ("-0.5", "-0.5"),
            ("+1e3", "+1e3"),
            ("-x", "'-x"),
            ("a\r\nb", "a  b"),
            ("::error::x", ": :error::x"),
        ];
        for (text, wanted) in cases {
            assert_eq!(field(text), wanted);
        }
        assert_eq!(row(["a", "b,c"]), "a,\"b,c\"");
    }
}
