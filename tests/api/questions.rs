//! Questions on the 76 things that the five documents tell, and on the 12 conflicts between them, asked over HTTP by someone who
//! has no key and knows no identifier. `questions.json` has a line for each: of which rows of the table it asks, where, and what
//! is to come.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use crate::support::{Client, demo_house};

/// How many things the table of the documents has.
const ROWS: u32 = 76;

/// How many conflicts there are between the documents, or within one.
const CONFLICTS: u32 = 12;

/// One question.
#[derive(Deserialize)]
struct Question {
    /// Of which rows of the table.
    rows: Vec<u32>,
    /// Of which conflicts: `C1` is the first.
    #[serde(default)]
    conflicts: Vec<String>,
    /// In words.
    ask: String,
    /// Where. `{noun?what}` stands for the identifier of the one thing that this finds.
    path: String,
    /// Which member of each thing that comes, through lists; `#` is how many come. `member>noun.member` follows what it points to.
    get: String,
    /// What is to come; in this order when the path sorts.
    want: Vec<Value>,
}

/// The path, with the identifiers of what it names.
async fn placed(client: &Client, path: &str) -> Result<String, String> {
    let mut placed = path.to_owned();
    while let Some((before, rest)) = placed.split_once('{') {
        let (name, after) = rest.split_once('}').ok_or("a name without an end")?;
        let found = client.get(&format!("/{name}")).await;
        let rows = if found.status == 200 { found.rows().clone() } else { return Err(format!("{name}: {}", found.body)) };
        let [one] = &rows[..] else { return Err(format!("{name} finds {} things", rows.len())) };
        placed = format!("{before}{}{after}", one["id"].as_str().ok_or("no identifier")?);
    }
    Ok(placed)
}

/// Every value of a member, through lists. A member that is not there is not an unknown one.
fn values(thing: &Value, member: &str, found: &mut Vec<Value>) {
    let (name, rest) = member.split_once('.').map_or((member, None), |(name, rest)| (name, Some(rest)));
    let items = match thing.get(name) {
        Some(Value::Array(items)) => items.clone(),
        Some(item) => vec![item.clone()],
        None => return found.push(format!("no {name}").into()),
    };
    for item in items {
        match rest {
            Some(rest) => values(&item, rest, found),
            None => found.push(item),
        }
    }
}

/// What the things say that these identifiers point to; nothing where there is none.
async fn follow(client: &Client, ids: &[Value], pointed: &str) -> Result<Vec<Value>, String> {
    let (noun, member) = pointed.split_once('.').ok_or("no member to follow to")?;
    let mut found = Vec::new();
    for id in ids {
        match id.as_str() {
            Some(id) => {
                let thing = client.get(&format!("/{noun}/{id}")).await;
                if thing.status != 200 {
                    return Err(thing.body.to_string());
                }
                values(&thing.body, member, &mut found);
            }
            None => found.push(Value::Null),
        }
    }
    Ok(found)
}

async fn answer(client: &Client, question: &Question) -> Result<(), String> {
    let answer = client.get(&placed(client, &question.path).await?).await;
    if answer.status != 200 {
        return Err(answer.body.to_string());
    }
    let things = answer.body["data"].as_array().cloned().unwrap_or_else(|| vec![answer.body.clone()]);
    let mut found = Vec::new();
    let (member, pointed) = question.get.split_once('>').map_or((&question.get[..], None), |(member, pointed)| (member, Some(pointed)));
    if member == "#" {
        found.push(things.len().into());
    } else {
        things.iter().for_each(|thing| values(thing, member, &mut found));
    }
    if let Some(pointed) = pointed {
        found = follow(client, &found, pointed).await?;
    }
    // A number is a number, with a point or without.
    let texts = |values: &[Value]| {
        let mut texts: Vec<String> = values.iter().map(|value| value.as_f64().map_or(value.to_string(), |number| number.to_string())).collect();
        if !question.path.contains("sort=") {
            texts.sort();
        }
        texts
    };
    let (got, due) = (texts(&found), texts(&question.want));
    if got == due { Ok(()) } else { Err(format!("{got:?} came, {due:?} was due")) }
}

#[actix_web::test]
async fn every_row_and_conflict_of_the_documents_is_asked_for_and_answered() {
    let house = demo_house().await;
    let questions: Vec<Question> = serde_json::from_str(include_str!("questions.json")).unwrap();
    let mut wrong = Vec::new();
    for question in &questions {
        if let Err(said) = answer(&house.anyone, question).await {
            wrong.push(format!("{:?} {} ({}): {said}", question.rows, question.ask, question.path));
        }
    }
    assert!(wrong.is_empty(), "{} of {} questions:\n{}", wrong.len(), questions.len(), wrong.join("\n"));
    let asked: BTreeSet<u32> = questions.iter().flat_map(|question| question.rows.clone()).collect();
    let left: Vec<u32> = (1..=ROWS).filter(|row| !asked.contains(row)).collect();
    assert!(left.is_empty() && questions.len() >= 300, "{} questions; nobody asks of the rows {left:?}", questions.len());
    let asked: BTreeSet<&str> = questions.iter().flat_map(|question| &question.conflicts).map(String::as_str).collect();
    let conflicts: Vec<String> = (1..=CONFLICTS).map(|number| format!("C{number}")).collect();
    let conflicts: BTreeSet<&str> = conflicts.iter().map(String::as_str).collect();
    assert_eq!(asked, conflicts, "each conflict is asked of, and no other");
}
