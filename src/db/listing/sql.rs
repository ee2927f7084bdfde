//! The SQL of a listing. The schema gives the types, every value is bound, and each shape of statement is prepared once.

use diesel::{
    QuerySource,
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    result::QueryResult,
    sql_types::{Array, BigInt, Nullable, Text, Uuid},
};

use super::{Condition, Kind, Listed, Listing, Mark, Operator, Rows, Step, Total};
use crate::{db::budget::Line, values::Id};

impl<N: Listed> QueryId for Rows<'_, N> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<N: Listed> QueryId for Total<'_, N> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<N: Listed> Query for Rows<'_, N> {
    type SqlType = Line<(diesel::dsl::SqlTypeOf<N::SelectExpression>, Array<Nullable<Text>>)>;
}

impl<N: Listed> Query for Total<'_, N> {
    type SqlType = BigInt;
}

impl<N: Listed> QueryFragment<Pg> for Rows<'_, N>
where
    N::SelectExpression: QueryFragment<Pg>,
    <N::Table as QuerySource>::FromClause: QueryFragment<Pg>,
    N::Key: QueryFragment<Pg>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let list = self.0;
        if !list.kept {
            out.unsafe_to_cache_prepared();
        }
        out.push_sql("SELECT ");
        list.selection.walk_ast(out.reborrow())?;
        out.push_sql(", ARRAY[");
        for step in &list.order {
            step.expression(&mut out)?;
            out.push_sql("::text, ");
        }
        list.key.walk_ast(out.reborrow())?;
        out.push_sql("::text] FROM ");
        list.table.walk_ast(out.reborrow())?;
        list.filter(&mut out)?;
        if let Some(mark) = &list.mark {
            out.push_sql(" AND ");
            list.beyond(mark, 0, &mut out)?;
        }
        out.push_sql(" ORDER BY ");
        for step in &list.order {
            step.expression(&mut out)?;
            let descending = step.descending != list.backwards();
            let nulls = if list.backwards() { "FIRST, " } else { "LAST, " };
            out.push_sql(if descending { " DESC" } else { " ASC" });
            if step.nullable() {
                out.push_sql(" NULLS ");
                out.push_sql(nulls);
            } else {
                out.push_sql(", ");
            }
        }
        list.key.walk_ast(out.reborrow())?;
        out.push_sql(if list.backwards() { " DESC" } else { " ASC" });
        if let Some(limit) = &list.limit {
            out.push_sql(" LIMIT ");
            out.push_bind_param::<BigInt, i64>(limit)?;
        }
        out.push_sql(" OFFSET ");
        out.push_bind_param::<BigInt, i64>(&list.offset)
    }
}

impl<N: Listed> QueryFragment<Pg> for Total<'_, N>
where
    <N::Table as QuerySource>::FromClause: QueryFragment<Pg>,
    N::Key: QueryFragment<Pg>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        if !self.0.kept {
            out.unsafe_to_cache_prepared();
        }
        out.push_sql("SELECT count(*) FROM ");
        self.0.table.walk_ast(out.reborrow())?;
        self.0.filter(&mut out)
    }
}

impl<N: Listed> Listing<N> {
    fn filter<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(" WHERE true");
        for (column, things) in &self.within {
            out.push_sql(" AND ");
            column.walk_ast(out.reborrow())?;
            if let [thing] = things.as_slice() {
                out.push_sql(" = ");
                out.push_bind_param::<Uuid, Id>(thing)?;
            } else {
                out.push_sql(" = ANY(");
                out.push_bind_param::<Array<Uuid>, Vec<Id>>(things)?;
                out.push_sql(")");
            }
        }
        if let Some(scope) = &self.scope {
            out.push_sql(" AND ");
            scope.walk_ast(out.reborrow())?;
        }
        for (index, condition) in self.conditions.iter().enumerate() {
            let Some(link) = &condition.field.link else {
                out.push_sql(" AND ");
                condition.write(out)?;
                continue;
            };
            let same = |condition: &&Condition| condition.field.link.as_ref().is_some_and(|other| other.key == link.key);
            if self.conditions[..index].iter().any(|before| same(&before)) {
                continue; // it stands beside the first one of its table
            }
            out.push_sql(" AND EXISTS (SELECT FROM ");
            link.table.walk_ast(out.reborrow())?;
            out.push_sql(" WHERE ");
            link.from.walk_ast(out.reborrow())?;
            out.push_sql(" = ");
            link.to.walk_ast(out.reborrow())?;
            for condition in self.conditions.iter().filter(same) {
                out.push_sql(" AND ");
                condition.write(out)?;
            }
            out.push_sql(")");
        }
        Ok(())
    }

    /// Writes the condition that a row comes after the mark, from the `depth`th step of the order on. Backwards, every comparison is
    /// reversed.
    fn beyond<'b>(&'b self, mark: &'b Mark, depth: usize, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()>
    where
        N::Key: QueryFragment<Pg>,
    {
        let missing = || diesel::result::Error::QueryBuilderError("a mark has a value for each step".into());
        let value = mark.keys.get(depth).ok_or_else(missing)?;
        let Some(step) = self.order.get(depth) else {
            self.key.walk_ast(out.reborrow())?;
            out.push_sql(if mark.back { " < " } else { " > " });
            out.push_bind_param::<Nullable<Text>, Option<String>>(value)?;
            out.push_sql("::uuid");
            return Ok(());
        };
        let (beyond, reached) = if step.descending != mark.back { (" < ", " <= ") } else { (" > ", " >= ") };
        out.push_sql("(");
        match (value, step.nullable()) {
            // `a >= x AND (a > x OR …)`: so an index on `a` serves.
            (Some(_), false) => {
                step.compare(reached, value, out)?;
                out.push_sql(" AND (");
                step.compare(beyond, value, out)?;
                out.push_sql(" OR ");
            }
            // NULL comes after every value.
            (Some(_), true) => {
                out.push_sql("(");
                step.compare(beyond, value, out)?;
                if !mark.back {
                    out.push_sql(" OR ");
                    step.expression(out)?;
                    out.push_sql(" IS NULL");
                }
                out.push_sql(") OR (");
                step.compare(" = ", value, out)?;
                out.push_sql(" AND ");
            }
            (None, _) => {
                if mark.back {
                    step.expression(out)?;
                    out.push_sql(" IS NOT NULL OR ");
                }
                out.push_sql("(");
                step.expression(out)?;
                out.push_sql(" IS NULL AND ");
            }
        }
        self.beyond(mark, depth + 1, out)?;
        out.push_sql("))");
        Ok(())
    }
}

