//! Every rule, by area.

use crate::exchange::Reading;
use crate::wire::Contract;
use crate::{
    Check, Judge, Verdict, auth, error, format, http, load, logprobs, metadata, negative, request, sampling, stream,
    tools, usage,
};

/// What ids begin with, and the area that stands for.
pub const AREAS: [(&str, &str); 14] = [
    ("auth", "auth"),
    ("req", "request"),
    ("sampling", "sampling"),
    ("resp", "format"),
    ("fmt", "format"),
    ("stream", "stream"),
    ("tool", "tools"),
    ("logprobs", "logprobs"),
    ("usage", "usage"),
    ("meta", "metadata"),
    ("err", "error"),
    ("http", "http"),
    ("neg", "negative"),
    ("load", "load"),
];

/// Every rule, in the order of the catalogue.
pub static ALL: &[&[Check]] = &[
    auth::CHECKS,
    request::CHECKS,
    request::accepted::CHECKS,
    request::limits::CHECKS,
    request::stop::CHECKS,
    sampling::CHECKS,
    format::CHECKS,
    format::response::CHECKS,
    format::structured::CHECKS,
    stream::framing::CHECKS,
    stream::chunks::CHECKS,
    stream::cumulative::CHECKS,
    stream::pieces::CHECKS,
    stream::timing::CHECKS,
    stream::probed::CHECKS,
    tools::choice::CHECKS,
    tools::shape::CHECKS,
    tools::arguments::CHECKS,
    tools::finish::CHECKS,
    tools::asked::CHECKS,
    tools::corner::CHECKS,
    tools::turns::CHECKS,
    tools::pieces::CHECKS,
    logprobs::CHECKS,
    usage::CHECKS,
    usage::probed::CHECKS,
    metadata::block::CHECKS,
    metadata::costs::CHECKS,
    metadata::routing::CHECKS,
    metadata::headers::CHECKS,
    metadata::stored::CHECKS,
    error::CHECKS,
    error::CODE,
    error::DEFECTS,
    error::LATER,
    http::CHECKS,
    http::PAGES,
    http::TRANSFER,
    http::CONTENT,
    http::CONNECTION,
    negative::SYNTAX,
    negative::SHAPE,
    negative::VALUE,
    negative::HARSH,
    load::CHECKS,
];

/// The rules that are judged on any reply and have a level in a contract.
pub fn all(contract: &Contract) -> impl Iterator<Item = &'static Check> {
    catalogue(contract).filter(|check| matches!(check.judge, Judge::Reply(_)))
}

/// What each rule on any reply says of this one, in the contract that the request was sent under.
pub fn judge<'r>(reading: &'r Reading<'_>) -> impl Iterator<Item = (&'static Check, Verdict)> + use<'r> {
    all(&reading.exchange.asked.wanted.contract).map(|check| (check, check.judge(reading)))
}

/// The rules that have a level in a contract.
pub fn catalogue(contract: &Contract) -> impl Iterator<Item = &'static Check> {
    ALL.iter().copied().flatten().filter(move |check| check.level(contract).is_some())
}

/// The rule of that id.
pub fn find(id: &str) -> Option<&'static Check> {
    ALL.iter().copied().flatten().find(|check| check.id == id)
}
