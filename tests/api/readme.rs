//! The README's examples, run as they stand: each block of commands, and the answer that it promises.

use std::process::Command;

use crate::support::{demo_house, key_with};

#[actix_web::test]
async fn the_examples_of_the_readme_answer_as_it_says() {
    let house = demo_house().await;
    let readme = include_str!("../../README.md");
    let section = readme.split("## One request for each idea").nth(1).unwrap().split("\n## ").next().unwrap();
    let key = key_with("demo", &["approver@nation", "admin@nation"], &mut house.database().await).await;
    let mut script = format!("API={}/api/v1\nKEY={key}\n", house.address);
    let mut examples = 0;
    for example in section.split("```sh\n").skip(1) {
        let (commands, rest) = example.split_once("```\n```\n").expect("each example has its answer below it");
        let (promised, _) = rest.split_once("```").unwrap();
        // Each example is run once; of it, the next ones keep the variables, with their values.
        let named = commands.lines().filter(|line| line.starts_with(|first: char| first.is_ascii_uppercase()));
        let names = named.filter_map(|line| line.split_once('=')).map(|(name, _)| format!("printf '%s=%q\\n' {name} \"${name}\"\n"));
        let marked = format!("{script}echo ----\n{commands}echo ====\n{}", names.collect::<String>());
        let output = tokio::task::spawn_blocking(move || Command::new("bash").args(["-c", &marked]).output().unwrap()).await.unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).replace('\r', "");
        let (answer, kept) = printed.split_once("----\n").and_then(|(_, printed)| printed.split_once("====\n")).unwrap_or_default();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(answer, promised, "{commands}\n{told}\nTo fix this: where the service is right, write its answer below the example in README.md");
        script.push_str(kept);
        examples += 1;
    }
    assert!(examples >= 9, "{examples}");
}