impl Step {
    fn nullable(&self) -> bool {
        self.words.is_none() && self.field.nullable
    }

    fn expression<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        match &self.words {
            None => self.field.column.walk_ast(out.reborrow()),
            Some(words) => {
                out.push_sql("ts_rank(");
                self.field.column.walk_ast(out.reborrow())?;
                out.push_sql(", search_query(");
                out.push_bind_param::<Text, String>(words)?;
                out.push_sql("))");
                Ok(())
            }
        }
    }

    fn compare<'b>(&'b self, operator: &'static str, value: &'b Option<String>, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.expression(out)?;
        out.push_sql(operator);
        out.push_bind_param::<Nullable<Text>, Option<String>>(value)?;
        out.push_sql("::");
        out.push_sql(if self.words.is_some() { "real" } else { self.field.kind.sql() });
        Ok(())
    }
}

impl Condition {
    fn write<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        match self.field.kind {
            Kind::Search => {
                self.field.column.walk_ast(out.reborrow())?;
                out.push_sql(" @@ search_query(");
                self.bind(out)?;
                out.push_sql(")");
            }
            Kind::Period => {
                for (column, operator) in [(Some(&self.field.column), " <= "), (self.field.end.as_ref(), " >= ")] {
                    let Some(column) = column else { continue };
                    out.push_sql(if operator == " <= " { "(" } else { ") AND (" });
                    column.walk_ast(out.reborrow())?;
                    out.push_sql(" IS NULL OR ");
                    column.walk_ast(out.reborrow())?;
                    out.push_sql(operator);
                    self.bind(out)?;
                }
                out.push_sql(")");
            }
            _ => self.plain(out)?,
        }
        if let Some(beside) = &self.beside {
            out.push_sql(" AND ");
            beside.walk_ast(out.reborrow())?;
        }
        Ok(())
    }

    fn plain<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let resolution = self.field.resolution.as_ref().filter(|_| matches!(self.operator, Operator::Is | Operator::IsNot));
        let column = resolution.and_then(|resolution| resolution.column.as_ref()).unwrap_or(&self.field.column);
        if self.operator == Operator::IsNot && self.field.nullable {
            out.push_sql("(");
            column.walk_ast(out.reborrow())?;
            out.push_sql(" IS NULL OR ");
        }
        column.walk_ast(out.reborrow())?;
        match self.operator {
            Operator::Null if self.values.iter().any(|value| value == "true") => out.push_sql(" IS NULL"),
            Operator::Null => out.push_sql(" IS NOT NULL"),
            Operator::Is if self.values.len() == 1 && resolution.is_none() => {
                out.push_sql(" = ");
                self.bind(out)?;
            }
            Operator::Is | Operator::IsNot => {
                out.push_sql(if self.operator == Operator::Is { " = ANY(" } else { " <> ALL(" });
                if let Some(resolution) = resolution {
                    // As a question of its own, it is answered once for all rows.
                    out.push_sql("(SELECT ");
                    out.push_sql(resolution.function);
                    out.push_sql("(");
                    out.push_bind_param::<Array<Text>, Vec<String>>(&self.values)?;
                    out.push_sql("))::");
                    out.push_sql(resolution.sql);
                } else {
                    out.push_bind_param::<Array<Text>, Vec<String>>(&self.values)?;
                    out.push_sql("::");
                    out.push_sql(self.field.kind.sql());
                    out.push_sql("[]");
                }
                out.push_sql(")");
            }
            Operator::AtLeast | Operator::Above | Operator::AtMost | Operator::Below => {
                out.push_sql(match self.operator {
                    Operator::AtLeast => " >= ",
                    Operator::Above => " > ",
                    Operator::AtMost => " <= ",
                    _ => " < ",
                });
                self.bind(out)?;
            }
        }
        if self.operator == Operator::IsNot && self.field.nullable {
            out.push_sql(")");
        }
        Ok(())
    }

    fn bind<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let [value, ..] = self.values.as_slice() else {
            return Err(diesel::result::Error::QueryBuilderError("a condition has a value".into()));
        };
        out.push_bind_param::<Text, String>(value)?;
        out.push_sql("::");
        out.push_sql(self.field.kind.sql());
        Ok(())
    }
}
