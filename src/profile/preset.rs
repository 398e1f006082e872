//! Profiles that come with the program, found by name.

/// A profile that comes with the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// Its name.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

macro_rules! presets {
    ($($name:literal),*) => {
        /// Every preset.
        pub const ALL: &[Preset] =
            &[$(Preset { name: $name, text: include_str!(concat!("../../profiles/", $name, ".toml")) }),*];
    };
}
presets!["quickstart", "smoke", "chat", "long-prompts", "tool-calls", "capacity"];

/// What `profile new` prints: a profile with every table, commented.
pub const STARTER: &str = include_str!("../../profiles/starter.toml");

/// The preset of that name.
pub fn find(name: &str) -> Option<Preset> {
    ALL.iter().copied().find(|preset| preset.name == name)
}
