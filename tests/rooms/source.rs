//! A Rust file as a row of tokens, without its comments and texts.

/// A word or a sign of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    /// Counted from 1.
    pub line: usize,
}

impl Token {
    pub fn is_word(&self) -> bool {
        self.text.starts_with(|c: char| c.is_alphanumeric() || c == '_')
    }
}

/// The words, the `::` and the other signs of a file.
pub fn tokens(file: &str) -> Vec<Token> {
    let code = code_of(file);
    let chars: Vec<char> = code.chars().collect();
    let (mut at, mut line, mut found) = (0, 1, Vec::new());
    while at < chars.len() {
        let start = at;
        if is_word_char(chars[at]) {
            while at < chars.len() && is_word_char(chars[at]) {
                at += 1;
            }
        } else if chars[at] == ':' && chars.get(at + 1) == Some(&':') {
            at += 2;
        } else {
            at += 1;
        }
        if chars[start] == '\n' {
            line += 1;
        } else if !chars[start].is_whitespace() {
            found.push(Token { text: chars[start..at].iter().collect(), line });
        }
    }
    found
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The file with blanks in place of comments, texts and single characters; line ends stay where they are.
fn code_of(file: &str) -> String {
    let chars: Vec<char> = file.chars().collect();
    let (mut at, mut code) = (0, String::with_capacity(file.len()));
    while at < chars.len() {
        let is_in_word = at > 0 && is_word_char(chars[at - 1]);
        let end = match chars[at] {
            '/' if chars.get(at + 1) == Some(&'/') => line_comment_end(&chars, at),
            '/' if chars.get(at + 1) == Some(&'*') => block_comment_end(&chars, at),
            '"' => text_end(&chars, at, '"'),
            '\'' => character_end(&chars, at).unwrap_or(at),
            'r' | 'b' | 'c' if !is_in_word => raw_end(&chars, at).unwrap_or(at),
            _ => at,
        };
        if end == at {
            code.push(chars[at]);
            at += 1;
        } else {
            code.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    code
}

fn line_comment_end(chars: &[char], from: usize) -> usize {
    (from..chars.len()).find(|at| chars[*at] == '\n').unwrap_or(chars.len())
}

/// Block comments nest.
fn block_comment_end(chars: &[char], from: usize) -> usize {
    let (mut at, mut depth) = (from, 0_usize);
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn text_end(chars: &[char], from: usize, quote: char) -> usize {
    let mut at = from + 1;
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            c if c == quote => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

/// None for the name of a lifetime, which begins like a character.
fn character_end(chars: &[char], from: usize) -> Option<usize> {
    if chars.get(from + 1) == Some(&'\\') {
        return Some(text_end(chars, from, '\''));
    }
    (chars.get(from + 2) == Some(&'\'')).then_some(from + 3)
}

/// None when no raw text begins here: `r#type` is a word.
fn raw_end(chars: &[char], from: usize) -> Option<usize> {
    let mut at = from;
    while at < from + 2 && matches!(chars.get(at), Some('r' | 'b' | 'c')) {
        at += 1;
    }
    let is_raw = chars[from..at].contains(&'r');
    let hashes = chars[at..].iter().take_while(|c| **c == '#').count();
    if !is_raw || chars.get(at + hashes) != Some(&'"') {
        return None;
    }
    let closes = |end: &usize| {
        chars[*end] == '"' && chars[end + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes
    };
    Some((at + hashes + 1..chars.len()).find(closes).map_or(chars.len(), |end| end + 1 + hashes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(file: &str) -> String {
        tokens(file).into_iter().map(|token| token.text).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_and_texts_are_no_code() {
        for (file, code) in [
            ("a // b\nc", "a c"),
            ("a /* b /* c */ d */ e", "a e"),
            ("a /// crate::b\n//! c\nd", "a d"),
            (r#"f("crate::x \" y", z)"#, "f ( , z )"),
            (r##"f(r#"a "b" c"#, br"\", d)"##, "f ( , , d )"),
            ("f('\"', '\\'', b'x', 'a: loop)", "f ( , , b , ' a : loop )"),
            ("r#type::x", "r # type :: x"),
            ("a:: b ::c : d", "a :: b :: c : d"),
        ] {
            assert_eq!(words(file), code, "{file}");
        }
    }

    #[test]
    fn lines_are_counted_through_comments_and_texts() {
        let found = tokens("a\n/* \n */ b \"\n\n\" c");
        assert_eq!(found.iter().map(|token| token.line).collect::<Vec<_>>(), [1, 3, 5]);
    }
}
