//! Errors with a chain of causes.

use std::error::Error;

/// What the innermost cause of an error says. Many libraries say only there what is wrong.
pub fn root_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    #[derive(Debug)]
    struct Layer(&'static str, Option<Box<Layer>>);

    impl fmt::Display for Layer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Layer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|inner| inner as _)
        }
    }

    #[test]
    fn the_innermost_cause_speaks() {
        let inner = Layer("the port is closed", None);
        assert_eq!(root_cause(&inner), "the port is closed");
        let outer = Layer("a request failed", Some(Box::new(inner)));
        assert_eq!(root_cause(&outer), "the port is closed");
    }
}
