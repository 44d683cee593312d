//! Corpora packed into one file each, which a diff can show.
//!
//! `fuzz/corpus/<target>.txt` has one input a line, written as the inside of a Rust byte string.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// The inputs that are committed for a target; none if there is no file.
pub fn read(target: &str) -> io::Result<Vec<Vec<u8>>> {
    match fs::read_to_string(path(target)) {
        Ok(text) => text.lines().map(|line| unescape(line).ok_or(io::ErrorKind::InvalidData.into())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Writes the inputs in the order of their length, evenly chosen if they are more than the bounds allow; says how many.
pub fn write(target: &str, mut inputs: Vec<Vec<u8>>) -> io::Result<usize> {
    inputs.retain(|input| (1..=INPUT_LEN_MAX).contains(&input.len()));
    in_order(&mut inputs);
    let count = inputs.len().min(INPUTS_MAX);
    put(target, (0..count).map(|number| &inputs[number * inputs.len() / count]))?;
    Ok(count)
}

/// Adds one input, whatever the bounds say: somebody wants to keep it. Says whether it is new.
pub fn add(target: &str, input: Vec<u8>) -> io::Result<bool> {
    let mut inputs = read(target)?;
    if inputs.contains(&input) {
        return Ok(false);
    }
    inputs.push(input);
    in_order(&mut inputs);
    put(target, inputs.iter())?;
    Ok(true)
}

/// The line that an input is.
pub fn line(input: &[u8]) -> String {
    input.escape_ascii().to_string()
}

fn in_order(inputs: &mut Vec<Vec<u8>>) {
    inputs.sort_by(|one, other| (one.len(), one).cmp(&(other.len(), other)));
    inputs.dedup();
}

fn put<'a>(target: &str, inputs: impl Iterator<Item = &'a Vec<u8>>) -> io::Result<()> {
    fs::write(path(target), inputs.map(|input| line(input) + "\n").collect::<String>())
}

fn path(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../fuzz/corpus/{target}.txt"))
}

fn unescape(line: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut characters = line.bytes();
    while let Some(character) = characters.next() {
        bytes.push(match character {
            b'\\' => match characters.next()? {
                b't' => b'\t',
                b'r' => b'\r',
                b'n' => b'\n',
                b'x' => {
                    let digits = [characters.next()?, characters.next()?];
                    u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
                }
                quoted => quoted,
            },
            plain => plain,
        });
    }
    Some(bytes)
}

/// Enough to stand on, few enough to replay in a second: a file of some hundred kilobytes at most.
const INPUTS_MAX: usize = 300;
const INPUT_LEN_MAX: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_survives_a_line() {
        let all: Vec<u8> = (0..=255).collect();
        let line = line(&all);
        assert_eq!(line.lines().count(), 1);
        assert_eq!(unescape(&line), Some(all));
    }
}
