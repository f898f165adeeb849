//! Random functions in Move: what people write, in combinations that nobody thinks of.
//!
//! The generator knows types and scopes, and roughly which references are still usable. What it
//! gets wrong the compiler refuses; the aim is that most functions compile.

use std::fmt::Write as _;

use super::random::Random;

/// What every module of generated functions declares first.
pub(super) const PRELUDE: &str = include_str!("prelude.move");
/// Statements of a function, nested ones included: at least so many, and at most so many more.
const STATEMENTS_MIN: usize = 3;
const STATEMENTS_MORE: usize = 12;
/// Blocks nest no deeper.
const DEPTH_MAX: usize = 3;

/// Types of values, all declared in the prelude.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Type {
    Number,
    Numbers,
    Inner,
    Outer,
    Outers,
    Choice,
}

impl Type {
    const ALL: [Self; 6] = [
        Self::Number,
        Self::Numbers,
        Self::Inner,
        Self::Outer,
        Self::Outers,
        Self::Choice,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Number => "u64",
            Self::Numbers => "vector<u64>",
            Self::Inner => "Inner",
            Self::Outer => "Outer",
            Self::Outers => "vector<Outer>",
            Self::Choice => "Choice",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Value,
    Imm,
    Mut,
}

#[derive(Clone, Debug)]
struct Variable {
    name: String,
    type_: Type,
    kind: Kind,
    /// The variables that a reference borrows from, by name.
    from: Vec<String>,
    /// Whether it can be used: it was neither moved nor invalidated.
    usable: bool,
}

/// Something that can be borrowed or read: an expression, and the variable at its root.
struct Place {
    text: String,
    root: String,
}

/// A function in the making.
pub(super) struct Function<'r> {
    random: &'r mut Random,
    text: String,
    variables: Vec<Variable>,
    names: usize,
    depth: usize,
    left: usize,
    /// Labels of the loops around; those without label are empty.
    loops: Vec<String>,
    result: (Type, Kind),
}

impl<'r> Function<'r> {
    /// The source of `public fun <name>`.
    pub(super) fn generate(random: &'r mut Random, name: &str) -> String {
        let result = if random.one_in(5) {
            (*random.pick(&[Type::Number, Type::Inner]), Kind::Mut)
        } else {
            (*random.pick(&Type::ALL), Kind::Value)
        };
        let left = STATEMENTS_MIN + random.below(STATEMENTS_MORE);
        let mut function = Self {
            random,
            text: String::new(),
            variables: Vec::new(),
            names: 0,
            depth: 0,
            left,
            loops: Vec::new(),
            result,
        };
        function.signature(name);
        while function.left > 0 {
            function.statement();
        }
        let end = function.returned();
        writeln!(function.text, "    {end}\n}}").unwrap();
        function.text
    }

    fn signature(&mut self, name: &str) {
        let mut parameters = vec!["n: u64".to_owned(), "c: bool".to_owned()];
        self.declare("n", Type::Number, Kind::Value, Vec::new());
        // A function that returns a reference needs something to borrow it from.
        let count = 1 + self.random.below(4);
        for index in 0..count {
            let type_ = *self.random.pick(&Type::ALL);
            let kind = *self
                .random
                .pick(&[Kind::Value, Kind::Mut, Kind::Mut, Kind::Imm]);
            let name = format!("p{index}");
            let (reference, mutable) = match kind {
                Kind::Value => ("", "mut "),
                Kind::Imm => ("&", ""),
                Kind::Mut => ("&mut ", ""),
            };
            parameters.push(format!("{mutable}{name}: {reference}{}", type_.name()));
            self.declare(&name, type_, kind, Vec::new());
        }
        parameters.push("out: &mut Outer, thing: &mut Thing, ctx: &mut TxContext".to_owned());
        self.declare("out", Type::Outer, Kind::Mut, Vec::new());
        let (type_, kind) = self.result;
        let reference = if kind == Kind::Mut { "&mut " } else { "" };
        writeln!(
            self.text,
            "public fun {name}({}): {reference}{} {{",
            parameters.join(", "),
            type_.name()
        )
        .unwrap();
    }

    fn declare(&mut self, name: &str, type_: Type, kind: Kind, from: Vec<String>) {
        self.variables.push(Variable {
            name: name.to_owned(),
            type_,
            kind,
            from,
            usable: true,
        });
    }

