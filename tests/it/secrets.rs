//! No secret in any output: every place where one can be written, in every form in which a server repeats it, looked for in
//! every file and stream of every command.

mod forms;
mod places;
mod words;
