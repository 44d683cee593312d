//! Moves corpora between the files that are committed and the directories that a fuzzer reads.
//!
//! `corpus unpack TARGET DIRECTORY` writes the seeds and the committed inputs as one file each, and `corpus pack TARGET
//! DIRECTORY` makes the inputs of a directory (minimized: see `fuzz/run-all.sh`) the committed ones. `corpus add TARGET
//! FILE...` adds what broke the target, or once did, to the committed ones.

use std::panic::catch_unwind;
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs, io};

use fanfare_properties::{TARGETS, Target, corpus, seeds};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("corpus: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [action, target, paths @ ..] = &arguments[..] else { return Err(usage()) };
    let known = TARGETS.iter().find(|(name, _)| name == target).ok_or_else(|| unknown(target))?;
    match (&**action, paths) {
        ("unpack", [directory]) => unpack(target, Path::new(directory)),
        ("pack", [directory]) => pack(target, Path::new(directory)),
        ("add", [_, ..]) => paths.iter().try_for_each(|file| add(known, Path::new(file))),
        _ => Err(usage()),
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

fn add((target, check): &Target, file: &Path) -> io::Result<()> {
    let input = fs::read(file)?;
    println!("{target} of b\"{}\", {} bytes:", corpus::line(&input), input.len());
    // What it panics with goes to the standard error.
    let holds = catch_unwind(|| check(&input)).is_ok();
    println!(
        "{}",
        if holds { "it holds" } else { "it breaks: the replay fails until the code, or the property, is mended" }
    );
    let is_new = corpus::add(target, input)?;
    println!("{} of fuzz/corpus/{target}.txt", if is_new { "now a line" } else { "already a line" });
    Ok(())
}

fn unknown(target: &str) -> io::Error {
    let names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    invalid(format!("there is no target {target}; there are {}", names.join(", ")))
}

fn usage() -> io::Error {
    invalid("corpus unpack|pack TARGET DIRECTORY, or corpus add TARGET FILE...".to_owned())
}

fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
}
