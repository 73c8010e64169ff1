//! The examples are programs that assert: they end well, and say nothing.

use std::process::Command;

#[test]
fn examples_end_well_and_say_nothing() {
    for example in ["by_hand", "service_test"] {
        let program = std::path::Path::new(env!("CARGO_BIN_EXE_brownout"))
            .with_file_name("examples")
            .join(example);
        let output = Command::new(program).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{example}: {}", String::from_utf8_lossy(&said));
        assert_eq!(said, b"", "{example}");
    }
}
