//! The words of a message: types by their names, and as much of the user's text as it bears.

/// The words of a type's name: `failure class` for `FailureClass`.
pub(super) fn words(name: &str) -> String {
    let mut words = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(c.to_ascii_lowercase());
    }
    words
}

/// As much of the user's text as a message bears: a string that nothing closes goes on and on.
pub(super) fn excerpt(text: &str) -> String {
    const LENGTH_MAX: usize = 40;
    let line = text.lines().next().unwrap_or("");
    let short: String = line.chars().take(LENGTH_MAX).collect();
    if short.len() < text.len() { format!("{short}..") } else { short }
}

/// "`a`", "`a` or `b`", "one of `a`, `b`, `c`".
pub(super) fn one_of(names: &[&str]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [only] => format!("`{only}`"),
        [first, second] => format!("`{first}` or `{second}`"),
        _ => {
            let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
            format!("one of {}", quoted.join(", "))
        }
    }
}
