//! Finds the places of mutants in the syntax tree.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use proc_macro2::Span;
use quote::ToTokens as _;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{BinOp, Expr};

use crate::Mutant;

/// Line and column, both counted from 1, as cargo-mutants counts.
pub(crate) type Position = (usize, usize);

/// The order of edits: by start; of several, the one that contains the others comes first.
pub(crate) type Key = (usize, usize, u8);

/// Offsets of a part of the source.
type Range = (usize, usize);

/// A part of the source that gets switches.
#[derive(Clone, Debug)]
pub(crate) struct Edit {
    pub(crate) end: usize,
    kind: Kind,
    mutants: Vec<Mutant>,
}

#[derive(Clone, Debug)]
enum Kind {
    /// The statements of a function.
    Body(Range),
    Binary {
        left: Range,
        operator: Range,
        right: Range,
    },
    Unary {
        operator: Range,
        operand: Range,
    },
    /// The pattern of an arm without a guard.
    Arm(Range),
    Guard(Range),
    /// A field of a struct that takes its other fields from `base`.
    Field {
        name: String,
        value: Range,
        base: Range,
    },
}

impl Edit {
    /// The text of the part. `raw` gives a range as it is, `switched` with the switches in it.
    pub(crate) fn text<'s>(
        &self,
        raw: impl Fn(Range) -> &'s str,
        switched: impl Fn(Range) -> String,
    ) -> String {
        let mut text = String::new();
        let _ = match &self.kind {
            Kind::Body(body) => {
                for Mutant { number, replacement, .. } in &self.mutants {
                    let _ = write!(
                        text,
                        "if crate::mutant({number}) {{ /*<{number}*/ return {replacement}; /*{number}>*/ }} "
                    );
                }
                write!(text, "{}", switched(*body))
            }
            Kind::Binary { left, operator, right } => {
                text.push('(');
                for Mutant { number, replacement, .. } in &self.mutants {
                    let (left, right) = (raw(*left), raw(*right));
                    let _ = write!(
                        text,
                        "if crate::mutant({number}) {{ /*<{number}*/ ({left}) {replacement} ({right}) /*{number}>*/ }} else "
                    );
                }
                let operator = raw(*operator);
                write!(text, "{{ {} {operator} {} }})", switched(*left), switched(*right))
            }
            Kind::Unary { operator, operand } => {
                text.push('(');
                for Mutant { number, .. } in &self.mutants {
                    let operand = raw(*operand);
                    let _ = write!(
                        text,
                        "if crate::mutant({number}) {{ /*<{number}*/ {operand} /*{number}>*/ }} else "
                    );
                }
                write!(text, "{{ {}{} }})", raw(*operator), switched(*operand))
            }
            Kind::Arm(pattern) => {
                let number = self.mutants[0].number;
                write!(
                    text,
                    "{} /*<{number}*/ if !crate::mutant({number}) /*{number}>*/",
                    raw(*pattern)
                )
            }
            Kind::Guard(guard) => {
                for Mutant { number, replacement, .. } in &self.mutants {
                    let (not, and) = if replacement == "true" { ("", "||") } else { ("!", "&&") };
                    let _ = write!(text, "{not}crate::mutant({number}) {and} (");
                }
                write!(text, "{}{}", switched(*guard), ")".repeat(self.mutants.len()))
            }
            Kind::Field { name, value, base } => {
                let number = self.mutants[0].number;
                let (base, value) = (raw(*base), switched(*value));
                write!(
                    text,
                    "{name}: if crate::mutant({number}) {{ /*<{number}*/ ({base}).{name} /*{number}>*/ }} else {{ {value} }}"
                )
            }
        };
        text
    }
}

/// The edits of a file.
#[derive(Debug)]
pub(crate) struct Edits {
    pub(crate) edits: BTreeMap<Key, Edit>,
    mutants: BTreeMap<Position, Vec<Mutant>>,
}

impl Edits {
    pub(crate) fn new(mutants: BTreeMap<Position, Vec<Mutant>>) -> Self {
        Self { edits: BTreeMap::new(), mutants }
    }

    /// The mutants for which no place was found.
    pub(crate) fn without_switch(&self) -> impl Iterator<Item = u32> {
        self.mutants.values().flatten().map(|mutant| mutant.number)
    }

