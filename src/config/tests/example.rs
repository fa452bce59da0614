use super::*;

/// The example, with the `#` in front of its settings taken away.
fn example() -> Vec<(String, String)> {
    let is_setting = |line: &&str| {
        let name = line.trim_start_matches('#').split('=').next().unwrap_or_default();
        line.contains('=') && !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
    };
    let text: Vec<&str> = include_str!("../../../.env.example")
        .lines()
        .filter(is_setting)
        .map(|line| line.trim_start_matches('#'))
        .collect();
    let mut problems = Vec::new();
    let settings = lines_of(&text.join("\n"), &mut problems);
    assert_eq!(problems, Vec::<String>::new());
    settings
}

#[test]
fn the_example_names_every_variable_with_a_sentence() {
    let example = example();
    let names: Vec<&str> = example.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, VARIABLES);
    let lines: Vec<&str> = include_str!("../../../.env.example").lines().collect();
    for name in VARIABLES {
        let at = lines
            .iter()
            .position(|line| line.trim_start_matches('#').starts_with(&format!("{name}=")))
            .unwrap();
        assert!(
            lines[at].starts_with('#'),
            "{name} must be commented out, so that a copy of the example changes nothing"
        );
        assert!(
            lines[at - 1].starts_with("# ") && lines[at - 1].ends_with('.'),
            "{name} has no sentence above it"
        );
    }
}

#[test]
fn the_example_shows_the_defaults() {
    let example = example();
    let database = example.iter().find(|(name, _)| name == "DATABASE_URL").unwrap().1.clone();
    let shown = read::config(&BTreeMap::new(), &example).unwrap();
    let default = with(&[("DATABASE_URL", database.as_str())]).unwrap();
    assert_eq!(shown, default);
}