    fn fresh(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    fn line(&mut self, text: &str) {
        let indent = "    ".repeat(self.depth + 1);
        writeln!(self.text, "{indent}{text}").unwrap();
    }

    /// What was borrowed from a variable must not be used any more.
    fn invalidate(&mut self, root: &str) {
        for variable in &mut self.variables {
            if variable.from.iter().any(|name| name == root) && !self.random.one_in(20) {
                variable.usable = false;
            }
        }
    }

    fn usable(&self, wanted: impl Fn(&Variable) -> bool) -> Vec<Variable> {
        self.variables
            .iter()
            .filter(|variable| variable.usable && wanted(variable))
            .cloned()
            .collect()
    }

    /// A place of a type, if there is one.
    fn place(&mut self, type_: Type, mutable: bool) -> Option<Place> {
        let roots = self.usable(|variable| !mutable || variable.kind != Kind::Imm);
        let mut places: Vec<Place> = Vec::new();
        for root in roots {
            let mut add = |text: String| {
                places.push(Place {
                    text,
                    root: root.name.clone(),
                });
            };
            let name = &root.name;
            let whole = match root.kind {
                Kind::Value => name.clone(),
                Kind::Imm | Kind::Mut => format!("*{name}"),
            };
            let index = if self.random.one_in(2) { "0" } else { "n % 3" };
            match (root.type_, type_) {
                (a, b) if a == b => add(whole),
                (Type::Outer, Type::Number) => add(format!("{name}.left")),
                (Type::Outer, Type::Inner) => add(format!("{name}.inner")),
                (Type::Outer, Type::Numbers) => add(format!("{name}.inner.list")),
                (Type::Outer, Type::Choice) => add(format!("{name}.choice")),
                (Type::Inner, Type::Number) => add(format!("{name}.x")),
                (Type::Inner, Type::Numbers) => add(format!("{name}.list")),
                (Type::Numbers, Type::Number) | (Type::Outers, Type::Outer) => {
                    add(format!("{name}[{index}]"));
                }
                (Type::Outers, Type::Number) => add(format!("{name}[{index}].right")),
                _ => {}
            }
        }
        (!places.is_empty()).then(|| places.swap_remove(self.random.below(places.len())))
    }

    /// `&mut place` or `&place`, or a call that borrows from one; with what it borrows from.
    fn borrow(&mut self, type_: Type, mutable: bool) -> Option<(String, Vec<String>)> {
        let operator = if mutable { "&mut " } else { "&" };
        let suffix = if mutable { "_mut" } else { "" };
        match (type_, self.random.below(8)) {
            (Type::Number, 0) => {
                let (outer, from) = self.borrow(Type::Outer, mutable)?;
                Some((format!("left{suffix}({outer})"), from))
            }
            (Type::Number, 1) => {
                let (first, mut from) = self.borrow(Type::Number, mutable)?;
                let (second, others) = self.borrow(Type::Number, mutable)?;
                from.extend(others);
                Some((format!("larger{suffix}({first}, {second})"), from))
            }
            (Type::Inner, 0) => {
                let (outer, from) = self.borrow(Type::Outer, mutable)?;
                Some((format!("inner{suffix}({outer})"), from))
            }
            (_, 2) if self.depth < DEPTH_MAX => {
                let (first, mut from) = self.borrow(type_, mutable)?;
                let (second, others) = self.borrow(type_, mutable)?;
                from.extend(others);
                let condition = self.condition();
                Some((format!("if ({condition}) {first} else {second}"), from))
            }
            (_, 3) => {
                let wanted = if mutable { Kind::Mut } else { Kind::Imm };
                let references = self.usable(|v| v.type_ == type_ && v.kind == wanted);
                if references.is_empty() {
                    return None;
                }
                let found = self.random.pick(&references).clone();
                // A copy of the reference, or all that is left of it.
                if mutable || self.random.one_in(4) {
                    self.forget(&found.name);
                    return Some((format!("move {}", found.name), found.from));
                }
                Some((found.name.clone(), [found.from, vec![found.name]].concat()))
            }
            _ => {
                let place = self.place(type_, mutable)?;
                let text = match place.text.strip_prefix('*') {
                    // `&mut *r` is a copy of the reference.
                    Some(name) if self.random.one_in(2) && !mutable => format!("&*{name}"),
                    _ => format!("{operator}{}", place.text),
                };
                if mutable {
                    self.invalidate(&place.root);
                }
                Some((text, vec![place.root]))
            }
        }
    }

    fn forget(&mut self, name: &str) {
        for variable in &mut self.variables {
            if variable.name == name {
                variable.usable = false;
            }
        }
    }

    fn number(&mut self) -> String {
        match self.random.below(9) {
            0 => self.random.below(9).to_string(),
            1 => "n".to_owned(),
            2 => format!("(n + {})", self.random.below(9)),
            3 => match self.borrow(Type::Number, false) {
                Some((reference, _)) => format!("read({reference})"),
                None => "1".to_owned(),
            },
            4 if self.depth < DEPTH_MAX => {
                let (condition, first, second) = (self.condition(), self.number(), self.number());
                format!("(if ({condition}) {first} else {second})")
            }
            5 => match self.place(Type::Numbers, false) {
                Some(place) if !place.text.starts_with('*') => format!("{}.length()", place.text),
                _ => "2".to_owned(),
            },
            6 => match self.borrow(Type::Choice, false) {
                Some((reference, _)) => format!("weight({reference})"),
                None => "3".to_owned(),
            },
            _ => match self.place(Type::Number, false) {
                Some(place) => place.text,
                None => "n".to_owned(),
            },
        }
    }

    fn condition(&mut self) -> String {
        match self.random.below(7) {
            0 => "c".to_owned(),
            1 => format!("c && {} == {}", self.number(), self.random.below(5)),
            2 => format!("!c || {} != {}", self.number(), self.random.below(5)),
            3 => match self.borrow(Type::Choice, false) {
                Some((reference, _)) => format!("is_none({reference})"),
                None => "!c".to_owned(),
            },
            _ => format!("{} < {}", self.number(), self.number()),
        }
    }

    /// A value of a type.
    fn value(&mut self, type_: Type) -> String {
        if self.random.one_in(3)
            && let Some(place) = self.place(type_, false)
        {
            return place.text;
        }
        match type_ {
            Type::Number => self.number(),
            Type::Numbers => format!("vector[{}, {}]", self.number(), self.number()),
            Type::Inner => format!("Inner {{ x: {}, list: vector[7] }}", self.number()),
            Type::Outer => format!("outer({})", self.number()),
            Type::Outers => format!("vector[outer({})]", self.number()),
            Type::Choice => match self.random.below(3) {
                0 => "Choice::None".to_owned(),
                1 => format!("Choice::One({})", self.number()),
                _ => format!(
                    "Choice::Many {{ x: {}, list: vector[1, n] }}",
                    self.number()
                ),
            },
        }
    }

    fn returned(&mut self) -> String {
        match self.result {
            (type_, Kind::Mut) => match self.random.below(3) {
                0 if type_ == Type::Number => "&mut out.right".to_owned(),
                0 => "inner_mut(out)".to_owned(),
                _ => self
                    .borrow(type_, true)
                    .map_or_else(|| "abort 1".to_owned(), |(text, _)| text),
            },
            (type_, _) => self.value(type_),
        }
    }

    /// Statements in a scope of their own. What becomes unusable in a block that is left for good
    /// stays usable behind it.
    fn block(&mut self, count: usize, leaves: bool) {
        let variables = self.variables.len();
        let before: Vec<bool> = self.variables.iter().map(|v| v.usable).collect();
        self.depth += 1;
        for _ in 0..count {
            if self.left > 0 {
                self.statement();
            }
        }
        if leaves {
            self.leave();
        }
        self.depth -= 1;
        self.variables.truncate(variables);
        if leaves {
            for (variable, usable) in self.variables.iter_mut().zip(before) {
                variable.usable = usable;
            }
        }
    }

    /// Leaves the loop or the function.
    fn leave(&mut self) {
        let text = match (self.random.below(4), self.loops.last().cloned()) {
            (0 | 1, Some(_)) if self.random.one_in(3) => {
                let label = self.random.pick(&self.loops.clone()).clone();
                format!("break{label}")
            }
            (0 | 1, Some(_)) => "break".to_owned(),
            (2, Some(_)) => "continue".to_owned(),
            (3, _) if self.random.one_in(3) => format!("abort {}", self.random.below(9)),
            _ => format!("return {}", self.returned()),
        };
        self.line(&text);
    }

    fn statement(&mut self) {
        self.left -= 1;
        match self
            .random
            .below(if self.depth < DEPTH_MAX { 19 } else { 9 })
        {
            0 => self.let_value(),
            1 | 2 => self.let_reference(),
            3 => self.assign(),
            4 | 5 => self.write(),
            6 => self.assign_reference(),
            7 => self.call(),
            8 => self.unpack(),
            9 | 10 => self.if_else(),
            11 | 12 => self.while_loop(),
            13 => self.endless_loop(),
            14 => self.match_choice(),
            15 => self.macro_call(),
            16 | 17 => self.object(),
            _ => {
                self.line("{");
                let count = 1 + self.random.below(3);
                self.block(count, false);
                self.line("};");
            }
        }
    }

    fn let_value(&mut self) {
        let type_ = *self.random.pick(&Type::ALL);
        let value = self.value(type_);
        let name = self.fresh("x");
        self.line(&format!("let mut {name} = {value};"));
        self.declare(&name, type_, Kind::Value, Vec::new());
    }

    fn let_reference(&mut self) {
        let type_ = *self.random.pick(&Type::ALL);
        let mutable = !self.random.one_in(3);
        if let Some((text, from)) = self.borrow(type_, mutable) {
            let name = self.fresh("r");
            self.line(&format!("let mut {name} = {text};"));
            let kind = if mutable { Kind::Mut } else { Kind::Imm };
            self.declare(&name, type_, kind, from);
        }
    }

    fn assign(&mut self) {
        let type_ = *self.random.pick(&Type::ALL);
        let value = self.value(type_);
        if let Some(place) = self.place(type_, true) {
            self.invalidate(&place.root);
            self.line(&format!("{} = {value};", place.text));
        }
    }

    fn write(&mut self) {
        let references = self.usable(|variable| variable.kind == Kind::Mut);
        if references.is_empty() {
            return;
        }
        let reference = self.random.pick(&references).clone();
        let value = self.value(reference.type_);
        self.invalidate(&reference.name);
        self.line(&format!("*{} = {value};", reference.name));
    }

    fn assign_reference(&mut self) {
        let references: Vec<Variable> = self
            .variables
            .iter()
            .filter(|variable| variable.name.starts_with('r') && variable.kind != Kind::Value)
            .cloned()
            .collect();
        if references.is_empty() {
            return;
        }
        let reference = self.random.pick(&references).clone();
        let mutable = reference.kind == Kind::Mut;
        if let Some((text, from)) = self.borrow(reference.type_, mutable) {
            self.line(&format!("{} = {text};", reference.name));
            for variable in &mut self.variables {
                if variable.name == reference.name {
                    variable.from.extend(from.iter().cloned());
                    variable.usable = true;
                }
            }
        }
    }

    fn call(&mut self) {
        match self.random.below(5) {
            0 => {
                if let Some((list, _)) = self.borrow(Type::Numbers, true) {
                    let value = self.number();
                    self.line(&format!("push({list}, {value});"));
                }
            }
            1 => {
                if let Some((list, _)) = self.borrow(Type::Numbers, true) {
                    let name = self.fresh("x");
                    self.line(&format!("let mut {name} = pop({list});"));
                    self.declare(&name, Type::Number, Kind::Value, Vec::new());
                }
            }
            2 => {
                let value = self.number();
                if let Some((number, _)) = self.borrow(Type::Number, true) {
                    self.line(&format!("add({number}, {value});"));
                }
            }
            3 => {
                let type_ = *self.random.pick(&Type::ALL);
                let value = self.value(type_);
                if let Some((reference, _)) = self.borrow(type_, true) {
                    let name = self.fresh("x");
                    self.line(&format!("let mut {name} = replace({reference}, {value});"));
                    self.declare(&name, type_, Kind::Value, Vec::new());
                }
            }
            _ => {
                let type_ = *self.random.pick(&Type::ALL);
                let first = self.borrow(type_, true);
                let second = self.borrow(type_, true);
                if let (Some((first, _)), Some((second, _))) = (first, second) {
                    self.line(&format!("swap({first}, {second});"));
                }
            }
        }
    }

    /// Takes a struct apart, by value or by reference.
    fn unpack(&mut self) {
        let kind = *self.random.pick(&[Kind::Value, Kind::Imm, Kind::Mut]);
        let (text, from) = match kind {
            Kind::Value => (self.value(Type::Outer), Vec::new()),
            Kind::Imm | Kind::Mut => match self.borrow(Type::Outer, kind == Kind::Mut) {
                Some(found) => found,
                None => return,
            },
        };
        let names = ["r", "r", "r"].map(|prefix| self.fresh(prefix));
        let [left, inner, choice] = &names;
        self.line(&format!(
            "let Outer {{ left: mut {left}, right: _, inner: mut {inner}, choice: mut {choice} }} = {text};"
        ));
        for (name, type_) in names.iter().zip([Type::Number, Type::Inner, Type::Choice]) {
            self.declare(name, type_, kind, from.clone());
        }
    }

    fn if_else(&mut self) {
        let condition = self.condition();
        self.line(&format!("if ({condition}) {{"));
        let leaves = self.random.one_in(3);
        let count = 1 + self.random.below(3);
        self.block(count, leaves);
        if self.random.one_in(2) {
            self.line("} else {");
            let leaves = !leaves && self.random.one_in(4);
            let count = 1 + self.random.below(3);
            self.block(count, leaves);
        }
        self.line("};");
    }

    fn label(&mut self) -> (String, String) {
        if self.random.one_in(3) {
            let name = self.fresh("l");
            (format!("'{name}: "), format!(" '{name}"))
        } else {
            (String::new(), String::new())
        }
    }

    fn while_loop(&mut self) {
        let counter = self.fresh("i");
        self.line(&format!("let mut {counter} = 0;"));
        let (label, target) = self.label();
        let condition = if self.random.one_in(3) {
            format!("{counter} < n && {}", self.condition())
        } else {
            format!("{counter} < n")
        };
        self.line(&format!("{label}while ({condition}) {{"));
        self.loops.push(target);
        let count = 1 + self.random.below(4);
        self.line(&format!("    {counter} = {counter} + 1;"));
        self.block(count, false);
        self.loops.pop();
        self.line("};");
    }

    fn endless_loop(&mut self) {
        let (label, target) = self.label();
        self.line(&format!("{label}loop {{"));
        self.loops.push(target);
        let count = 1 + self.random.below(3);
        self.block(count, false);
        self.depth += 1;
        let condition = self.condition();
        self.line(&format!("if ({condition}) {{"));
        self.block(1, true);
        self.line("};");
        self.depth -= 1;
        self.loops.pop();
        self.line("};");
    }

    fn match_choice(&mut self) {
        let kind = *self.random.pick(&[Kind::Value, Kind::Imm, Kind::Mut]);
        let (text, from) = match kind {
            Kind::Value => (self.value(Type::Choice), Vec::new()),
            Kind::Imm | Kind::Mut => match self.borrow(Type::Choice, kind == Kind::Mut) {
                Some(found) => found,
                None => return,
            },
        };
        let [one, x, list] = ["m", "m", "m"].map(|prefix| self.fresh(prefix));
        let guard = if self.random.one_in(3) {
            // What is bound is a reference as long as the guard runs.
            format!(" if (*{one} < 7)")
        } else {
            String::new()
        };
        self.line(&format!("match ({text}) {{"));
        self.depth += 1;
        let arms: [(String, Vec<(&String, Type)>); 2] = [
            (
                format!("Choice::One({one}){guard}"),
                vec![(&one, Type::Number)],
            ),
            (
                format!("Choice::Many {{ x: {x}, list: {list} }}"),
                vec![(&x, Type::Number), (&list, Type::Numbers)],
            ),
        ];
        let variables = self.variables.len();
        for (pattern, bound) in arms {
            self.line(&format!("{pattern} => {{"));
            for (name, type_) in bound {
                // Bindings by value are not mutable.
                let kind = if kind == Kind::Value {
                    Kind::Value
                } else {
                    kind
                };
                self.declare(name, type_, kind, from.clone());
            }
            let leaves = self.random.one_in(4);
            let count = 1 + self.random.below(2);
            self.block(count, leaves);
            self.variables.truncate(variables);
            self.line("},");
        }
        self.line("_ => {");
        let count = self.random.below(2);
        self.block(count, false);
        self.line("},");
        self.depth -= 1;
        self.line("};");
    }

    fn macro_call(&mut self) {
        let name = self.fresh("m");
        let (head, kind, type_, from) = match self.random.below(4) {
            0 => (
                format!("n.do!(|{name}| {{"),
                Kind::Value,
                Type::Number,
                Vec::new(),
            ),
            1 => {
                let Some(place) = self.place(Type::Numbers, true) else {
                    return;
                };
                if place.text.starts_with('*') {
                    return;
                }
                self.invalidate(&place.root);
                let head = format!("{}.do_mut!(|{name}| {{", place.text);
                (head, Kind::Mut, Type::Number, vec![place.root])
            }
            2 => {
                let Some(place) = self.place(Type::Outers, false) else {
                    return;
                };
                if place.text.starts_with('*') {
                    return;
                }
                let head = format!("{}.do_ref!(|{name}| {{", place.text);
                (head, Kind::Imm, Type::Outer, vec![place.root])
            }
            _ => {
                let value = self.value(Type::Numbers);
                (
                    format!("({value}).do!(|{name}| {{"),
                    Kind::Value,
                    Type::Number,
                    Vec::new(),
                )
            }
        };
        self.line(&head);
        // Neither `break` nor `return` of the function around it may stand in a lambda.
        let loops = std::mem::take(&mut self.loops);
        let variables = self.variables.len();
        self.declare(&name, type_, kind, from);
        self.depth += 1;
        let count = 1 + self.random.below(2);
        let depth = std::mem::replace(&mut self.depth, DEPTH_MAX);
        self.block(count, false);
        self.depth = depth - 1;
        self.variables.truncate(variables);
        self.loops = loops;
        self.line("});");
    }

    /// The life of an object, from its id to its owner.
    fn object(&mut self) {
        let (id, object) = (self.fresh("id"), self.fresh("object"));
        let made = match self.random.below(5) {
            0 => format!("derived_object::claim(&mut thing.id, {})", self.number()),
            1 => format!(
                "if ({}) object::new(ctx) else object::new(ctx)",
                self.condition()
            ),
            2 => "{ let made = object::new(ctx); made }".to_owned(),
            _ => "object::new(ctx)".to_owned(),
        };
        self.line(&format!("let {id} = {made};"));
        if self.random.one_in(2) && self.left > 0 {
            self.statement();
        }
        let number = self.number();
        self.line(&format!(
            "let mut {object} = Thing {{ id: {id}, n: {number} }};"
        ));
        match self.random.below(4) {
            0 => self.line(&format!("add(&mut {object}.n, n);")),
            1 => self.line(&format!("dynamic_field::add(&mut {object}.id, n, c);")),
            2 => self.line(&format!("event::emit(Happened {{ n: {object}.n }});")),
            _ => {}
        }
        if self.random.one_in(2) {
            self.end_of_object(&object);
            return;
        }
        let condition = self.condition();
        for head in [&format!("if ({condition}) {{"), "} else {"] {
            self.line(head);
            self.depth += 1;
            self.end_of_object(&object);
            self.depth -= 1;
        }
        self.line("};");
    }

    fn end_of_object(&mut self, object: &str) {
        match self.random.below(7) {
            0 => self.line(&format!("transfer::transfer({object}, @0xa);")),
            1 => self.line(&format!(
                "transfer::public_transfer({object}, ctx.sender());"
            )),
            2 => self.line(&format!("transfer::share_object({object});")),
            3 => self.line(&format!("transfer::public_freeze_object({object});")),
            4 => {
                self.line(&format!(
                    "let wrapped = Wrapper {{ id: object::new(ctx), thing: {object} }};"
                ));
                self.line("transfer::transfer(wrapped, @0xb);");
            }
            5 => self.line(&format!(
                "dynamic_object_field::add(&mut thing.id, n, {object});"
            )),
            _ => {
                self.line(&format!("let Thing {{ id, n: _ }} = {object};"));
                self.line("id.delete();");
            }
        }
    }
}