    /// Puts the mutants of a genre that start at `place` into an edit of `range`.
    fn add(&mut self, genre: &str, place: Span, range: Range, kind: Kind) {
        let position = (place.start().line, place.start().column + 1);
        let Some(mutants) = self.mutants.get_mut(&position) else { return };
        let (taken, left) = mutants.drain(..).partition(|mutant| mutant.genre == genre);
        *mutants = left;
        let taken: Vec<_> = taken;
        if !taken.is_empty() {
            let (start, end) = range;
            // A body or a guard may be one expression.
            let rank = u8::from(!matches!(kind, Kind::Body(_) | Kind::Guard(_)));
            self.edits.insert((start, usize::MAX - end, rank), Edit { end, kind, mutants: taken });
        }
    }

    fn function(&mut self, signature: &syn::Signature, block: &syn::Block) {
        // Two values of a type without a name are of two types.
        let returned = signature.output.to_token_stream().to_string();
        if returned.split_whitespace().any(|word| word == "impl") {
            return;
        }
        let [first, ..] = &block.stmts[..] else { return };
        let last = block.stmts.last().map_or(first.span(), syn::Stmt::span);
        let body = (range(first.span()).0, range(last).1);
        self.add("FnValue", first.span(), body, Kind::Body(body));
    }
}

impl<'ast> Visit<'ast> for Edits {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.function(&item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_expr_binary(&mut self, binary: &'ast syn::ExprBinary) {
        let (left, right) = (range(binary.left.span()), range(binary.right.span()));
        let operator = range(binary.op.span());
        // `||` cannot follow `if let ... =`: the compiler refuses such a mutant.
        let chain =
            matches!(binary.op, BinOp::And(_)) && (binds(&binary.left) || binds(&binary.right));
        if !chain {
            let kind = Kind::Binary { left, operator, right };
            self.add("BinaryOperator", binary.op.span(), (left.0, right.1), kind);
        }
        visit::visit_expr_binary(self, binary);
    }

    fn visit_expr_unary(&mut self, unary: &'ast syn::ExprUnary) {
        let (operator, operand) = (range(unary.op.span()), range(unary.expr.span()));
        let kind = Kind::Unary { operator, operand };
        self.add("UnaryOperator", unary.op.span(), (operator.0, operand.1), kind);
        visit::visit_expr_unary(self, unary);
    }

    fn visit_expr_match(&mut self, matched: &'ast syn::ExprMatch) {
        let takes_all =
            |arm: &syn::Arm| matches!(arm.pat, syn::Pat::Wild(_)) && arm.guard.is_none();
        let has_rest = matched.arms.iter().any(takes_all);
        for arm in &matched.arms {
            let pattern = range(arm.pat.span());
            if let Some((_, guard)) = &arm.guard {
                let range = range(guard.span());
                self.add("MatchArmGuard", guard.span(), range, Kind::Guard(range));
            } else if has_rest {
                // Without the rest, the compiler refuses a match that lacks an arm.
                self.add("MatchArm", arm.span(), pattern, Kind::Arm(pattern));
            }
        }
        visit::visit_expr_match(self, matched);
    }

    fn visit_expr_struct(&mut self, literal: &'ast syn::ExprStruct) {
        if let Some(base) = &literal.rest {
            for field in &literal.fields {
                let syn::Member::Named(name) = &field.member else { continue };
                let kind = Kind::Field {
                    name: name.to_string(),
                    value: range(field.expr.span()),
                    base: range(base.span()),
                };
                self.add("StructField", field.span(), range(field.span()), kind);
            }
        }
        visit::visit_expr_struct(self, literal);
    }
}

/// Whether an operand of `&&` is `let PATTERN = VALUE`, or has one among its own operands.
fn binds(operand: &Expr) -> bool {
    match operand {
        Expr::Let(_) => true,
        Expr::Binary(binary) if matches!(binary.op, BinOp::And(_)) => {
            binds(&binary.left) || binds(&binary.right)
        }
        _ => false,
    }
}

fn range(span: Span) -> Range {
    let range = span.byte_range();
    (range.start, range.end)
}
