// One of four programs that do the same: see ../program-tests.ts. The standard library only.
use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

fn stdin_text() -> String {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).expect("stdin is UTF-8");
    text
}

fn greet(words: &[String]) {
    println!("args {}", words.join("|"));
    println!("GREETING={}", std::env::var("GREETING").unwrap_or_default());
    println!("stdin {} bytes", stdin_text().len());
    eprintln!("greeted");
}

fn sum_of(path: &str) -> io::Result<i64> {
    Ok(fs::read_to_string(path)?.lines().filter_map(|line| line.trim().parse::<i64>().ok()).sum())
}

fn list(path: &str) -> io::Result<()> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    println!("{}:{}", path, names.iter().map(|name| format!(" {}", name)).collect::<String>());
    Ok(())
}

fn files() -> io::Result<()> {
    println!("sum {}", sum_of("/data/numbers.txt")?);
    fs::create_dir_all("/out/deep")?;
    fs::write("/out/deep/draft.txt", "sum 60\n")?;
    fs::OpenOptions::new().append(true).open("/out/deep/draft.txt")?.write_all(b"end\n")?;
    fs::rename("/out/deep/draft.txt", "/out/report.txt")?;
    let mut report = fs::File::open("/out/report.txt")?;
    let mut last = String::new();
    report.seek(SeekFrom::End(-4))?;
    report.read_to_string(&mut last)?;
    println!("report {} bytes, last line {}", fs::metadata("/out/report.txt")?.len(), last.trim_end());
    list("/out")?;
    fs::remove_dir("/out/deep")?;
    fs::remove_file("/out/report.txt")?;
    list("/out")?;
    fs::write("/data/numbers.txt", "1\n")?;
    println!("sum {}", sum_of("/data/numbers.txt")?);
    match fs::File::open("/data/missing.txt") {
        Err(error) if error.kind() == io::ErrorKind::NotFound => println!("missing: no such file"),
        other => println!("missing: unexpected {:?}", other.is_ok()),
    }
    Ok(())
}

/// A reader of the little JSON that `sort` is given.
struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&mut self) -> u8 {
        while self.at < self.text.len() && self.text[self.at].is_ascii_whitespace() {
            self.at += 1;
        }
        *self.text.get(self.at).unwrap_or(&0)
    }

    fn take(&mut self, wanted: u8) -> Result<(), String> {
        if self.peek() != wanted {
            return Err(format!("{:?} is wanted at byte {}", wanted as char, self.at));
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Result<String, String> {
        self.take(b'"')?;
        let start = self.at;
        while self.at < self.text.len() && self.text[self.at] != b'"' {
            self.at += 1;
        }
        let text = String::from_utf8_lossy(&self.text[start..self.at]).into_owned();
        self.take(b'"')?;
        Ok(text)
    }

    fn number(&mut self) -> Result<f64, String> {
        self.peek();
        let start = self.at;
        while self.at < self.text.len() && b"+-.eE0123456789".contains(&self.text[self.at]) {
            self.at += 1;
        }
        let digits = String::from_utf8_lossy(&self.text[start..self.at]);
        digits.parse().map_err(|_| format!("a number is wanted at byte {}", start))
    }

    fn rows(&mut self) -> Result<Vec<(String, f64)>, String> {
        let mut rows = Vec::new();
        self.take(b'[')?;
        while self.peek() != b']' {
            if !rows.is_empty() {
                self.take(b',')?;
            }
            self.take(b'{')?;
            let (mut name, mut value) = (String::new(), 0.0);
            for part in 0..2 {
                if part > 0 {
                    self.take(b',')?;
                }
                let key = self.string()?;
                self.take(b':')?;
                match key.as_str() {
                    "name" => name = self.string()?,
                    _ => value = self.number()?,
                }
            }
            self.take(b'}')?;
            rows.push((name, value));
        }
        Ok(rows)
    }
}

fn sort() -> Result<(), String> {
    let text = stdin_text();
    let mut rows = Reader { text: text.as_bytes(), at: 0 }.rows()?;
    rows.sort_by(|a, b| b.1.partial_cmp(&a.1).expect("no NaN in JSON"));
    let printed: Vec<String> =
        rows.iter().map(|(name, value)| format!("{{\"name\":\"{}\",\"value\":{}}}", name, value)).collect();
    println!("[{}]", printed.join(","));
    Ok(())
}

fn wait_for(ms: u64) {
    let before = Instant::now();
    thread::sleep(Duration::from_millis(ms));
    let waited = before.elapsed() >= Duration::from_millis(ms);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    println!(
        "{} after 2024: {}",
        if waited { "waited" } else { "woke early" },
        if now > 1_735_689_600 { "yes" } else { "no" }
    );
}

/// The standard library asks the system for random keys of its hash maps.
fn random_bytes() {
    let words = [RandomState::new().build_hasher().finish(), RandomState::new().build_hasher().finish()];
    println!("{:016x}{:016x}", words[0], words[1]);
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    match args.get(1).map(String::as_str).unwrap_or("") {
        "greet" => greet(&args[2..]),
        "files" => files().expect("files"),
        "sort" => sort().expect("sort"),
        "wait" => wait_for(args[2].parse().expect("ms")),
        "random" => random_bytes(),
        "exit" => std::process::exit(args[2].parse().expect("code")),
        "crash" => panic!("as asked"),
        other => {
            eprintln!("unknown command {}", other);
            std::process::exit(64);
        }
    }
}
