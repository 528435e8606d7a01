//! The error texts that an agent reads; no exception breaks the interpreter.

use crate::common::{fails, persistent, prints};
use sandbox::Failure;

/// The error of a block, below the traceback's header and frames.
fn error_of(code: &str) -> String {
    fails(&mut persistent(), code).error.unwrap()
}

fn in_module(line: u32, rest: &str) -> String {
    format!("Traceback (most recent call last):\n  File \"<string>\", line {line}, in <module>\n{rest}")
}

fn exception(type_name: &str) -> Option<Failure> {
    Some(Failure::Exception { type_name: type_name.into() })
}

#[test]
fn suggestions_of_newer_python_versions_are_left_out() {
    assert_eq!(error_of("value = 1\nprint(valeu)"), in_module(2, "NameError: name 'valeu' is not defined"));
    assert_eq!(error_of("math.pi"), in_module(1, "NameError: name 'math' is not defined"));
    assert_eq!(error_of("'a'.uper()"), in_module(1, "AttributeError: 'str' object has no attribute 'uper'"));
    assert_eq!(
        error_of("from math import squrt"),
        in_module(1, "ImportError: cannot import name 'squrt' from 'math' (unknown location)")
    );
}

#[test]
fn classes_are_named_as_python_names_them() {
    assert_eq!(error_of("class Own(Exception): pass\nraise Own('x')"), in_module(2, "Own: x"));
    assert_eq!(error_of("raise ValueError"), in_module(1, "ValueError"));
    let error = error_of("json.loads('{')");
    assert!(error.starts_with(&in_module(1, "json.decoder.JSONDecodeError: Expecting")), "{error}");
    let error = error_of("def f():\n    class Inner(Exception): pass\n    raise Inner\nf()");
    assert!(error.ends_with("line 3, in f\nf.<locals>.Inner"), "{error}");
}

#[test]
fn notes_are_shown_and_causes_are_not() {
    let code = "try:\n    1/0\nexcept Exception as e:\n    e.add_note('a note')\n    raise";
    assert_eq!(error_of(code), in_module(2, "ZeroDivisionError: division by zero\na note"));
    assert_eq!(error_of("try:\n    1/0\nfinally:\n    raise KeyError(1)"), in_module(4, "KeyError: 1"));
}

#[test]
fn a_syntax_error_shows_its_position() {
    let cases = [
        ("x = = 1", "File \"<string>\", line 1\n    x = = 1\n        ^\nSyntaxError: invalid syntax"),
        (
            "if 1:\nx",
            "File \"<string>\", line 2\n    x\n    ^\nIndentationError: expected an indented block after 'if' statement on line 1",
        ),
        (
            "def f():\n    return = 1",
            "File \"<string>\", line 2\n    return = 1\n           ^\nSyntaxError: invalid syntax",
        ),
        ("a b c", "File \"<string>\", line 1\n    a b c\n      ^\nSyntaxError: invalid syntax"),
        (
            "print('abc",
            "File \"<string>\", line 1\n    print('abc\n          ^\nSyntaxError: unterminated string literal (detected at line 1)",
        ),
        ("return 1", "File \"<string>\", line 1\nSyntaxError: 'return' outside function"),
        (
            "fro i in x: pass",
            "File \"<string>\", line 1\n    fro i in x: pass\n        ^\nSyntaxError: invalid syntax",
        ),
        ("x = 'é' 1", "File \"<string>\", line 1\n    x = 'é' 1\n            ^\nSyntaxError: invalid syntax"),
    ];
    for (code, expected) in cases {
        let outcome = fails(&mut persistent(), code);
        assert_eq!(
            (outcome.error.as_deref(), outcome.failure),
            (Some(expected), Some(Failure::Syntax)),
            "{code}"
        );
    }
}

#[test]
fn a_syntax_error_at_run_time_has_a_traceback() {
    let outcome = fails(&mut persistent(), "eval('1 +')");
    let text = "  File \"<string>\", line 1\n    1 +\nSyntaxError: invalid syntax";
    assert_eq!(outcome.error.unwrap(), in_module(1, text));
    assert_eq!(outcome.failure, exception("SyntaxError"));
    assert_eq!(error_of("raise SyntaxError('odd')"), in_module(1, "SyntaxError: odd"));
    assert!(error_of("raise SyntaxError('odd', (1, [], {}, 'x'))").contains("\nSyntaxError: odd"));
}

#[test]
fn exits_end_the_step_and_not_the_interpreter() {
    for (code, name) in [
        ("import sys\nsys.exit(3)", "SystemExit"),
        ("raise SystemExit", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("class Odd(BaseException): pass\nraise Odd", "Odd"),
    ] {
        let mut python = persistent();
        prints(&mut python, "x = 1");
        assert_eq!(fails(&mut python, code).failure, exception(name), "{code}");
        assert_eq!(prints(&mut python, "print(x)"), "1\n");
    }
}

#[test]
fn odd_exceptions_are_reported_and_harmless() {
    let cases = [
        ("class E(Exception):\n    def __str__(self): raise E\nraise E", "E: <exception str() failed>"),
        ("class E(Exception):\n    def __str__(self): return 1\nraise E", "E: <exception str() failed>"),
        (
            "class E(Exception):\n    def __str__(self): raise SystemExit\nraise E",
            "E: <exception str() failed>",
        ),
        (
            "class S(str):\n    def __str__(self): return 1/0\n    encode = __format__ = __str__\nclass E(Exception):\n    def __str__(self): return S('sub')\nraise E",
            "E: sub",
        ),
        (
            "class M(type):\n    def __getattribute__(self, name): raise OSError\n    def __instancecheck__(self, other): raise OSError\n    def __eq__(self, other): raise OSError\n    __hash__ = type.__hash__\nclass E(Exception, metaclass=M): pass\nraise E('meta')",
            "E: meta",
        ),
        (
            "class E(Exception):\n    def __getattribute__(self, name): raise OSError\nraise E('get')",
            "E: get",
        ),
        (
            "class E(Exception):\n    __traceback__ = __notes__ = __class__ = property(lambda self: 1/0)\nraise E('p')",
            "E: p",
        ),
        ("class E(Exception): pass\nE.__module__ = 7\nraise E('m')", "<unknown>.E: m"),
        ("class E(Exception): pass\nE.__notes__ = [1, 'two', None]\nraise E('n')", "E: n\ntwo"),
        (
            "raise ExceptionGroup('many', [ValueError(1), KeyError(2)])",
            "ExceptionGroup: many (2 sub-exceptions)",
        ),
        ("raise ValueError('\\ud800')", "ValueError: \\ud800"),
        (
            "def f(): raise ValueError('name')\nf.__code__ = f.__code__.replace(co_name='\\ud800')\nf()",
            "ValueError: name",
        ),
        ("raise 5", "TypeError: exceptions must derive from BaseException"),
    ];
    for (code, last) in cases {
        let mut python = persistent();
        let outcome = fails(&mut python, code);
        assert!(matches!(outcome.failure, Some(Failure::Exception { .. })), "{code}: {outcome:?}");
        let error = outcome.error.unwrap();
        assert!(error.ends_with(last), "{code}: {error}");
        assert_eq!(prints(&mut python, "print('on')"), "on\n", "{code}");
    }
}
