//! `fanfare password`: a password, and what the configuration has of it.

use std::io::{self, BufRead};
use std::process::ExitCode;

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::print::{Stream, print};
use crate::{EXIT_BAD_CONFIG, EXIT_FAILED};

/// Prints the line for the configuration on standard output. A new password is printed on standard error, and nowhere else; one
/// of the operator's own is read from standard input, and never from the command line, which others on the machine see.
pub(crate) fn run(is_given: bool) -> ExitCode {
    let password = if is_given { given(io::stdin().lock()) } else { random() };
    match password.and_then(|password| Ok((line(&password)?, password))) {
        Ok((line, password)) => {
            print(Stream::Out, &[line]);
            if !is_given {
                print(Stream::Err, &[format!("The password, which is shown only now: {password}")]);
            }
            ExitCode::SUCCESS
        }
        Err((status, message)) => {
            print(Stream::Err, &[format!("fanfare: {message}")]);
            ExitCode::from(status)
        }
    }
}

/// The exit status, and what is said.
type Failure = (u8, &'static str);

fn random() -> Result<String, Failure> {
    let mut secret = [0; 15];
    rand::fill(&mut secret).map_err(|_| NO_RANDOM)?;
    Ok(URL_SAFE_NO_PAD.encode(secret))
}

/// The first line.
fn given(input: impl BufRead) -> Result<String, Failure> {
    let mut line = String::new();
    input.take(LINE_BYTES_MAX).read_line(&mut line).map_err(|_| NOT_READ)?;
    let password = line.trim_end_matches(['\r', '\n']);
    match password.len() {
        0 => Err((EXIT_BAD_CONFIG, "expected a password on standard input, found none")),
        // bcrypt reads no further, and so would take any other end for right.
        1..=72 => Ok(password.to_owned()),
        _ => Err((EXIT_BAD_CONFIG, "expected a password of at most 72 bytes, which is as far as bcrypt reads")),
    }
}

fn line(password: &str) -> Result<String, Failure> {
    let hash = bcrypt::hash(password, COST).map_err(|_| NO_RANDOM)?;
    Ok(format!("password_bcrypt = \"{hash}\""))
}

const NO_RANDOM: Failure = (EXIT_FAILED, "this machine gives no random numbers");

const NOT_READ: Failure = (EXIT_FAILED, "standard input cannot be read as text");

/// A quarter of a second of a core: few guesses, and no long wait.
const COST: u32 = 12;

const LINE_BYTES_MAX: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_the_password_with_its_blanks() {
        for (input, password) in [("secret", "secret"), ("a b \r\nc\n", "a b "), ("é\n", "é")] {
            assert_eq!(given(input.as_bytes()).as_deref(), Ok(password));
        }
        for wrong in ["", "\n", &"x".repeat(73), &"x".repeat(100_000)] {
            assert_eq!(given(wrong.as_bytes()).unwrap_err().0, EXIT_BAD_CONFIG, "{}", wrong.len());
        }
    }

    #[test]
    fn no_two_passwords_are_the_same() {
        let (one, two) = (random().unwrap(), random().unwrap());
        assert_eq!((one.len(), one == two), (20, false));
    }
}
