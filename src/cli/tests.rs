//! What only shows inside the process: a panic becomes a status.

use super::*;

#[test]
fn words_are_quoted_where_a_shell_would_split_them() {
    assert_eq!(quoted("shopper/12.4"), "shopper/12.4");
    assert_eq!(quoted("order-1 heartbeat/3"), "'order-1 heartbeat/3'");
    assert_eq!(quoted("it's"), r"'it'\''s'");
    assert_eq!(quoted(""), "''");
}
