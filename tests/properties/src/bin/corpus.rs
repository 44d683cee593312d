//! Moves corpora between the files that are committed and the directories that a fuzzer reads.
//!
//! `corpus unpack TARGET DIRECTORY` writes the seeds and the committed inputs as one file each, and `corpus pack TARGET
//! DIRECTORY` makes the inputs of a directory (minimized: see `fuzz/run-all.sh`) the committed ones.

use std::path::Path;
use std::{env, fs, io};

use fanfare_properties::{TARGETS, corpus, seeds};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [action, target, directory] = &arguments[..] else { return usage() };
    if !TARGETS.iter().any(|(name, _)| name == target) {
        return usage();
    }
    match &**action {
        "unpack" => unpack(target, Path::new(directory)),
        "pack" => pack(target, Path::new(directory)),
        _ => usage(),
    }
}

fn unpack(target: &str, directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    let inputs = seeds::of(target).into_iter().chain(corpus::read(target)?);
    for (number, input) in inputs.enumerate() {
        fs::write(directory.join(format!("committed-{number}")), input)?;
    }
    Ok(())
}

fn pack(target: &str, directory: &Path) -> io::Result<()> {
    let files = fs::read_dir(directory)?.map(|entry| fs::read(entry?.path()));
    let seeds = seeds::of(target);
    let found: Vec<Vec<u8>> = files.collect::<io::Result<_>>()?;
    let kept = corpus::write(target, found.into_iter().filter(|input| !seeds.contains(input)).collect())?;
    println!("{target}: {kept} inputs");
    Ok(())
}

fn usage() -> io::Result<()> {
    let names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    let usage = format!("corpus unpack|pack TARGET DIRECTORY, where TARGET is one of {}", names.join(", "));
    Err(io::Error::new(io::ErrorKind::InvalidInput, usage))
}
